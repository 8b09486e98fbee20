//! Adapters as PEFT writes them: `adapter_config.json` and `adapter_model.safetensors`, with the head among PEFT's `modules_to_save`.

use crate::layout::{Layout, Tensor};
use crate::model::fill_uniform;
use crate::weights::{self, Head, Source};
use crate::{Config, Freeze, Heads, Lora, Model, ModelError, Parameters, Task};
use bert_ner_kernels::dropout::split_mix;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What PEFT puts before the name of every tensor of a model.
const PREFIX: &str = "base_model.model.";
/// PEFT's names of the tasks that there are.
const TASKS: [(Task, &str); 2] = [(Task::Ner, "TOKEN_CLS"), (Task::Classify, "SEQ_CLS")];

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

    /// PEFT's `task_type` as the task it is for, where it says one of those that there are.
    fn task(&self) -> Option<Task> {
        let named = |&(_, name): &(Task, &str)| self.task_type.as_deref() == Some(name);
        TASKS.into_iter().find(named).map(|(task, _)| task)
    }

    /// Whether the pooler is among `modules_to_save`, as PEFT looks for it: any part of its path will do.
    fn saves_pooler(&self) -> bool {
        let mut saved = self.modules_to_save.iter().flatten();
        saved.any(|module| ".bert.pooler.dense.".contains(&format!(".{module}.")))
    }

    fn new(task: Task, lora: &Lora, base: Base) -> Self {
        let named = TASKS.into_iter().find(|&(known, _)| known == task);
        Self {
            peft_type: "LORA".to_owned(),
            task_type: named.map(|(_, name)| name.to_owned()),
            base_model_name_or_path: Some(base.name),
            revision: base.revision,
            r: lora.rank,
            lora_alpha: lora.alpha,
            lora_dropout: lora.dropout,
            target_modules: lora.targets.clone().into(),
            modules_to_save: None,
            bias: none(),
            use_rslora: false,
            inference_mode: true,
            other: Map::new(),
        }
    }

    /// Writes both files: all tensors that are trained.
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

/// What is trained beside and in a LoRA: the tensors behind those that are frozen.
fn trained(layout: &Layout) -> impl Iterator<Item = &Tensor> {
    let start = layout.lora.as_ref().map_or(0, |lora| lora.start);
    let all = layout.tensors().iter();
    all.filter(move |tensor| tensor.range.start >= start)
}

impl Model {
    /// This model with a LoRA that learns in place of its encoder, beside the head. Each `A` is drawn evenly from `±1 / √K` by `seed`, as
    /// PEFT does, each `B` is zero: the model is the one that it was.
    ///
    /// [`Model::save`] then writes an adapter that names `base` as the model it stands on. The pooler of a classifier of texts is frozen
    /// like the rest of the base model, as PEFT leaves it; but one that the base model does not have is trained and saved as the
    /// classifier is, since nobody could find it again.
    ///
    /// # Errors
    /// [`ModelError::Lora`].
    pub fn with_lora(mut self, lora: &Lora, base: Base, seed: u64) -> Result<Self, ModelError> {
        let task = self.config.heads().task;
        lora.check(task, Some(self.config.hidden_size))?;
        let mut adapter = AdapterConfig::new(task, lora, base);
        let start = match &self.layout.pooler {
            Some(pooler) if !self.new_pooler => pooler.bias.end,
            _ => self.layout.encoder_len(),
        };
        let parts = self.layout.parts().into_iter();
        let head = parts
            .filter(|(_, range)| range.start >= start)
            .map(|(name, _)| name);
        adapter.modules_to_save = Some(head.collect());
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
        let (lora, scale) = (adapter.lora(), adapter.scale());
        self.layout.add_lora(&lora, scale, adapter.saves_pooler());
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
        let mut model = Self::base_for(base, dir, &adapter)?;
        let (lora, path) = (adapter.lora(), dir.join(CONFIG));
        let wrong = |message| ModelError::Config {
            path: path.clone(),
            message,
        };
        if lora.rank == 0 {
            return Err(wrong("r is 0, expected at least 1".to_owned()));
        }
        let task = model.config.heads().task;
        if let Some(target) = lora.unknown_target(model.layout.depth(), task) {
            return Err(wrong(format!(
                "target_modules has {target:?}, which nothing in {} is called; there are {}",
                base.display(),
                Lora::known(task)
            )));
        }
        if model.new_pooler && !adapter.saves_pooler() {
            return Err(wrong(format!(
                "the adapter was trained on a pooler that neither it nor {} holds; expected \"pooler\" in modules_to_save",
                base.display()
            )));
        }
        model.attach(adapter);
        fill(&mut model, base, dir)?;
        model.fold();
        Ok(model)
    }

    /// The base model with the labels and the head that the adapter in `dir` was trained with, the head still zero.
    ///
    /// What stands on the encoder is said by our own key in `config.json`, else by the adapter's `task_type`: the class that a
    /// `config.json` of PEFT's users names is often the base model's.
    fn base_for(base: &Path, dir: &Path, adapter: &AdapterConfig) -> Result<Self, ModelError> {
        let mut config = Config::load(&base.join("config.json"))?;
        let own = dir.join("config.json");
        let heads = |config: &Config| match adapter.task() {
            Some(task) if config.bert_ner.is_none() => Heads {
                task,
                ..Heads::default()
            },
            _ => config.heads(),
        };
        if own.is_file() {
            let own_config = Config::load(&own)?;
            let labels = own_config.labels(&own)?;
            own_config.check_problem(&own, heads(&own_config).task)?;
            config.set_labels(&labels);
            config.bert_ner = own_config.bert_ner.clone();
            config.set_heads(heads(&own_config));
        } else {
            let heads = heads(&config);
            config.check_problem(&base.join("config.json"), heads.task)?;
            config.set_heads(heads);
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
        let mut model = Self::of(config, labels, layout, parameters);
        model.new_pooler = model.lacks_pooler();
        Ok(model)
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
