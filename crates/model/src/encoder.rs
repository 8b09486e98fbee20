//! The BERT encoder: the embeddings and the way through the layers, forward and backward side by side.

use crate::layer::LayerState;
use crate::layout::{Layout, Norm};
use crate::{Batch, Config, Freeze, Gradients, HiddenAct, Parameters, lora};
use bert_ner_kernels::attention::Shape;
use bert_ner_kernels::dropout::Dropout;
use bert_ner_kernels::gelu::Activation;
use bert_ner_kernels::layer_norm::RowDropout;
use bert_ner_kernels::{columns, dropout, embedding, layer_norm};

/// The buffers of a forward and backward pass, grown to the largest batch seen and then reused.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Input of each layer, `[T, H]`, and output of the last, `[R, H]`; two that alternate when nothing is kept.
    pub(crate) hidden: Vec<Vec<f32>>,
    embedding_norm: layer_norm::Saved,
    /// One a layer; one for all when nothing is kept.
    pub(crate) layers: Vec<LayerState>,
    /// A product before bias, dropout and residual are added, or its gradient, `[R, H]`; `R` rows are wanted of a layer.
    pub(crate) projected: Vec<f32>,
    /// Gradient of `qkv`, `[T, 3H]`.
    pub(crate) dqkv: Vec<f32>,
    /// Gradient of the feed-forward inside, `[R, F]`.
    pub(crate) dinner: Vec<f32>,
    /// Gradient of what flows from layer to layer, `[R, H]` on the way in, `[T, H]` on the way out.
    pub(crate) dhidden: Vec<f32>,
    /// Gradient between the two halves of a layer, `[R, H]`.
    pub(crate) dmiddle: Vec<f32>,
    pub(crate) lora: lora::Scratch,
    pub(crate) head: crate::head::HeadState,
}

impl Workspace {
    /// A workspace without memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The encoder's last output: at the scored rows, `[W, H]`, or for a recurrent network at all, `[T, H]`.
    pub(crate) fn output(&self, layers: usize, kept: bool) -> &[f32] {
        &self.hidden[if kept { layers } else { layers % 2 }]
    }
}

/// Grows or shrinks the view of a buffer without giving memory back.
pub(crate) fn fit(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    buffer.resize(len, 0.0);
    buffer
}

/// Where dropout happens in a pass: the second half of its key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Embedding,
    Attention(usize),
    AttentionOutput(usize),
    Output(usize),
    Classifier,
    /// A layer, and which of its linear layers.
    Lora(usize, usize),
}

/// The seed and step of a training pass, or neither in prediction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise {
    pub(crate) key: Option<(u64, u64)>,
    pub(crate) hidden: f32,
    pub(crate) attention: f32,
    pub(crate) classifier: f32,
    pub(crate) lora: f32,
}

impl Noise {
    pub(crate) fn new(config: &Config, layout: &Layout, key: Option<(u64, u64)>) -> Self {
        let classifier = config
            .classifier_dropout
            .unwrap_or(config.hidden_dropout_prob);
        Self {
            key,
            hidden: config.hidden_dropout_prob,
            attention: config.attention_probs_dropout_prob,
            classifier,
            lora: layout.lora.as_ref().map_or(0.0, |lora| lora.dropout),
        }
    }

    pub(crate) fn at(&self, place: Place) -> Dropout {
        let Some((seed, step)) = self.key else {
            return Dropout::NONE;
        };
        let (p, place) = match place {
            Place::Embedding => (self.hidden, 0),
            Place::Classifier => (self.classifier, 1),
            Place::Attention(n) => (self.attention, 4 * n + 4),
            Place::AttentionOutput(n) => (self.hidden, 4 * n + 5),
            Place::Output(n) => (self.hidden, 4 * n + 6),
            // Behind the layers, of which there are at most 1,024; fewer than 16 of each have one.
            Place::Lora(n, module) => (self.lora, (1 << 20) + 16 * n + module),
        };
        Dropout::new(p, seed, step, place as u64)
    }
}

/// The encoder's view of a model.
#[derive(Clone, Copy)]
pub(crate) struct Encoder<'a> {
    pub(crate) config: &'a Config,
    pub(crate) layout: &'a Layout,
    pub(crate) parameters: &'a Parameters,
    pub(crate) noise: Noise,
    pub(crate) frozen: Freeze,
}

impl<'a> Encoder<'a> {
    /// Layers that are not trained, from the first on.
    fn frozen_layers(&self) -> usize {
        match self.frozen {
            Freeze::Nothing | Freeze::Embeddings => 0,
            Freeze::Layers(layers) => layers.min(self.layout.depth()),
            Freeze::Encoder => self.layout.depth(),
        }
    }

    /// Whether a part of the flat buffer is trained beside a LoRA; without one, [`Encoder::frozen`] says what is.
    pub(crate) fn trains(&self, part: &std::ops::Range<usize>) -> bool {
        let lora = self.layout.lora.as_ref();
        lora.is_none_or(|lora| part.start >= lora.start)
    }

    /// Whether the gradient of layer `n`'s input is wanted: whether something before it is trained.
    pub(crate) fn wants_input_gradient(&self, n: usize) -> bool {
        self.frozen == Freeze::Nothing || n > self.frozen_layers()
    }

