//! How predictions are written, to the byte.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bert_ner_infer::output::{OutputFormat, OutputOptions, create, create_file};
use bert_ner_infer::{Alternative, Entity, OffsetUnit, Tagged};
use bert_ner_text::{ReadOptions, Sentence};

/// Memory that can be looked at while a writer owns it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn example() -> (Sentence, Tagged) {
    let sentence = Sentence::from_words(&["😀", "Zoë", "Ā", "of", "ACME"], None);
    let entity = |words, span, label: &str, confidence| Entity {
        words,
        span,
        label: label.into(),
        confidence,
    };
    let tagged = Tagged {
        tags: ["O", "B-PER", "I-PER", "O", "B-ORG"]
            .map(str::to_owned)
            .to_vec(),
        probabilities: vec![1.0, 0.99, 0.9976, 1.0, 0.5],
        entities: vec![
            entity(1..3, 5..12, "PER", 0.98766),
            entity(4..5, 16..20, "ORG", 0.5),
        ],
        alternatives: Vec::new(),
    };
    (sentence, tagged)
}

fn empty() -> (Sentence, Tagged) {
    (Sentence::default(), Tagged::default())
}

fn written(format: OutputFormat, options: OutputOptions, items: &[(Sentence, Tagged)]) -> String {
    let shared = Shared::default();
    let mut writer = create(
        Box::new(shared.clone()),
        Path::new("memory"),
        format,
        &options,
    )
    .unwrap();
    for (sentence, tagged) in items {
        writer.write(sentence, tagged).unwrap();
    }
    writer.finish().unwrap();
    let bytes = shared.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_terminal_shows_the_text_and_its_entities_aligned() {
    let mut second = example();
    second.1.entities[1].label = "COMPANY".into();
    second.1.entities[1].confidence = 1.0;
    assert_eq!(
        written(
            OutputFormat::Terminal,
            OutputOptions::default(),
            &[example(), empty(), second]
        ),
        "😀 Zoë Ā of ACME\n  PER   98.8 %  Zoë Ā\n  ORG   50.0 %  ACME\n\n\n\n\
         😀 Zoë Ā of ACME\n  PER       98.8 %  Zoë Ā\n  COMPANY  100.0 %  ACME\n"
    );
}

#[test]
fn colours_mark_entities_only_when_asked_for() {
    let plain = written(
        OutputFormat::Terminal,
        OutputOptions::default(),
        &[example()],
    );
    let options = OutputOptions {
        colours: true,
        ..OutputOptions::default()
    };
    let coloured = written(OutputFormat::Terminal, options, &[example()]);
    assert!(!plain.contains('\x1b'));
    assert!(coloured.contains("m Zoë Ā") || coloured.contains("mZoë Ā\x1b[0m of"));
    let mut bare = coloured.clone();
    while let Some(start) = bare.find('\x1b') {
        let end = start + bare[start..].find('m').unwrap();
        bare.replace_range(start..=end, "");
    }
    assert_eq!(bare, plain);
}

#[test]
fn text_cannot_drive_the_terminal() {
    let sentence = Sentence::from_words(&["a\x1b[2Jb", "c\nd"], None);
    let mut tagged = Tagged {
        tags: vec!["O".into(); 2],
        probabilities: vec![1.0; 2],
        ..Tagged::default()
    };
    let span = sentence.words[0].clone();
    tagged.entities.push(Entity {
        words: 0..1,
        span,
        label: "X\x1b".into(),
        confidence: 1.0,
    });
    let shown = written(
        OutputFormat::Terminal,
        OutputOptions::default(),
        &[(sentence, tagged)],
    );
    assert_eq!(shown, "a [2Jb c d\n  X   100.0 %  a [2Jb\n");
}

#[test]
fn a_json_line_holds_words_tags_and_entities_with_their_unit() {
    let line = |unit, start, end| {
        format!(
            "{{\"text\":\"😀 Zoë Ā of ACME\",\"tokens\":[\"😀\",\"Zoë\",\"Ā\",\"of\",\"ACME\"],\
             \"ner_tags\":[\"O\",\"B-PER\",\"I-PER\",\"O\",\"B-ORG\"],\"ner_scores\":[1.0,0.99,0.9976,1.0,0.5],\"entities\":[\
             {{\"start\":{},\"end\":{},\"label\":\"PER\",\"score\":0.9877,\"text\":\"Zoë Ā\"}},\
             {{\"start\":{},\"end\":{},\"label\":\"ORG\",\"score\":0.5,\"text\":\"ACME\"}}],\
             \"offset_unit\":\"{unit}\"}}\n",
            start,
            end,
            end + 4,
            end + 8
        )
    };
    for (unit, start, end) in [
        (OffsetUnit::Byte, 5, 12),
        (OffsetUnit::Char, 2, 7),
        (OffsetUnit::Utf16, 3, 8),
    ] {
        let options = OutputOptions {
            unit,
            ..OutputOptions::default()
        };
        assert_eq!(
            written(OutputFormat::Jsonl, options, &[example()]),
            line(unit, start, end)
        );
    }
}

#[test]
fn json_lines_read_back_as_a_data_set() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("predicted.jsonl");
    let mut writer = create_file(&path, OutputFormat::Jsonl, &OutputOptions::default()).unwrap();
    let (sentence, tagged) = example();
    writer.write(&sentence, &tagged).unwrap();
    assert!(!path.exists(), "a file appears when it is complete");
    writer.finish().unwrap();
    let corpus = bert_ner_text::read_corpus(&path, &ReadOptions::default()).unwrap();
    assert_eq!(corpus.sentences[0].words, sentence.words);
    assert_eq!(corpus.sentences[0].tags.as_ref(), Some(&tagged.tags));
}

