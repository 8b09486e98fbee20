//! The models by name, and their replacement while requests run.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use bert_ner_infer::{InferError, Options, Tagger, Workspace};
use bert_ner_text::Sentence;
use serde_json::json;

use crate::error::ServeError;
use crate::log;

/// The models of a server.
pub(crate) struct Models {
    options: Options,
    /// In the order of the settings; the first is the default.
    slots: Vec<Slot>,
}

struct Slot {
    name: String,
    dir: PathBuf,
    current: RwLock<Arc<Tagger>>,
}

impl Models {
    /// Opens every folder.
    pub(crate) fn open(
        models: &[(String, PathBuf)],
        options: &Options,
    ) -> Result<Self, ServeError> {
        if models.is_empty() {
            return Err(ServeError::Models("no model to serve".to_owned()));
        }
        let mut slots: Vec<Slot> = Vec::new();
        for (name, dir) in models {
            let sound = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if name.is_empty() || !name.chars().all(sound) {
                let message =
                    format!("{name:?} cannot be a model's name: letters, digits, -, _ and . can");
                return Err(ServeError::Models(message));
            }
            if slots.iter().any(|slot| slot.name == *name) {
                return Err(ServeError::Models(format!("two models are named {name:?}")));
            }
            let opened = open(dir.clone(), options).map_err(|source| ServeError::Model {
                name: name.clone(),
                dir: dir.clone(),
                source: Box::new(source),
            })?;
            slots.push(Slot {
                name: name.clone(),
                dir: dir.clone(),
                current: RwLock::new(opened),
            });
        }
        let options = options.clone();
        Ok(Self { options, slots })
    }

    /// The model of this name, or the default.
    pub(crate) fn get(&self, name: Option<&str>) -> Option<Arc<Tagger>> {
        let slot = match name {
            None => self.slots.first(),
            Some(name) => self.slots.iter().find(|slot| slot.name == name),
        };
        slot.map(Slot::tagger)
    }

    /// Names and models, the default first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Arc<Tagger>)> {
        self.slots
            .iter()
            .map(|slot| (slot.name.as_str(), slot.tagger()))
    }

    /// Reads every folder again. What cannot be read stays as it was; requests in hand keep the model they began with.
    pub(crate) fn reload(&self) {
        for slot in &self.slots {
            match open(slot.dir.clone(), &self.options) {
                Ok(tagger) => {
                    *slot.current.write().unwrap_or_else(PoisonError::into_inner) = tagger;
                    log::line("reloaded", json!({"model": slot.name}));
                }
                Err(error) => {
                    let error = error.to_string();
                    log::line("reload failed", json!({"model": slot.name, "error": error}));
                }
            }
        }
    }
}

impl Slot {
    fn tagger(&self) -> Arc<Tagger> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }
}

/// Opens a folder and tags a word, so that damage shows now and memory is mapped before the first request.
fn open(dir: PathBuf, options: &Options) -> Result<Arc<Tagger>, InferError> {
    let tagger = Tagger::open_with(&dir, options)?;
    tagger.check_entities()?;
    tagger.tag(&[Sentence::from_words(&["a"], None)], &mut Workspace::new())?;
    Ok(Arc::new(tagger))
}
