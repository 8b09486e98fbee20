//! Whole corpora: the scheme found out, the tags in IOB2, what is impossible counted.

use std::fs;
use std::path::PathBuf;

use bert_ner_text::{Corpus, ReadOptions, Scheme, TextError, read_corpus};

use crate::support::tags;

fn corpus(content: &str, options: &ReadOptions) -> Result<Corpus, TextError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.conll");
    fs::write(&path, content).unwrap();
    let corpus = read_corpus(&path, options);
    drop(folder);
    corpus
}

fn message(content: &str, options: &ReadOptions) -> String {
    let message = corpus(content, options).unwrap_err().to_string();
    message.rsplit_once("in.conll").unwrap().1.to_owned()
}

fn with_scheme(scheme: Scheme) -> ReadOptions {
    ReadOptions {
        scheme: Some(scheme),
        ..ReadOptions::default()
    }
}

#[test]
fn every_scheme_becomes_iob2() {
    for (content, scheme) in [
        ("a I-X\nb I-X\nc B-X\n\nd O\n", Scheme::Iob1),
        ("a B-X\nb I-X\nc B-X\n\nd O\n", Scheme::Iob2),
        ("a B-X\nb E-X\nc S-X\n\nd O\n", Scheme::Bioes),
        ("a B-X\nb L-X\nc U-X\n\nd O\n", Scheme::Bilou),
    ] {
        let corpus = corpus(content, &ReadOptions::default()).unwrap();
        assert_eq!(corpus.source_scheme, Some(scheme));
        assert_eq!(corpus.scheme, Scheme::Iob2);
        assert_eq!(
            tags(&corpus.sentences),
            [vec!["B-X", "I-X", "B-X"], vec!["O"]],
            "{scheme}"
        );
        assert_eq!(corpus.warnings, []);
        assert!(corpus.is_annotated());
        assert_eq!(corpus.words(), 4);
    }
    let plain = corpus("a X\nb X\nc Y\n\nd O\n", &ReadOptions::default()).unwrap();
    assert_eq!(plain.source_scheme, Some(Scheme::Plain));
    assert_eq!(
        tags(&plain.sentences),
        [vec!["B-X", "I-X", "B-Y"], vec!["O"]]
    );
}

#[test]
fn impossible_sequences_are_counted_and_named() {
    let content =
        "a B-X\nb O\nc I-X\n\nd B-Y\n\n# c = d\ne I-X\nf I-Z\n\ng B-X\n\nh B-X\n\ni I-X\n";
    let corpus = corpus(content, &ReadOptions::default()).unwrap();
    assert_eq!(corpus.source_scheme, Some(Scheme::Iob2));
    let [warning] = corpus.warnings.as_slice() else {
        panic!("{:?}", corpus.warnings)
    };
    assert_eq!((warning.count, warning.examples.len()), (4, 3));
    let text = warning.to_string();
    assert!(
        text.starts_with("4 sequences impossible in iob2: "),
        "{text}"
    );
    assert!(
        text.contains("in.conll:3: I-X after O (no entity of this type is open)"),
        "{text}"
    );
    assert!(
        text.contains("in.conll:8: I-X at the start of the sentence"),
        "{text}"
    );
    assert!(text.ends_with("; ..."), "{text}");
    // Read as conlleval reads them.
    assert_eq!(tags(&corpus.sentences)[0], ["B-X", "O", "B-X"]);
    assert_eq!(tags(&corpus.sentences)[2], ["B-X", "B-Z"]);
}

#[test]
fn strict_makes_an_impossible_sequence_an_error() {
    let options = ReadOptions {
        strict: true,
        ..ReadOptions::default()
    };
    assert_eq!(
        message("a B-X\nb O\nc I-X\n\nd B-Y\n", &options),
        ":3: impossible in iob2: I-X after O (no entity of this type is open)"
    );
    assert!(corpus("a B-X\nb I-X\n", &options).is_ok());
}

#[test]
fn an_unknown_tag_is_named_with_its_line() {
    let default = ReadOptions::default();
    let text = message("a O\n# c = d\nb B-X\n\n# c = d\nc O\nd Q-X\n", &default);
    assert!(
        text.starts_with(":7: tag \"Q-X\" is not O or a type after B-, I-"),
        "{text}"
    );
    let text = message("a O\nb E-X\n", &with_scheme(Scheme::Iob2));
    assert_eq!(
        text,
        ":2: tag \"E-X\" is not an iob2 tag (O, B-TYPE or I-TYPE)"
    );
    let text = message("a B-X\nb X\n", &default);
    assert!(
        text.starts_with(":2: tag \"X\" is not a tag with a prefix"),
        "{text}"
    );
}

#[test]
fn a_scheme_given_is_the_scheme() {
    let corpus = corpus("a B-X\nb I-Y\n", &with_scheme(Scheme::Plain)).unwrap();
    assert_eq!(tags(&corpus.sentences), [["B-B-X", "B-I-Y"]]);
}

#[test]
fn no_sentence_is_an_error() {
    assert_eq!(
        message("\n# c = d\n\n", &ReadOptions::default()),
        ": has no sentence; expected at least one"
    );
}

#[test]
fn words_alone_make_a_corpus_without_tags() {
    let corpus = corpus("a\nb\n\nc\n", &ReadOptions::default()).unwrap();
    assert_eq!(corpus.source_scheme, None);
    assert!(!corpus.is_annotated());
    assert_eq!(corpus.words(), 3);
}

#[test]
fn a_missing_file_is_named() {
    let path = PathBuf::from("no/such/file.conll");
    let error = read_corpus(&path, &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("no/such/file.conll: No such file"),
        "{error}"
    );
}

#[test]
fn a_star_in_the_name_stands_for_every_shard() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("b-1.conll", "b O\n"),
        ("b-0.conll", "a O\n"),
        ("c.conll", "c O\n"),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let read = |name: &str| read_corpus(&folder.path().join(name), &ReadOptions::default());
    let corpus = read("b-*.conll").unwrap();
    assert_eq!(crate::support::words(&corpus.sentences), [["a"], ["b"]]);
    assert!(
        read("x*")
            .unwrap_err()
            .to_string()
            .ends_with("x*: matches no file")
    );
}
