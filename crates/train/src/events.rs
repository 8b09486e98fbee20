//! What a run tells whoever watches it.

use std::path::PathBuf;

use bert_ner_model::{Group, Task};
use bert_ner_score::Scores;

use crate::report::Stopped;

/// Watches a run and may ask it to stop.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event);

    /// Whether the run should stop after the current step and keep the best model so far.
    fn interrupted(&self) -> bool {
        false
    }
}

/// An observer that hears nothing and never interrupts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: &Event) {}
}

/// One thing that happened in a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// Everything is loaded; the first step comes next.
    Started(Started),
    /// An optimizer step is done.
    Step(Step),
    /// Part of an evaluation is done.
    EvalProgress(EvalProgress),
    /// The dev split is scored.
    Evaluated(Evaluated),
    /// A model folder is written.
    Saved(Saved),
    /// The test split is scored.
    Tested(Tested),
    /// The state of the run is written.
    Checkpointed(Saved),
    /// The run goes on from this checkpoint.
    Resumed(Resumed),
    /// The run that was to go on had come to its end before: nothing is done.
    WasFinished(Saved),
    /// Something a person should know; the run goes on.
    Warning(String),
    /// The run is over and everything is written.
    Finished(Finished),
}

/// What a run is about to do.
#[derive(Debug, Clone)]
pub struct Started {
    /// Training sentences.
    pub train_samples: usize,
    /// Dev sentences.
    pub dev_samples: usize,
    /// Test sentences, when there is a test split.
    pub test_samples: Option<usize>,
    /// Training sequences: more than the sentences when some needed several windows.
    pub train_sequences: usize,
    /// What is predicted.
    pub task: Task,
    /// Tag names in the order of their ids.
    pub labels: Vec<String>,
    /// Parameters of the model.
    pub parameters: usize,
    /// The parts of the model and what each learns at.
    pub groups: Vec<Group>,
    /// Batches in one epoch.
    pub batches: usize,
    /// Optimizer steps of the whole run.
    pub total_steps: usize,
    /// Optimizer steps done before: more than 0 in a run that was resumed.
    pub first_step: usize,
    /// What became of the entities of each split, where tags cannot always tell them.
    pub notes: Vec<String>,
    /// What a person should know about the data before trusting the result.
    pub warnings: Vec<String>,
}

/// One optimizer step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Passes over the training sentences so far.
    pub epoch: f64,
    /// Steps so far.
    pub step: usize,
    /// Steps of the whole run.
    pub total_steps: usize,
    /// Loss of this step's sentences.
    pub loss: f64,
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Sentences per second since the run began, evaluations not counted.
    pub samples_per_second: f64,
    /// Norm of the gradient before it was clipped.
    pub gradient_norm: f64,
}

/// A split that is scored during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The one that chooses the best model.
    Dev,
    /// The one that is scored once, at the end.
    Test,
}

/// How far an evaluation is.
#[derive(Debug, Clone, Copy)]
pub struct EvalProgress {
    /// The split.
    pub split: Split,
    /// Sentences tagged so far.
    pub done: usize,
    /// Sentences in all.
    pub total: usize,
}

/// The dev split's scores.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// Passes over the training sentences so far.
    pub epoch: f64,
    /// Optimizer steps so far.
    pub step: usize,
    /// Mean training loss since the evaluation before.
    pub train_loss: f64,
    /// Entity scores of the dev split.
    pub scores: Scores,
    /// Mean negative log-likelihood of a dev word's gold tag.
    pub loss: f64,
    /// Whether this is the best model so far.
    pub best: bool,
}

/// A model folder or a checkpoint that was written.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The folder, or the checkpoint's file.
    pub path: PathBuf,
}

/// A checkpoint that a run goes on from.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The file.
    pub path: PathBuf,
    /// Optimizer steps done until then.
    pub step: usize,
}

/// The test split's scores.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Entity scores of the test split.
    pub scores: Scores,
    /// Mean negative log-likelihood of a test word's gold tag.
    pub loss: f64,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Why it ended.
    pub stopped: Stopped,
    /// Seconds of training, evaluations not counted.
    pub train_seconds: f64,
    /// The model folder.
    pub output: PathBuf,
}
