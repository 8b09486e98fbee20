//! What a format can hold comes back from it as it was, whatever the words.

use bert_ner_text::{Format, Scheme, Sentence, WriteOptions, split_words};
use proptest::prelude::*;

use crate::round_trip;

/// Words of any characters, with those that formats treat as special more often.
fn word() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        '"', '\'', ',', '\\', '\t', '\n', '\r', ' ', '#', '-', '[', ']', '{', '\u{feff}',
        '\u{2028}', 'é', '北', '👩', '\u{301}',
    ]);
    prop::collection::vec(prop_oneof![special, any::<char>()], 1..6)
        .prop_map(|characters| characters.into_iter().collect())
}

/// A valid IOB2 sequence of `len` tags.
fn tags(len: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(
        (0..3u8, prop::sample::select(vec!["PER", "LOC", "a-b c"])),
        len,
    )
    .prop_map(|choices| {
        let mut tags: Vec<String> = Vec::with_capacity(choices.len());
        for (choice, label) in choices {
            let open = tags
                .last()
                .and_then(|tag| tag.split_once('-'))
                .map(|(_, label)| label);
            tags.push(match (choice, open) {
                (0, _) => "O".to_owned(),
                (1, Some(open)) => format!("I-{open}"),
                _ => format!("B-{label}"),
            });
        }
        tags
    })
}

/// A sentence with an identifier, and perhaps a column beside word and tag.
fn sentence() -> impl Strategy<Value = Sentence> {
    prop::collection::vec(word(), 0..6)
        .prop_flat_map(|words| {
            let len = words.len();
            (Just(words), tags(len), any::<bool>())
        })
        .prop_map(|(words, tags, has_tags)| {
            Sentence::from_words(&words, (has_tags || words.is_empty()).then_some(tags))
        })
}

/// Sentences with identifiers, and perhaps with a column beside word and tag.
fn corpus() -> impl Strategy<Value = Vec<Sentence>> {
    (prop::collection::vec(sentence(), 0..5), any::<bool>()).prop_map(|(mut sentences, extra)| {
        for (index, sentence) in sentences.iter_mut().enumerate() {
            sentence.source.id = Some(format!("s, {index}"));
            if extra {
                sentence.source.columns = (0..sentence.len())
                    .map(|at| vec![format!("x\"{at}")])
                    .collect();
            }
        }
        sentences
    })
}

/// The sentences without their lines, which say where they were read.
fn without_lines(mut sentences: Vec<Sentence>) -> Vec<Sentence> {
    for sentence in &mut sentences {
        sentence.source.line = 0;
        sentence.source.lines.clear();
    }
    sentences
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_holds_any_sentence(sentences in corpus()) {
        for format in [Format::Jsonl, Format::Json] {
            let (read, losses) = round_trip(format, &sentences, &WriteOptions::default())?;
            prop_assert_eq!(&without_lines(read), &sentences);
            prop_assert!(losses.is_empty());
        }
    }

    #[test]
    fn csv_holds_any_sentence(sentences in corpus()) {
        let (read, losses) = round_trip(Format::Csv, &sentences, &WriteOptions::default())?;
        // The first sentence decides how many columns there are.
        if losses.is_empty() {
            let mut read = without_lines(read);
            for (read, written) in read.iter_mut().zip(&sentences) {
                if written.source.columns.is_empty() {
                    read.source.columns.clear();
                }
            }
            prop_assert_eq!(&read, &sentences);
        }
    }

    #[test]
    fn tsv_holds_any_sentence_without_tabs_and_line_breaks(mut sentences in corpus()) {
        for sentence in &mut sentences {
            let words: Vec<String> = sentence.words().map(|it| it.replace(['\t', '\n', '\r'], "_")).collect();
            let source = std::mem::take(&mut sentence.source);
            *sentence = Sentence::from_words(&words, sentence.tags.take());
            sentence.source.id = source.id;
        }
        let (read, losses) = round_trip(Format::Tsv, &sentences, &WriteOptions::default())?;
        prop_assert_eq!(&without_lines(read), &sentences);
        prop_assert!(losses.is_empty());
    }

    #[test]
    fn parquet_and_arrow_hold_any_sentence(mut sentences in corpus()) {
        let tagged = sentences.first().is_none_or(|sentence| sentence.tags.is_some());
        sentences.retain(|sentence| tagged || sentence.tags.is_none());
        for format in [Format::Parquet, Format::Arrow] {
            let (read, losses) = round_trip(format, &sentences, &WriteOptions::default())?;
            if losses.is_empty() {
                prop_assert_eq!(&read, &sentences);
            }
        }
    }

    #[test]
    fn doccano_holds_text_and_entities_in_any_scheme(
        text in "[a-z北京\u{e9}👩., ]{0,30}", choice in any::<prop::sample::Index>(), tagged in any::<bool>()
    ) {
        let words = split_words(&text);
        let iob2: Vec<String> = (0..words.len())
            .map(|at| if choice.index(at + 2) == 0 { "B-PER".to_owned() } else { "O".to_owned() })
            .collect();
        let sentence = Sentence { text, words, tags: tagged.then_some(iob2), source: Default::default() };
        for scheme in [Scheme::Iob2, Scheme::Bioes] {
            let mut written = sentence.clone();
            if let Some(tags) = &mut written.tags {
                *tags = Scheme::Iob2.convert(tags, scheme)?;
            }
            let options = WriteOptions { scheme: Some(scheme), ..WriteOptions::default() };
            let (read, losses) = round_trip(Format::Doccano, &[written], &options)?;
            prop_assert_eq!(without_lines(read), vec![sentence.clone()]);
            prop_assert!(losses.is_empty());
        }
    }
}
