//! What a run was asked to do: [`Options`] as given, [`Settings`] as checked and resolved.
//!
//! `Options` is a settings file (and, key for key, the flags of the command line): everything may
//! be missing. [`Options::or`] lays one over another, [`Options::resolve`] fills in the defaults
//! and refuses what cannot work. The defaults are those of transformers' `Trainer`, so that results
//! compare.

pub(crate) mod check;
mod options;

use std::path::PathBuf;

use bert_ner_model::{Freeze, HeadKind, Task};
use bert_ner_text::{Column, Format, Fragments, Overlaps, ReadOptions, Scheme, Words};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrainError;
use crate::choices::{
    ClassWeights, EvalEvery, LossChoice, Reduction, RnnChoice, Schedule, Select, column,
};

pub use options::Options;

/// Folders and files that names were resolved to, before a run begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Places {
    /// The local model folder.
    pub model_dir: PathBuf,
    /// Sentences to train on.
    pub train: PathBuf,
    /// Sentences to choose the best model by.
    pub dev: PathBuf,
    /// Sentences to score once, at the end.
    pub test: Option<PathBuf>,
}

/// A run with every option resolved and checked. Saved with the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The model as it was named: a folder, or a Hugging Face Hub name.
    pub model: String,
    /// The local folder behind that name.
    pub model_dir: PathBuf,
    /// Sentences to train on.
    pub train: PathBuf,
    /// Sentences to choose the best model by.
    pub dev: PathBuf,
    /// Sentences to score once, at the end.
    pub test: Option<PathBuf>,
    /// Folder to write.
    pub output: PathBuf,
    /// Passes over the training sentences; a fraction stops within a pass. Default 3.
    pub epochs: f64,
    /// Sequences in one forward and backward pass. Default 8.
    pub batch_size: usize,
    /// AdamW's learning rate after the warm-up. Default 5e-5.
    pub learning_rate: f64,
    /// AdamW's decoupled weight decay. Default 0.
    pub weight_decay: f64,
    /// Share of all steps over which the learning rate rises from zero. Default 0.
    pub warmup_ratio: f64,
    /// How the learning rate moves after the warm-up. Default linear.
    pub lr_schedule: Schedule,
    /// The gradient is scaled down to this norm when it is longer; 0 leaves it alone. Default 1.
    pub max_grad_norm: f64,
    /// Batches in one optimizer step; its loss is the mean over the words of all. Default 1.
    pub gradient_accumulation: usize,
    /// Seed of the new head, the order of the sentences and dropout. Default 42.
    pub seed: u64,
    /// Pieces in the longest sequence, `[CLS]` and `[SEP]` included; longer sentences go through
    /// overlapping windows. Default 512, or the model's own limit when that is smaller.
    pub max_length: usize,
    /// Whether every piece of a word is trained with its tag, not only the first. Default false.
    pub label_all_tokens: bool,
    /// Dropout probability in place of those in `config.json`.
    pub dropout: Option<f32>,
    /// What is predicted: `ner` (entities) or `classify` (a label for each text). Default ner.
    #[serde(default)]
    pub task: Task,
    /// What is minimised. Default cross-entropy.
    #[serde(default)]
    pub loss: LossChoice,
    /// Exponent of the focal loss: how much what is already right loses its say. Default 2.
    pub focal_gamma: f32,
    /// Exponent of the dice loss, likewise. Default 0.1.
    pub dice_alpha: f32,
    /// Share of the gold tag that cross-entropy spreads evenly over all tags. Default 0.
    pub label_smoothing: f32,
    /// What each gold tag counts. Default all alike.
    pub class_weights: Option<ClassWeights>,
    /// How tags follow from scores: `linear` or `crf`. Default linear.
    pub head: HeadKind,
    /// Recurrent network between encoder and classifier. Default none.
    pub rnn: RnnChoice,
    /// Hidden units of the recurrent network, in each direction. Default 256.
    pub rnn_hidden: usize,
    /// Layers of the recurrent network. Default 1.
    pub rnn_layers: usize,
    /// Whether the CRF is kept from what IOB2 forbids, in training and decoding. Default false.
    pub crf_constraints: bool,
    /// What a CRF's loss is: the mean over words, or the sum over the batch. Default mean.
    pub crf_reduction: Reduction,
    /// Factor of the CRF's learning rate. Default 1.
    pub crf_lr_multiplier: f64,
    /// Factor of the recurrent network's learning rate. Default 1.
    pub rnn_lr_multiplier: f64,
    /// Factor of the classifier's learning rate. Default 1.
    pub head_lr_multiplier: f64,
    /// Factor of the learning rate from each layer to the one before it; see [`Rates::layer_decay`](bert_ner_model::Rates). Default 1.
    pub layer_lr_decay: f64,
    /// Whether biases and LayerNorm are spared from weight decay, as transformers' `Trainer` does. Default true.
    pub no_decay_bias_norm: bool,
    /// What is not trained. Default nothing.
    pub freeze: Freeze,
    /// Rank of a LoRA, which learns in place of the encoder. Default none.
    #[serde(default)]
    pub lora_rank: Option<usize>,
    /// A LoRA counts `lora-alpha / lora-rank` times. Default 8, as PEFT has it.
    #[serde(default = "crate::lora::alpha")]
    pub lora_alpha: f64,
    /// Dropout of what goes into a LoRA. Default 0.
    #[serde(default)]
    pub lora_dropout: f32,
    /// Which linear layers have a LoRA: [`Lora::TARGETS`](bert_ner_model::Lora::TARGETS). Default `query` and `value`, as PEFT has it.
    #[serde(default = "crate::lora::targets")]
    pub lora_targets: Vec<String>,
    /// Train on the first so many sentences.
    pub max_train_samples: Option<usize>,
    /// Score the first so many sentences of dev and test.
    pub max_eval_samples: Option<usize>,
    /// When the dev split is scored. Default after every epoch.
    pub eval_every: EvalEvery,
    /// Which model is kept. Default that of the highest dev F1.
    pub select: Select,
    /// Stop after so many evaluations without a better model.
    pub early_stopping: Option<usize>,
    /// Threads to compute with. Default: all that the machine offers.
    pub threads: usize,
    /// Whether an existing output folder is replaced. Default false.
    pub overwrite: bool,
    /// Folder for TensorBoard's event files.
    pub logdir: Option<PathBuf>,
    /// When the whole state of the run is written, to resume from. Default never.
    pub checkpoint_every: Option<EvalEvery>,
    /// Where. Default the output folder's name with `.checkpoints` behind it.
    pub checkpoint_dir: PathBuf,
    /// Checkpoints that stay: the newest so many. Default 2.
    pub keep: usize,
    /// Whether the run goes on from its newest checkpoint. How a run began is no part of what it was: this is not saved.
    #[serde(skip)]
    pub resume: bool,
    /// Whether an impossible tag sequence is an error instead of a counted warning. Default false.
    pub strict: bool,
    /// Format of the data files. Default: found out from each file.
    pub input_format: Option<Format>,
    /// Tag scheme of the data files. Default: found out from the tags.
    pub scheme: Option<Scheme>,
    /// Where the tags stand in the data files. Default: found out from each file.
    #[serde(default, with = "column")]
    pub tag_column: Option<Column>,
    /// Where the words stand in the data files. Default: found out from each file.
    #[serde(default, with = "column")]
    pub word_column: Option<Column>,
    /// Where the sentence's identifier stands in the data files. Default: found out from each file.
    #[serde(default, with = "column")]
    pub id_column: Option<Column>,
    /// Tag names in the order of their ids, for data whose tags are integers.
    pub labels: Option<Vec<String>>,
    /// What counts as a word of running text; saved with the model. Default: `unicode` for brat and doccano.
    pub words: Option<Words>,
    /// Which of several entities that share text stays. Default: the longest for brat, the first for doccano.
    pub overlaps: Option<Overlaps>,
    /// What becomes of fragmented entities of brat. Default: they are joined.
    pub fragments: Option<Fragments>,
    /// Whether the encoder starts from random weights of the shape in `config.json`. Default false.
    #[serde(default)]
    pub from_scratch: bool,
}

