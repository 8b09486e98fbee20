//! How predictions are written, to the byte.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bert_ner_infer::output::{OutputFormat, OutputOptions, create, create_file};
use bert_ner_infer::{Alternative, Entity, OffsetUnit, RankedLabel, Tagged};
use bert_ner_text::{ReadOptions, Sentence, TextOffset};
use parquet::file::reader::{FileReader, SerializedFileReader};

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
        ..Tagged::default()
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
    writer.begin("a/b.txt").unwrap();
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

#[test]
fn a_json_line_says_its_file_where_its_text_begins_and_the_best_labels_of_each_word() {
    let (mut sentence, mut tagged) = example();
    let start = TextOffset::default().after("😀\n");
    sentence.source.start = Some(start);
    tagged.ranked = vec![vec![RankedLabel {
        label: "O".to_owned(),
        probability: 0.99999,
    }]];
    let options = OutputOptions {
        files: true,
        unit: OffsetUnit::Utf16,
        ..OutputOptions::default()
    };
    let line = written(OutputFormat::Jsonl, options, &[(sentence, tagged)]);
    assert!(
        line.starts_with("{\"file\":\"a/b.txt\",\"start\":3,\"text\":\"😀 Zoë"),
        "{line}"
    );
    assert!(
        line.contains("\"ner_top\":[[{\"label\":\"O\",\"score\":1.0}]]"),
        "{line}"
    );
}

#[test]
fn a_csv_row_is_quoted_where_it_must_be() {
    let (mut sentence, tagged) = example();
    sentence.source.id = Some("say \"a, b\"".to_owned());
    let options = OutputOptions {
        files: true,
        ..OutputOptions::default()
    };
    assert_eq!(
        written(OutputFormat::Csv, options, &[(sentence, tagged)]),
        "file,sentence,start_char,end_char,label,score,text\n\
         a/b.txt,\"say \"\"a, b\"\"\",2,7,PER,0.9877,Zoë Ā\n\
         a/b.txt,\"say \"\"a, b\"\"\",11,15,ORG,0.5000,ACME\n"
    );
}

