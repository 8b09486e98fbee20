//! Files of the Hugging Face `datasets` library, from `tools/golden/datasets_fixtures.py`.

use std::fs;
use std::path::Path;

use bert_ner_text::{
    Column, ConvertOptions, Format, ReadOptions, Scheme, Sentence, WriteOptions, convert_file,
    create_file, open,
};

use crate::{fixture, read_file, sentence, write_file};

/// Identifier, words and tags of every sentence.
type Rows = Vec<(Option<String>, Vec<String>, Option<Vec<String>>)>;

fn rows(sentences: &[Sentence]) -> Rows {
    let row = |it: &Sentence| {
        (
            it.source.id.clone(),
            it.words().map(str::to_owned).collect(),
            it.tags.clone(),
        )
    };
    sentences.iter().map(row).collect()
}

fn read(name: &str) -> Rows {
    let sentences = read_file(&fixture(name), &ReadOptions::default());
    rows(&sentences.unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// What the fixtures hold, read by serde_json alone.
fn expected() -> Rows {
    let text = fs::read_to_string(fixture("expected.jsonl")).expect("the truth");
    let strings = |value: &serde_json::Value| -> Vec<String> {
        serde_json::from_value(value.clone()).expect("strings")
    };
    text.lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).expect("a row");
            let id = row["id"].as_str().map(str::to_owned);
            (id, strings(&row["tokens"]), Some(strings(&row["ner_tags"])))
        })
        .collect()
}

#[test]
fn every_form_that_datasets_writes_gives_the_same_sentences() {
    let expected = expected();
    assert_eq!(expected.len(), 30);
    for name in [
        "names.jsonl",
        "ids.jsonl",
        "ids.json",
        "hub.parquet",
        "bare.parquet",
        "strings.parquet",
        "gzip.parquet",
        "lz4.parquet",
        "stream.arrow",
        "file.arrow",
        "zstd.arrow",
        "lz4.arrow",
        "saved",
    ] {
        assert_eq!(read(name), expected, "{name}");
    }
    assert_eq!(read("saved-dict/train"), expected[..20]);
    assert_eq!(read("saved-dict/validation"), expected[20..]);
    let without_ids: Rows = expected
        .into_iter()
        .map(|(_, words, tags)| (None, words, tags))
        .collect();
    assert_eq!(read("large.parquet"), without_ids);
}

#[test]
fn class_labels_declared_in_the_file_are_handed_on() {
    for name in ["hub.parquet", "stream.arrow", "saved"] {
        let reader = open(&fixture(name), &ReadOptions::default()).expect("a reader");
        let names = reader
            .label_names()
            .unwrap_or_else(|| panic!("{name}: names"));
        assert_eq!(names.len(), 9, "{name}");
        assert_eq!(names[..3], ["O", "B-PER", "I-PER"], "{name}");
    }
}

#[test]
fn class_labels_follow_their_tags_into_another_scheme() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("bioes.parquet");
    let options = ConvertOptions {
        scheme: Some(Scheme::Bioes),
        ..ConvertOptions::default()
    };
    convert_file(&fixture("hub.parquet"), &output, &options).expect("converted");
    let reader = open(&output, &ReadOptions::default()).expect("a reader");
    let names = reader.label_names().expect("names");
    // The types in the order of the file's own list, each with all its tags.
    assert_eq!(names.len(), 1 + 4 * 4);
    assert_eq!(names[..5], ["O", "B-PER", "I-PER", "E-PER", "S-PER"]);
}

#[test]
fn a_label_list_given_wins_over_that_of_the_file() {
    let label_list = (0..9).map(|id| format!("B-{id}")).collect();
    let options = ReadOptions {
        label_list: Some(label_list),
        ..ReadOptions::default()
    };
    for name in ["ids.jsonl", "hub.parquet", "saved"] {
        let sentences = read_file(&fixture(name), &options).expect("sentences");
        assert_eq!(
            sentences[0].tags.as_deref().expect("tags"),
            ["B-7", "B-8", "B-8"],
            "{name}"
        );
    }
}

