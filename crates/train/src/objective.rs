//! The settings that say what is predicted and what is minimised: their checks, and what the model calls them.

use std::path::Path;

use bert_ner_model::{HeadKind, Loss, Objective, Task};
use serde_json::{Map, Value};

use crate::choices::{ClassWeights, LossChoice, Reduction, RnnChoice};
use crate::{Settings, TrainError};

/// Lin et al. found 2 the best.
pub(crate) const FOCAL_GAMMA: f32 = 2.0;
/// With which the dice loss is least where the gold tag has 0.91.
pub(crate) const DICE_ALPHA: f32 = 0.1;

impl Settings {
    /// Refuses what the task has no use for: it was meant to have an effect.
    pub(crate) fn validate_task(&self) -> Result<(), TrainError> {
        if self.task == Task::Ner {
            return Ok(());
        }
        let words_only = [
            ("head", self.head != HeadKind::Linear),
            ("rnn", self.rnn != RnnChoice::None),
            ("label-all-tokens", self.label_all_tokens),
            ("scheme", self.scheme.is_some()),
            ("words", self.words.is_some()),
            ("overlaps", self.overlaps.is_some()),
            ("fragments", self.fragments.is_some()),
        ];
        match words_only.into_iter().find(|&(_, set)| set) {
            None => Ok(()),
            Some((key, _)) => Err(TrainError::setting(
                key,
                "is for the tags of words: --task classify gives each text one label",
            )),
        }
    }

    /// Checks the settings of the loss.
    pub(crate) fn validate_objective(&self) -> Result<(), TrainError> {
        for (key, value) in [
            ("focal-gamma", self.focal_gamma),
            ("dice-alpha", self.dice_alpha),
        ] {
            if !(0.0..=100.0).contains(&value) {
                return Err(TrainError::setting(
                    key,
                    format!("must be 0 to 100, not {value}"),
                ));
            }
        }
        let smoothing = self.label_smoothing;
        if !(0.0..1.0).contains(&smoothing) {
            let message = format!("must be at least 0 and less than 1, not {smoothing}");
            return Err(TrainError::setting("label-smoothing", message));
        }
        let chosen = [
            ("loss", self.loss != LossChoice::CrossEntropy),
            ("label-smoothing", smoothing != 0.0),
            ("class-weights", self.class_weights.is_some()),
        ];
        if let Some((key, _)) = chosen.into_iter().find(|&(_, set)| set)
            && self.head == HeadKind::Crf
        {
            let message = "is for --head linear: a CRF has the likelihood of the whole sentence";
            return Err(TrainError::setting(key, message));
        }
        let loss = self.loss;
        let unused = [
            (
                "focal-gamma",
                self.focal_gamma != FOCAL_GAMMA && loss != LossChoice::Focal,
                "is for the focal loss: add --loss focal",
            ),
            (
                "dice-alpha",
                self.dice_alpha != DICE_ALPHA && loss != LossChoice::Dice,
                "is for the dice loss: add --loss dice",
            ),
            (
                "label-smoothing",
                smoothing != 0.0 && loss != LossChoice::CrossEntropy,
                "is for --loss cross-entropy",
            ),
        ];
        match unused.into_iter().find(|&(_, set, _)| set) {
            None => Ok(()),
            Some((key, _, message)) => Err(TrainError::setting(key, message)),
        }
    }

    /// What is minimised over training sequences with these gold tags.
    ///
    /// # Errors
    /// When the file of weights cannot be read, or does not weigh each of `labels`.
    pub(crate) fn objective<'t>(
        &self,
        labels: &[String],
        tags: impl Iterator<Item = &'t [u32]>,
    ) -> Result<Objective, TrainError> {
        let loss = match self.loss {
            LossChoice::CrossEntropy => Loss::CrossEntropy {
                smoothing: self.label_smoothing,
            },
            LossChoice::Focal => Loss::Focal {
                gamma: self.focal_gamma,
            },
            LossChoice::Dice => Loss::Dice {
                alpha: self.dice_alpha,
            },
        };
        let weights = match &self.class_weights {
            None => Vec::new(),
            Some(ClassWeights::Balanced) => balanced(labels.len(), tags),
            Some(ClassWeights::File(path)) => read_weights(path, labels)?,
        };
        Ok(Objective { loss, weights })
    }

    /// What the summed loss of scored rows is divided by, whose part in the mean is `unit` ([`Objective::unit`]).
    pub(crate) fn loss_unit(&self, unit: f64) -> f64 {
        match self.crf_reduction {
            // Where every gold tag weighs nothing, loss and gradient are 0 and not 0 / 0.
            Reduction::Mean if unit > 0.0 => unit,
            Reduction::Mean | Reduction::Sum => 1.0,
        }
    }
}

