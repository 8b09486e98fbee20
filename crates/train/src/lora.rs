//! The settings of a LoRA: their checks, and what the model calls them.

use bert_ner_model::{Base, Freeze, Lora, Model, ModelError};

use crate::{Settings, TrainError};

/// PEFT's `lora_alpha` when nobody says.
pub(crate) fn alpha() -> f64 {
    8.0
}

/// PEFT's targets in a BERT.
pub(crate) fn targets() -> Vec<String> {
    ["query", "value"].map(str::to_owned).to_vec()
}

impl Settings {
    /// The LoRA that learns in place of the encoder, if any.
    pub fn lora(&self) -> Option<Lora> {
        self.lora_rank.map(|rank| Lora {
            rank,
            alpha: self.lora_alpha,
            dropout: self.lora_dropout,
            targets: self.lora_targets.clone(),
        })
    }

    /// Checks what does not need the model.
    pub(crate) fn validate_lora(&self) -> Result<(), TrainError> {
        let Some(lora) = self.lora() else {
            let unused = [
                ("lora-alpha", self.lora_alpha != alpha()),
                ("lora-dropout", self.lora_dropout != 0.0),
                ("lora-targets", self.lora_targets != targets()),
            ];
            let unused = unused.into_iter().find(|&(_, set)| set);
            return unused.map_or(Ok(()), |(key, _)| {
                let message = "is for a LoRA: add --lora-rank, such as --lora-rank 8";
                Err(TrainError::setting(key, message))
            });
        };
        lora.check(self.task, None).map_err(as_setting)?;
        if self.freeze != Freeze::Nothing {
            let message = "is not for a LoRA, which freezes the whole encoder: leave out one of --freeze and --lora-rank";
            return Err(TrainError::setting("freeze", message));
        }
        if self.from_scratch {
            let message = "needs pretrained weights to stand on: leave out one of --from-scratch and --lora-rank";
            return Err(TrainError::setting("lora-rank", message));
        }
        Ok(())
    }

    /// The model as it is trained: with its LoRA, or parts of it frozen.
    pub(crate) fn trained(&self, mut model: Model) -> Result<Model, TrainError> {
        match self.lora() {
            None => {
                model.freeze(self.freeze);
                Ok(model)
            }
            Some(lora) => model
                .with_lora(&lora, self.base(), self.seed)
                .map_err(as_setting),
        }
    }

    /// What an adapter calls its base model: the Hub's name, or the whole path of a folder, so that it is found from anywhere.
    fn base(&self) -> Base {
        if self.model_dir.as_os_str() == self.model.as_str() {
            let whole = std::fs::canonicalize(&self.model_dir);
            let folder = whole.unwrap_or_else(|_| self.model_dir.clone());
            return Base {
                name: folder.to_string_lossy().into_owned(),
                revision: None,
            };
        }
        let (name, revision) = match self.model.split_once('@') {
            Some((name, revision)) => (name, Some(revision.to_owned())),
            None => (&self.model[..], None),
        };
        Base {
            name: name.to_owned(),
            revision,
        }
    }
}

/// The model names a setting as the settings do.
fn as_setting(error: ModelError) -> TrainError {
    match error {
        ModelError::Lora { key, message } => TrainError::Setting { key, message },
        other => other.into(),
    }
}
