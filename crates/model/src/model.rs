//! A model: configuration, labels and weights, and the two calls of a device.

use crate::encoder::{Encoder, Noise};
use crate::head::{Goal, HeadState};
use crate::weights::{self, Head};
use crate::{
    AdapterConfig, Batch, Config, Crf, Freeze, Gradients, Heads, Layout, ModelError, NerConfig,
    Objective, Parameters, Workspace, crf, head,
};
use bert_ner_kernels::crf::{Forbidden, Potentials};
use bert_ner_kernels::dropout::split_mix;
use bert_ner_kernels::region;
use std::path::{Path, PathBuf};

/// A BERT classifier, of words or of whole texts.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) config: Config,
    labels: Vec<String>,
    pub(crate) layout: Layout,
    /// The weights.
    pub parameters: Parameters,
    /// What the CRF is kept from.
    forbidden: Option<Forbidden>,
    pub(crate) frozen: Freeze,
    /// What training minimises with a linear head.
    objective: Objective,
    /// What [`Model::save`] says of the LoRA.
    pub(crate) adapter: Option<AdapterConfig>,
    /// Whether the pooler is none that the pretrained folder had.
    pub(crate) new_pooler: bool,
}

/// What a training pass needs besides the batch.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// Seed of the run's dropout.
    pub seed: u64,
    /// Number of this pass in the run: each has its own dropout.
    pub step: u64,
    /// Factor of the loss whose gradient is wanted, such as `1 / W` for the mean over words.
    pub loss_scale: f32,
    /// Whether the gradient is added to what is there instead of replacing it.
    pub accumulate: bool,
}

impl Model {
    /// Loads a fine-tuned folder: `config.json` with labels, and weights with a classifier; or an adapter on the base model that it
    /// names, when that is a folder here: [`Model::load_adapted`].
    ///
    /// # Errors
    /// When a file is missing, damaged, contradicts another or holds a model that is not computed.
    pub fn load(dir: &Path) -> Result<Self, ModelError> {
        if AdapterConfig::is_in(dir) {
            let base = AdapterConfig::load(dir)?.base_folder(dir)?;
            return Self::load_adapted(&base, dir);
        }
        let path = dir.join("config.json");
        let config = Config::load(&path)?;
        let labels = config.labels(&path)?;
        if labels.is_empty() {
            return Err(ModelError::NoHead {
                path: dir.to_owned(),
            });
        }
        config.check_problem(&path, config.heads().task)?;
        let layout = Layout::new(&config, labels.len());
        let parameters = weights::load(dir, &layout, Head::Required)?;
        Ok(Self::of(config, labels, layout, parameters))
    }

    pub(crate) fn of(
        config: Config,
        labels: Vec<String>,
        layout: Layout,
        parameters: Parameters,
    ) -> Self {
        let constrained = layout.crf.is_some() && config.heads().crf_constraints;
        let forbidden = constrained.then(|| crf::forbidden(&labels));
        Self {
            config,
            labels,
            layout,
            parameters,
            forbidden,
            frozen: Freeze::Nothing,
            objective: Objective::default(),
            adapter: None,
            new_pooler: false,
        }
    }

    /// Whether there is a place for a pooler with nothing in it.
    pub(crate) fn lacks_pooler(&self) -> bool {
        let pooler = self.layout.pooler.as_ref();
        pooler.is_some_and(|pooler| is_zero(self.parameters.at(&pooler.weight)))
    }

    /// Loads a pretrained folder for fine-tuning with these labels and a linear head: [`Model::with_heads`].
    ///
    /// # Errors
    /// As [`Model::load`], and [`ModelError::NoLabels`].
    pub fn from_pretrained(dir: &Path, labels: Vec<String>, seed: u64) -> Result<Self, ModelError> {
        Self::with_heads(dir, labels, Heads::default(), seed)
    }

