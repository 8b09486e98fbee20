//! What a settings file, or a command line, may say.

use std::path::{Path, PathBuf};

use bert_ner_model::{Freeze, HeadKind, Task};
use bert_ner_text::{Column, Format, Fragments, Overlaps, Scheme, Words};
use serde::{Deserialize, Serialize};

use super::{Places, Settings};
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
