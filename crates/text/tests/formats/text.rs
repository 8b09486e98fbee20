//! Plain text: where it stands, and what of it cannot be read.

use std::io::Cursor;
use std::path::Path;

use bert_ner_text::{Format, ReadOptions, Sentence, Warning, Words, open_stream};

fn read(bytes: &[u8], options: &ReadOptions) -> (Vec<Sentence>, Vec<Warning>) {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let mut reader = open_stream(input, Path::new("news.txt"), options).unwrap();
    let sentences = reader.by_ref().map(Result::unwrap).collect();
    (sentences, reader.warnings())
}

fn text() -> ReadOptions {
    ReadOptions {
        format: Some(Format::Text),
        words: Some(Words::Unicode),
        ..ReadOptions::default()
    }
}

#[test]
fn a_line_says_where_in_the_file_it_begins_in_every_unit() {
    let file = "\u{feff}Zoë 😀\r\n\n  in 北京\nend";
    let (sentences, _) = read(file.as_bytes(), &text());
    let utf16: Vec<u16> = file.encode_utf16().collect();
    for sentence in &sentences {
        let start = sentence.source.start.unwrap();
        assert!(file[start.byte..].starts_with(&sentence.text));
        let rest: String = file.chars().skip(start.char).collect();
        assert!(rest.starts_with(&sentence.text));
        let rest = String::from_utf16(&utf16[start.utf16..]).unwrap();
        assert!(rest.starts_with(&sentence.text));
    }
    let texts: Vec<&str> = sentences.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["Zoë 😀", "  in 北京", "end"]);
}

#[test]
fn a_line_far_longer_than_a_sentence_is_cut_where_sentences_end_and_loses_nothing() {
    let line = "Ada was born in 北京. ".repeat(2000) + "x";
    let options = ReadOptions {
        sentence_words: Some(100),
        ..text()
    };
    let (parts, _) = read(line.as_bytes(), &options);
    assert!(parts.len() > 2);
    let mut words = Vec::new();
    for part in &parts {
        assert!(part.len() <= 4096);
        let start = part.source.start.unwrap();
        assert!(line[start.byte..].starts_with(&part.text));
        assert_eq!(line[..start.byte].chars().count(), start.char);
        words.extend(
            part.words
                .iter()
                .map(|it| start.byte + it.start..start.byte + it.end),
        );
    }
    assert!(
        parts[..parts.len() - 1]
            .iter()
            .all(|it| it.text.ends_with('.'))
    );
    assert_eq!(words, Words::Unicode.split(&line));
    assert_eq!(
        read(line.as_bytes(), &text()).0.len(),
        1,
        "read for no model it is one"
    );
}

#[test]
fn a_document_is_kept_to_the_byte_when_asked_for() {
    let file = "\u{feff}Ada\r\n\n Bob \n";
    let options = ReadOptions {
        keep_document: true,
        ..text()
    };
    let (sentences, _) = read(file.as_bytes(), &options);
    assert_eq!(sentences.len(), 2);
    for sentence in &sentences {
        let place = sentence.source.place.as_ref().unwrap();
        assert_eq!(
            (place.document.name.as_str(), place.document.text.as_str()),
            ("news", file)
        );
        assert!(file[place.start..].starts_with(&sentence.text));
    }
}

#[test]
fn what_cannot_be_read_is_left_out_and_counted_when_asked_for() {
    let skip = |options: ReadOptions| ReadOptions {
        skip_bad_lines: true,
        ..options
    };
    let (sentences, warnings) = read(b"one\n\xff two\nthree\n", &skip(text()));
    assert_eq!(sentences.len(), 2);
    assert_eq!(sentences[1].source.start.unwrap().byte, 10);
    assert_eq!(
        warnings[0].to_string(),
        "1 line that could not be read, left out: news.txt:2: invalid UTF-8 at byte 4 of the file; expected UTF-8 text"
    );
    assert!(warnings[0].unreadable);

    let lines =
        b"{\"tokens\":[\"a\"]}\n{\"tokens\":[\"b\"\n[1]\n{\"text\":7}\n{\"tokens\":[\"c\"]}\n";
    let json = ReadOptions {
        format: Some(Format::Jsonl),
        ..ReadOptions::default()
    };
    let (sentences, warnings) = read(lines, &skip(json));
    let words: Vec<&str> = sentences.iter().flat_map(Sentence::words).collect();
    assert_eq!(words, ["a", "c"]);
    assert_eq!(warnings[0].count, 3);

    let columns = b"a O\n\nb O\nbad\nb2 O\n\nc O\n\nd \xff\n\ne O\n";
    let conll = ReadOptions {
        format: Some(Format::Conll),
        ..ReadOptions::default()
    };
    let (sentences, warnings) = read(columns, &skip(conll));
    let words: Vec<&str> = sentences.iter().flat_map(Sentence::words).collect();
    assert_eq!(words, ["a", "c", "e"]);
    assert_eq!(warnings[0].count, 2);
}

/// What stays of CoNLL columns: the words of each sentence and whether it begins a document; and how many were left out.
fn kept(content: &[u8]) -> (Vec<(String, bool)>, usize) {
    let options = ReadOptions {
        format: Some(Format::Conll),
        skip_bad_lines: true,
        ..ReadOptions::default()
    };
    let (sentences, warnings) = read(content, &options);
    let seen = |sentence: Sentence| (sentence.text, sentence.source.starts_document);
    let left_out = warnings.first().map_or(0, |warning| warning.count);
    (sentences.into_iter().map(seen).collect(), left_out)
}

#[test]
fn a_sentence_that_is_left_out_leaves_the_border_of_its_document() {
    let whole = |words: &str, starts| (words.to_owned(), starts);
    assert_eq!(
        kept(b"-DOCSTART- O\n\na O\n\n-DOCSTART- O\n\nbad\n\nb O\n\nc O\n"),
        (
            vec![whole("a", true), whole("b", true), whole("c", false)],
            1
        )
    );
    assert_eq!(
        kept(b"-DOCSTART- O\n\na O\nbad\n-DOCSTART- O\nb O\n"),
        (vec![whole("b", true)], 1)
    );
}

#[test]
fn a_line_that_is_not_utf8_at_the_beginning_costs_its_sentence_alone() {
    let whole = |words: &str| (words.to_owned(), false);
    assert_eq!(kept(b"\xff O\n\na O\nb O\n"), (vec![whole("a b")], 1));
    assert_eq!(
        kept(b"a O\n\nb O\n\xff O\nc O\n\nd B-X\n"),
        (vec![whole("a"), whole("d")], 1)
    );
    assert_eq!(kept(b"\xff\n\xff\n"), (vec![], 2));
}

#[test]
fn an_array_of_json_ends_at_what_cannot_be_read() {
    let options = ReadOptions {
        format: Some(Format::Json),
        skip_bad_lines: true,
        ..ReadOptions::default()
    };
    let input = Box::new(Cursor::new(b"[{\"tokens\":[\"a\"]},{]".to_vec()));
    let reader = open_stream(input, Path::new("x"), &options).unwrap();
    assert!(reader.collect::<Result<Vec<_>, _>>().is_err());
}
