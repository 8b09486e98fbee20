//! Counts of entities, and the ratios made of them.

use std::ops::AddAssign;

/// How many entities of some kind were annotated, predicted, and both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Predicted entities whose words and type equal those of a gold entity.
    pub correct: usize,
    /// Predicted entities.
    pub predicted: usize,
    /// Gold entities.
    pub gold: usize,
}

impl Counts {
    /// `correct / predicted`, and 0 when nothing was predicted.
    pub fn precision(&self) -> f64 {
        ratio(self.correct, self.predicted)
    }

    /// `correct / gold`, and 0 when nothing is annotated.
    pub fn recall(&self) -> f64 {
        ratio(self.correct, self.gold)
    }

    /// The harmonic mean of precision and recall, and 0 when both are 0.
    pub fn f1(&self) -> f64 {
        harmonic(self.precision(), self.recall())
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.correct += other.correct;
        self.predicted += other.predicted;
        self.gold += other.gold;
    }
}

/// `part / whole`, and 0 of nothing (`zero_division=0` in seqeval and scikit-learn).
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// `2pr / (p + r)` in seqeval's and conlleval's order of operations, so that every bit agrees.
pub(crate) fn harmonic(precision: f64, recall: f64) -> f64 {
    let sum = precision + recall;
    if sum > 0.0 {
        2.0 * precision * recall / sum
    } else {
        0.0
    }
}
