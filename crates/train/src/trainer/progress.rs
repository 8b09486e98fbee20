//! Where a run is: with the seed, all that its next step depends on besides the numbers of the model.

use crate::best::Best;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a run is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Optimizer steps done.
    pub(super) steps: usize,
    /// Those that were done when dev was last scored.
    pub(super) evaluated: usize,
    /// Forward and backward passes done: the key of their dropout.
    pub(super) passes: u64,
    /// Time in training steps.
    pub(super) training: Duration,
    pub(super) sequences: usize,
    pub(super) pieces: usize,
    /// Losses of all steps, and of those since the last evaluation.
    pub(super) losses: (Mean, Mean),
    pub(super) best: Best,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    pub(super) fn add(&mut self, x: f64) {
        self.sum += x;
        self.count += 1;
    }

    pub(super) fn value(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

impl Progress {
    pub(super) fn after_step(&mut self, loss: f64, sequences: usize, time: Duration) {
        self.steps += 1;
        self.sequences += sequences;
        self.training += time;
        self.losses.0.add(loss);
        self.losses.1.add(loss);
    }
}
