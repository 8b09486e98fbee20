//! Sweeps: the product of settings and seeds, one run after another, and what may be concluded from them.
//!
//! [`plan`] makes runs of a grid, [`run`] does one and keeps its result, [`summarise`] compares, [`sweep_report`] shows. A sweep is
//! a folder:
//!
//! | path | what |
//! |---|---|
//! | `runs/NAME` | the model folder of a run |
//! | `runs/NAME.checkpoints` | while it is not finished |
//! | `logs/NAME` | TensorBoard's files |
//! | `results/NAME.json` | the result of a finished run: with it the run is not done again |

mod grid;
mod html;
mod summary;
mod svg;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bert_ner_score::Counts;
use bert_ner_text::{atomic, matching_shards};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fingerprint::{fingerprint, fingerprint_of_files};
use crate::resume::{deciding, same_settings};
use crate::{Evaluation, Event, Measured, Observer, Settings, Stopped, TrainError, train};

pub use grid::{Planned, plan};
pub use html::sweep_report;
pub use summary::{Comparison, Configuration, Summary, summarise};

/// A finished run of a sweep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunResult {
    /// Its name: configuration and seed.
    pub name: String,
    /// The settings that are not the seed, as the report calls them.
    pub configuration: String,
    /// The seed.
    pub seed: u64,
    /// The settings that decide the result.
    pub settings: Map<String, Value>,
    /// The content of train, dev and test, hashed.
    pub(crate) data: [Option<u64>; 3],
    /// What it came to.
    pub outcome: Outcome,
}

/// What a run came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It came to its end.
    Finished(Box<FinishedRun>),
    /// It diverged: the message.
    Diverged(String),
}

/// What is known of a run that came to its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FinishedRun {
    /// Every evaluation on dev.
    pub epochs: Vec<Evaluation>,
    /// That of the model that was kept.
    pub best: Evaluation,
    /// The scores of the test split.
    pub test: Option<Measured>,
    /// Seconds of training, evaluations not counted.
    pub train_seconds: f64,
    /// Sentences per second of training.
    pub train_samples_per_second: f64,
    /// Correct, predicted and gold entities of each dev sentence by the model that was kept; empty in a [`Summary`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dev_sentences: Vec<[usize; 3]>,
}

impl RunResult {
    /// The run, when it came to its end.
    pub fn finished(&self) -> Option<&FinishedRun> {
        match &self.outcome {
            Outcome::Finished(run) => Some(run),
            Outcome::Diverged(_) => None,
        }
    }
}

/// The result of a run that was finished before, in the sweep's folder.
///
/// # Errors
/// [`TrainError::OtherSettings`] or [`TrainError::OtherData`] when it was made with others than these, or when it cannot be read.
pub fn finished_before(
    folder: &Path,
    planned: &Planned,
    settings: &Settings,
) -> Result<Option<RunResult>, TrainError> {
    let path = result_path(folder, planned);
    let Some(result): Option<RunResult> = read(&path)? else {
        return Ok(None);
    };
    same_settings(&path, &result.settings, settings)?;
    let splits = ["train", "dev", "test"].into_iter();
    let mut pairs = splits.zip(result.data.iter().zip(data(settings)?));
    match pairs.find(|(_, (old, new))| *old != new) {
        Some((what, _)) => Err(TrainError::OtherData { path, what }),
        None => Ok(Some(result)),
    }
}

/// Checks that train, dev and test are there: a sweep should not find out hours later.
///
/// # Errors
/// [`TrainError::Io`] or [`TrainError::Text`] name the first that is not.
pub fn check_data(settings: &Settings) -> Result<(), TrainError> {
    let splits = [
        Some(&settings.train),
        Some(&settings.dev),
        settings.test.as_ref(),
    ];
    for path in splits.into_iter().flatten() {
        if matching_shards(path)?.is_none() {
            fs::metadata(path).map_err(|source| TrainError::Io {
                path: path.clone(),
                source,
            })?;
        }
    }
    Ok(())
}