#[test]
fn a_label_id_outside_the_list_is_named_with_its_row() {
    let options = ReadOptions {
        label_list: Some(vec!["O".to_owned(); 2]),
        ..ReadOptions::default()
    };
    let said = |name: &str| {
        read_file(&fixture(name), &options)
            .expect_err("an error")
            .to_string()
    };
    assert!(
        said("ids.jsonl").ends_with(
            "ids.jsonl:1: \"ner_tags\": label id 7 is outside the list of 2 names (--labels)"
        ),
        "{}",
        said("ids.jsonl")
    );
    assert!(
        said("hub.parquet").ends_with(
            "hub.parquet: row 1, counted from 1: label id 7 is outside the list of 2 names (--labels)"
        ),
        "{}",
        said("hub.parquet")
    );
}

#[test]
fn integers_that_nothing_names_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["bare.parquet", "ids.jsonl"] {
        let path = folder.path().join(name);
        fs::copy(fixture(name), &path).expect("a copy");
        let error = read_file(&path, &ReadOptions::default()).expect_err("an error");
        assert_eq!(
            error.to_string(),
            format!(
                "{}: \"ner_tags\" holds integers and nothing names them; expected a label list (--labels), \
                 or in dataset_info.json or label.json beside the file",
                path.display()
            )
        );
    }
    // The Hub keeps its data in `data/` and the description one folder above.
    fs::create_dir(folder.path().join("data")).expect("a folder");
    let path = folder.path().join("data/bare.parquet");
    fs::copy(fixture("bare.parquet"), &path).expect("a copy");
    fs::copy(
        fixture("saved/dataset_info.json"),
        folder.path().join("dataset_info.json"),
    )
    .expect("a copy");
    let sentences = read_file(&path, &ReadOptions::default()).expect("sentences");
    assert_eq!(rows(&sentences), expected());
}

#[test]
fn a_column_that_is_not_there_is_named_with_those_that_are() {
    let options = ReadOptions {
        word_column: Some(Column::Name("words".to_owned())),
        ..ReadOptions::default()
    };
    for name in ["hub.parquet", "saved", "names.jsonl"] {
        let error = read_file(&fixture(name), &options)
            .expect_err("an error")
            .to_string();
        let said = "there is no column words; the columns are \"id\", \"tokens\", \"ner_tags\"";
        assert!(error.ends_with(said), "{error}");
    }
}

#[test]
fn a_broken_file_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["hub.parquet", "stream.arrow", "file.arrow"] {
        let whole = fs::read(fixture(name)).expect("a fixture");
        let path = folder.path().join(name);
        for keep in [0, 3, 9, whole.len() / 2] {
            fs::write(&path, &whole[..keep]).expect("a broken copy");
            let error = match read_file(&path, &ReadOptions::default()) {
                Ok(_) => panic!("{name}: {keep} bytes of {} are no whole file", whole.len()),
                Err(error) => error.to_string(),
            };
            assert!(
                error.starts_with(&format!("{}: ", path.display())),
                "{error}"
            );
        }
    }
}

#[test]
fn a_saved_folder_without_its_state_or_with_an_index_file_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = "data-00000-of-00001.arrow";
    fs::copy(
        fixture("saved-dict/train").join(data),
        folder.path().join(data),
    )
    .expect("a copy");
    let said = |folder: &Path| {
        read_file(folder, &ReadOptions::default())
            .expect_err("an error")
            .to_string()
    };
    assert!(
        said(folder.path()).contains("has no state.json"),
        "{}",
        said(folder.path())
    );
    let state = r#"{"_data_files": [{"filename": "x.arrow"}], "_indices_data_files": [{"filename": "i.arrow"}]}"#;
    fs::write(folder.path().join("state.json"), state).expect("a state");
    assert!(
        said(folder.path()).contains("flatten_indices()"),
        "{}",
        said(folder.path())
    );
}

