//! Adapters as PEFT writes them: `adapter_config.json` and `adapter_model.safetensors`, with the head among PEFT's `modules_to_save`.

use crate::layout::{Layout, Tensor};
use crate::model::fill_uniform;
use crate::weights::{self, Head, Source};
use crate::{Config, Freeze, Lora, Model, ModelError, Parameters};
use bert_ner_kernels::dropout::split_mix;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What PEFT puts before the name of every tensor of a model.
const PREFIX: &str = "base_model.model.";

/// The model that an adapter stands on: PEFT's `base_model_name_or_path` and `revision`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// A folder, or a Hugging Face Hub name.
    pub name: String,
    /// Branch, tag or commit on the Hub.
    pub revision: Option<String>,
}

/// `adapter_config.json`. Keys that change nothing here are left out when it is written; PEFT has defaults for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterConfig {
    peft_type: String,
    #[serde(default)]
    task_type: Option<String>,
    #[serde(default)]
    base_model_name_or_path: Option<String>,
    #[serde(default)]
    revision: Option<String>,
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    lora_dropout: f32,
    target_modules: Value,
    #[serde(default)]
    modules_to_save: Option<Vec<String>>,
    #[serde(default = "none")]
    bias: String,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    inference_mode: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

fn none() -> String {
    "none".to_owned()
}

/// PEFT's keys that would make an adapter mean something else, when they are set.
const REFUSED: [&str; 13] = [
    "alpha_pattern",
    "arrow_config",
    "exclude_modules",
    "fan_in_fan_out",
    "layer_replication",
    "layers_to_transform",
    "lora_bias",
    "rank_pattern",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
];

impl AdapterConfig {
    /// Whether a folder holds an adapter and no whole model.
    pub fn is_in(dir: &Path) -> bool {
        let whole = ["model.safetensors", "model.safetensors.index.json"];
        dir.join(CONFIG).is_file() && !whole.iter().any(|name| dir.join(name).is_file())
    }

    /// Reads and checks `adapter_config.json` in a folder.
    ///
    /// # Errors
    /// When it cannot be read or parsed, is no LoRA, or one of a kind that is not computed.
    pub fn load(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join(CONFIG);
        let text = std::fs::read(&path).map_err(|source| ModelError::Io {
            path: path.clone(),
            source,
        })?;
        let config: Self = serde_json::from_slice(&text).map_err(|source| ModelError::Json {
            path: path.clone(),
            source,
        })?;
        match config.unsupported() {
            None => Ok(config),
            Some((what, expected)) => Err(ModelError::Unsupported {
                path,
                what,
                expected,
            }),
        }
    }

