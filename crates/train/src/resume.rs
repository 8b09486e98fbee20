//! What a checkpoint says of its run, and whether another run may go on from it.

use std::hash::Hash;
use std::io;
use std::path::Path;

use bert_ner_model::arithmetic;
use bert_ner_text::Sentence;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fingerprint::fingerprint;
use crate::trainer::Progress;
use crate::{Evaluation, Report, Settings, Stopped, TrainError};

/// Settings that do not change a bit of the result, or that [`Fingerprints`] check better.
const FREE: [&str; 11] = [
    "model-dir",
    "train",
    "dev",
    "test",
    "output",
    "threads",
    "overwrite",
    "logdir",
    "checkpoint-every",
    "checkpoint-dir",
    "keep",
];

/// A checkpoint's header: everything but the numbers of weights and moments.
///
/// Random numbers need no place: they come from the seed and the counters in [`Progress`], and so does the order of the data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) settings: Map<String, Value>,
    /// The kind of arithmetic it was computed with.
    #[serde(default)]
    pub(crate) arithmetic: Option<String>,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) progress: Progress,
    pub(crate) epochs: Vec<Evaluation>,
    pub(crate) best: Option<Evaluation>,
    /// Lengths of the arrays: weights, first and second moments.
    pub(crate) lengths: [usize; 3],
}

/// What a run stands on besides its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprints {
    /// The model's configuration, with its labels.
    pub(crate) model: u64,
    /// The training sequences.
    pub(crate) train: u64,
    pub(crate) dev: u64,
    pub(crate) test: Option<u64>,
}

impl State {
    /// Checks that a run with these settings, on this data, is the one that `path` was written by.
    ///
    /// # Errors
    /// [`TrainError::OtherSettings`] names each setting that differs, [`TrainError::OtherData`] what else does.
    pub(crate) fn check(
        &self,
        path: &Path,
        settings: &Settings,
        fingerprints: &Fingerprints,
    ) -> Result<(), TrainError> {
        same_settings(path, &self.settings, settings)?;
        self.fingerprints.check(path, fingerprints)
    }

    /// What to say where this machine computes in another way than the one that wrote `path`: not the same bits.
    pub(crate) fn other_arithmetic(&self, path: &Path) -> Option<String> {
        let (before, here) = (self.arithmetic.as_deref()?, arithmetic());
        (before != here).then(|| {
            format!(
                "{}: was computed with {before} arithmetic, this machine has {here}: the run goes on, but it will not end at the \
                 bits of an unbroken one",
                path.display()
            )
        })
    }
}

impl Fingerprints {
    /// Checks that what `path` was made with is what a run has.
    ///
    /// # Errors
    /// [`TrainError::OtherData`] names what differs.
    pub(crate) fn check(&self, path: &Path, of_run: &Self) -> Result<(), TrainError> {
        let differs = [
            ("train", self.train == of_run.train),
            ("dev", self.dev == of_run.dev),
            ("test", self.test == of_run.test),
            ("model", self.model == of_run.model),
        ]
        .into_iter()
        .find(|(_, same)| !same);
        match differs {
            None => Ok(()),
            Some((what, _)) => Err(TrainError::OtherData {
                path: path.to_owned(),
                what,
            }),
        }
    }
}

/// Whether a setting says what a run is, rather than where it happens.
pub(crate) fn decides(key: &str) -> bool {
    !FREE.contains(&key)
}

/// The settings that decide the result, and the version of this program.
pub(crate) fn deciding(settings: &Settings) -> Result<Map<String, Value>, TrainError> {
    let mut all = settings.json()?;
    all.retain(|key, _| decides(key));
    all.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    Ok(all)
}

/// Refuses what `path` was made with when it is not what `settings` ask for.
pub(crate) fn same_settings(
    path: &Path,
    made_with: &Map<String, Value>,
    settings: &Settings,
) -> Result<(), TrainError> {
    let asked = deciding(settings)?;
    let value = |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
    let keys = asked
        .keys()
        .chain(made_with.keys().filter(|key| !asked.contains_key(*key)));
    let differences: Vec<String> = keys
        .filter(|key| value(made_with, key) != value(&asked, key))
        .map(|key| {
            let [old, new] = [made_with, &asked].map(|map| match value(map, key) {
                Value::Null => "not set".to_owned(),
                Value::String(text) => text,
                other => other.to_string(),
            });
            format!("{key} {old} -> {new}")
        })
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(TrainError::OtherSettings {
        path: path.to_owned(),
        differences,
    })
}