impl Settings {
    /// The settings as a file holds them.
    ///
    /// # Errors
    /// [`TrainError::Setting`] for a path that a file cannot hold.
    pub(crate) fn json(&self) -> Result<Map<String, Value>, TrainError> {
        self.validate_paths()?;
        // By way of text: an f32 is 0.1 there, and 0.10000000149011612 as a value.
        serde_json::to_string(self)
            .and_then(|text| serde_json::from_str(&text))
            .map_err(|error| TrainError::setting("output", format!("has no report: {error}")))
    }

    /// How the data files are to be read.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            format: self.input_format,
            scheme: self.scheme,
            tag_column: self.tag_column.clone(),
            word_column: self.word_column.clone(),
            id_column: self.id_column.clone(),
            label_list: self.labels.clone(),
            strict: self.strict,
            words: self.words,
            overlaps: self.overlaps,
            fragments: self.fragments,
            whole_texts: self.task == Task::Classify,
            ..ReadOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Options {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_setting_has_the_name_of_an_option() {
        let options = options(r#"{"model": "bert", "output": "out"}"#);
        let settings = options.resolve(Places::default()).unwrap();
        let Ok(serde_json::Value::Object(settings)) = serde_json::to_value(settings) else {
            panic!("settings are an object");
        };
        let known = Options::keys();
        let unknown: Vec<_> = settings.keys().filter(|key| !known.contains(key)).collect();
        assert_eq!(unknown, ["model-dir"]);
    }

    #[test]
    fn settings_read_back() {
        let options = options(
            r#"{"model": "bert", "output": "out", "eval-every": 7, "tag-column": 4, "dropout": 0.2}"#,
        );
        let settings = options.resolve(Places::default()).unwrap();
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    }

    #[test]
    fn what_is_laid_over_wins_and_a_data_set_replaces_files() {
        let file = options(r#"{"train": "a", "dev": "b", "seed": 1, "epochs": 2}"#);
        let merged = options(r#"{"seed": 5}"#).or(file.clone());
        assert_eq!((merged.seed, merged.epochs), (Some(5), Some(2.0)));
        assert_eq!(merged.train, Some("a".into()));
        let merged = options(r#"{"data": "set", "dev": "c"}"#).or(file);
        assert_eq!((merged.train, merged.dev), (None, Some("c".into())));
    }

    #[test]
    #[cfg(unix)]
    fn a_path_that_no_file_of_settings_can_hold_is_refused_by_name() {
        use std::os::unix::ffi::OsStrExt;
        let mut options = options(r#"{"model": "bert", "output": "out"}"#);
        options.logdir = Some(std::ffi::OsStr::from_bytes(b"runs/\xff").into());
        let error = options.resolve(Places::default()).unwrap_err();
        assert!(
            matches!(&error, TrainError::Setting { key: "logdir", message } if message.contains("is not UTF-8")),
            "{error}"
        );
    }

    #[test]
    fn choices_are_spelled_as_typed() {
        let read = options(r#"{"eval-every": "epoch", "select": "loss", "tag-column": "ner"}"#);
        assert_eq!(
            (read.eval_every, read.select),
            (Some(EvalEvery::Epoch), Some(Select::Loss))
        );
        assert_eq!(read.tag_column, Some(Column::Name("ner".into())));
        for wrong in [
            r#"{"eval-every": 0}"#,
            r#"{"eval-every": "step"}"#,
            r#"{"typo": 1}"#,
        ] {
            assert!(serde_json::from_str::<Options>(wrong).is_err(), "{wrong}");
        }
    }
}
