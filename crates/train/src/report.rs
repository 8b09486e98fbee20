//! What a run leaves behind in `training.json`.

use std::collections::BTreeMap;

use bert_ner_model::Group;
use bert_ner_score::{ClassScores, Scores, TypeScores};
use serde::{Deserialize, Deserializer, Serialize};

use crate::resume::Fingerprints;
use crate::{Settings, Started};

/// A run's result: `training.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Training sentences.
    pub train_samples: usize,
    /// Dev sentences.
    pub dev_samples: usize,
    /// Test sentences, when there is a test split.
    pub test_samples: Option<usize>,
    /// Seconds of training, evaluations not counted.
    pub train_seconds: f64,
    /// Sentences per second of training, every epoch's counted.
    pub train_samples_per_second: f64,
    /// Pieces per second of training, `[CLS]` and `[SEP]` counted.
    pub train_tokens_per_second: f64,
    /// Mean loss over the whole run.
    pub train_loss: f64,
    /// Every evaluation on the dev split, in order.
    pub epochs: Vec<Evaluation>,
    /// The evaluation of the model that was kept, with its scores by type.
    pub best: Option<Evaluation>,
    /// The scores of the test split.
    pub test: Option<Measured>,
    /// Why the run ended.
    pub stopped: Stopped,
    /// The most memory that the process ever held, in MB of 10⁶ bytes, where the system tells.
    pub peak_rss_mb: Option<f64>,
    /// Tag names in the order of their ids.
    pub labels: Vec<String>,
    /// The parts of the model and what each learns at.
    pub groups: Vec<Group>,
    /// What train, dev, test and the model were, so that another run can tell whether its own are the same.
    pub(crate) fingerprints: Option<Fingerprints>,
    /// The version of this program.
    pub version: String,
    /// Every resolved setting, under the names of a settings file.
    pub settings: Settings,
}

impl Report {
    /// The report of a run that has not made a step yet.
    pub(crate) fn begin(settings: &Settings, started: &Started) -> Self {
        Self {
            train_samples: started.train_samples,
            dev_samples: started.dev_samples,
            test_samples: started.test_samples,
            train_seconds: 0.0,
            train_samples_per_second: 0.0,
            train_tokens_per_second: 0.0,
            train_loss: 0.0,
            epochs: Vec::new(),
            best: None,
            test: None,
            stopped: Stopped::Interrupted,
            peak_rss_mb: None,
            labels: started.labels.clone(),
            groups: started.groups.clone(),
            fingerprints: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.clone(),
        }
    }
}

/// One evaluation on the dev split.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Evaluation {
    /// Passes over the training sentences until then.
    pub epoch: f64,
    /// Optimizer steps until then.
    pub step: usize,
    /// Mean training loss since the evaluation before.
    pub train_loss: f64,
    /// The scores.
    pub dev: Measured,
}

/// The scores of one split.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// Share of the predicted entities that are right.
    pub precision: f64,
    /// Share of the gold entities that were found.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Share of the words whose tag is right.
    pub accuracy: f64,
    /// Mean negative log-likelihood of a word's gold tag.
    #[serde(deserialize_with = "number_or_nan")]
    pub loss: f64,
    /// The scores of each entity type; only where a whole report is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_type: Option<BTreeMap<String, TypeScores>>,
    /// Of whole texts: macro and weighted F1 and the confusion matrix; precision, recall and F1 above are then means over labels.
    #[serde(flatten)]
    pub classes: Option<ClassScores>,
}

/// JSON has no NaN: the loss of a split without a word is written as null.
fn number_or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl Measured {
    /// The overall scores.
    pub fn overall(scores: &Scores, loss: f64) -> Self {
        Self {
            precision: scores.precision,
            recall: scores.recall,
            f1: scores.f1,
            accuracy: scores.accuracy,
            loss,
            by_type: None,
            classes: scores.classes.clone(),
        }
    }

    /// The overall scores and those of each type.
    pub fn full(scores: &Scores, loss: f64) -> Self {
        Self {
            by_type: Some(scores.by_type.clone()),
            ..Self::overall(scores, loss)
        }
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// All epochs are done.
    Completed,
    /// The dev score had stopped rising (`early-stopping`).
    EarlyStopping,
    /// Someone asked for it.
    Interrupted,
}

/// The most memory that this process ever held, in MB of 10⁶ bytes.
///
/// `None` where the system does not tell: it is read from Linux' `/proc`.
pub fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    // VmHWM:	  123456 kB
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kibibytes * 1024.0 / 1e6 * 10.0).round() / 10.0)
}
