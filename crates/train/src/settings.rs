//! What a run was asked to do: [`Options`] as given, [`Settings`] as checked and resolved.
//!
//! `Options` is a settings file (and, key for key, the flags of the command line): everything may
//! be missing. [`Options::or`] lays one over another, [`Options::resolve`] fills in the defaults
//! and refuses what cannot work. The defaults are those of transformers' `Trainer`, so that results
//! compare.

use std::path::{Path, PathBuf};

use bert_ner_model::{Freeze, HeadKind, Task};
use bert_ner_text::{Column, Format, Fragments, Overlaps, ReadOptions, Scheme, Words};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrainError;
use crate::choices::{
    ClassWeights, EvalEvery, LossChoice, Reduction, RnnChoice, Schedule, Select, column,
};
use crate::heads::{RNN_HIDDEN, RNN_LAYERS};
use crate::lora;
use crate::objective::{DICE_ALPHA, FOCAL_GAMMA};

/// A run as asked for: any option may be missing. This is the settings file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// Model folder, or a Hugging Face Hub name.
    pub model: Option<String>,
    /// Folder or Hub name of a data set that holds its splits under their usual names.
    pub data: Option<String>,
    /// Sentences to train on.
    pub train: Option<PathBuf>,
    /// Sentences to choose the best model by.
    pub dev: Option<PathBuf>,
    /// Sentences to score once, at the end.
    pub test: Option<PathBuf>,
    /// Folder to write.
    pub output: Option<PathBuf>,
    /// See [`Settings::epochs`].
    pub epochs: Option<f64>,
    /// See [`Settings::batch_size`].
    pub batch_size: Option<usize>,
    /// See [`Settings::learning_rate`].
    pub learning_rate: Option<f64>,
    /// See [`Settings::weight_decay`].
    pub weight_decay: Option<f64>,
    /// See [`Settings::warmup_ratio`].
    pub warmup_ratio: Option<f64>,
    /// See [`Settings::lr_schedule`].
    pub lr_schedule: Option<Schedule>,
    /// See [`Settings::max_grad_norm`].
    pub max_grad_norm: Option<f64>,
    /// See [`Settings::gradient_accumulation`].
    pub gradient_accumulation: Option<usize>,
    /// See [`Settings::seed`].
    pub seed: Option<u64>,
    /// See [`Settings::max_length`].
    pub max_length: Option<usize>,
    /// See [`Settings::label_all_tokens`].
    pub label_all_tokens: Option<bool>,
    /// See [`Settings::dropout`].
    pub dropout: Option<f32>,
    /// See [`Settings::task`].
    pub task: Option<Task>,
    /// See [`Settings::loss`].
    pub loss: Option<LossChoice>,
    /// See [`Settings::focal_gamma`].
    pub focal_gamma: Option<f32>,
    /// See [`Settings::dice_alpha`].
    pub dice_alpha: Option<f32>,
    /// See [`Settings::label_smoothing`].
    pub label_smoothing: Option<f32>,
    /// See [`Settings::class_weights`].
    pub class_weights: Option<ClassWeights>,
    /// See [`Settings::head`].
    pub head: Option<HeadKind>,
    /// See [`Settings::rnn`].
    pub rnn: Option<RnnChoice>,
    /// See [`Settings::rnn_hidden`].
    pub rnn_hidden: Option<usize>,
    /// See [`Settings::rnn_layers`].
    pub rnn_layers: Option<usize>,
    /// See [`Settings::crf_constraints`].
    pub crf_constraints: Option<bool>,
    /// See [`Settings::crf_reduction`].
    pub crf_reduction: Option<Reduction>,
    /// See [`Settings::crf_lr_multiplier`].
    pub crf_lr_multiplier: Option<f64>,
    /// See [`Settings::rnn_lr_multiplier`].
    pub rnn_lr_multiplier: Option<f64>,
    /// See [`Settings::head_lr_multiplier`].
    pub head_lr_multiplier: Option<f64>,
    /// See [`Settings::layer_lr_decay`].
    pub layer_lr_decay: Option<f64>,
    /// See [`Settings::no_decay_bias_norm`].
    pub no_decay_bias_norm: Option<bool>,
    /// See [`Settings::freeze`].
    pub freeze: Option<Freeze>,
    /// See [`Settings::lora_rank`].
    pub lora_rank: Option<usize>,
    /// See [`Settings::lora_alpha`].
    pub lora_alpha: Option<f64>,
    /// See [`Settings::lora_dropout`].
    pub lora_dropout: Option<f32>,
    /// See [`Settings::lora_targets`].
    pub lora_targets: Option<Vec<String>>,
    /// See [`Settings::max_train_samples`].
    pub max_train_samples: Option<usize>,
    /// See [`Settings::max_eval_samples`].
    pub max_eval_samples: Option<usize>,
    /// See [`Settings::eval_every`].
    pub eval_every: Option<EvalEvery>,
    /// See [`Settings::select`].
    pub select: Option<Select>,
    /// See [`Settings::early_stopping`].
    pub early_stopping: Option<usize>,
    /// See [`Settings::threads`].
    pub threads: Option<usize>,
    /// See [`Settings::overwrite`].
    pub overwrite: Option<bool>,
    /// See [`Settings::logdir`].
    pub logdir: Option<PathBuf>,
    /// See [`Settings::checkpoint_every`].
    pub checkpoint_every: Option<EvalEvery>,
    /// See [`Settings::checkpoint_dir`].
    pub checkpoint_dir: Option<PathBuf>,
    /// See [`Settings::keep`].
    pub keep: Option<usize>,
    /// See [`Settings::resume`].
    pub resume: Option<bool>,
    /// See [`Settings::strict`].
    pub strict: Option<bool>,
    /// See [`Settings::input_format`].
    pub input_format: Option<Format>,
    /// See [`Settings::scheme`].
    pub scheme: Option<Scheme>,
    /// See [`Settings::tag_column`].
    #[serde(default, with = "column")]
    pub tag_column: Option<Column>,
    /// See [`Settings::word_column`].
    #[serde(default, with = "column")]
    pub word_column: Option<Column>,
    /// See [`Settings::id_column`].
    #[serde(default, with = "column")]
    pub id_column: Option<Column>,
    /// See [`Settings::labels`].
    pub labels: Option<Vec<String>>,
    /// See [`Settings::words`].
    pub words: Option<Words>,
    /// See [`Settings::overlaps`].
    pub overlaps: Option<Overlaps>,
    /// See [`Settings::fragments`].
    pub fragments: Option<Fragments>,
    /// See [`Settings::from_scratch`].
    pub from_scratch: Option<bool>,
}

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
    #[serde(default = "lora::alpha")]
    pub lora_alpha: f64,
    /// Dropout of what goes into a LoRA. Default 0.
    #[serde(default)]
    pub lora_dropout: f32,
    /// Which linear layers have a LoRA: [`Lora::TARGETS`](bert_ner_model::Lora::TARGETS). Default `query` and `value`, as PEFT has it.
    #[serde(default = "lora::targets")]
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