    /// Loads a pretrained folder for fine-tuning with these labels and heads.
    ///
    /// A head in the folder is kept when it was trained for the same task and labels in the same order on the same recurrent network. Else the
    /// new classifier is drawn from a normal distribution of deviation `initializer_range` by `seed`, its bias zero, as
    /// transformers does; the weights of a recurrent network are drawn evenly from `±1 / sqrt(hidden)`, as torch does, those of
    /// a CRF from `±0.1`, as pytorch-crf does.
    ///
    /// # Errors
    /// As [`Model::load`], and [`ModelError::NoLabels`].
    pub fn with_heads(
        dir: &Path,
        labels: Vec<String>,
        heads: Heads,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let (path, mut config) = Self::config_for(dir, &labels)?;
        let old = config.heads();
        let same = config.labels(&path).is_ok_and(|old| old == labels)
            && (old.rnn, old.task) == (heads.rnn, heads.task);
        config.set_labels(&labels);
        config.set_heads(heads);
        let layout = Layout::new(&config, labels.len());
        let parameters = weights::load(
            dir,
            &layout,
            if same { Head::Optional } else { Head::Ignored },
        )?;
        let mut model = Self::of(config, labels, layout, parameters);
        model.new_pooler = model.lacks_pooler();
        model.draw_heads(seed);
        Ok(model)
    }

    /// The CRF, to decode with; none with a linear head.
    pub fn crf(&self) -> Option<Crf> {
        let weights = self.layout.crf.as_ref()?.weights(&self.parameters);
        Some(Crf {
            potentials: Potentials::new(weights, self.forbidden.as_ref()),
            free: Potentials::new(weights, None),
            labels: self.labels.clone(),
        })
    }

    /// A new model of the shape that the `config.json` in `dir` has, with these labels and heads; weights in the folder are not
    /// looked at.
    ///
    /// Weights are drawn as transformers draws them, by `seed`: from a normal distribution of deviation `initializer_range`, biases
    /// and the embedding of the padding piece zero, the scales of LayerNorm one; those of the heads as [`Model::with_heads`] does.
    ///
    /// # Errors
    /// When `config.json` is missing, damaged or asks for a model that is not computed, and [`ModelError::NoLabels`].
    pub fn from_scratch(
        dir: &Path,
        labels: Vec<String>,
        heads: Heads,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let (_, mut config) = Self::config_for(dir, &labels)?;
        config.set_labels(&labels);
        config.set_heads(heads);
        let layout = Layout::new(&config, labels.len());
        let mut parameters = Parameters::zeros(&layout);
        for tensor in layout.tensors() {
            let weights = &mut parameters.data[tensor.range.clone()];
            if tensor.name.ends_with("LayerNorm.weight") {
                weights.fill(1.0);
            } else if tensor.name.starts_with("bert.")
                && !tensor.name.starts_with("bert.pooler.")
                && !tensor.name.ends_with("bias")
            {
                // Each tensor has numbers of its own, which do not depend on the others' sizes.
                let key = tensor
                    .name
                    .bytes()
                    .fold(seed, |key, byte| split_mix(key ^ u64::from(byte)));
                fill_normal(weights, config.initializer_range, key);
            }
        }
        let padding = layout.embeddings.word.start + config.padding() * config.hidden_size;
        parameters.data[padding..padding + config.hidden_size].fill(0.0);
        let mut model = Self::of(config, labels, layout, parameters);
        model.new_pooler = true;
        model.draw_heads(seed);
        Ok(model)
    }

    /// The configuration in `dir` and its path, for a model that is to have `labels`.
    fn config_for(dir: &Path, labels: &[String]) -> Result<(PathBuf, Config), ModelError> {
        if labels.is_empty() {
            return Err(ModelError::NoLabels {
                path: dir.to_owned(),
            });
        }
        let path = dir.join("config.json");
        let config = Config::load(&path)?;
        Ok((path, config))
    }

    /// Says what is not trained, from now on. An [`Optimizer`](crate::Optimizer) made afterwards knows it.
    ///
    /// # Panics
    /// When the model has a LoRA: what that freezes stays so.
    pub fn freeze(&mut self, frozen: Freeze) {
        assert!(self.adapter.is_none(), "a LoRA freezes the encoder");
        self.frozen = frozen;
    }

