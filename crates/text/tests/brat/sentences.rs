//! From documents to sentences: words, tags, and what became of every entity.

use bert_ner_text::{Fragments, Overlaps, ReadOptions, Sentence, Words};

use crate::{ANNOTATIONS, Folder, TEXT, characters, entities};

fn named(found: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(label, text): &(&str, &str)| (label.to_owned(), text.to_owned());
    found.iter().map(owned).collect()
}

#[test]
fn every_entity_is_accounted_for() {
    let corpus = Folder::with(TEXT, ANNOTATIONS)
        .corpus(&characters())
        .unwrap();
    let expected = [
        ("Test", "空腹血糖"),
        ("Value", "８．２"),
        ("Disease", "2型糖\n尿病"),
        ("Drug", "二甲双\n胍"),
    ];
    assert_eq!(entities(&corpus), named(&expected));
    let accounting = corpus.accounting.unwrap();
    assert_eq!(
        (accounting.entities, accounting.kept, accounting.dropped()),
        (5, 4, 1)
    );
    assert_eq!(
        (accounting.wrapped, accounting.fragmented, accounting.joined),
        (2, 1, 1)
    );
    assert_eq!(
        (accounting.overlapping, accounting.dropped_overlapping),
        (2, 1)
    );
    assert_eq!(accounting.others.values().sum::<usize>(), 7);
    assert_eq!(
        accounting.to_string(),
        "1 document, 5 entities = 4 kept + 1 dropped (0 fragmented, 1 overlapping, 0 without a word); cut at line ends 2; \
         fragmented 1 (1 joined, 0 shortened, 0 dropped); overlapping 2 (1 kept, 1 dropped); 2 attributes not used; \
         1 equivalence not used; 1 event not used; 1 normalization not used; 1 note not used; 1 relation not used"
    );
    let said = corpus.warnings[0].to_string();
    assert!(said.starts_with("1 entity left out: "), "{said}");
    assert!(said.ends_with("a.ann:4: T4 (Test) overlaps T3"), "{said}");
}

#[test]
fn every_character_that_is_seen_has_a_word_at_its_place() {
    let corpus = Folder::with(TEXT, ANNOTATIONS)
        .corpus(&characters())
        .unwrap();
    let mut seen = String::new();
    for sentence in &corpus.sentences {
        let place = sentence.source.place.as_ref().unwrap();
        assert_eq!(
            &TEXT[place.start..place.start + sentence.text.len()],
            sentence.text
        );
        seen.extend(sentence.words());
    }
    let expected: String = TEXT.chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(seen, expected);
    let words: Vec<&str> = corpus.sentences.iter().flat_map(Sentence::words).collect();
    assert!(words.contains(&"👩‍🔬") && words.contains(&"e\u{301}") && words.contains(&"．"));
    assert_eq!(corpus.split, Some(Words::Characters));
}

#[test]
fn sentences_end_where_the_text_says_so() {
    let corpus = Folder::with(TEXT, ANNOTATIONS)
        .corpus(&characters())
        .unwrap();
    let texts: Vec<&str> = corpus
        .sentences
        .iter()
        .map(|sentence| sentence.text.as_str())
        .collect();
    let expected = [
        "社区随访记录",
        "王阿姨今年六十岁，空腹血糖\n８．２，医生说是2型糖\n尿病。",
        "她每天吃二甲双\n胍两次👩‍🔬！",
        "cafe\u{301}不喝了。",
    ];
    assert_eq!(texts, expected);
    let ids: Vec<_> = corpus
        .sentences
        .iter()
        .map(|sentence| sentence.source.id.as_deref())
        .collect();
    assert_eq!(ids, [Some("a-1"), Some("a-2"), Some("a-3"), Some("a-4")]);
    let starts: Vec<bool> = corpus
        .sentences
        .iter()
        .map(|sentence| sentence.source.starts_document)
        .collect();
    assert_eq!(starts, [true, false, false, false]);
}

#[test]
fn a_limit_cuts_at_commas_and_never_in_an_entity() {
    let options = ReadOptions {
        sentence_words: Some(10),
        ..characters()
    };
    let corpus = Folder::with(TEXT, ANNOTATIONS).corpus(&options).unwrap();
    let texts: Vec<&str> = corpus
        .sentences
        .iter()
        .map(|sentence| sentence.text.as_str())
        .collect();
    assert_eq!(
        texts[1..6],
        [
            "王阿姨今年六十岁，",
            "空腹血糖\n８．２，",
            "医生说是2型糖\n尿病。",
            "她每天吃二甲双\n胍两次",
            "👩‍🔬！"
        ]
    );
    assert_eq!(entities(&corpus).len(), 4);
}

