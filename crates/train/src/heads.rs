//! The settings that say what stands on the encoder and what learns how fast: their checks, and what the model calls them.

use bert_ner_model::{Freeze, HeadKind, Heads, OptimizerSettings, Rates, Rnn, Task};

use crate::choices::Reduction;
use crate::settings::check::positive;
use crate::{Settings, TrainError};

/// Hidden units of a recurrent network when nobody says.
pub(crate) const RNN_HIDDEN: usize = 256;
/// Its layers.
pub(crate) const RNN_LAYERS: usize = 1;

impl Settings {
    /// What stands on the encoder.
    pub fn heads(&self) -> Heads {
        Heads {
            task: self.task,
            head: self.head,
            rnn: self.rnn.kind().map(|kind| Rnn {
                kind,
                hidden: self.rnn_hidden,
                layers: self.rnn_layers,
            }),
            crf_constraints: self.crf_constraints,
        }
    }

    /// How the optimizer makes its steps.
    pub fn optimizer(&self) -> OptimizerSettings {
        OptimizerSettings {
            weight_decay: self.weight_decay,
            max_grad_norm: self.max_grad_norm,
            rates: Rates {
                classifier: self.head_lr_multiplier,
                rnn: self.rnn_lr_multiplier,
                crf: self.crf_lr_multiplier,
                layer_decay: self.layer_lr_decay,
                spares_bias_and_norm: self.no_decay_bias_norm,
            },
        }
    }

    /// Checks the settings of this file.
    pub(crate) fn validate_heads(&self) -> Result<(), TrainError> {
        let wrong = |key, message: String| Err(TrainError::setting(key, message));
        for (key, value) in [
            ("crf-lr-multiplier", self.crf_lr_multiplier),
            ("rnn-lr-multiplier", self.rnn_lr_multiplier),
            ("head-lr-multiplier", self.head_lr_multiplier),
        ] {
            positive(key, value)?;
        }
        if !(self.layer_lr_decay > 0.0 && self.layer_lr_decay <= 1.0) {
            let message = format!(
                "must be more than 0 and at most 1, not {}",
                self.layer_lr_decay
            );
            return wrong("layer-lr-decay", message);
        }
        for (key, value, most) in [
            ("rnn-hidden", self.rnn_hidden, 1 << 16),
            ("rnn-layers", self.rnn_layers, 64),
        ] {
            if !(1..=most).contains(&value) {
                return wrong(key, format!("must be 1 to {most}, not {value}"));
            }
        }
        self.validate_use()
    }

    /// Refuses what would have no effect: it was meant to have one.
    fn validate_use(&self) -> Result<(), TrainError> {
        let crf = [
            ("crf-constraints", self.crf_constraints),
            ("crf-reduction", self.crf_reduction != Reduction::Mean),
            ("crf-lr-multiplier", self.crf_lr_multiplier != 1.0),
        ];
        let unused = crf.into_iter().find(|&(_, set)| set);
        if let Some((key, _)) = unused.filter(|_| self.head != HeadKind::Crf) {
            return Err(TrainError::setting(key, "is for a CRF: add --head crf"));
        }
        let rnn = [
            ("rnn-hidden", self.rnn_hidden != RNN_HIDDEN),
            ("rnn-layers", self.rnn_layers != RNN_LAYERS),
            ("rnn-lr-multiplier", self.rnn_lr_multiplier != 1.0),
        ];
        let unused = rnn.into_iter().find(|&(_, set)| set);
        match unused.filter(|_| self.rnn.kind().is_none()) {
            None => Ok(()),
            Some((key, _)) => Err(TrainError::setting(
                key,
                "is for a recurrent network: add --rnn, such as --rnn bigru",
            )),
        }
    }

    /// Checks what needs the model and the data.
    pub(crate) fn validate_for(&self, layers: usize, labels: usize) -> Result<(), TrainError> {
        match self.freeze {
            Freeze::Layers(frozen) if frozen > layers => Err(TrainError::setting(
                "freeze",
                format!("asks for {frozen} layers, but the model has {layers}"),
            )),
            _ if self.task == Task::Classify && labels < 2 => Err(TrainError::setting(
                "task",
                "classify needs at least two labels, but the training data shows one",
            )),
            _ if self.head == HeadKind::Crf && labels < 2 => Err(TrainError::setting(
                "head",
                "crf needs at least two tags, but the training data shows no entity",
            )),
            _ => Ok(()),
        }
    }
}
