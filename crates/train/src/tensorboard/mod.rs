//! TensorBoard event files: what a run does, for `tensorboard --logdir`.
//!
//! A file is a row of records ([`wire`]) with an `Event` message each ([`summary`]). This module owns which numbers are logged, and
//! under which names.

mod summary;
mod wire;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bert_ner_model::Group;
use bert_ner_score::Scores;
use serde_json::{Map, Value};

use crate::{Evaluated, Event, Observer, Settings, Started, Step, Stopped, TrainError};
use wire::Message;

/// How long a number may wait in memory, so that a board that is watched moves.
const PATIENCE: Duration = Duration::from_secs(5);

/// The measures in TensorBoard's table of runs.
const METRICS: [&str; 2] = ["f1/Val", "Loss/Val"];

/// Writes what a run tells to an event file, and passes it on.
pub(crate) struct Logged<'a> {
    inner: &'a mut (dyn Observer + Send),
    settings: &'a Settings,
    /// `None` when nothing is logged, or no longer.
    file: Option<EventFile>,
    so_far: SoFar,
}

/// What later events need of earlier ones.
#[derive(Default)]
struct SoFar {
    /// The step of the newest number.
    step: usize,
    /// The name of each learning rate and its factor: one for all, or one for each part of the model.
    rates: Vec<(String, f64)>,
}

impl<'a> Logged<'a> {
    /// Tells `inner`; logs after [`Logged::open`].
    pub(crate) fn new(settings: &'a Settings, inner: &'a mut (dyn Observer + Send)) -> Self {
        Self {
            inner,
            settings,
            file: None,
            so_far: SoFar::default(),
        }
    }

    /// Begins to log into `settings.logdir`, if there is one.
    ///
    /// # Errors
    /// When no file can be made there.
    pub(crate) fn open(&mut self) -> Result<(), TrainError> {
        if let Some(folder) = &self.settings.logdir {
            let file = EventFile::create(folder).map_err(|source| TrainError::Io {
                path: folder.clone(),
                source,
            })?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// A disk that fills up ends the log, not the run.
    fn log(&mut self, event: &Event) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = write(file, self.settings, &mut self.so_far, event) {
            let message = format!("{}: {error}; nothing more is logged", file.path.display());
            self.file = None;
            self.inner.event(&Event::Warning(message));
        }
    }
}

impl Observer for Logged<'_> {
    fn event(&mut self, event: &Event) {
        self.log(event);
        self.inner.event(event);
    }

    fn interrupted(&self) -> bool {
        self.inner.interrupted()
    }
}

fn write(
    file: &mut EventFile,
    settings: &Settings,
    so_far: &mut SoFar,
    event: &Event,
) -> io::Result<()> {
    match event {
        Event::Started(started) => {
            so_far.step = started.first_step;
            so_far.rates = rates(&started.groups);
            begin(file, settings, started)
        }
        Event::Step(done) => {
            so_far.step = done.step;
            file.scalars(done.step, &of_step(done, &so_far.rates))
        }
        Event::Evaluated(evaluated) => {
            file.scalars(evaluated.step, &of_evaluation(evaluated))?;
            file.flush()
        }
        Event::Tested(tested) => {
            file.scalars(so_far.step, &of_scores("Test", tested.loss, &tested.scores))
        }
        Event::Checkpointed(_) => file.flush(),
        Event::Finished(finished) => {
            if finished.stopped != Stopped::Interrupted {
                let end = summary::session_end(now());
                file.write(&summary::event(now(), 0, &[end]))?;
            }
            file.flush()
        }
        Event::EvalProgress(_)
        | Event::Saved(_)
        | Event::Resumed(_)
        | Event::WasFinished(_)
        | Event::Warning(_) => Ok(()),
    }
}

fn begin(file: &mut EventFile, settings: &Settings, started: &Started) -> io::Result<()> {
    let settings = settings.json().map_err(io::Error::other)?;
    // TensorBoard forgets what an earlier file logged for this step and later ones.
    let first = match started.first_step {
        0 => 0,
        done => done + 1,
    };
    file.write(&summary::session_start(now(), first))?;
    let values = [
        summary::experiment(&settings, &METRICS),
        summary::session_settings(&settings, now()),
        summary::text("settings/text_summary", &table(&settings)),
    ];
    file.write(&summary::event(now(), started.first_step, &values))?;
    file.flush()
}

/// The settings as a Markdown table.
fn table(settings: &Map<String, Value>) -> String {
    let mut table = "| setting | value |\n|---|---|\n".to_owned();
    for (key, value) in settings.iter().filter(|(_, value)| !value.is_null()) {
        let shown = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        table.push_str(&format!("| {key} | {} |\n", shown.replace('|', "\\|")));
    }
    table
}

type Scalar = (String, f64);

