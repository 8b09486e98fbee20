//! Whether settings can work, each against the range in which it means something.

use super::Settings;
use crate::TrainError;
use crate::choices::{ClassWeights, EvalEvery, Select};

/// Nothing, or the first thing that is wrong.
pub(crate) type Checked = Result<(), TrainError>;

fn refuse(key: &'static str, message: impl Into<String>) -> Checked {
    Err(TrainError::setting(key, message))
}

/// Refuses what is not more than 0, or not a number.
pub(crate) fn positive(key: &'static str, value: f64) -> Checked {
    match value > 0.0 && value.is_finite() {
        true => Ok(()),
        false => refuse(key, format!("must be more than 0, not {value}")),
    }
}

fn not_negative(key: &'static str, value: f64) -> Checked {
    match value >= 0.0 && value.is_finite() {
        true => Ok(()),
        false => refuse(key, format!("must not be negative, not {value}")),
    }
}

fn at_least(key: &'static str, value: usize, least: usize) -> Checked {
    match value >= least {
        true => Ok(()),
        false => refuse(key, format!("must be at least {least}, not {value}")),
    }
}

impl Settings {
    /// Checks every number against the range in which it means something.
    ///
    /// # Errors
    /// [`TrainError::Setting`] names the first that does not fit and says what would.
    pub fn validate(&self) -> Checked {
        self.validate_paths()?;
        self.validate_optimizer()?;
        self.validate_sequences()?;
        self.validate_heads()?;
        self.validate_task()?;
        self.validate_objective()?;
        self.validate_lora()?;
        self.validate_evaluation()?;
        if self.checkpoint_every == Some(EvalEvery::Steps(0)) {
            return refuse("checkpoint-every", "must be at least 1, not 0");
        }
        at_least("keep", self.keep, 1)?;
        at_least("threads", self.threads, 1)
    }

    fn validate_optimizer(&self) -> Checked {
        positive("epochs", self.epochs)?;
        at_least("batch-size", self.batch_size, 1)?;
        positive("learning-rate", self.learning_rate)?;
        not_negative("weight-decay", self.weight_decay)?;
        if !(0.0..=1.0).contains(&self.warmup_ratio) {
            let message = format!("must lie between 0 and 1, not {}", self.warmup_ratio);
            return refuse("warmup-ratio", message);
        }
        not_negative("max-grad-norm", self.max_grad_norm)?;
        at_least("gradient-accumulation", self.gradient_accumulation, 1)
    }

    fn validate_sequences(&self) -> Checked {
        if self.max_length < 3 {
            let message = format!(
                "must be at least 3, not {}: [CLS], one piece of text and [SEP]",
                self.max_length
            );
            return refuse("max-length", message);
        }
        if let Some(dropout) = self.dropout.filter(|dropout| !(0.0..1.0).contains(dropout)) {
            let message = format!("must be at least 0 and less than 1, not {dropout}");
            return refuse("dropout", message);
        }
        Ok(())
    }

    fn validate_evaluation(&self) -> Checked {
        at_least("max-train-samples", self.max_train_samples.unwrap_or(1), 1)?;
        at_least("max-eval-samples", self.max_eval_samples.unwrap_or(1), 1)?;
        if self.eval_every == EvalEvery::Steps(0) {
            return refuse("eval-every", "must be at least 1, not 0");
        }
        at_least("early-stopping", self.early_stopping.unwrap_or(1), 1)?;
        if self.early_stopping.is_some() && self.select == Select::Last {
            let message =
                "needs a model to wait for: select is \"last\"; choose \"f1\" or \"loss\"";
            return refuse("early-stopping", message);
        }
        Ok(())
    }

    /// Settings are saved with the model, as text.
    pub(super) fn validate_paths(&self) -> Checked {
        let weights = match &self.class_weights {
            Some(ClassWeights::File(path)) => Some(path),
            _ => None,
        };
        let all = [
            ("model", Some(&self.model_dir)),
            ("train", Some(&self.train)),
            ("dev", Some(&self.dev)),
            ("test", self.test.as_ref()),
            ("output", Some(&self.output)),
            ("logdir", self.logdir.as_ref()),
            ("checkpoint-dir", Some(&self.checkpoint_dir)),
            ("class-weights", weights),
        ];
        let paths = all.into_iter().filter_map(|(key, path)| Some((key, path?)));
        for (key, path) in paths {
            if path.to_str().is_none() {
                let message = format!(
                    "is {}, which is not UTF-8; expected a path that training.json can hold",
                    path.display()
                );
                return refuse(key, message);
            }
        }
        Ok(())
    }
}
