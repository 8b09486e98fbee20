//! The one error type of this crate.

use std::path::{Path, PathBuf};

use bert_ner_infer::InferError;
use bert_ner_model::ModelError;
use bert_ner_score::ScoreError;
use bert_ner_text::{TextError, counted};
use bert_ner_tokenize::TokenizeError;

/// Why a run did not begin, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// An option is missing or cannot work.
    #[error("{key} {message}")]
    Setting {
        /// The option's name, as in a settings file.
        key: &'static str,
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// The grid of a sweep cannot be followed.
    #[error("{}{message}", key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default())]
    Grid {
        /// The key whose value cannot be, where it is one.
        key: Option<String>,
        /// What is wrong and what was expected.
        message: String,
    },
    /// The output folder holds something already.
    #[error("{}: the output folder exists already", path.display())]
    OutputExists {
        /// The output folder.
        path: PathBuf,
    },
    /// The output folder holds something that is not ours to replace.
    #[error(
        "{}: the output folder holds something other than a model (there is no config.json), so it is \
         not replaced",
        path.display()
    )]
    NotAModelFolder {
        /// The output folder.
        path: PathBuf,
    },
    /// Another run is at work on the output folder.
    #[error(
        "{}: another run is writing this output folder (it holds {})",
        path.display(), lock.display()
    )]
    OutputBusy {
        /// The output folder.
        path: PathBuf,
        /// The file that the other run holds locked.
        lock: PathBuf,
    },
    /// Another run is at work on the checkpoints.
    #[error(
        "{}: another run is writing these checkpoints (it holds {})",
        path.display(), lock.display()
    )]
    CheckpointsBusy {
        /// The checkpoints' folder.
        path: PathBuf,
        /// The file that the other run holds locked.
        lock: PathBuf,
    },
    /// The finished folder cannot take its place.
    #[error("{}: the model cannot be put in its place: {source}; it is kept, whole, as {}", path.display(), kept.display())]
    Unpublished {
        /// The output folder.
        path: PathBuf,
        /// Where the model is.
        kept: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of sentences without tags.
    #[error("{}: has sentences without tags; expected one tag a word", path.display())]
    Unannotated {
        /// The file.
        path: PathBuf,
    },
    /// Sentences without a single word.
    #[error(
        "{}: the {split} split has {} but no word; expected at least one word",
        path.display(), counted(*sentences, "sentences")
    )]
    NoWords {
        /// The file.
        path: PathBuf,
        /// What it is used as: `train`, `dev` or `test`.
        split: &'static str,
        /// How many sentences were read from it.
        sentences: usize,
    },
    /// A file of texts without labels.
    #[error("{}: has texts without a label; expected one for each text", path.display())]
    Unlabelled {
        /// The file.
        path: PathBuf,
    },
    /// The dev or test split holds entity types that no training sentence shows.
    #[error(
        "{}: {} {} never occur{} in {}, so no model trained on it can predict {}",
        path.display(),
        counted_noun(labels.len(), what),
        labels.join(", "),
        if labels.len() == 1 { "s" } else { "" },
        searched(train, *limit),
        if labels.len() == 1 { "it" } else { "them" }
    )]
    UnseenLabels {
        /// The file with the unseen types.
        path: PathBuf,
        /// The training file.
        train: PathBuf,
        /// What they are: `entity type` or `label`.
        what: &'static str,
        /// How many sentences of it training was limited to, when it has more.
        limit: Option<usize>,
        /// The types that only `path` has.
        labels: Vec<String>,
    },
    /// The loss or the gradient stopped being a number.
    #[error(
        "training diverged: the {what} became {value} at step {step} of {total_steps} \
         (epoch {epoch:.2}, learning rate {learning_rate:.3e})"
    )]
    Diverged {
        /// What it was: `loss`, `gradient norm` or `dev logits`.
        what: &'static str,
        /// Its value: not a number, or infinite.
        value: f64,
        /// The optimizer step, counted from 1.
        step: usize,
        /// The steps of the whole run.
        total_steps: usize,
        /// Passes over the training sentences until then.
        epoch: f64,
        /// The learning rate of that step.
        learning_rate: f64,
    },
    /// A checkpoint, or what should be one, cannot be read.
    #[error("{}: {message}", path.display())]
    CheckpointDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A run was to go on from what a run with other settings left.
    #[error("{}: comes from a run with other settings: {}", path.display(), differences.join(", "))]
    OtherSettings {
        /// The checkpoint, or the report in the output folder.
        path: PathBuf,
        /// Each setting that differs: `seed 42 -> 43`, the old value first.
        differences: Vec<String>,
    },
    /// A run was to go on from a checkpoint of a run on other data.
    #[error("{}: comes from a run on another {what}: what it holds has changed", path.display())]
    OtherData {
        /// The checkpoint.
        path: PathBuf,
        /// The setting that names what differs: `train`, `dev`, `test` or `model`.
        what: &'static str,
    },
    /// There are checkpoints where a new run would write its own.
    #[error("{}: holds checkpoints of a run already", path.display())]
    CheckpointsExist {
        /// The folder.
        path: PathBuf,
    },
    /// The model that a checkpoint knows as the best so far is not in the output folder.
    #[error(
        "{}: the best model so far, of step {step}, is no longer there, so {} cannot be resumed",
        output.display(), path.display()
    )]
    BestModelGone {
        /// The checkpoint.
        path: PathBuf,
        /// The output folder.
        output: PathBuf,
        /// The best model's step.
        step: usize,
    },
    /// The run was stopped from outside before there was a model worth keeping.
    #[error("interrupted before the first evaluation: no model was saved")]
    Interrupted,
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The data could not be read or written.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The tokenizer could not be loaded or used.
    #[error(transparent)]
    Tokenize(#[from] TokenizeError),
    /// The model could not be loaded or saved.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The evaluation failed.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// Gold and predicted tags could not be compared.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// What of the training file was searched.
fn searched(train: &Path, limit: Option<usize>) -> String {
    match limit {
        None => train.display().to_string(),
        Some(limit) => format!(
            "the first {limit} of {} (--max-train-samples)",
            train.display()
        ),
    }
}

/// `what`, or its plural where there are several.
fn counted_noun(count: usize, what: &str) -> String {
    format!("{what}{}", if count == 1 { "" } else { "s" })
}

impl TrainError {
    /// An option that is missing or cannot work.
    pub(crate) fn setting(key: &'static str, message: impl Into<String>) -> Self {
        Self::Setting {
            key,
            message: message.into(),
        }
    }
}