#[test]
fn a_tsv_line_is_an_entity() {
    let mut second = example();
    second.0.source.id = Some("doc\t1".into());
    assert_eq!(
        written(
            OutputFormat::Tsv,
            OutputOptions::default(),
            &[empty(), example(), second]
        ),
        "sentence\tstart_char\tend_char\tlabel\tscore\ttext\n\
         2\t2\t7\tPER\t0.9877\tZoë Ā\n2\t11\t15\tORG\t0.5000\tACME\n\
         doc\\t1\t2\t7\tPER\t0.9877\tZoë Ā\ndoc\\t1\t11\t15\tORG\t0.5000\tACME\n"
    );
}

#[test]
fn conll_has_gold_before_predicted() {
    let (mut sentence, tagged) = example();
    assert_eq!(
        written(
            OutputFormat::Conll,
            OutputOptions::default(),
            &[(sentence.clone(), tagged.clone())]
        ),
        "😀\tO\nZoë\tB-PER\nĀ\tI-PER\nof\tO\nACME\tB-ORG\n\n"
    );
    sentence.tags = Some(["O", "B-PER", "O", "O", "O"].map(str::to_owned).to_vec());
    assert_eq!(
        written(
            OutputFormat::Conll,
            OutputOptions::default(),
            &[(sentence, tagged)]
        ),
        "😀\tO\tO\nZoë\tB-PER\tB-PER\nĀ\tO\tI-PER\nof\tO\tO\nACME\tO\tB-ORG\n\n"
    );
}

#[test]
fn a_json_line_holds_the_most_probable_sequences_where_there_are_any() {
    let (sentence, mut tagged) = example();
    let alternative = |tags: [&str; 5], probability| Alternative {
        tags: tags.map(str::to_owned).to_vec(),
        probability,
    };
    tagged.alternatives = vec![
        alternative(["O", "B-PER", "I-PER", "O", "B-ORG"], 0.91234),
        alternative(["O", "B-PER", "I-PER", "O", "O"], 0.05),
    ];
    let line = written(
        OutputFormat::Jsonl,
        OutputOptions::default(),
        &[(sentence, tagged)],
    );
    let expected = "\"k_best\":[{\"ner_tags\":[\"O\",\"B-PER\",\"I-PER\",\"O\",\"B-ORG\"],\"score\":0.9123},\
                    {\"ner_tags\":[\"O\",\"B-PER\",\"I-PER\",\"O\",\"O\"],\"score\":0.05}]";
    assert!(line.contains(expected), "{line}");
}