/// `n / (K n_tag)` over the `K` tags that occur, as scikit-learn's `compute_class_weight`; 1 for those that do not.
fn balanced<'t>(labels: usize, tags: impl Iterator<Item = &'t [u32]>) -> Vec<f32> {
    let mut counts = vec![0_usize; labels];
    tags.flatten().for_each(|&tag| counts[tag as usize] += 1);
    let all: usize = counts.iter().sum();
    let present = counts.iter().filter(|&&count| count > 0).count();
    let weight = |&count: &usize| match count {
        0 => 1.0,
        count => (all as f64 / (present as f64 * count as f64)) as f32,
    };
    counts.iter().map(weight).collect()
}

/// The weights of `labels` in a JSON object.
fn read_weights(path: &Path, labels: &[String]) -> Result<Vec<f32>, TrainError> {
    let text = std::fs::read(path).map_err(|source| TrainError::Io {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |message: String| {
        let message = format!("{}: {message}", path.display());
        TrainError::setting("class-weights", message)
    };
    let weights: Map<String, Value> = serde_json::from_slice(&text).map_err(|error| {
        wrong(format!(
            "expected a JSON object of label to weight: {error}"
        ))
    })?;
    if let Some(unknown) = weights.keys().find(|name| !labels.contains(name)) {
        let known = labels.join(", ");
        return Err(wrong(format!(
            "no label is called {unknown:?}; the labels are {known}"
        )));
    }
    let weight = |label: &String| {
        let value = weights
            .get(label)
            .ok_or_else(|| wrong(format!("has no weight for {label:?}")))?;
        let weight = value.as_f64().map(|weight| weight as f32);
        weight
            .filter(|weight| *weight >= 0.0 && weight.is_finite())
            .ok_or_else(|| {
                wrong(format!(
                    "the weight of {label:?} is {value}; expected 0 or more"
                ))
            })
    };
    let weights: Vec<f32> = labels.iter().map(weight).collect::<Result<_, _>>()?;
    match weights.iter().any(|&weight| weight > 0.0) {
        true => Ok(weights),
        false => Err(wrong("every weight is 0".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_are_those_of_scikit_learn() {
        // compute_class_weight("balanced", classes=[0, 1, 3], y=[0, 0, 0, 1, 3, 0])
        let tags: [&[u32]; 2] = [&[0, 0, 0, 1], &[3, 0]];
        assert_eq!(balanced(4, tags.into_iter()), [0.5, 2.0, 1.0, 2.0]);
    }

    #[test]
    fn a_file_weighs_every_label_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.json");
        let labels = ["O", "B-X"].map(str::to_owned);
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_weights(&path, &labels).map_err(|error| error.to_string())
        };
        assert_eq!(read(r#"{"B-X": 2, "O": 0.5}"#), Ok(vec![0.5, 2.0]));
        for (text, message) in [
            (r#"{"B-X": 2}"#, "has no weight for \"O\""),
            (
                r#"{"B-X": 2, "O": 1, "Y": 1}"#,
                "no label is called \"Y\"; the labels are O, B-X",
            ),
            (
                r#"{"B-X": -2, "O": 1}"#,
                "the weight of \"B-X\" is -2; expected 0 or more",
            ),
            (r#"{"B-X": 0, "O": 0}"#, "every weight is 0"),
            ("[1]", "expected a JSON object of label to weight"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(message), "{error}");
            assert!(error.starts_with("class-weights "), "{error}");
        }
    }
}
