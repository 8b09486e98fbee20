//! Properties of schemes and of CoNLL columns over random input.

use bert_ner_text::{
    Column, Entity, Format, ReadOptions, Scheme, Sentence, Separator, Source, TextError,
    WriteOptions,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::support::{conll_with, written};

const PREFIXED: [Scheme; 4] = [Scheme::Iob1, Scheme::Iob2, Scheme::Bioes, Scheme::Bilou];

/// Entities side by side or apart, and the length of their sentence.
fn entities() -> impl Strategy<Value = (Vec<Entity>, usize)> {
    let steps = vec(
        (0..3_usize, 1..4_usize, prop_oneof!["A", "B", "GEO-POL", ""]),
        0..8,
    );
    (steps, 0..3_usize).prop_map(|(steps, rest)| {
        let mut entities = Vec::new();
        let mut end = 0;
        for (gap, length, label) in steps {
            let start = end + gap;
            end = start + length;
            entities.push(Entity { start, end, label });
        }
        (entities, end + rest)
    })
}

/// Tags of a scheme in any order, possible or not.
fn any_tags(scheme: Scheme) -> impl Strategy<Value = Vec<String>> {
    let tag = match scheme {
        Scheme::Iob1 | Scheme::Iob2 => "O|[BI]|[BI]-[AB]",
        Scheme::Bioes => "O|[BIES]|[BIES]-[AB]",
        Scheme::Bilou => "O|[BILU]|[BILU]-[AB]",
        Scheme::Plain => "O|A|B|X-Y",
    };
    vec(tag, 0..12)
}

fn scheme_and_tags() -> impl Strategy<Value = (Scheme, Vec<String>)> {
    proptest::sample::select(Scheme::ALL.to_vec())
        .prop_flat_map(|scheme| (Just(scheme), any_tags(scheme)))
}

proptest! {
    #[test]
    fn entities_come_back_from_tags((entities, len) in entities()) {
        for scheme in PREFIXED {
            let tags = scheme.tags(&entities, len).unwrap();
            prop_assert_eq!(tags.len(), len);
            prop_assert_eq!(&scheme.entities(&tags), &entities);
            prop_assert_eq!(scheme.violations(&tags), vec![]);
        }
        match Scheme::Plain.tags(&entities, len) {
            Ok(tags) => prop_assert_eq!(&Scheme::Plain.entities(&tags), &entities),
            Err(error) => {
                let is_entity = matches!(error, TextError::Entity { .. });
                prop_assert!(is_entity);
            }
        }
    }

    #[test]
    fn possible_tags_survive_every_scheme_unchanged((entities, len) in entities()) {
        for from in PREFIXED {
            let tags = from.tags(&entities, len).unwrap();
            for to in PREFIXED {
                let there = from.convert(&tags, to).unwrap();
                prop_assert_eq!(&to.convert(&there, from).unwrap(), &tags);
            }
        }
    }

    #[test]
    fn conversion_keeps_entities_and_mends_what_is_impossible((from, tags) in scheme_and_tags()) {
        for to in PREFIXED {
            let converted = from.convert(&tags, to).unwrap();
            prop_assert_eq!(to.entities(&converted), from.entities(&tags));
            prop_assert_eq!(to.violations(&converted), vec![]);
        }
    }

    #[test]
    fn tags_without_violations_are_what_their_entities_spell((scheme, tags) in scheme_and_tags()) {
        let spelled = scheme.tags(&scheme.entities(&tags), tags.len());
        if scheme.violations(&tags).is_empty() {
            prop_assert_eq!(spelled.unwrap(), tags);
        }
    }

    #[test]
    fn detection_finds_a_scheme_that_the_tags_obey((entities, len) in entities()) {
        for scheme in PREFIXED {
            let tags = scheme.tags(&entities, len).unwrap();
            let found = Scheme::detect(std::iter::once(tags.as_slice())).unwrap();
            prop_assert_eq!(found.violations(&tags), vec![]);
            prop_assert_eq!(found.entities(&tags), entities.clone());
        }
    }
}

/// What may stand in a column between tabs; now and then what may not.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[#a-zé中😀.-]{1,6}",
        2 => "[#OBI -]{1,4}",
        1 => "\\PC{1,6}",
        1 => Just("#".to_owned()),
        1 => Just("\u{feff}x".to_owned()),
        1 => any::<String>().prop_filter("not empty", |field| !field.is_empty()),
    ]
}