impl Options {
    /// These options, and where one is missing that of `fallback`.
    ///
    /// A data set named here takes the place of the files named there.
    #[must_use]
    pub fn or(self, mut fallback: Self) -> Self {
        if self.data.is_some() {
            (fallback.train, fallback.dev, fallback.test) = (None, None, None);
        }
        macro_rules! merge {
            ($($field:ident),* $(,)?) => { Self { $($field: self.$field.or(fallback.$field)),* } };
        }
        merge! {
            model, data, train, dev, test, output, epochs, batch_size, learning_rate, weight_decay,
            warmup_ratio, lr_schedule, max_grad_norm, gradient_accumulation, seed, max_length,
            label_all_tokens, dropout, task, loss, focal_gamma, dice_alpha, label_smoothing,
            class_weights, head, rnn, rnn_hidden, rnn_layers, crf_constraints,
            crf_reduction, crf_lr_multiplier, rnn_lr_multiplier, head_lr_multiplier, layer_lr_decay,
            no_decay_bias_norm, freeze, lora_rank, lora_alpha, lora_dropout, lora_targets,
            max_train_samples, max_eval_samples, eval_every, select, early_stopping, threads, overwrite, logdir, checkpoint_every,
            checkpoint_dir, keep, resume, strict, input_format, scheme, tag_column,
            word_column, id_column, labels, words, overlaps, fragments, from_scratch,
        }
    }

