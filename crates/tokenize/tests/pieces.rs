//! Pieces against `transformers`, and the folders in which tokenizers come.

use std::fs;
use std::path::{Path, PathBuf};

use bert_ner_tokenize::{TokenizeError, Tokenizer};
use serde_json::{Value, json};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

fn vocabulary() -> String {
    fs::read_to_string(data("uncased/vocab.txt")).unwrap()
}

/// The ids of every word, and how many words transformers leaves without a piece.
fn by_word(golden: &Value, count: usize, unk: u32) -> (Vec<Vec<u32>>, usize) {
    let list = |key: &str| {
        golden[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_u64().unwrap() as u32)
    };
    let mut words = vec![Vec::new(); count];
    for (id, word) in list("ids").zip(list("words")) {
        words[word as usize].push(id);
    }
    let empty = words.iter().filter(|pieces| pieces.is_empty()).count();
    for pieces in &mut words {
        if pieces.is_empty() {
            pieces.push(unk);
        }
    }
    (words, empty)
}

#[test]
fn pieces_are_those_of_transformers() {
    let expected: Value =
        serde_json::from_slice(&fs::read(data("expected.json")).unwrap()).unwrap();
    let sentences: Vec<Vec<String>> =
        serde_json::from_value(expected["sentences"].clone()).unwrap();
    for name in ["uncased", "cased", "saved"] {
        let tokenizer = Tokenizer::load(&data(name)).unwrap();
        let mut empty_words = 0;
        // The second round answers from the cache.
        for round in 0..2 {
            for (words, golden) in sentences.iter().zip(expected[name].as_array().unwrap()) {
                let (want, empty) = by_word(golden, words.len(), tokenizer.unk_id());
                let pieces = tokenizer.encode(words).unwrap();
                let got: Vec<_> = (0..words.len())
                    .map(|word| pieces.ids[pieces.of_word(word)].to_vec())
                    .collect();
                assert_eq!(got, want, "{name}, round {round}: {words:?}");
                empty_words += empty;
            }
        }
        assert!(empty_words > 20, "the goldens hold words without a piece");
    }
}

#[test]
fn every_word_has_a_first_piece() {
    let tokenizer = Tokenizer::load(&data("uncased")).unwrap();
    let pieces = tokenizer
        .encode(&["the", "\u{200b}", "", "unaffable"])
        .unwrap();
    assert_eq!(pieces.first, [0, 1, 2, 3]);
    assert_eq!(pieces.words, [0, 1, 2, 3, 3, 3]);
    assert_eq!(pieces.ids[1..3], [tokenizer.unk_id(); 2]);
}

#[test]
fn stored_truncation_and_padding_are_switched_off() {
    let stored: Value =
        serde_json::from_slice(&fs::read(data("saved/tokenizer.json")).unwrap()).unwrap();
    assert!(stored["truncation"].is_object() && stored["padding"].is_object());
    let tokenizer = Tokenizer::load(&data("saved")).unwrap();
    assert_eq!(tokenizer.encode(&["the"; 100]).unwrap().len(), 100);
    assert_eq!(tokenizer.encode(&["the"]).unwrap().len(), 1);
}