fn comment() -> impl Strategy<Value = String> {
    prop_oneof![
        "# [a-z]{1,5}",
        "# [a-z_]{1,5} = [a-z O]{1,8}",
        "#",
        "# id 1\tdomain=x"
    ]
}

/// Sentences of one file: the same columns in each.
fn file() -> impl Strategy<Value = Vec<Sentence>> {
    (0..3_usize, any::<bool>()).prop_flat_map(|(others, tagged)| {
        let others = if tagged { others } else { 0 };
        let tag = "O|[BIES]-[A-Z]{1,3}(-[A-Z])?";
        let word = (field(), tag, vec(field(), others));
        let head = (
            any::<bool>(),
            vec(field(), others),
            vec(comment(), 0..3),
            option::of("[a-z0-9]{1,4}"),
        );
        vec((head, vec(word, 1..5)), 1..5).prop_map(move |sentences| {
            sentences
                .into_iter()
                .map(|(head, words)| sentence(head, words, tagged))
                .collect()
        })
    })
}

type Head = (bool, Vec<String>, Vec<String>, Option<String>);

fn sentence(head: Head, rows: Vec<(String, String, Vec<String>)>, tagged: bool) -> Sentence {
    let (starts_document, document_columns, mut comments, id) = head;
    comments.extend(id.as_ref().map(|id| format!("# sent_id = {id}")));
    let words: Vec<&String> = rows.iter().map(|row| &row.0).collect();
    let tags = tagged.then(|| rows.iter().map(|row| row.1.clone()).collect());
    let mut sentence = Sentence::from_words(&words, tags);
    let columns = rows.iter().map(|row| row.2.clone());
    sentence.source = Source {
        id,
        starts_document,
        document_columns: if starts_document {
            document_columns
        } else {
            Vec::new()
        },
        comments,
        columns: columns.filter(|row| !row.is_empty()).collect(),
        ..Source::default()
    };
    sentence
}

/// A sentence without the lines that it stood on.
fn without_lines(mut sentence: Sentence) -> Sentence {
    sentence.source.line = 0;
    sentence.source.lines.clear();
    sentence
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conll_gives_back_what_was_written_or_refuses_it(
        sentences in file(),
        separator in prop_oneof![Just(Separator::Tab), Just(Separator::Space)],
    ) {
        let options = WriteOptions { separator: Some(separator), ..WriteOptions::default() };
        let (bytes, losses) = match written(&sentences, Format::Conll, &options) {
            Ok(written) => written,
            Err(error) => {
                let is_named = matches!(error, TextError::Unwritable { .. });
                prop_assert!(is_named, "{}", error);
                return Ok(());
            }
        };
        // Given, so that words that look like tags do not mislead.
        let tagged = sentences[0].tags.is_some();
        let options = ReadOptions {
            tag_column: tagged.then_some(Column::Last),
            ..ReadOptions::default()
        };
        let read = conll_with(&bytes, &options);
        let read: Vec<Sentence> = match read {
            Ok(read) => read.into_iter().map(without_lines).collect(),
            Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&bytes)),
        };
        if losses.is_empty() {
            let kept: Vec<_> = read.iter().map(|s| (&s.text, &s.words, &s.tags, &s.source.columns, &s.source.comments)).collect();
            let given: Vec<_> = sentences.iter().map(|s| (&s.text, &s.words, &s.tags, &s.source.columns, &s.source.comments)).collect();
            prop_assert_eq!(kept, given, "{}", String::from_utf8_lossy(&bytes));
        }
        prop_assert_eq!(read.len(), sentences.len());
        for (read, given) in read.iter().zip(&sentences) {
            prop_assert_eq!((&read.text, &read.tags), (&given.text, &given.tags));
            prop_assert_eq!(&read.source.id, &given.source.id);
            prop_assert_eq!(read.source.starts_document, given.source.starts_document);
        }
    }

    #[test]
    fn the_conll_reader_never_panics(bytes in vec(any::<u8>(), 0..200)) {
        let _ = conll_with(&bytes, &ReadOptions::default());
    }

    #[test]
    fn the_conll_reader_never_panics_on_lines(lines in vec("[#O\tBI a-]{0,6}|-DOCSTART-( O)?|# a = b", 0..12)) {
        let _ = conll_with(lines.join("\n").as_bytes(), &ReadOptions::default());
    }
}