    /// Every key of a settings file, in order.
    pub fn keys() -> Vec<String> {
        match serde_json::to_value(Self::default()) {
            Ok(serde_json::Value::Object(keys)) => keys.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Checks every value, before anything is known of the files that the names stand for.
    ///
    /// # Errors
    /// [`TrainError::Setting`], as [`Options::resolve`].
    pub fn validate(&self) -> Result<(), TrainError> {
        self.clone().resolve(Places::default()).map(drop)
    }

    /// Fills in the defaults and checks every value.
    ///
    /// `places` are what the names in `model`, `data`, `train`, `dev` and `test` stand for.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when an option is missing or cannot work.
    pub fn resolve(self, places: Places) -> Result<Settings, TrainError> {
        let missing = |key| TrainError::setting(key, "is required");
        let output = self.output.ok_or_else(|| missing("output"))?;
        let settings = Settings {
            model: self.model.ok_or_else(|| missing("model"))?,
            model_dir: places.model_dir,
            train: places.train,
            dev: places.dev,
            test: places.test,
            epochs: self.epochs.unwrap_or(3.0),
            batch_size: self.batch_size.unwrap_or(8),
            learning_rate: self.learning_rate.unwrap_or(5e-5),
            weight_decay: self.weight_decay.unwrap_or(0.0),
            warmup_ratio: self.warmup_ratio.unwrap_or(0.0),
            lr_schedule: self.lr_schedule.unwrap_or_default(),
            max_grad_norm: self.max_grad_norm.unwrap_or(1.0),
            gradient_accumulation: self.gradient_accumulation.unwrap_or(1),
            seed: self.seed.unwrap_or(42),
            max_length: self.max_length.unwrap_or(512),
            label_all_tokens: self.label_all_tokens.unwrap_or(false),
            dropout: self.dropout,
            task: self.task.unwrap_or_default(),
            loss: self.loss.unwrap_or_default(),
            focal_gamma: self.focal_gamma.unwrap_or(FOCAL_GAMMA),
            dice_alpha: self.dice_alpha.unwrap_or(DICE_ALPHA),
            label_smoothing: self.label_smoothing.unwrap_or(0.0),
            class_weights: self.class_weights,
            head: self.head.unwrap_or_default(),
            rnn: self.rnn.unwrap_or_default(),
            rnn_hidden: self.rnn_hidden.unwrap_or(RNN_HIDDEN),
            rnn_layers: self.rnn_layers.unwrap_or(RNN_LAYERS),
            crf_constraints: self.crf_constraints.unwrap_or(false),
            crf_reduction: self.crf_reduction.unwrap_or_default(),
            crf_lr_multiplier: self.crf_lr_multiplier.unwrap_or(1.0),
            rnn_lr_multiplier: self.rnn_lr_multiplier.unwrap_or(1.0),
            head_lr_multiplier: self.head_lr_multiplier.unwrap_or(1.0),
            layer_lr_decay: self.layer_lr_decay.unwrap_or(1.0),
            no_decay_bias_norm: self.no_decay_bias_norm.unwrap_or(true),
            freeze: self.freeze.unwrap_or_default(),
            lora_rank: self.lora_rank,
            lora_alpha: self.lora_alpha.unwrap_or_else(lora::alpha),
            lora_dropout: self.lora_dropout.unwrap_or(0.0),
            lora_targets: self.lora_targets.unwrap_or_else(lora::targets),
            max_train_samples: self.max_train_samples,
            max_eval_samples: self.max_eval_samples,
            eval_every: self.eval_every.unwrap_or_default(),
            select: self.select.unwrap_or_default(),
            early_stopping: self.early_stopping,
            threads: self.threads.unwrap_or_else(all_threads),
            overwrite: self.overwrite.unwrap_or(false),
            logdir: self.logdir,
            checkpoint_every: self.checkpoint_every,
            checkpoint_dir: self
                .checkpoint_dir
                .unwrap_or_else(|| checkpoints_beside(&output)),
            keep: self.keep.unwrap_or(2),
            resume: self.resume.unwrap_or(false),
            output,
            strict: self.strict.unwrap_or(false),
            input_format: self.input_format,
            scheme: self.scheme,
            tag_column: self.tag_column,
            word_column: self.word_column,
            id_column: self.id_column,
            labels: self.labels,
            words: self.words,
            overlaps: self.overlaps,
            fragments: self.fragments,
            from_scratch: self.from_scratch.unwrap_or(false),
        };
        settings.validate()?;
        Ok(settings)
    }
}

/// `OUTPUT.checkpoints`.
fn checkpoints_beside(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".checkpoints");
    output.with_file_name(name)
}

/// As many threads as the machine offers this process.
fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Settings {
    /// Checks every number against the range in which it means something.
    ///
    /// # Errors
    /// [`TrainError::Setting`] names the first that does not fit and says what would.
    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = |key, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(TrainError::setting(
                key,
                format!("must be more than 0, not {value}"),
            )),
        };
        let not_negative = |key, value: f64| match value >= 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(TrainError::setting(
                key,
                format!("must not be negative, not {value}"),
            )),
        };
        let at_least = |key, value: usize, least: usize| match value >= least {
            true => Ok(()),
            false => Err(TrainError::setting(
                key,
                format!("must be at least {least}, not {value}"),
            )),
        };
        self.validate_paths()?;
        positive("epochs", self.epochs)?;
        at_least("batch-size", self.batch_size, 1)?;
        positive("learning-rate", self.learning_rate)?;
        not_negative("weight-decay", self.weight_decay)?;
        if !(0.0..=1.0).contains(&self.warmup_ratio) {
            let message = format!("must lie between 0 and 1, not {}", self.warmup_ratio);
            return Err(TrainError::setting("warmup-ratio", message));
        }
        not_negative("max-grad-norm", self.max_grad_norm)?;
        at_least("gradient-accumulation", self.gradient_accumulation, 1)?;
        if self.max_length < 3 {
            let message = format!(
                "must be at least 3, not {}: [CLS], one piece of text and [SEP]",
                self.max_length
            );
            return Err(TrainError::setting("max-length", message));
        }
        if let Some(dropout) = self.dropout.filter(|dropout| !(0.0..1.0).contains(dropout)) {
            let message = format!("must be at least 0 and less than 1, not {dropout}");
            return Err(TrainError::setting("dropout", message));
        }
        self.validate_heads()?;
        self.validate_task()?;
        self.validate_objective()?;
        self.validate_lora()?;
        at_least("max-train-samples", self.max_train_samples.unwrap_or(1), 1)?;
        at_least("max-eval-samples", self.max_eval_samples.unwrap_or(1), 1)?;
        if self.eval_every == EvalEvery::Steps(0) {
            return Err(TrainError::setting(
                "eval-every",
                "must be at least 1, not 0",
            ));
        }
        at_least("early-stopping", self.early_stopping.unwrap_or(1), 1)?;
        if self.early_stopping.is_some() && self.select == Select::Last {
            let message =
                "needs a model to wait for: select is \"last\"; choose \"f1\" or \"loss\"";
            return Err(TrainError::setting("early-stopping", message));
        }
        if self.checkpoint_every == Some(EvalEvery::Steps(0)) {
            let message = "must be at least 1, not 0";
            return Err(TrainError::setting("checkpoint-every", message));
        }
        at_least("keep", self.keep, 1)?;
        at_least("threads", self.threads, 1)
    }

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

    /// Settings are saved with the model, as text.
    fn validate_paths(&self) -> Result<(), TrainError> {
        let weights = match &self.class_weights {
            Some(ClassWeights::File(path)) => Some(path),
            _ => None,
        };
        let all = [
            ("model", Some(&self.model_dir)),
            ("train", Some(&self.train)),
            ("dev", Some(&self.dev)),
            ("test", self.test.as_ref()),
            ("output", Some(&self.output)),
            ("logdir", self.logdir.as_ref()),
            ("checkpoint-dir", Some(&self.checkpoint_dir)),
            ("class-weights", weights),
        ];
        let paths = all.into_iter().filter_map(|(key, path)| Some((key, path?)));
        for (key, path) in paths {
            if path.to_str().is_none() {
                let message = format!(
                    "is {}, which is not UTF-8; expected a path that training.json can hold",
                    path.display()
                );
                return Err(TrainError::setting(key, message));
            }
        }
        Ok(())
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
