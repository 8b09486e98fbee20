//! The result of a comparison.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::counts::{Counts, ratio};
use crate::scorer::Tally;
use crate::{Bootstrap, ClassScores, Confidence};

/// Scores over all types (micro average) and of each type; of whole texts over their labels (macro average) and of each label.
///
/// A ratio whose denominator is 0 is 0. Serialized are precision, recall, F1, accuracy and
/// `by_type`; the counts behind them stay here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// `correct / predicted` over all entities.
    pub precision: f64,
    /// `correct / gold` over all entities.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Share of the words whose predicted tag equals the gold tag.
    pub accuracy: f64,
    /// Scores of each type that was annotated or predicted.
    pub by_type: BTreeMap<String, TypeScores>,
    /// Of whole texts alone.
    #[serde(flatten)]
    pub classes: Option<ClassScores>,
    /// Predicted entities whose words and type are those of a gold entity.
    #[serde(skip)]
    pub correct: usize,
    /// Predicted entities.
    #[serde(skip)]
    pub predicted: usize,
    /// Gold entities.
    #[serde(skip)]
    pub gold: usize,
    /// Words.
    #[serde(skip)]
    pub tokens: usize,
    /// Words whose predicted tag equals the gold tag.
    #[serde(skip)]
    pub correct_tokens: usize,
    /// Entities of each sentence, in the order of adding.
    #[serde(skip)]
    pub sentences: Vec<Counts>,
}

/// Scores of one entity type.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TypeScores {
    /// `correct / predicted`.
    pub precision: f64,
    /// `correct / gold`.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Gold entities.
    pub support: usize,
    /// Predicted entities.
    #[serde(skip)]
    pub predicted: usize,
    /// Predicted entities whose words and type are those of a gold entity.
    #[serde(skip)]
    pub correct: usize,
}

/// An average over types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Average {
    /// Averaged precision.
    pub precision: f64,
    /// Averaged recall.
    pub recall: f64,
    /// Averaged F1, which is not the harmonic mean of the two above.
    pub f1: f64,
}

impl Scores {
    pub(crate) fn new(tally: Tally) -> Self {
        let mut total = Counts::default();
        tally.by_type.values().for_each(|&counts| total += counts);
        // Only conlleval can count a correct entity under a type that nobody has: see its `Walk`.
        let seen = tally
            .by_type
            .into_iter()
            .filter(|(_, counts)| counts.gold + counts.predicted > 0);
        Self {
            precision: total.precision(),
            recall: total.recall(),
            f1: total.f1(),
            accuracy: ratio(tally.correct_tokens, tally.tokens),
            by_type: seen
                .map(|(label, counts)| (label, TypeScores::from(counts)))
                .collect(),
            classes: None,
            correct: total.correct,
            predicted: total.predicted,
            gold: total.gold,
            tokens: tally.tokens,
            correct_tokens: tally.correct_tokens,
            sentences: tally.sentences,
        }
    }

    /// The entities of all sentences.
    pub fn counts(&self) -> Counts {
        Counts {
            correct: self.correct,
            predicted: self.predicted,
            gold: self.gold,
        }
    }

    /// The types that are only annotated and those that are only predicted, when no type is both though there are some of either:
    /// the two columns are then hardly of one annotation.
    pub fn strangers(&self) -> Option<(Vec<&str>, Vec<&str>)> {
        let of = |wanted: fn(&TypeScores) -> bool| -> Vec<&str> {
            let types = self.by_type.iter().filter(|(_, scores)| wanted(scores));
            types.map(|(label, _)| label.as_str()).collect()
        };
        let (gold, predicted) = (of(|s| s.support > 0), of(|s| s.predicted > 0));
        let strange = !gold.is_empty()
            && !predicted.is_empty()
            && predicted.iter().all(|label| !gold.contains(label));
        strange.then_some((gold, predicted))
    }

    /// The plain mean over types (seqeval's `macro`), and 0 without any type.
    pub fn macro_average(&self) -> Average {
        self.average(|_| 1)
    }

    /// The mean over types weighted by their gold entities (seqeval's `weighted`), and 0 without
    /// any gold entity.
    pub fn weighted_average(&self) -> Average {
        self.average(|scores| scores.support)
    }

    fn average(&self, weight: impl Fn(&TypeScores) -> usize) -> Average {
        let total: usize = self.by_type.values().map(&weight).sum();
        if total == 0 {
            return Average::default();
        }
        let mean = |value: fn(&TypeScores) -> f64| {
            let sum: f64 = self
                .by_type
                .values()
                .map(|scores| value(scores) * weight(scores) as f64)
                .sum();
            sum / total as f64
        };
        Average {
            precision: mean(|scores| scores.precision),
            recall: mean(|scores| scores.recall),
            f1: mean(|scores| scores.f1),
        }
    }

    /// How far precision, recall and F1 would move with another draw of sentences.
    pub fn confidence(&self, bootstrap: &Bootstrap) -> Confidence {
        bootstrap.confidence(&self.sentences)
    }
}

impl TypeScores {
    /// The entities of this type.
    pub fn counts(&self) -> Counts {
        Counts {
            correct: self.correct,
            predicted: self.predicted,
            gold: self.support,
        }
    }
}

impl From<Counts> for TypeScores {
    fn from(counts: Counts) -> Self {
        Self {
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            support: counts.gold,
            predicted: counts.predicted,
            correct: counts.correct,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Mode, Scorer};

    #[test]
    fn json_holds_the_scores_and_the_support_of_each_type() {
        let mut scorer = Scorer::new(Mode::Seqeval);
        scorer
            .add(&["B-PER", "O"], &["B-PER", "B-LOC"])
            .expect("one length");
        assert_eq!(
            serde_json::to_string(&scorer.finish()).expect("plain numbers"),
            concat!(
                r#"{"precision":0.5,"recall":1.0,"f1":0.6666666666666666,"accuracy":0.5,"by_type":{"#,
                r#""LOC":{"precision":0.0,"recall":0.0,"f1":0.0,"support":0},"#,
                r#""PER":{"precision":1.0,"recall":1.0,"f1":1.0,"support":1}}}"#
            )
        );
    }

    #[test]
    fn nothing_scores_zero() {
        let scores = Scorer::new(Mode::Seqeval).finish();
        assert_eq!(
            (scores.f1, scores.accuracy, scores.macro_average().f1),
            (0.0, 0.0, 0.0)
        );
    }
}