#[test]
fn annotation_tools_get_spans_in_characters_and_the_tokens_that_they_cover() {
    let (mut sentence, tagged) = example();
    sentence.source.id = Some("7".to_owned());
    let one = [(sentence, tagged)];
    assert_eq!(
        written(OutputFormat::Doccano, OutputOptions::default(), &one),
        "{\"id\":7,\"text\":\"😀 Zoë Ā of ACME\",\"label\":[[2,7,\"PER\"],[11,15,\"ORG\"]]}\n"
    );
    let token = |text: &str, start: usize, id: usize, ws: bool| {
        let end = start + text.chars().count();
        format!(r#"{{"text":"{text}","start":{start},"end":{end},"id":{id},"ws":{ws}}}"#)
    };
    let tokens = [
        token("😀", 0, 0, true),
        token("Zoë", 2, 1, true),
        token("Ā", 6, 2, true),
        token("of", 8, 3, true),
        token("ACME", 11, 4, false),
    ];
    assert_eq!(
        written(OutputFormat::Prodigy, OutputOptions::default(), &one),
        format!(
            "{{\"text\":\"😀 Zoë Ā of ACME\",\"tokens\":[{}],\"spans\":[\
             {{\"start\":2,\"end\":7,\"token_start\":1,\"token_end\":2,\"label\":\"PER\"}},\
             {{\"start\":11,\"end\":15,\"token_start\":4,\"token_end\":4,\"label\":\"ORG\"}}],\
             \"meta\":{{\"id\":\"7\",\"scores\":[0.9877,0.5]}}}}\n",
            tokens.join(",")
        )
    );
}

#[test]
fn a_token_is_cut_where_an_entity_of_pieces_ends() {
    let (sentence, mut tagged) = example();
    tagged.entities = vec![Entity {
        words: 4..5,
        span: 16..18,
        label: "ORG".to_owned(),
        confidence: 0.5,
    }];
    let options = OutputOptions::default();
    let line = written(OutputFormat::Prodigy, options, &[(sentence, tagged)]);
    assert!(
        line.contains(r#""token_start":4,"token_end":4,"label":"ORG""#)
            && line.contains(r#"{"text":"AC","start":11,"end":13,"id":4,"ws":false}"#)
            && line.contains(r#"{"text":"ME","start":13,"end":15,"id":5,"ws":false}"#),
        "{line}"
    );
}

#[test]
fn a_page_escapes_what_it_shows_counts_types_and_needs_nothing_from_elsewhere() {
    let sentence = Sentence::from_words(&["<script>alert(1)</script>", "\"&'", "\u{1b}[2J"], None);
    let entity = |word: usize, label: &str| Entity {
        words: word..word + 1,
        span: sentence.words[word].clone(),
        label: label.to_owned(),
        confidence: 0.5,
    };
    let tagged = Tagged {
        entities: vec![entity(0, "PER"), entity(1, "X\"><i>")],
        ..Tagged::default()
    };
    let options = OutputOptions {
        types: vec!["LOC".to_owned(), "PER".to_owned()],
        ..OutputOptions::default()
    };
    let items = [(sentence.clone(), tagged.clone()), (sentence, tagged)];
    let page = written(OutputFormat::Html, options, &items);
    assert!(
        page.contains(
            "<p dir=\"auto\"><mark class=\"t1\" title=\"PER, 50.0 %\">&lt;script&gt;alert(1)&lt;/script&gt;<b>PER</b></mark> \
             <mark class=\"t2\" title=\"X&quot;&gt;&lt;i&gt;, 50.0 %\">&quot;&amp;'<b>X&quot;&gt;&lt;i&gt;</b></mark> \u{fffd}[2J</p>"
        ),
        "{page}"
    );
    for (place, label, count) in [(0, "LOC", 0), (1, "PER", 2), (2, "X&quot;&gt;&lt;i&gt;", 2)] {
        let row = format!("<li><mark class=\"t{place}\">{label}</mark> {count}</li>");
        assert!(page.contains(&row), "{row}: {page}");
    }
    assert!(page.contains("<p>4 entities in 2 texts</p>") && page.ends_with("</html>\n"));
    for outside in ["http:", "https:", "<script", "src=", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_parquet_file_of_more_rows_than_a_batch_reads_back_as_a_data_set() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("predicted.parquet");
    let options = OutputOptions {
        files: true,
        ranked: 2,
        ..OutputOptions::default()
    };
    let mut writer = create_file(&path, OutputFormat::Parquet, &options).unwrap();
    writer.begin("a.txt").unwrap();
    let (sentence, tagged) = example();
    for _ in 0..1001 {
        writer.write(&sentence, &tagged).unwrap();
    }
    writer.write(&empty().0, &empty().1).unwrap();
    assert!(!path.exists(), "a file appears when it is complete");
    writer.finish().unwrap();
    let read = bert_ner_text::open(&path, &ReadOptions::default()).unwrap();
    let sentences: Vec<Sentence> = read.map(Result::unwrap).collect();
    assert_eq!(sentences.len(), 1002);
    assert!(sentences[..1001].iter().all(|read| {
        read.words().eq(sentence.words()) && read.tags.as_ref() == Some(&tagged.tags)
    }));
    assert!(sentences[1001].is_empty());
}

#[test]
fn pieces_that_share_a_character_are_written_by_every_format() {
    let sentence = Sentence::from_words(&["½"], None);
    let piece = |label: &str| Entity {
        words: 0..1,
        span: 0..2,
        label: label.to_owned(),
        confidence: 0.5,
    };
    let tagged = Tagged {
        entities: vec![piece("B-X"), piece("I-X")],
        ..Tagged::default()
    };
    let options = || OutputOptions {
        aggregated: true,
        ..OutputOptions::default()
    };
    let text = |format| match format {
        // It has no place for them, and is refused with a strategy.
        OutputFormat::Conll => false,
        OutputFormat::Parquet | OutputFormat::Brat => false,
        _ => true,
    };
    for format in OutputFormat::ALL.into_iter().filter(|&it| text(it)) {
        let shown = written(format, options(), &[(sentence.clone(), tagged.clone())]);
        assert!(shown.contains("B-X"), "{format}: {shown}");
    }
    let dir = tempfile::tempdir().unwrap();
    for format in [OutputFormat::Parquet, OutputFormat::Brat] {
        let path = dir.path().join(format.name());
        let mut writer = create_file(&path, format, &options()).unwrap();
        writer.write(&sentence, &tagged).unwrap();
        writer.finish().unwrap();
    }
    let parquet = std::fs::read(dir.path().join("parquet")).unwrap();
    assert!(parquet.windows(3).any(|bytes| bytes == b"B-X"));
    assert_eq!(
        std::fs::read_to_string(dir.path().join("brat/0001.ann")).unwrap(),
        "T1\tB-X 0 1\t½\nT2\tI-X 0 1\t½\n"
    );
}

#[test]
fn a_parquet_file_has_its_rows_in_groups_that_memory_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("many.parquet");
    let options = OutputOptions::default();
    let mut writer = create_file(&path, OutputFormat::Parquet, &options).unwrap();
    for _ in 0..20_001 {
        writer.write(&empty().0, &empty().1).unwrap();
    }
    writer.finish().unwrap();
    let file = std::fs::File::open(&path).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let groups = reader.metadata().row_groups().iter();
    let rows: Vec<i64> = groups.map(|group| group.num_rows()).collect();
    assert_eq!(rows, [20_000, 1]);
}

#[test]
fn sentences_that_are_passed_over_count_in_the_numbers_of_a_table() {
    let shared = Shared::default();
    let output = Box::new(shared.clone());
    let options = OutputOptions::default();
    let mut writer = create(output, Path::new("memory"), OutputFormat::Tsv, &options).unwrap();
    let (sentence, tagged) = example();
    for before in [2, 0, 1] {
        writer.pass_over(before);
        writer.write(&sentence, &tagged).unwrap();
    }
    let table = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
    let numbers = table.lines().skip(1).step_by(2);
    let numbers: Vec<&str> = numbers
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    assert_eq!(numbers, ["3", "4", "6"]);
}

#[test]
fn pieces_have_the_colour_of_their_type_on_a_page_in_every_scheme() {
    let (sentence, mut tagged) = example();
    for (entity, label) in tagged.entities.iter_mut().zip(["S-A-team", "E-A-team"]) {
        label.clone_into(&mut entity.label);
    }
    let options = OutputOptions {
        types: vec!["A-team".to_owned()],
        ..OutputOptions::default()
    };
    let page = written(OutputFormat::Html, options, &[(sentence, tagged)]);
    assert!(
        page.contains("<mark class=\"t0\">A-team</mark> 2"),
        "{page}"
    );
    assert!(!page.contains("class=\"t1\""));
}
