//! JSON lines and JSON arrays.

use bert_ner_text::{Column, Format, ReadOptions, Sentence, WriteOptions};

use crate::{format, read_text, read_with_warnings, round_trip, sentence, tagged};

fn one(text: &str) -> Result<Sentence, String> {
    let mut sentences = read_text(text, &format(Format::Jsonl))?;
    assert_eq!(sentences.len(), 1);
    Ok(sentences.remove(0))
}

#[test]
fn words_and_tags_are_found_under_their_usual_names() {
    for text in [
        r#"{"tokens": ["a", "b"], "ner_tags": ["O", "B-X"]}"#,
        r#"{"words": ["a", "b"], "labels": ["O", "B-X"], "url": "x", "spans": [[1, 2]]}"#,
        r#"{"id": 7, "tags": ["O", "B-X"], "tokens": ["a", "b"], "lang": null}"#,
        r#"{"text": ["a", "b"], "label": ["O", "B-X"]}"#,
    ] {
        assert_eq!(
            one(text).map(|it| tagged(&it)),
            Ok("a/O b/B-X".to_owned()),
            "{text}"
        );
    }
    let options = ReadOptions {
        word_column: Some(Column::Name("w".to_owned())),
        tag_column: Some(Column::Last),
        ..format(Format::Jsonl)
    };
    let read = read_text(
        r#"{"w": ["a"], "tokens": ["x", "y"], "t": ["B-X"]}"#,
        &options,
    );
    assert_eq!(read.map(|it| tagged(&it[0])), Ok("a/B-X".to_owned()));
}

#[test]
fn an_object_without_tags_is_a_sentence_without_tags() {
    for text in [
        r#"{"tokens": ["a"]}"#,
        r#"{"tokens": ["a"], "ner_tags": null}"#,
    ] {
        assert_eq!(one(text).map(|it| it.tags), Ok(None));
    }
    let read = one(r#"{"tokens": [], "ner_tags": []}"#).expect("a sentence");
    assert_eq!((read.len(), read.tags), (0, Some(vec![])));
}

#[test]
fn integers_take_their_names_from_the_list_given() {
    let label_list = Some(vec!["O".to_owned(), "B-X".to_owned()]);
    let options = ReadOptions {
        label_list,
        ..format(Format::Jsonl)
    };
    let read = |tags: &str| {
        read_text(
            &format!(r#"{{"tokens": ["a", "b"], "ner_tags": {tags}}}"#),
            &options,
        )
        .map(|it| tagged(&it[0]))
    };
    assert_eq!(read("[0, 1]"), Ok("a/O b/B-X".to_owned()));
    assert_eq!(
        read("[0, -100]"),
        Err(
            "input:1: \"ner_tags\": label id -100 is outside the list of 2 names (--labels)"
                .to_owned()
        )
    );
    assert_eq!(
        read(r#"[0, "O"]"#),
        Err("input:1: ner_tags[1] is a string; expected an integer as before it".to_owned())
    );
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let good_line = "{\"tokens\": [\"a\"], \"ner_tags\": [\"O\"]}\n\n";
    for (bad, expected) in [
        (
            r#"{"tokens": ["a", "b"], "ner_tags": ["O"]}"#,
            "2 words but 1 value in \"ner_tags\"; expected as many",
        ),
        (
            r#"{"tokens": ["a", 7]}"#,
            "tokens[1] is a number; expected a string",
        ),
        (
            r#"{"tokens": "a b"}"#,
            "\"tokens\" is a string; expected a list with a value a word",
        ),
        (
            r#"["a"]"#,
            "found a list; expected an object with one sentence's words",
        ),
        (
            r#"{"sentence": "x", "y": 1}"#,
            "no column of words found; expected one of \"tokens\", \"words\", \"token\", \"word\", \
             \"form\", \"text\", or one that is named by an option; the columns are \"sentence\", \"y\"",
        ),
        (
            r#"{"tokens": ["a" "b"]}"#,
            "column 17: invalid JSON: expected `,` or `]`",
        ),
        (
            r#"{"tokens": ["a"]"#,
            "column 16: invalid JSON: EOF while parsing an object",
        ),
        (
            r#"{"tokens": ["\ud800"]}"#,
            "column 20: invalid JSON: unexpected end of hex escape",
        ),
    ] {
        let text = good_line.to_owned() + bad + "\n";
        assert_eq!(
            read_text(&text, &format(Format::Jsonl)).map(|it| it.len()),
            Err(format!("input:3: {expected}")),
            "{bad}"
        );
    }
}

#[test]
fn a_json_file_may_hold_lines_and_a_jsonl_file_an_array() {
    let lines = "{\"tokens\": [\"a\"]}\n{\"tokens\": [\"b\"]}\n";
    let array = "[{\"tokens\": [\"a\"]},\n {\"tokens\":\n [\"b\"]}]";
    for options in [
        format(Format::Json),
        format(Format::Jsonl),
        ReadOptions::default(),
    ] {
        for text in [lines, array] {
            let read = read_text(text, &options).expect("sentences");
            let words: Vec<&str> = read.iter().flat_map(Sentence::words).collect();
            assert_eq!(words, ["a", "b"]);
            assert_eq!(read[1].source.line, 2);
        }
    }
}

#[test]
fn words_stand_in_their_text_when_it_is_given() {
    let read = one(r#"{"text": "«Ah!» (Ah)", "tokens": ["Ah", "Ah"]}"#).expect("a sentence");
    assert_eq!(read.text, "«Ah!» (Ah)");
    assert_eq!(read.words, [2..4, 9..11]);
    let (read, warnings) = read_with_warnings(
        r#"{"text": "a b", "tokens": ["b", "a"]}"#,
        &format(Format::Jsonl),
    );
    assert_eq!(read[0].text, "b a");
    assert_eq!(
        warnings[0].to_string(),
        "1 text in which the words do not stand one after the other: input:1: \"a b\""
    );
}

#[test]
fn what_json_cannot_hold_is_counted() {
    let mut first = sentence("a/B-X b/O");
    first.source.comments = vec!["# one".to_owned(), "# two".to_owned()];
    first.source.starts_document = true;
    first.source.columns = vec![vec!["NN".to_owned()], vec!["VB".to_owned()]];
    let mut second = sentence("a/B-X");
    second.text = "a a".to_owned();
    second.words[0] = 2..3;
    for format in [Format::Jsonl, Format::Json] {
        let (read, losses) = round_trip(
            format,
            &[first.clone(), second.clone()],
            &WriteOptions::default(),
        )
        .expect("written");
        assert_eq!(
            losses.to_string(),
            "2 comments, 1 document start, 1 word offset"
        );
        assert_eq!(read[0].source.columns, first.source.columns);
    }
}
