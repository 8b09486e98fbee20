//! Shows a training run while it runs.
//!
//! On a terminal: a progress bar, above it a table that grows by a row an evaluation. Elsewhere: a
//! line an evaluation. Everything goes to standard error; standard output is for `--json`.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use bert_ner_model::{Group, Task};
use bert_ner_text::counted;
use bert_ner_train::{EvalProgress, Evaluated, Event, Observer, Split, Started, Step, Tested};
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::warn;
use crate::interrupt::Interrupt;
use crate::table::percent;

/// How much of the loss that is shown comes from the last step.
const NEWEST: f64 = 0.05;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    /// A bar and a table.
    Bar,
    /// Lines that say what they show.
    Lines,
    /// Warnings alone.
    Nothing,
}

/// Shows a run and passes on the user's wish to stop.
pub(crate) struct Watcher {
    show: Show,
    interrupt: Interrupt,
    bar: ProgressBar,
    /// Running mean of the loss.
    loss: Option<f64>,
    /// Whether the table has its header.
    headed: bool,
}

impl Watcher {
    pub(crate) fn new(quiet: bool, interrupt: Interrupt) -> Self {
        let show = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Show::Nothing,
            (false, true) => Show::Bar,
            (false, false) => Show::Lines,
        };
        Self {
            show,
            interrupt,
            bar: ProgressBar::hidden(),
            loss: None,
            headed: false,
        }
    }

    /// Writes a line above the bar.
    pub(crate) fn line(&self, text: &str) {
        if self.show != Show::Nothing {
            // Nobody is left to be told when standard error is closed.
            self.bar
                .suspend(|| drop(writeln!(io::stderr().lock(), "{text}")));
        }
    }

    fn started(&mut self, started: &Started) {
        for warning in &started.warnings {
            warn(warning);
        }
        for note in &started.notes {
            self.line(note);
        }
        let test = started
            .test_samples
            .map_or(String::new(), |test| format!(", {test} test"));
        let (what, labels) = match started.task {
            Task::Ner => ("sentences", "tags"),
            Task::Classify => ("texts", "labels"),
        };
        self.line(&format!(
            "{what}: {} train, {} dev{test}; {}; {} parameters; {}",
            started.train_samples,
            started.dev_samples,
            counted(started.labels.len(), labels),
            rounded(started.parameters),
            counted(started.total_steps, "steps"),
        ));
        if let Some(groups) = groups(&started.groups) {
            self.line(&groups);
        }
        if self.show == Show::Bar {
            self.bar = ProgressBar::new(started.total_steps as u64).with_style(style());
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    fn step(&mut self, step: &Step) {
        let loss = self
            .loss
            .map_or(step.loss, |loss| loss + NEWEST * (step.loss - loss));
        self.loss = Some(loss);
        if self.show == Show::Bar {
            self.bar.set_position(step.step as u64);
            self.bar.set_prefix(format!("epoch {:.2}", step.epoch));
            self.bar.set_message(format!(
                "loss {loss:.4}  {:.1} samples/s",
                step.samples_per_second
            ));
        }
    }

    fn eval_progress(&self, progress: &EvalProgress) {
        if self.show == Show::Bar {
            let split = match progress.split {
                Split::Dev => "dev",
                Split::Test => "test",
            };
            self.bar.set_message(format!(
                "scoring {split} {}/{}",
                progress.done, progress.total
            ));
        }
    }

    fn evaluated(&mut self, row: &Evaluated) {
        match self.show {
            Show::Nothing => {}
            Show::Bar => {
                if !self.headed {
                    let [one, two, three] = columns(row).map(|(name, _)| name);
                    self.line(&format!(
                        "\n epoch    step  train loss  dev loss  {one:>9}  {two:>6}  {three:>5}"
                    ));
                    self.headed = true;
                }
                self.line(&table_row(row));
            }
            Show::Lines => self.line(&plain_row(row)),
        }
    }

    fn tested(&self, tested: &Tested) {
        let scores = &tested.scores;
        let (accuracy, loss) = (percent(scores.accuracy), tested.loss);
        self.line(&match &scores.classes {
            None => format!(
                "test: precision {}, recall {}, F1 {}, accuracy {accuracy}, loss {loss:.4}",
                percent(scores.precision),
                percent(scores.recall),
                percent(scores.f1),
            ),
            Some(classes) => format!(
                "test: accuracy {accuracy}, macro F1 {}, weighted F1 {}, loss {loss:.4}",
                percent(classes.macro_f1),
                percent(classes.weighted_f1),
            ),
        });
    }
}

impl Observer for Watcher {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started(started) => self.started(started),
            Event::Step(step) => self.step(step),
            Event::EvalProgress(progress) => self.eval_progress(progress),
            Event::Evaluated(evaluated) => self.evaluated(evaluated),
            Event::Saved(saved) => self
                .bar
                .set_message(format!("saved {}", saved.path.display())),
            Event::Checkpointed(saved) => self
                .bar
                .set_message(format!("saved {}", saved.path.display())),
            Event::Resumed(resumed) => self.line(&format!(
                "resumed from {}, {} done",
                resumed.path.display(),
                counted(resumed.step, "steps")
            )),
            Event::WasFinished(saved) => self.line(&format!(
                "{}: this run is finished already, nothing is left to do",
                saved.path.display()
            )),
            Event::Warning(message) => self.bar.suspend(|| warn(message)),
            Event::Tested(tested) => self.tested(tested),
            Event::Finished(_) => self.bar.finish_and_clear(),
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.asked()
    }
}

