//! Train, dev and test by their usual names.

use std::fs;
use std::path::Path;

use bert_ner_text::splits;

/// A folder with these (empty) files.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    folder
}

fn found(files: &[&str]) -> [String; 3] {
    let folder = folder(files);
    let splits = splits(folder.path()).unwrap();
    [splits.train, splits.dev, splits.test].map(|path| {
        let path = path.unwrap_or_default();
        let path = path.strip_prefix(folder.path()).unwrap_or(Path::new(""));
        path.to_str().unwrap().to_owned()
    })
}

fn message(files: &[&str]) -> String {
    let folder = folder(files);
    let message = splits(folder.path()).unwrap_err().to_string();
    message
        .strip_prefix(&format!("{}", folder.path().display()))
        .unwrap()
        .to_owned()
}

#[test]
fn the_usual_names() {
    assert_eq!(
        found(&["eng.train", "eng.testa", "eng.testb", "README.md"]),
        ["eng.train", "eng.testa", "eng.testb"]
    );
    assert_eq!(
        found(&["train.conll", "dev.conll"]),
        ["train.conll", "dev.conll", ""]
    );
    assert_eq!(
        found(&[
            "train.jsonl",
            "validation.jsonl",
            "test.jsonl",
            "dataset_infos.json"
        ]),
        ["train.jsonl", "validation.jsonl", "test.jsonl"]
    );
    assert_eq!(
        found(&[
            "en_ewt-ud-train.iob2",
            "en_ewt-ud-dev.iob2",
            "en_ewt-ud-test.iob2"
        ]),
        [
            "en_ewt-ud-train.iob2",
            "en_ewt-ud-dev.iob2",
            "en_ewt-ud-test.iob2"
        ]
    );
    assert_eq!(
        found(&["train.txt", "valid.txt", "test.txt"]),
        ["train.txt", "valid.txt", "test.txt"]
    );
    assert_eq!(
        found(&["Train.csv", "Val.csv", "train.log"]),
        ["Train.csv", "Val.csv", ""]
    );
}

#[test]
fn the_name_itself_wins_over_a_name_that_holds_it() {
    assert_eq!(
        found(&[
            "train.conll",
            "small-train.conll",
            "train_small.conll",
            "dev.conll"
        ]),
        ["train.conll", "dev.conll", ""]
    );
}

#[test]
fn folders_as_datasets_saves_them() {
    assert_eq!(
        found(&[
            "dataset_dict.json",
            "train/data-00000-of-00002.arrow",
            "train/state.json",
            "validation/dataset.arrow",
        ]),
        ["train", "validation", ""]
    );
}

#[test]
fn layouts_of_the_hub() {
    assert_eq!(
        found(&[
            "README.md",
            "data/train-00000-of-00002.parquet",
            "data/train-00001-of-00002.parquet",
            "data/validation-00000-of-00001-ab12.parquet",
            "data/test-00000-of-00001.parquet",
        ]),
        [
            "data/train-*-of-00002.parquet",
            "data/validation-00000-of-00001-ab12.parquet",
            "data/test-00000-of-00001.parquet"
        ]
    );
    assert_eq!(
        found(&[
            "default/train/0000.parquet",
            "default/test/0000.parquet",
            "default/test/0001.parquet"
        ]),
        ["default/train/0000.parquet", "", "default/test/*.parquet"]
    );
}

#[test]
fn nothing_is_chosen_where_several_could_be_meant() {
    assert_eq!(
        message(&["train.conll", "dev.conll", "valid.conll"]),
        ": holds more than one dev split (dev.conll, valid.conll); name the one to use"
    );
    assert!(message(&["train.conll", "train.jsonl"]).starts_with(": holds more than one train"));
    assert_eq!(
        message(&["de/train.conll", "en/train.conll"]),
        ": holds several data sets (de, en); give one"
    );
}

#[test]
fn hidden_files_are_passed_over() {
    assert_eq!(
        found(&["eng.train", ".eng.train", "eng.testa", ".git/train"]),
        ["eng.train", "eng.testa", ""]
    );
}

#[test]
fn a_missing_shard_is_named() {
    assert_eq!(
        message(&[
            "train-00000-of-00003.parquet",
            "train-00002-of-00003.parquet"
        ]),
        ": lacks train-00001-of-00003.parquet, one of 3 shards"
    );
}

#[test]
fn a_folder_without_splits_is_an_error() {
    assert!(message(&["data.conll", "README.md"]).starts_with(": holds no split; expected"));
    assert!(splits(Path::new("no/such/folder")).is_err());
}
