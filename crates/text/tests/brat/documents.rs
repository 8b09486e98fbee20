//! Documents: what is read, kept, refused.

use std::path::Path;

use bert_ner_text::brat::{Document, Kind, document_files};
use bert_ner_text::{ReadOptions, TextError, Warning};

use crate::{ANNOTATIONS, Folder, TEXT};

fn document(folder: &Folder) -> Result<Document, TextError> {
    let files = document_files(folder.path()).unwrap();
    Document::read(&files[0], (false, false), &mut Warning::new(""))
}

fn parse(annotations: &str) -> String {
    let error = Document::parse(annotations, "1型糖尿病", Path::new("a.ann")).unwrap_err();
    error.to_string()
}

#[test]
fn every_line_is_kept_to_the_byte_whatever_its_end() {
    for (text, annotations) in [
        (TEXT.to_owned(), ANNOTATIONS.to_owned()),
        (TEXT.to_owned(), ANNOTATIONS.trim_end().to_owned()),
        (
            TEXT.to_owned(),
            format!("\u{feff}{}", ANNOTATIONS.replace('\n', "\r\n")),
        ),
        (TEXT.to_owned(), String::new()),
    ] {
        let document = document(&Folder::with(&text, &annotations)).unwrap();
        assert_eq!(document.text, text);
        assert_eq!(document.annotation_text(), annotations);
    }
}

#[test]
fn every_kind_of_line_is_known() {
    let document = document(&Folder::with(TEXT, ANNOTATIONS)).unwrap();
    let kinds: Vec<Kind> = document
        .annotations
        .iter()
        .flatten()
        .map(|line| line.kind())
        .collect();
    let others = [
        Kind::Relation,
        Kind::Event,
        Kind::Attribute,
        Kind::Attribute,
        Kind::Normalization,
        Kind::Equivalence,
        Kind::Note,
        Kind::Blank,
    ];
    assert_eq!(kinds[..5], [Kind::Entity; 5]);
    assert_eq!(kinds[5..], others);
}

#[test]
fn offsets_count_code_points_of_the_text_as_it_stands() {
    let text = "\u{feff}甲👩‍🔬e\u{301}\r\n糖";
    let folder = Folder::with(text, "T1\tA 2 5\t👩‍🔬\nT2\tB 5 7\te\u{301}\nT3\tC 9 10\t糖\n");
    let document = document(&folder).unwrap();
    let texts: Vec<&str> = document
        .entities()
        .map(|(_, entity)| &text[entity.extent()])
        .collect();
    assert_eq!(texts, ["👩‍🔬", "e\u{301}", "糖"]);
    assert!(
        document
            .entities()
            .all(|(_, entity)| entity.mismatch.is_none())
    );
}

#[test]
fn fragments_come_in_the_order_of_the_text() {
    let lines = Document::parse("T1\tA 3 5;0 1\t尿病 1", "1型糖尿病", Path::new("a.ann")).unwrap();
    let entity = lines[0].entity().unwrap();
    assert_eq!(entity.fragments, [0..1, 7..13]);
    assert_eq!(entity.mismatch, None);
    assert!(entity.is_fragmented("1型糖尿病"));
}