/// What stands at the output folder where a run is to go on.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The step of the model: 0 without one.
    pub(crate) step: usize,
    /// The report, when the run had come to its end.
    pub(crate) finished: Option<Box<Report>>,
}

/// Looks at the output folder of a run that is to go on.
///
/// # Errors
/// When what stands there comes from another run.
pub(crate) fn published(
    settings: &Settings,
    fingerprints: &Fingerprints,
) -> Result<Published, TrainError> {
    let path = settings.output.join("training.json");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let empty = std::fs::read_dir(&settings.output)
                .map_or(true, |mut entries| entries.next().is_none());
            let path = settings.output.clone();
            return match empty {
                true => Ok(Published::default()),
                false => Err(TrainError::OutputExists { path }),
            };
        }
        Err(source) => return Err(TrainError::Io { path, source }),
    };
    let unreadable = |message: String| TrainError::CheckpointDamaged {
        path: path.clone(),
        message,
    };
    let report: Value =
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let Value::Object(mut made_with) = report["settings"].clone() else {
        return Err(unreadable("has no settings".to_owned()));
    };
    made_with.retain(|key, _| decides(key));
    made_with.insert("version".to_owned(), report["version"].clone());
    // The report has the length that the model allows.
    let mut settings = settings.clone();
    if let Some(length) = made_with.get("max-length").and_then(Value::as_u64) {
        settings.max_length = settings.max_length.min(length as usize);
    }
    same_settings(&path, &made_with, &settings)?;
    if let Ok(own) = Fingerprints::deserialize(&report["fingerprints"]) {
        own.check(&path, fingerprints)?;
    }
    let whole: Option<Report> = serde_json::from_slice(&bytes).ok();
    Ok(Published {
        step: report["best"]["step"].as_u64().unwrap_or(0) as usize,
        finished: whole
            .filter(|report| report.stopped != Stopped::Interrupted)
            .map(Box::new),
    })
}

/// The hash of what training sees: its sequences, and the weights of their tags if there are any.
pub(crate) fn of_training(sequences: &(impl Hash + ?Sized), weights: &[f32]) -> u64 {
    let bits: Vec<u32> = weights.iter().map(|weight| weight.to_bits()).collect();
    match bits.is_empty() {
        true => fingerprint(sequences),
        false => fingerprint(sequences) ^ fingerprint(&bits),
    }
}

/// The hash of what training and scoring see of sentences.
pub(crate) fn of_sentences(sentences: &[Sentence]) -> u64 {
    let seen: Vec<_> = sentences
        .iter()
        .map(|sentence| (&sentence.text, &sentence.words, &sentence.tags))
        .collect();
    fingerprint(&seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Places};

    fn settings(json: &str) -> Settings {
        let options: Options = serde_json::from_str(json).unwrap();
        let base = Options {
            model: Some("bert".into()),
            output: Some("out".into()),
            ..Options::default()
        };
        options.or(base).resolve(Places::default()).unwrap()
    }

    #[test]
    fn settings_that_change_bits_are_named_old_and_new_and_others_are_free() {
        let old = settings(r#"{"seed": 1, "threads": 1, "dropout": 0.2}"#);
        let old = deciding(&old).unwrap();
        let path = Path::new("step-1.ckpt");
        let free =
            settings(r#"{"seed": 1, "threads": 2, "keep": 9, "dropout": 0.2, "train": "b"}"#);
        same_settings(path, &old, &free).unwrap();
        let new = settings(r#"{"seed": 2, "select": "loss-mean:3"}"#);
        assert_eq!(
            same_settings(path, &old, &new).unwrap_err().to_string(),
            "step-1.ckpt: comes from a run with other settings: seed 1 -> 2, dropout 0.2 -> not set, select f1 -> loss-mean:3"
        );
    }

    #[test]
    fn a_word_or_tag_that_moves_changes_the_fingerprint() {
        let sentence = |words: &[&str], tags: &[&str]| {
            let tags = tags.iter().map(ToString::to_string).collect();
            of_sentences(&[Sentence::from_words(words, Some(tags))])
        };
        let one = sentence(&["a", "bc"], &["O", "B-X"]);
        assert_eq!(one, sentence(&["a", "bc"], &["O", "B-X"]));
        assert_ne!(one, sentence(&["a", "bd"], &["O", "B-X"]));
        assert_ne!(one, sentence(&["a", "bc"], &["B-X", "O"]));
        assert_ne!(one, sentence(&["a", "b", "c"], &["O", "B-X", "O"]));
    }
}