    fn unsupported(&self) -> Option<(String, &'static str)> {
        if self.peft_type != "LORA" {
            return Some((
                format!("peft_type {:?}", self.peft_type),
                "expected \"LORA\"",
            ));
        }
        if self.bias != "none" {
            return Some((format!("bias {:?}", self.bias), "expected \"none\""));
        }
        if self.targets().is_none() {
            let what = format!("target_modules {}", self.target_modules);
            return Some((what, "expected a list of names"));
        }
        let is_set = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => true,
        };
        let set = |key: &&&str| self.other.get(**key).is_some_and(is_set);
        let key = REFUSED.iter().find(set)?;
        Some((format!("{key} {}", self.other[*key]), "expected none"))
    }

    fn targets(&self) -> Option<Vec<String>> {
        serde_json::from_value(self.target_modules.clone()).ok()
    }

    fn lora(&self) -> Lora {
        Lora {
            rank: self.r,
            alpha: self.lora_alpha,
            dropout: self.lora_dropout,
            targets: self.targets().unwrap_or_default(),
        }
    }

    /// `alpha / r`, or `alpha / √r` of a rank-stabilised LoRA (Kalajdzievski 2023).
    fn scale(&self) -> f32 {
        let rank = self.r as f64;
        (self.lora_alpha / if self.use_rslora { rank.sqrt() } else { rank }) as f32
    }

    /// The model that the adapter stands on, where the file says.
    pub fn base(&self) -> Option<Base> {
        self.base_model_name_or_path.clone().map(|name| Base {
            name,
            revision: self.revision.clone(),
        })
    }

    /// The base model's folder, for the adapter in `dir`.
    ///
    /// # Errors
    /// [`ModelError::BaseGone`] when no such folder is there.
    pub fn base_folder(&self, dir: &Path) -> Result<PathBuf, ModelError> {
        let base = self.base_model_name_or_path.clone().unwrap_or_default();
        let folder = PathBuf::from(&base);
        match folder.is_dir() {
            true => Ok(folder),
            false => Err(ModelError::BaseGone {
                path: dir.join(CONFIG),
                base,
            }),
        }
    }

    fn new(lora: &Lora, base: Base, head: Vec<String>) -> Self {
        Self {
            peft_type: "LORA".to_owned(),
            task_type: Some("TOKEN_CLS".to_owned()),
            base_model_name_or_path: Some(base.name),
            revision: base.revision,
            r: lora.rank,
            lora_alpha: lora.alpha,
            lora_dropout: lora.dropout,
            target_modules: lora.targets.clone().into(),
            modules_to_save: Some(head),
            bias: none(),
            use_rslora: false,
            inference_mode: true,
            other: Map::new(),
        }
    }

    /// Writes both files: all tensors behind the encoder's.
    pub(crate) fn save(
        &self,
        dir: &Path,
        layout: &Layout,
        parameters: &Parameters,
    ) -> Result<(), ModelError> {
        let path = dir.join(CONFIG);
        let json = serde_json::to_vec_pretty(self).map_err(|source| ModelError::Json {
            path: path.clone(),
            source,
        })?;
        std::fs::write(&path, json).map_err(|source| ModelError::Io { path, source })?;
        let own = trained(layout).map(|tensor| (format!("{PREFIX}{}", tensor.name), tensor));
        weights::save(&dir.join(WEIGHTS), own, parameters)
    }
}

/// What a LoRA trains: the tensors behind the encoder's.
fn trained(layout: &Layout) -> impl Iterator<Item = &Tensor> {
    let start = layout.encoder_len();
    let all = layout.tensors().iter();
    all.filter(move |tensor| tensor.range.start >= start)
}

impl Model {
    /// This model with a LoRA that learns in place of its encoder, beside the head. Each `A` is drawn evenly from `±1 / √K` by `seed`, as
    /// PEFT does, each `B` is zero: the model is the one that it was.
    ///
    /// [`Model::save`] then writes an adapter that names `base` as the model it stands on.
    ///
    /// # Errors
    /// [`ModelError::Lora`].
    pub fn with_lora(mut self, lora: &Lora, base: Base, seed: u64) -> Result<Self, ModelError> {
        lora.check(Some(self.config.hidden_size))?;
        let start = self.layout.encoder_len();
        let parts = self.layout.parts().into_iter();
        let head = parts
            .filter(|(_, range)| range.start >= start)
            .map(|(name, _)| name);
        let adapter = AdapterConfig::new(lora, base, head.collect());
        self.attach(adapter);
        if let Some(adapters) = &self.layout.lora {
            for (a, inputs) in adapters.drawn() {
                // kaiming_uniform with a = √5: √(6 / ((1 + a²) K))
                let bound = 1.0 / (inputs as f32).sqrt();
                let key = split_mix(seed ^ 0x6c6f_7261) ^ a.start as u64;
                fill_uniform(&mut self.parameters.data[a.clone()], bound, key);
            }
        }
        Ok(self)
    }

    fn attach(&mut self, adapter: AdapterConfig) {
        self.layout.add_lora(&adapter.lora(), adapter.scale());
        self.parameters.data.resize(self.layout.len(), 0.0);
        self.frozen = Freeze::Embeddings;
        self.adapter = Some(adapter);
    }