/// What learns how fast; nothing where all learns alike.
fn groups(groups: &[Group]) -> Option<String> {
    if groups.iter().all(|group| group.multiplier == 1.0) {
        return None;
    }
    let mut lines: Vec<(f64, Vec<&str>, usize)> = Vec::new();
    for group in groups {
        match lines.last_mut() {
            Some((multiplier, names, parameters)) if *multiplier == group.multiplier => {
                names.push(&group.name);
                *parameters += group.parameters;
            }
            _ => lines.push((group.multiplier, vec![&group.name], group.parameters)),
        }
    }
    let shown = lines.iter().map(|(multiplier, names, parameters)| {
        let names = match names[..] {
            [first, .., last] => format!("{first} to {last}"),
            [only] => only.to_owned(),
            [] => String::new(),
        };
        let rate = match multiplier {
            0.0 => "frozen".to_owned(),
            _ => format!("learning rate x {multiplier}"),
        };
        format!("{names} ({}): {rate}", rounded(*parameters))
    });
    Some(shown.collect::<Vec<_>>().join("; "))
}

/// A number of parameters as the field writes it: `22.7M`.
fn rounded(parameters: usize) -> String {
    match parameters as f64 {
        large if large >= 1e6 => format!("{:.1}M", large / 1e6),
        small => format!("{:.1}K", small / 1e3),
    }
}

fn style() -> ProgressStyle {
    // The template is a constant: were it wrong, the plain bar would do.
    ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len}  {msg}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The three scores that are shown, with their names: of entities, or of whole texts.
fn columns(row: &Evaluated) -> [(&'static str, f64); 3] {
    let scores = &row.scores;
    match &scores.classes {
        None => [
            ("precision", scores.precision),
            ("recall", scores.recall),
            ("F1", scores.f1),
        ],
        Some(classes) => [
            ("macro F1", classes.macro_f1),
            ("weighted F1", classes.weighted_f1),
            ("accuracy", scores.accuracy),
        ],
    }
}

/// Widths are those of the header in [`Watcher::evaluated`].
fn table_row(row: &Evaluated) -> String {
    let [one, two, three] = columns(row).map(|(name, value)| {
        let width = name.len();
        format!("{:>width$}", percent(value))
    });
    format!(
        "{:>6.2}  {:>6}  {:>10.4}  {:>8.4}  {one:>9}  {two:>6}  {three:>5}{}",
        row.epoch,
        row.step,
        row.train_loss,
        row.loss,
        if row.best { "  best" } else { "" },
    )
}

fn plain_row(row: &Evaluated) -> String {
    let [one, two, three] = columns(row).map(|(name, value)| format!("{name} {}", percent(value)));
    format!(
        "epoch {:.2}  step {}  train loss {:.4}  dev loss {:.4}  {one}  {two}  {three}{}",
        row.epoch,
        row.step,
        row.train_loss,
        row.loss,
        if row.best { "  best" } else { "" },
    )
}