/// One rate where all parts of the model learn alike, else one for each.
fn rates(groups: &[Group]) -> Vec<(String, f64)> {
    let first = groups.first().map_or(1.0, |group| group.multiplier);
    if groups.iter().all(|group| group.multiplier == first) {
        return vec![("learning-rate/all".to_owned(), first)];
    }
    let rate = |group: &Group| (format!("learning-rate/{}", group.name), group.multiplier);
    groups.iter().map(rate).collect()
}

fn of_step(step: &Step, rates: &[(String, f64)]) -> Vec<Scalar> {
    let mut all: Vec<Scalar> = [
        ("Loss/Train", step.loss),
        ("gradient/norm", step.gradient_norm),
        ("speed/samples per second", step.samples_per_second),
    ]
    .map(|(tag, value)| (tag.to_owned(), value))
    .into();
    all.extend(
        rates
            .iter()
            .map(|(tag, factor)| (tag.clone(), factor * step.learning_rate)),
    );
    all
}

fn of_evaluation(evaluated: &Evaluated) -> Vec<Scalar> {
    of_scores("Val", evaluated.loss, &evaluated.scores)
}

/// `Loss/Val`, `f1/Val` and its kin, and `f1/Val/PER` of each type; likewise for `Test`.
fn of_scores(split: &str, loss: f64, scores: &Scores) -> Vec<Scalar> {
    let mut all = vec![
        (format!("Loss/{split}"), loss),
        (format!("f1/{split}"), scores.f1),
        (format!("precision/{split}"), scores.precision),
        (format!("recall/{split}"), scores.recall),
        (format!("accuracy/{split}"), scores.accuracy),
    ];
    let weighted = scores.classes.as_ref().map(|classes| classes.weighted_f1);
    all.extend(weighted.map(|f1| (format!("weighted-f1/{split}"), f1)));
    for (label, scores) in &scores.by_type {
        all.extend([
            (format!("f1/{split}/{label}"), scores.f1),
            (format!("precision/{split}/{label}"), scores.precision),
            (format!("recall/{split}/{label}"), scores.recall),
        ]);
    }
    all
}

/// An event file that is being written.
struct EventFile {
    path: PathBuf,
    out: BufWriter<File>,
    flushed: Instant,
}

impl EventFile {
    /// A new file in `folder`, named so that it is read after those that are there.
    fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let name = |count: u32| {
            let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
            let process = std::process::id();
            format!("events.out.tfevents.{seconds:010}.{nanos:09}.{process}.{count}")
        };
        let (path, file) = (0..)
            .map(|count| folder.join(name(count)))
            .find_map(|path| match File::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                created => Some(created.map(|file| (path, file))),
            })
            .ok_or(io::ErrorKind::AlreadyExists)??;
        let mut created = Self {
            path,
            out: BufWriter::new(file),
            flushed: Instant::now(),
        };
        created.write(&summary::file_version(now()))?;
        created.flush()?;
        Ok(created)
    }

    fn scalars(&mut self, step: usize, scalars: &[Scalar]) -> io::Result<()> {
        let values: Vec<Message> = scalars
            .iter()
            .map(|(tag, value)| summary::scalar(tag, *value))
            .collect();
        self.write(&summary::event(now(), step, &values))
    }

    fn write(&mut self, event: &Message) -> io::Result<()> {
        wire::write_record(&mut self.out, event.as_bytes())?;
        if self.flushed.elapsed() > PATIENCE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed = Instant::now();
        self.out.flush()
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_bytes_that_torch_and_tensorboard_write() {
        // Written by tools/golden/tensorboard_events.py.
        let golden = include_bytes!("../../tests/data/golden.tfevents");
        let Value::Object(settings) = serde_json::json!({
            "epochs": 3.0, "seed": 0, "model": "bert", "strict": false, "dropout": null, "labels": ["O"],
        }) else {
            unreachable!("it is an object")
        };
        let mut ours = Vec::new();
        for event in [
            summary::file_version(1.5),
            summary::event(2.5, 7, &[summary::scalar("Loss/Train", 0.25)]),
            summary::event(2.5, 0, &[summary::text("settings/text_summary", "| a |")]),
            summary::session_start(3.5, 300),
            summary::event(3.5, 0, &[summary::experiment(&settings, &METRICS)]),
            summary::event(3.5, 0, &[summary::session_settings(&settings, 4.5)]),
            summary::event(3.5, 0, &[summary::session_end(5.5)]),
        ] {
            wire::write_record(&mut ours, event.as_bytes()).unwrap();
        }
        assert_eq!(
            ours.escape_ascii().to_string(),
            golden.escape_ascii().to_string()
        );
    }

    #[test]
    fn files_of_one_folder_are_read_in_the_order_of_their_making() {
        let folder = tempfile::tempdir().unwrap();
        let made: Vec<PathBuf> = (0..3)
            .map(|_| EventFile::create(folder.path()).unwrap().path)
            .collect();
        assert!(made.is_sorted(), "{made:?}");
    }
}