#[test]
fn an_end_inside_an_entity_cuts_nothing_but_is_counted() {
    let corpus = Folder::with("说“好。行”吧", "T1\tQuote 1 6\t“好。行”\n")
        .corpus(&characters())
        .unwrap();
    assert_eq!(corpus.sentences.len(), 1);
    assert_eq!(corpus.accounting.unwrap().across_sentences, 1);
}

#[test]
fn fragments_go_by_the_rule() {
    let text = "左、右肺结节";
    let told = "T1\tPart 0 1;3 4\t左 肺\nT2\tPart 2 4\t右肺\n";
    let folder = Folder::with(text, told);
    let read = |fragments| {
        let options = ReadOptions {
            fragments: Some(fragments),
            ..characters()
        };
        folder.corpus(&options)
    };
    let joined = read(Fragments::Join).unwrap();
    assert_eq!(entities(&joined), named(&[("Part", "左、右肺")]));
    assert_eq!(joined.accounting.unwrap().dropped_overlapping, 1);
    let first = read(Fragments::First).unwrap();
    assert_eq!(entities(&first), named(&[("Part", "左"), ("Part", "右肺")]));
    assert_eq!(first.accounting.unwrap().shortened, 1);
    let skipped = read(Fragments::Skip).unwrap();
    assert_eq!(entities(&skipped), named(&[("Part", "右肺")]));
    let accounting = skipped.accounting.unwrap();
    assert_eq!(
        (
            accounting.entities,
            accounting.kept,
            accounting.dropped_fragmented
        ),
        (2, 1, 1)
    );
    let refused = read(Fragments::Error).unwrap_err().to_string();
    assert!(
        refused.ends_with(
            "a.ann:1: T1 is in fragments with other text between them, which tags cannot tell"
        ),
        "{refused}"
    );
}

#[test]
fn overlaps_go_by_the_rule() {
    let folder = Folder::with(
        "右肺上叶结节",
        "T1\tA 0 2\t右肺\nT2\tB 1 4\t肺上叶\nT3\tC 4 6\t结节\n",
    );
    let read = |overlaps| {
        let options = ReadOptions {
            overlaps: Some(overlaps),
            ..characters()
        };
        folder.corpus(&options)
    };
    let longest = read(Overlaps::Longest).unwrap();
    assert_eq!(entities(&longest), named(&[("B", "肺上叶"), ("C", "结节")]));
    let first = read(Overlaps::First).unwrap();
    assert_eq!(entities(&first), named(&[("A", "右肺"), ("C", "结节")]));
    let refused = read(Overlaps::Error).unwrap_err().to_string();
    assert!(
        refused.ends_with("a.ann:1: T1 overlaps T2, which tags cannot tell"),
        "{refused}"
    );
}

#[test]
fn an_entity_without_a_character_is_dropped_and_counted() {
    let corpus = Folder::with("甲 乙", "T1\tA 1 2\t \nT2\tA 2 2\t\nT3\tA 0 2\t甲 \n")
        .corpus(&characters())
        .unwrap();
    assert_eq!(entities(&corpus), named(&[("A", "甲")]));
    let accounting = corpus.accounting.unwrap();
    assert_eq!(
        (
            accounting.entities,
            accounting.kept,
            accounting.dropped_wordless
        ),
        (3, 1, 2)
    );
}

#[test]
fn a_word_is_cut_where_an_entity_ends_inside_it() {
    let options = ReadOptions {
        words: Some(Words::Whitespace),
        ..ReadOptions::default()
    };
    let corpus = Folder::with("HbA1c偏高 today", "T1\tTest 0 5\tHbA1c\n")
        .corpus(&options)
        .unwrap();
    let words: Vec<&str> = corpus.sentences[0].words().collect();
    assert_eq!(words, ["HbA1c", "偏高", "today"]);
    assert_eq!(corpus.accounting.unwrap().cut_words, 1);
}

#[test]
fn a_document_without_words_is_an_empty_sentence_and_one_without_annotations_has_no_tags() {
    let folder = Folder::with("\n\n", "");
    folder.write("b.txt", "甲");
    let corpus = folder.corpus(&characters()).unwrap();
    let lengths: Vec<usize> = corpus.sentences.iter().map(Sentence::len).collect();
    assert_eq!(lengths, [0, 1]);
    assert_eq!(corpus.sentences[1].tags, None);
    assert_eq!(corpus.accounting.unwrap().unannotated, 1);
}

#[test]
fn what_people_said_of_a_text_can_be_left_alone() {
    let options = ReadOptions {
        text_only: true,
        ..characters()
    };
    let corpus = Folder::with(TEXT, "not an annotation")
        .corpus(&options)
        .unwrap();
    assert!(
        corpus
            .sentences
            .iter()
            .all(|sentence| sentence.tags.is_none())
    );
}
