//! doccano's text with character spans.

use bert_ner_text::{Format, ReadOptions, Scheme, Sentence, WriteOptions};

use crate::{format, read_text, read_with_warnings, round_trip, sentence, tagged};

fn one(text: &str) -> Result<Sentence, String> {
    read_text(text, &format(Format::Doccano)).map(|mut sentences| sentences.remove(0))
}

#[test]
fn what_the_shards_of_a_split_leave_out_is_counted_together() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Two spans without a word each.
    let line = "{\"text\": \"a  b\", \"label\": [[1, 2, \"X\"], [2, 3, \"X\"]]}\n";
    for shard in ["a-0.jsonl", "a-1.jsonl"] {
        std::fs::write(folder.path().join(shard), line).expect("a file");
    }
    let pattern = folder.path().join("a-*.jsonl");
    let mut reader = bert_ner_text::open(&pattern, &ReadOptions::default()).expect("a reader");
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
    let warnings = reader.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        (warnings[0].count, warnings[0].examples.len()),
        (4, bert_ner_text::Warning::EXAMPLES)
    );
}

#[test]
fn offsets_count_characters_not_bytes_or_utf16_units() {
    let read = one(r#"{"id": 3, "text": "👩‍🔬 naïve Ann in São Tomé.", "label": [[10, 13, "PER"], [17, 25, "LOC"]]}"#)
        .expect("a sentence");
    assert_eq!(
        tagged(&read),
        "👩‍🔬/O naïve/O Ann/B-PER in/O São/B-LOC Tomé/I-LOC ./O"
    );
    assert_eq!(read.source.id.as_deref(), Some("3"));
}

#[test]
fn every_span_border_is_a_word_border() {
    let read =
        one(r#"{"text": "Neuseelands Nord-Süd-Bahn", "label": [[0, 10, "LOC"], [16, 21, "LOC"]]}"#);
    assert_eq!(
        read.map(|it| tagged(&it)),
        Ok("Neuseeland/B-LOC s/O Nord/O -/B-LOC Süd/I-LOC -/I-LOC Bahn/O".to_owned())
    );
}

#[test]
fn neighbouring_spans_of_one_type_stay_apart() {
    let text = r#"{"text": "北京上海", "label": [[2, 4, "LOC"], [0, 2, "LOC"]]}"#;
    assert_eq!(
        one(text).map(|it| tagged(&it)),
        Ok("北/B-LOC 京/I-LOC 上/B-LOC 海/I-LOC".to_owned())
    );
    let options = ReadOptions {
        scheme: Some(Scheme::Bilou),
        ..format(Format::Doccano)
    };
    let read = read_text(text, &options).expect("a sentence");
    assert_eq!(tagged(&read[0]), "北/B-LOC 京/L-LOC 上/B-LOC 海/L-LOC");
}

#[test]
fn whitespace_at_the_edges_of_a_span_is_no_part_of_it() {
    let read = one(r#"{"text": "by Ann Lee .", "label": [[2, 11, "PER"]]}"#);
    assert_eq!(
        read.map(|it| tagged(&it)),
        Ok("by/O Ann/B-PER Lee/I-PER ./O".to_owned())
    );
}

#[test]
fn older_exports_and_exports_with_relations_are_read() {
    let expected = Ok("Ann/B-PER ran/O".to_owned());
    for spans in [
        r#""labels": [[0, 3, "PER"]]"#,
        r#""entities": [{"id": 1, "label": "PER", "start_offset": 0, "end_offset": 3}], "relations": []"#,
        r#""spans": [{"start": 0, "end": 3, "label": "PER"}]"#,
    ] {
        let text = format!(r#"{{"text": "Ann ran", {spans}, "Comments": []}}"#);
        assert_eq!(one(&text).map(|it| tagged(&it)), expected);
        let found_out = read_text(&text, &ReadOptions::default());
        assert_eq!(found_out.map(|it| tagged(&it[0])), expected);
    }
    assert_eq!(one(r#"{"text": "Ann ran"}"#).map(|it| it.tags), Ok(None));
}

#[test]
fn overlapping_and_empty_spans_are_counted_or_refused() {
    let text = r#"{"text": "New York City Hall ", "label": [[4, 18, "ORG"], [0, 8, "LOC"], [0, 13, "LOC"], [18, 19, "X"]]}"#;
    let (read, warnings) = read_with_warnings(text, &format(Format::Doccano));
    assert_eq!(tagged(&read[0]), "New/B-LOC York/I-LOC City/I-LOC Hall/O");
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "2 spans that overlap another, left out: \
             input:1: span \"LOC\" over \"New York\" overlaps another, which tags cannot tell; \
             input:1: span \"ORG\" over \"York City Hall\" overlaps another, which tags cannot tell",
            "1 span without a word, left out: input:1: span \"X\" over \" \" holds no word",
        ]
    );
    let options = ReadOptions {
        strict: true,
        ..format(Format::Doccano)
    };
    assert_eq!(
        read_text(text, &options).map(|it| it.len()),
        Err("input:1: span \"X\" over \" \" holds no word".to_owned())
    );
}

#[test]
fn a_span_outside_the_text_or_of_another_shape_is_refused() {
    for (spans, expected) in [
        (
            r#"[[0, 4, "X"]]"#,
            "span 1 reaches past the end of the text, which has 3 characters: [0,4,\"X\"]",
        ),
        (
            r#"[[0, 1, "X"], [2, 1, "X"]]"#,
            "span 2 ends before it starts: [2,1,\"X\"]",
        ),
        (
            r#"[[0, "X"]]"#,
            "span 1 is [0,\"X\"]; expected [start, end, type] or an object with start_offset, \
             end_offset and label",
        ),
        (
            r#""X""#,
            "the spans are a string; expected a list of [start, end, type]",
        ),
    ] {
        let text = format!("\n{{\"text\": \"naï\", \"label\": {spans}}}");
        assert_eq!(
            one(&text).map(|it| it.len()),
            Err(format!("input:2: {expected}"))
        );
    }
}

#[test]
fn words_that_the_text_does_not_show_are_counted_as_lost() {
    let sentences = [sentence("It's/O Ann/B-PER ,/O"), sentence("Ann/B-PER ,/O")];
    let (read, losses) =
        round_trip(Format::Doccano, &sentences, &WriteOptions::default()).expect("written");
    assert_eq!(
        losses.to_string(),
        "1 sentence whose words differ from those that their text is read with"
    );
    assert_eq!(tagged(&read[0]), "It/O '/O s/O Ann/B-PER ,/O");
    assert_eq!(tagged(&read[1]), tagged(&sentences[1]));
}