    /// Says what training minimises, from now on: not with a CRF, which has a loss of its own.
    ///
    /// # Panics
    /// When there are weights, but not one a label.
    pub fn set_objective(&mut self, objective: Objective) {
        assert!(
            objective.weights.is_empty() || objective.weights.len() == self.labels.len(),
            "{} weights for {} labels",
            objective.weights.len(),
            self.labels.len()
        );
        self.objective = objective;
    }

    /// What training minimises.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// Elements at the beginning of the flat buffer that are not trained.
    pub fn frozen_len(&self) -> usize {
        let lora = self.layout.lora.as_ref();
        let layers = match self.frozen {
            _ if lora.is_some() => return lora.map_or(0, |lora| lora.start),
            Freeze::Nothing => return 0,
            Freeze::Embeddings => 0,
            Freeze::Layers(layers) => layers.min(self.layout.depth()),
            Freeze::Encoder => self.layout.depth(),
        };
        // The parts are the embeddings, then the layers.
        self.layout.parts()[layers].1.end
    }

    /// Writes `config.json` and `model.safetensors` into an existing folder; with a LoRA `adapter_config.json` and
    /// `adapter_model.safetensors` in place of the latter, which hold the LoRA and the head.
    ///
    /// Each file is written in place: give it a new folder and rename that, so that nobody sees half a model.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, dir: &Path) -> Result<(), ModelError> {
        let path = dir.join("config.json");
        let json = serde_json::to_vec_pretty(&self.config).map_err(|source| ModelError::Json {
            path: path.clone(),
            source,
        })?;
        std::fs::write(&path, json).map_err(|source| ModelError::Io { path, source })?;
        if let Some(adapter) = &self.adapter {
            return adapter.save(dir, &self.layout, &self.parameters);
        }
        let all = self.layout.tensors().iter();
        let named = all.map(|tensor| (tensor.name.clone(), tensor));
        weights::save(&dir.join("model.safetensors"), named, &self.parameters)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The configuration, to change dropout; sizes must stay.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Says how this model was trained: saved in `config.json`.
    ///
    /// # Panics
    /// When the heads are others than the model has.
    pub fn set_ner(&mut self, ner: NerConfig) {
        assert_eq!(
            ner.heads,
            self.config.heads(),
            "a model's heads cannot be changed"
        );
        self.config.bert_ner = Some(ner);
    }