    pub(crate) fn norm(&self, norm: &Norm) -> layer_norm::Norm<'a> {
        layer_norm::Norm {
            weight: self.parameters.at(&norm.weight),
            bias: self.parameters.at(&norm.bias),
            epsilon: self.config.layer_norm_eps,
        }
    }

    pub(crate) fn shape<'b>(&self, batch: &'b Batch) -> Shape<'b> {
        let heads = self.config.num_attention_heads;
        Shape {
            bounds: &batch.bounds,
            heads,
            head_size: self.config.hidden_size / heads,
        }
    }

    pub(crate) fn activation(&self) -> Activation {
        match self.config.hidden_act {
            HiddenAct::Gelu => Activation::Gelu,
            HiddenAct::GeluNew => Activation::GeluNew,
            HiddenAct::Relu => Activation::Relu,
        }
    }

    /// The row of token type 0, `[H]`.
    fn kind(&self) -> &'a [f32] {
        &self.parameters.at(&self.layout.embeddings.kind)[..self.config.hidden_size]
    }

    /// The rows that layer `n` gives: all of them (`None`), and of the last layer those that are scored, since nobody but a recurrent
    /// network reads the others. On CoNLL-2003 that spares 28 % of three quarters of a layer.
    pub(crate) fn rows<'b>(&self, n: usize, batch: &'b Batch) -> Option<&'b [u32]> {
        (n + 1 == self.layout.depth() && self.layout.rnn.is_empty()).then_some(&batch.rows)
    }

    /// Runs the encoder and leaves its output in the workspace. `keep` says whether a backward pass will follow.
    pub(crate) fn forward(&self, batch: &Batch, workspace: &mut Workspace, keep: bool) {
        let layers = self.layout.layers.len();
        let slots = if keep { layers + 1 } else { 2 };
        workspace
            .hidden
            .resize_with(slots.max(workspace.hidden.len()), Vec::new);
        workspace.layers.resize_with(
            if keep { layers } else { 1 }.max(workspace.layers.len()),
            LayerState::default,
        );
        self.embed(batch, workspace);
        for (n, layer) in self.layout.layers.iter().enumerate() {
            let (from, to) = if keep {
                (n, n + 1)
            } else {
                (n % 2, (n + 1) % 2)
            };
            let Ok([x, y]) = workspace.hidden.get_disjoint_mut([from, to]) else {
                unreachable!("two slots")
            };
            let state = &mut workspace.layers[if keep { n } else { 0 }];
            let buffers = (&mut workspace.projected, &mut workspace.lora);
            self.layer_forward(n, layer, batch, x, (y, state, buffers));
        }
    }

    /// The gradient of the encoder's output, for the head to fill before [`Encoder::backward`], `[R, H]`; empty when nobody reads it.
    pub(crate) fn output_gradient<'w>(
        &self,
        batch: &Batch,
        workspace: &'w mut Workspace,
    ) -> &'w mut [f32] {
        let rows = match (self.frozen, self.layout.rnn.is_empty()) {
            (Freeze::Encoder, _) => 0,
            (_, true) => batch.words(),
            (_, false) => batch.tokens(),
        };
        fit(&mut workspace.dhidden, rows * self.config.hidden_size)
    }

    /// Backward of [`Encoder::forward`], from the gradient that the head left in the workspace.
    pub(crate) fn backward(
        &self,
        batch: &Batch,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        let layers = self.layout.layers.iter().enumerate();
        for (n, layer) in layers.skip(self.frozen_layers()).rev() {
            self.layer_backward(n, layer, batch, workspace, gradients, accumulate);
        }
        if self.frozen == Freeze::Nothing {
            self.embed_backward(batch, workspace, gradients, accumulate);
        }
    }

    /// `x = dropout(norm(word + position + type))`.
    fn embed(&self, batch: &Batch, workspace: &mut Workspace) {
        let len = batch.tokens() * self.config.hidden_size;
        let tables = &self.layout.embeddings;
        let sum = fit(&mut workspace.projected, len);
        let (word, position) = (
            self.parameters.at(&tables.word),
            self.parameters.at(&tables.position),
        );
        embedding::forward(
            sum,
            &batch.ids,
            &batch.positions,
            (word, position, self.kind()),
        );
        let x = fit(&mut workspace.hidden[0], len);
        layer_norm::forward(
            x,
            &mut workspace.embedding_norm,
            sum,
            self.norm(&tables.norm),
        );
        dropout::apply(x, self.noise.at(Place::Embedding));
    }

    fn embed_backward(
        &self,
        batch: &Batch,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        let h = self.config.hidden_size;
        let tables = &self.layout.embeddings;
        let dx = &mut workspace.dhidden;
        dropout::apply(dx, self.noise.at(Place::Embedding));
        let (weight, bias) = gradients.pair(&tables.norm.weight, &tables.norm.bias);
        layer_norm::backward_parameters(weight, bias, dx, &workspace.embedding_norm, accumulate);
        let dsum = fit(&mut workspace.dmiddle, dx.len());
        let weight = self.parameters.at(&tables.norm.weight);
        layer_norm::backward(
            dsum,
            None,
            dx,
            &workspace.embedding_norm,
            weight,
            RowDropout {
                dropout: Dropout::NONE,
                rows: None,
            },
        );

        gradients.begin_words(&tables.word, h, &batch.ids, accumulate);
        embedding::backward(gradients.at(&tables.word), &batch.ids, dsum, h);
        let position = gradients.at(&tables.position);
        if !accumulate {
            position.fill(0.0);
        }
        embedding::backward(position, &batch.positions, dsum, h);
        columns::sum_rows(&mut gradients.at(&tables.kind)[..h], dsum, accumulate);
    }
}