/// The content of train, dev and test, hashed.
fn data(settings: &Settings) -> Result<[Option<u64>; 3], TrainError> {
    let hash = |path: Option<&Path>| -> Result<Option<u64>, TrainError> {
        let Some(path) = path else { return Ok(None) };
        let of_one = |path: &Path| {
            fingerprint_of_files(path).map_err(|source| TrainError::Io {
                path: path.to_owned(),
                source,
            })
        };
        match matching_shards(path)? {
            None => of_one(path).map(Some),
            Some(shards) => {
                let hashes: Result<Vec<u64>, _> = shards.iter().map(|path| of_one(path)).collect();
                Ok(Some(fingerprint(&hashes?)))
            }
        }
    };
    Ok([
        hash(Some(&settings.train))?,
        hash(Some(&settings.dev))?,
        hash(settings.test.as_deref())?,
    ])
}

/// Does a run, from its newest checkpoint if it has one, and keeps its result; `None` when it was interrupted.
///
/// A run that diverges has a result too: that is what became of these settings.
///
/// # Errors
/// As [`train`].
pub fn run(
    folder: &Path,
    planned: &Planned,
    settings: &Settings,
    observer: &mut (dyn Observer + Send),
) -> Result<Option<RunResult>, TrainError> {
    let mut counting = Counting {
        inner: observer,
        path: folder
            .join("runs")
            .join(format!("{}.dev.json", planned.name)),
        failed: None,
    };
    let outcome = match train(settings, &mut counting) {
        Ok(report) if report.stopped == Stopped::Interrupted => return Ok(None),
        Err(TrainError::Interrupted) => return Ok(None),
        Err(error @ TrainError::Diverged { .. }) => Outcome::Diverged(error.to_string()),
        Err(error) => return Err(error),
        Ok(report) => {
            let kept: Option<Kept> = read(&counting.path)?;
            let (Some(best), Some(kept)) = (report.best, kept) else {
                return Err(counting.error(io::ErrorKind::NotFound.into()));
            };
            Outcome::Finished(Box::new(FinishedRun {
                epochs: report.epochs,
                best,
                test: report.test,
                train_seconds: report.train_seconds,
                train_samples_per_second: report.train_samples_per_second,
                dev_sentences: kept.sentences,
            }))
        }
    };
    if let Some(error) = counting.failed.take() {
        return Err(counting.error(error));
    }
    let result = RunResult {
        name: planned.name.clone(),
        configuration: planned.configuration.clone(),
        seed: settings.seed,
        settings: deciding(settings)?,
        data: data(settings)?,
        outcome,
    };
    write(&result_path(folder, planned), &result)?;
    // The result is on the disk: what was needed to get there is not needed any more.
    let _ = fs::remove_file(&counting.path);
    let _ = fs::remove_dir_all(&settings.checkpoint_dir);
    Ok(Some(result))
}

fn result_path(folder: &Path, planned: &Planned) -> PathBuf {
    folder
        .join("results")
        .join(format!("{}.json", planned.name))
}

/// The counts of the best model so far, on the disk so that a run which is resumed after its best evaluation has them.
#[derive(Serialize, Deserialize)]
struct Kept {
    sentences: Vec<[usize; 3]>,
}

/// Keeps each dev sentence's counts by the best model, and passes events on.
struct Counting<'a> {
    inner: &'a mut (dyn Observer + Send),
    path: PathBuf,
    failed: Option<io::Error>,
}

impl Counting<'_> {
    fn error(&self, source: io::Error) -> TrainError {
        let path = self.path.clone();
        TrainError::Io { path, source }
    }
}

impl Observer for Counting<'_> {
    fn event(&mut self, event: &Event) {
        if let Event::Evaluated(evaluated) = event
            && evaluated.best
        {
            let counts = |c: &Counts| [c.correct, c.predicted, c.gold];
            let kept = Kept {
                sentences: evaluated.scores.sentences.iter().map(counts).collect(),
            };
            let written = serde_json::to_vec(&kept)
                .map_err(io::Error::from)
                .and_then(|json| atomic::write(&self.path, &json));
            self.failed = written.err();
        }
        self.inner.event(event);
    }

    fn interrupted(&self) -> bool {
        self.inner.interrupted()
    }
}

/// Reads a JSON file that may not be there.
fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, TrainError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            TrainError::CheckpointDamaged {
                path: path.to_owned(),
                message: error.to_string(),
            }
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TrainError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let written = serde_json::to_vec(value)
        .map_err(io::Error::from)
        .and_then(|json| {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            atomic::write(path, &json)
        });
    written.map_err(|source| TrainError::Io {
        path: path.to_owned(),
        source,
    })
}
