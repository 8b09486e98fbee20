//! One label a text: accuracy, F1 over labels and the confusion matrix, as scikit-learn counts them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::counts::{Counts, ratio};
use crate::scores::{Scores, TypeScores};

/// Compares labels of texts.
#[derive(Debug, Clone)]
pub struct ClassScorer {
    labels: Vec<String>,
    /// `[K, K]`: rows are gold.
    confusion: Vec<Vec<usize>>,
    /// One a text, in the order of adding.
    texts: Vec<Counts>,
}

/// What [`Scores`] holds besides where texts have labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The plain mean of the F1 of the labels that were annotated or predicted: `f1_score(average="macro")`.
    pub macro_f1: f64,
    /// Their mean weighted by gold texts: `f1_score(average="weighted")`.
    pub weighted_f1: f64,
    /// The labels in the order of the matrix.
    pub labels: Vec<String>,
    /// Texts by gold label (row) and predicted label (column).
    pub confusion: Vec<Vec<usize>>,
}

impl ClassScorer {
    /// A scorer of these labels; others take their place behind them when they are met.
    pub fn new(labels: &[String]) -> Self {
        Self {
            labels: labels.to_vec(),
            confusion: vec![vec![0; labels.len()]; labels.len()],
            texts: Vec::new(),
        }
    }

    /// Counts one text.
    pub fn add(&mut self, gold: &str, predicted: &str) {
        let (row, column) = (self.place(gold), self.place(predicted));
        self.confusion[row][column] += 1;
        self.texts.push(Counts {
            correct: usize::from(row == column),
            predicted: 1,
            gold: 1,
        });
    }

    fn place(&mut self, label: &str) -> usize {
        if let Some(place) = self.labels.iter().position(|known| known == label) {
            return place;
        }
        self.labels.push(label.to_owned());
        self.confusion.iter_mut().for_each(|row| row.push(0));
        self.confusion.push(vec![0; self.labels.len()]);
        self.labels.len() - 1
    }

    /// The scores. Precision, recall and F1 are plain means over the labels that were annotated or predicted, `by_type` is by label.
    pub fn finish(self) -> Scores {
        let counts = |k: usize| Counts {
            correct: self.confusion[k][k],
            predicted: self.confusion.iter().map(|row| row[k]).sum(),
            gold: self.confusion[k].iter().sum(),
        };
        let by_type: BTreeMap<String, TypeScores> = (0..self.labels.len())
            .map(|k| (self.labels[k].clone(), counts(k)))
            .filter(|(_, counts)| counts.gold + counts.predicted > 0)
            .map(|(label, counts)| (label, TypeScores::from(counts)))
            .collect();
        let correct = (0..self.labels.len()).map(|k| self.confusion[k][k]).sum();
        let texts = self.texts.len();
        let mut scores = Scores {
            precision: 0.0,
            recall: 0.0,
            f1: 0.0,
            accuracy: ratio(correct, texts),
            by_type,
            classes: None,
            correct,
            predicted: texts,
            gold: texts,
            tokens: texts,
            correct_tokens: correct,
            sentences: self.texts,
        };
        let mean = scores.macro_average();
        (scores.precision, scores.recall, scores.f1) = (mean.precision, mean.recall, mean.f1);
        scores.classes = Some(ClassScores {
            macro_f1: mean.f1,
            weighted_f1: scores.weighted_average().f1,
            labels: self.labels,
            confusion: self.confusion,
        });
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_scikit_learn() {
        let labels = ["joy", "love", "fear", "unused"].map(str::to_owned);
        let mut scorer = ClassScorer::new(&labels);
        let gold = ["joy", "joy", "love", "love", "love", "fear", "joy", "new"];
        let predicted = ["joy", "love", "love", "love", "joy", "joy", "joy", "joy"];
        for (gold, predicted) in gold.into_iter().zip(predicted) {
            scorer.add(gold, predicted);
        }
        let scores = scorer.finish();
        let classes = scores.classes.as_ref().expect("texts have labels");
        // sklearn.metrics: accuracy_score, precision_score, recall_score and f1_score(average=...), zero_division=0
        let near = |found: f64, want: f64| assert!((found - want).abs() < 1e-12, "{found} {want}");
        near(scores.accuracy, 0.5);
        near(scores.precision, 0.266_666_666_666_666_66);
        near(scores.recall, 0.333_333_333_333_333_3);
        near(scores.f1, 0.291_666_666_666_666_63);
        near(classes.macro_f1, scores.f1);
        near(classes.weighted_f1, 0.4375);
        assert_eq!(classes.labels, ["joy", "love", "fear", "unused", "new"]);
        assert_eq!(
            classes.confusion,
            [
                [2, 1, 0, 0, 0],
                [1, 2, 0, 0, 0],
                [1, 0, 0, 0, 0],
                [0, 0, 0, 0, 0],
                [1, 0, 0, 0, 0]
            ]
        );
        assert_eq!(scores.by_type.len(), 4);
        // So that a sweep's bootstrap over texts is one of accuracy.
        near(scores.counts().f1(), scores.accuracy);
    }
}