    /// Tag names in the order of their ids, `K`.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Where each tensor lies in the flat buffers.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Logits of the scored rows, `[W, K]`, without dropout.
    ///
    /// # Panics
    /// When an id is not below the vocabulary size, or a sequence is longer than the position embedding.
    pub fn forward<'w>(&self, batch: &Batch, workspace: &'w mut Workspace) -> &'w [f32] {
        region(|| self.predict(batch, workspace));
        &workspace.head.logits
    }

    fn predict(&self, batch: &Batch, workspace: &mut Workspace) {
        let encoder = self.encoder(None);
        let state = self.run(&encoder, batch, workspace, false);
        workspace.head = state;
    }

    /// The forward half of either call: the encoder, then the head, whose buffers are handed out; `keep` is for a backward half.
    fn run(
        &self,
        encoder: &Encoder<'_>,
        batch: &Batch,
        workspace: &mut Workspace,
        keep: bool,
    ) -> HeadState {
        encoder.forward(batch, workspace, keep);
        let mut state = std::mem::take(&mut workspace.head);
        let hidden = workspace.output(self.layout.depth(), keep);
        head::forward(encoder, batch, hidden, &mut state);
        state
    }

    /// The loss with dropout: that of the [`Model::objective`], cross-entropy by default, summed over the scored rows, or `-ln p` of a
    /// CRF summed over the sequences, whose words are their scored rows. `gradients` receives the gradient of `pass.loss_scale` times
    /// it.
    ///
    /// # Panics
    /// As [`Model::forward`], and when the batch has no tags or one that is not below `K`.
    pub fn forward_backward(
        &self,
        batch: &Batch,
        pass: Pass,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
    ) -> f64 {
        assert_eq!(
            batch.tags.len(),
            batch.rows.len(),
            "a training batch has one tag a scored row"
        );
        region(|| self.learn(batch, pass, workspace, gradients))
    }

    fn learn(
        &self,
        batch: &Batch,
        pass: Pass,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
    ) -> f64 {
        let encoder = self.encoder(Some((pass.seed, pass.step)));
        let keep = self.frozen != Freeze::Encoder;
        let mut state = self.run(&encoder, batch, workspace, keep);
        let dhidden = encoder.output_gradient(batch, workspace);
        let loss = head::backward(
            &encoder,
            batch,
            (&mut state, dhidden),
            Goal {
                scale: pass.loss_scale,
                forbidden: self.forbidden.as_ref(),
                objective: &self.objective,
            },
            (gradients, pass.accumulate),
        );
        workspace.head = state;
        if keep {
            encoder.backward(batch, workspace, gradients, pass.accumulate);
        }
        loss
    }

    fn encoder(&self, key: Option<(u64, u64)>) -> Encoder<'_> {
        let noise = Noise::new(&self.config, &self.layout, key);
        Encoder {
            config: &self.config,
            layout: &self.layout,
            parameters: &self.parameters,
            noise,
            frozen: self.frozen,
        }
    }
}

impl Model {
    /// Draws those parts of a head that are still zero.
    fn draw_heads(&mut self, seed: u64) {
        let (layout, parameters) = (&self.layout, &mut self.parameters);
        let deviation = self.config.initializer_range;
        let classifier = &mut parameters.data[layout.classifier.weight.clone()];
        if is_zero(classifier) {
            fill_normal(classifier, deviation, seed);
        }
        if let Some(pooler) = &layout.pooler {
            let part = &mut parameters.data[pooler.weight.clone()];
            if is_zero(part) {
                fill_normal(part, deviation, seed ^ 0x706f_6f6c);
            }
        }
        for (n, layer) in layout.rnn.iter().enumerate() {
            let part = &mut parameters.data[layer.input.start..layer.hidden_bias.end];
            if is_zero(part) {
                let bound = 1.0 / (layer.shape.hidden as f32).sqrt();
                fill_uniform(part, bound, seed ^ 0x726e_6e00 ^ n as u64);
            }
        }
        if let Some(crf) = &layout.crf {
            let part = &mut parameters.data[crf.transitions.start..crf.end.end];
            if is_zero(part) {
                fill_uniform(part, 0.1, seed ^ 0x0063_7266);
            }
        }
    }
}

fn is_zero(part: &[f32]) -> bool {
    part.iter().all(|&w| w == 0.0)
}

/// Fills with even deviates between `-bound` and `bound`, from a counter.
pub(crate) fn fill_uniform(out: &mut [f32], bound: f32, seed: u64) {
    let key = split_mix(seed);
    for (i, x) in out.iter_mut().enumerate() {
        let unit = (split_mix(key.wrapping_add(i as u64)) >> 40) as f32 / (1_u32 << 24) as f32;
        *x = (2.0 * unit - 1.0) * bound;
    }
}

/// Fills with normal deviates of mean 0 by the method of Box and Muller, from a counter.
fn fill_normal(out: &mut [f32], deviation: f32, seed: u64) {
    let key = split_mix(seed ^ 0x6865_6164);
    // 53 bits in (0, 1]
    let uniform = |counter: u64| {
        ((split_mix(key.wrapping_add(counter)) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    };
    for (i, x) in out.iter_mut().enumerate() {
        let (radius, angle) = (uniform(2 * i as u64), uniform(2 * i as u64 + 1));
        let deviate = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
        *x = (deviate * f64::from(deviation)) as f32;
    }
}
