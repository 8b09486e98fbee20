//! A tiny random BERT, a corpus that it can learn, and a folder to train in.

#![allow(dead_code, reason = "each test crate uses some of it")]

use bert_ner_train::{Options, Places, Report, Settings, Silent, TrainError, train};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Names begin with `x` or `y`, so that even a tiny model finds them.
pub(crate) fn corpus(sentences: usize, words: usize) -> String {
    let mut text = String::new();
    for sentence in 0..sentences {
        for word in 0..words {
            let (word, tag) = match (sentence * 7 + word * 3) % 5 {
                0 => ("xa", "B-PER"),
                1 => ("yb", "B-LOC"),
                2 => ("c", "O"),
                3 => ("de", "O"),
                _ => (".", "O"),
            };
            writeln!(text, "{word} {tag}").unwrap();
        }
        text.push('\n');
    }
    text
}

/// A temporary folder with a train and a dev split, and settings for the tiny model.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) options: Options,
}

impl Bench {
    pub(crate) fn new(words: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("train.conll"), corpus(30, words)).unwrap();
        fs::write(dir.path().join("dev.conll"), corpus(9, words + 1)).unwrap();
        let options = Options {
            model: Some("tiny".to_owned()),
            output: Some(dir.path().join("out")),
            learning_rate: Some(5e-3),
            threads: Some(1),
            ..Options::default()
        };
        Self { dir, options }
    }

    pub(crate) fn settings(&self, change: impl FnOnce(&mut Options)) -> Settings {
        let mut options = self.options.clone();
        change(&mut options);
        let places = Places {
            model_dir: Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert"),
            train: self.dir.path().join("train.conll"),
            dev: self.dir.path().join("dev.conll"),
            test: options.test.clone(),
        };
        options.resolve(places).unwrap()
    }

    pub(crate) fn run(&self, change: impl FnOnce(&mut Options)) -> Result<Report, TrainError> {
        train(&self.settings(change), &mut Silent)
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// Names in the folder that holds the output: nothing half-written may stay.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