#[test]
fn a_bad_line_is_refused_with_its_place_and_what_was_expected() {
    for (annotations, expected) in [
        (
            "T1\tA 0 1\t1\nT2\tA 4 9\t病",
            "a.ann:2: \"A 4 9\" reaches past the end of the text, which has 5 characters",
        ),
        ("T1\tA 3 2\t糖", "a.ann:1: \"A 3 2\" ends before it starts"),
        (
            "T1\tA 0 2;1 3\t1型 型糖",
            "a.ann:1: the fragments of \"A 0 2;1 3\" overlap",
        ),
        (
            "T1\tA 0 1\t1\n\nT1\tB 1 2\t型",
            "a.ann:3: id T1 stands in line 1 already; expected every id once",
        ),
        (
            "T1\tA 0\t1",
            "a.ann:1: \"0\" in \"A 0\" is not a start and an end; expected two numbers, as in Disease 10 14",
        ),
        (
            "T1\tA -1 1\t1",
            "a.ann:1: \"-1 1\" in \"A -1 1\" is not a start and an end; expected two numbers, as in Disease 10 14",
        ),
        (
            "T1\tA\t1",
            "a.ann:1: \"A\" is not a type and offsets; expected Disease 10 14, or Disease 10 12;14 18",
        ),
        (
            "T1 A 0 1",
            "a.ann:1: \"T1 A 0 1\" is not an id, a tab and an annotation; expected a line like \
             T1<tab>Disease 10 14<tab>text",
        ),
        (
            "R\tTreats Arg1:T1 Arg2:T2",
            "a.ann:1: \"R\\tTreats Arg1:T1 Arg2:T2\" is not an id, a tab and an annotation; expected a line \
             like R1<tab>Cures Arg1:T1 Arg2:T2",
        ),
        (
            "x",
            "a.ann:1: \"x\" begins with none of T, R, E, A, M, N, # and *, one of which begins every line",
        ),
    ] {
        assert_eq!(parse(annotations), expected);
    }
}

#[test]
fn a_line_break_in_a_span_is_a_space_in_its_line() {
    let text = "2型\n糖尿病\t高";
    let told = "T1\tA 0 6\t2型 糖尿病\nT2\tB 0 2;3 6\t2型 糖尿病\nT3\tC 0 2;3 6\t2型糖尿病\nT4\tD 3 8\t糖尿病 高\textra\n";
    let document = document(&Folder::with(text, told)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(document.entities().count(), 4);
    for (_, entity) in document.entities() {
        assert_eq!(entity.mismatch, None);
    }
}

#[test]
fn a_text_that_differs_is_counted_and_the_offsets_are_believed() {
    let folder = Folder::with("1型糖尿病", "T1\tA 0 2\t2型\n");
    let said = "T1 says \"2型\", but the text at 0 2 is \"1型\"";
    let corpus = folder.corpus(&ReadOptions::default()).unwrap();
    assert_eq!(corpus.warnings[0].count, 1);
    assert!(corpus.warnings[0].examples[0].ends_with(&format!("a.ann:1: {said}")));
    assert_eq!(
        crate::entities(&corpus),
        [("A".to_owned(), "1型".to_owned())]
    );
    let strict = ReadOptions {
        strict: true,
        ..ReadOptions::default()
    };
    assert_eq!(folder.message(&strict), format!("a.ann:1: {said}"));
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let folder = Folder::new();
    folder.write("b.ann", "");
    folder.write("a.txt", "甲");
    let message = folder.message(&ReadOptions::default());
    assert!(
        message.starts_with("b.ann: has no text; expected "),
        "{message}"
    );
    assert!(message.ends_with("b.txt beside it"), "{message}");
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_with_their_place() {
    let folder = Folder::new();
    folder.write("a.txt", b"1\xe5\x9e\x8b\n\xb1\xb1");
    folder.write("a.ann", "");
    let expected = "a.txt:2: invalid UTF-8 at byte 5 of the file; expected UTF-8 text";
    assert_eq!(folder.message(&ReadOptions::default()), expected);
    folder.write("a.txt", "1型");
    folder.write("a.ann", b"T1\tA 0 1\t1\n#1\tNote T1\t\xff\n");
    let expected = "a.ann:2: invalid UTF-8 at byte 22 of the file; expected UTF-8 text";
    assert_eq!(folder.message(&ReadOptions::default()), expected);
    folder.write("a.ann", b"\xff\xfeT\0");
    assert_eq!(
        folder.message(&ReadOptions::default()),
        "a.ann: is UTF-16; expected UTF-8 text"
    );
}