#[test]
fn columns_of_part_of_speech_and_chunks_are_kept_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("conll2003.jsonl");
    let row = r#"{"id": "0", "tokens": ["EU", "."], "pos_tags": [22, 7], "chunk_tags": ["B-NP", "O"], "ner_tags": ["B-ORG", "O"]}"#;
    fs::write(&path, row).expect("a file");
    let sentences = read_file(&path, &ReadOptions::default()).expect("sentences");
    assert_eq!(sentences[0].source.columns, [["22", "B-NP"], ["7", "O"]]);
    // Through Parquet their values stay, under numbers for names.
    let again = folder.path().join("again.parquet");
    write_file(
        &again,
        Format::Parquet,
        &sentences,
        &WriteOptions::default(),
    )
    .expect("written");
    let read = read_file(&again, &ReadOptions::default()).expect("sentences");
    assert_eq!(read[0].source.columns, sentences[0].source.columns);
}

#[test]
fn class_labels_are_those_given_or_o_and_then_as_they_appear() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sentences = [sentence("a/B-X b/O"), sentence("c/B-A d/I-A")];
    for format in [Format::Parquet, Format::Arrow] {
        let path = folder.path().join(format!("data.{format}"));
        let names = |options: &WriteOptions| {
            write_file(&path, format, &sentences, options).expect("written");
            let mut reader = open(&path, &ReadOptions::default()).expect("a reader");
            let read: Vec<Sentence> = reader
                .by_ref()
                .collect::<Result<_, _>>()
                .expect("sentences");
            assert_eq!(read, sentences);
            reader.label_names().expect("names")
        };
        assert_eq!(names(&WriteOptions::default()), ["O", "B-X", "B-A", "I-A"]);
        let given = ["I-A", "B-A", "B-X", "O", "B-Z"]
            .map(str::to_owned)
            .to_vec();
        let options = WriteOptions {
            label_list: Some(given.clone()),
            ..WriteOptions::default()
        };
        assert_eq!(names(&options), given);
        let options = WriteOptions {
            label_list: Some(vec!["O".to_owned()]),
            ..options
        };
        let error = write_file(&path, format, &sentences, &options).expect_err("an error");
        assert!(
            error
                .to_string()
                .ends_with("sentence 1: the tag \"B-X\" is not in the label list")
        );
    }
}

#[test]
fn the_splits_of_a_dataset_dict_are_found() {
    let splits = bert_ner_text::splits(&fixture("saved-dict")).expect("splits");
    let count = |path: Option<std::path::PathBuf>| {
        path.map(|path| {
            read_file(&path, &ReadOptions::default())
                .expect("sentences")
                .len()
        })
    };
    assert_eq!(
        (count(splits.train), count(splits.dev), count(splits.test)),
        (Some(20), Some(10), None)
    );
}

#[test]
fn a_saved_folder_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("corpus");
    let sentences = [sentence("a/B-X b/O"), sentence("c/O")];
    write_file(&path, Format::Arrow, &sentences, &WriteOptions::default()).expect("written");
    assert_eq!(
        read_file(&path, &ReadOptions::default()).expect("sentences"),
        sentences
    );
    let error = create_file(&path, Format::Arrow, &WriteOptions::default())
        .err()
        .expect("an error");
    assert!(error.to_string().contains("exists"), "{error}");

    let other = folder.path().join("other");
    let mut writer =
        create_file(&other, Format::Arrow, &WriteOptions::default()).expect("a writer");
    writer.write(&sentences[0]).expect("written");
    drop(writer);
    let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn peoples_daily_gives_its_2318_sentences() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("BERT_NER_SHARED").map_or(root.join("../shared"), Into::into);
    let path = shared.join("data/peoples_daily/validation");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let sentences = read_file(&path, &ReadOptions::default()).expect("sentences");
    // The last of its rows has no word.
    assert_eq!(sentences.iter().filter(|it| !it.is_empty()).count(), 2318);
    assert_eq!(sentences.len(), 2319);
    assert_eq!(sentences[0].source.id.as_deref(), Some("0"));
    assert!(
        sentences
            .iter()
            .all(|it| it.tags.as_ref().map(Vec::len) == Some(it.len()))
    );
    let begins = sentences.iter().flat_map(|it| it.tags.iter().flatten());
    assert_eq!(begins.filter(|tag| tag.starts_with("B-")).count(), 3819);
}