#[test]
fn tokenizer_config_overrules_tokenizer_json_where_it_speaks() {
    let json = fs::read_to_string(data("saved/tokenizer.json")).unwrap();
    let pieces = |config: &str| {
        let dir = folder(&[("tokenizer.json", &json), ("tokenizer_config.json", config)]);
        let tokenizer = Tokenizer::load(dir.path()).unwrap();
        let ids = tokenizer.encode(&["The", "CAFÉ", "北京"]).unwrap().ids;
        ids.into_iter()
            .map(|id| tokenizer.piece(id).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(pieces("{}"), ["the", "cafe", "北", "京"]);
    assert_eq!(pieces(r#"{"do_lower_case": false}"#)[0], "The");
    assert_eq!(
        pieces(r#"{"strip_accents": false}"#),
        ["the", "café", "北", "京"]
    );
    assert_eq!(
        pieces(r#"{"tokenize_chinese_chars": false}"#),
        ["the", "cafe", "北", "##京"]
    );
    let generic = r#"{"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast"}"#;
    assert_eq!(pieces(generic)[0], "the");
}

#[test]
fn a_saved_tokenizer_gives_the_same_pieces() {
    let words = ["The", "CAFÉ", "unaffable", "北京", "[SEP]", "\u{200b}"];
    for name in ["uncased", "cased", "saved"] {
        let tokenizer = Tokenizer::load(&data(name)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        tokenizer.save(dir.path()).unwrap();
        let again = Tokenizer::load(dir.path()).unwrap();
        assert_eq!(
            again.encode(&words).unwrap(),
            tokenizer.encode(&words).unwrap(),
            "{name}"
        );
        let config: Value =
            serde_json::from_slice(&fs::read(dir.path().join("tokenizer_config.json")).unwrap())
                .unwrap();
        assert_eq!(config["do_lower_case"], json!(name != "cased"));
        let saved: Value =
            serde_json::from_slice(&fs::read(dir.path().join("tokenizer.json")).unwrap()).unwrap();
        assert!(saved["truncation"].is_null() && saved["padding"].is_null());
    }
}

#[test]
fn vocab_size_is_the_highest_id_plus_one() {
    let count = vocabulary().lines().count();
    assert_eq!(
        Tokenizer::load(&data("uncased")).unwrap().vocab_size(),
        count
    );
    let mut json: Value =
        serde_json::from_slice(&fs::read(data("saved/tokenizer.json")).unwrap()).unwrap();
    json["model"]["vocab"]["rare"] = json!(5000);
    let dir = folder(&[("tokenizer.json", &json.to_string())]);
    assert_eq!(Tokenizer::load(dir.path()).unwrap().vocab_size(), 5001);
}

#[test]
fn special_tokens_go_by_the_names_in_the_configuration() {
    let vocabulary = vocabulary()
        .replace("[CLS]", "<s>")
        .replace("[UNK]", "<unk>");
    let config = r#"{"cls_token": {"content": "<s>", "lstrip": false}, "unk_token": "<unk>"}"#;
    let dir = folder(&[
        ("vocab.txt", &vocabulary),
        ("tokenizer_config.json", config),
    ]);
    let tokenizer = Tokenizer::load(dir.path()).unwrap();
    assert_eq!(tokenizer.piece(tokenizer.cls_id()).unwrap(), "<s>");
    assert_eq!(tokenizer.piece(tokenizer.unk_id()).unwrap(), "<unk>");
}

/// The message of a folder that must not load.
fn refusal(files: &[(&str, &str)]) -> String {
    let dir = folder(files);
    let message = Tokenizer::load(dir.path()).unwrap_err().to_string();
    message.replace(dir.path().to_str().unwrap(), "DIR")
}

#[test]
fn a_folder_without_a_tokenizer_says_what_was_looked_for() {
    let dir = folder(&[]);
    let error = Tokenizer::load(dir.path()).unwrap_err();
    assert!(matches!(error, TokenizeError::Missing { .. }));
    assert_eq!(
        refusal(&[]),
        "DIR: no tokenizer here: looked for tokenizer.json and vocab.txt"
    );
}

#[test]
fn broken_json_is_refused_with_its_line() {
    let message = refusal(&[("tokenizer.json", "{\n  \"version\": \"1.0\",\n  oops\n}")]);
    assert_eq!(message, "DIR/tokenizer.json:3:3: key must be a string");
    let message = refusal(&[
        ("vocab.txt", &vocabulary()),
        ("tokenizer_config.json", "[1,\n2"),
    ]);
    assert!(
        message.starts_with("DIR/tokenizer_config.json:2:1: EOF"),
        "{message}"
    );
    let message = refusal(&[(
        "tokenizer.json",
        r#"{"version": "1.0", "model": {"type": "Magic"}}"#,
    )]);
    assert!(
        message.contains("tokenizer.json:1:") && message.contains("not a tokenizer"),
        "{message}"
    );
}

#[test]
fn another_kind_of_tokenizer_is_refused_by_name() {
    let json = r#"{"version": "1.0", "added_tokens": [],
        "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#;
    let message = refusal(&[("tokenizer.json", json)]);
    assert_eq!(
        message,
        "DIR/tokenizer.json: the tokenizer's model is BPE, but BERT needs WordPiece"
    );
}

#[test]
fn a_vocabulary_without_a_special_token_is_refused() {
    for token in ["[CLS]", "[SEP]", "[UNK]"] {
        let message = refusal(&[("vocab.txt", &vocabulary().replace(token, "[other]"))]);
        assert_eq!(
            message,
            format!("DIR/vocab.txt: the vocabulary has no {token}, which BERT needs")
        );
    }
}

#[test]
fn a_vocabulary_that_is_not_utf8_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("vocab.txt"), b"[UNK]\n[CLS]\nab\xff\n").unwrap();
    let message = Tokenizer::load(dir.path()).unwrap_err().to_string();
    assert!(
        message.ends_with("vocab.txt: line 3 is not UTF-8 (byte 14)"),
        "{message}"
    );
}

#[test]
fn carriage_returns_are_no_part_of_an_entry() {
    let dos = vocabulary().replace('\n', "\r\n");
    let dir = folder(&[("vocab.txt", &dos)]);
    let tokenizer = Tokenizer::load(dir.path()).unwrap();
    let expected = Tokenizer::load(&data("uncased")).unwrap();
    assert_eq!(
        tokenizer.encode(&["unaffable"]).unwrap(),
        expected.encode(&["unaffable"]).unwrap()
    );
    assert_eq!(tokenizer.vocab_size(), expected.vocab_size());
}