    /// Loads the adapter in `dir`, its head with it, on the model in `base`, and folds it in: `W + alpha/r B A`. It is then a model like
    /// any other, as fast as one without a LoRA.
    ///
    /// The labels are those of `config.json` beside the adapter, or else of the base model's.
    ///
    /// # Errors
    /// When a file of either is missing or damaged, and [`ModelError::Misfit`] when they do not fit.
    pub fn load_adapted(base: &Path, dir: &Path) -> Result<Self, ModelError> {
        let adapter = AdapterConfig::load(dir)?;
        let mut model = Self::base_for(base, dir)?;
        let (lora, path) = (adapter.lora(), dir.join(CONFIG));
        let wrong = |message| ModelError::Config {
            path: path.clone(),
            message,
        };
        if lora.rank == 0 {
            return Err(wrong("r is 0, expected at least 1".to_owned()));
        }
        if let Some(target) = lora.unknown_target(model.layout.depth()) {
            return Err(wrong(format!(
                "target_modules has {target:?}, which nothing in {} is called; there are {}",
                base.display(),
                Lora::TARGETS.join(", ")
            )));
        }
        model.attach(adapter);
        fill(&mut model, base, dir)?;
        model.fold();
        Ok(model)
    }

    /// The base model with the labels and the head that the adapter in `dir` was trained with, the head still zero.
    fn base_for(base: &Path, dir: &Path) -> Result<Self, ModelError> {
        let mut config = Config::load(&base.join("config.json"))?;
        let own = dir.join("config.json");
        if own.is_file() {
            let own = Config::load(&own)?;
            config.set_labels(&own.labels(&dir.join("config.json"))?);
            config.set_heads(own.heads());
            config.bert_ner = own.bert_ner;
        }
        let labels = config.labels(&base.join("config.json"))?;
        if labels.is_empty() {
            return Err(ModelError::Config {
                path: own,
                message: format!(
                    "no labels are known; expected id2label here or in {}",
                    base.join("config.json").display()
                ),
            });
        }
        let layout = Layout::new(&config, labels.len());
        let parameters = weights::load(base, &layout, Head::Ignored)?;
        Ok(Self::of(config, labels, layout, parameters))
    }

    /// Folds the LoRA into the weights beside it.
    fn fold(&mut self) {
        if let Some(lora) = self.layout.lora.take() {
            lora.fold(&mut self.parameters.data);
        }
        self.layout = Layout::new(&self.config, self.labels().len());
        self.parameters.data.truncate(self.layout.len());
        self.frozen = Freeze::Nothing;
        self.adapter = None;
    }
}

/// Reads every tensor of the adapter in `dir` to its place in `model`.
fn fill(model: &mut Model, base: &Path, dir: &Path) -> Result<(), ModelError> {
    let path = dir.join(WEIGHTS);
    let misfit = |name: &str, message: String| ModelError::Misfit {
        path: path.clone(),
        name: name.to_owned(),
        message,
        base: base.to_owned(),
    };
    let wanted: HashMap<&str, &Tensor> = trained(&model.layout)
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let mut found = BTreeSet::new();
    let mut file = Source::open(&path)?;
    for (raw, info) in file.tensors() {
        let name = weights::canonical(raw.strip_prefix(PREFIX).unwrap_or(&raw));
        let Some(tensor) = wanted.get(name.as_str()) else {
            let message = format!("of shape {:?} has no place", info.shape);
            return Err(misfit(&raw, message));
        };
        if info.shape != tensor.shape {
            let message = format!(
                "has shape {:?}, expected {:?} ({})",
                info.shape, tensor.shape, tensor.because
            );
            return Err(misfit(&raw, message));
        }
        weights::check_dtype(&path, &raw, &info)?;
        file.read(
            &raw,
            &info,
            &mut model.parameters.data[tensor.range.clone()],
        )?;
        found.insert(tensor.range.start);
    }
    let mut wanted = trained(&model.layout);
    match wanted.find(|tensor| !found.contains(&tensor.range.start)) {
        None => Ok(()),
        Some(tensor) => {
            let name = format!("{PREFIX}{}", tensor.name);
            let message = format!("of shape {:?} is missing", tensor.shape);
            Err(misfit(&name, message))
        }
    }
}
