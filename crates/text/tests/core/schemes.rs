//! What tags mean.

use bert_ner_text::{Entity, Scheme, TextError, split_tag};

fn list(tags: &str) -> Vec<String> {
    tags.split_whitespace().map(str::to_owned).collect()
}

fn entity(start: usize, end: usize, label: &str) -> Entity {
    Entity {
        start,
        end,
        label: label.into(),
    }
}

fn detect(sentences: &[&str]) -> Result<Scheme, TextError> {
    let sentences: Vec<Vec<String>> = sentences.iter().map(|tags| list(tags)).collect();
    Scheme::detect(sentences.iter().map(Vec::as_slice))
}

#[test]
fn impossible_sequences_are_read_as_seqeval_reads_them() {
    let goldens = include_str!("../data/seqeval-entities.tsv");
    for line in goldens.lines() {
        let (tags, entities) = line.split_once('\t').unwrap();
        let tags = list(tags);
        // seqeval gives the first and the last word.
        let found: Vec<String> = Scheme::Bioes
            .entities(&tags)
            .iter()
            .map(|entity| format!("{}:{}:{}", entity.label, entity.start, entity.end - 1))
            .collect();
        assert_eq!(found.join(" "), entities, "{tags:?}");
        if !tags.iter().any(|tag| tag.starts_with(['E', 'S'])) {
            assert_eq!(
                Scheme::Iob1.entities(&tags),
                Scheme::Bioes.entities(&tags),
                "{tags:?}"
            );
            assert_eq!(
                Scheme::Iob2.entities(&tags),
                Scheme::Bioes.entities(&tags),
                "{tags:?}"
            );
        }
    }
}

#[test]
fn last_and_unit_mean_what_end_and_single_mean() {
    for line in include_str!("../data/seqeval-entities.tsv").lines() {
        let bioes = list(line.split_once('\t').unwrap().0);
        let letter = |tag: &String| match tag.split_at(1) {
            ("E", rest) => format!("L{rest}"),
            ("S", rest) => format!("U{rest}"),
            _ => tag.clone(),
        };
        let bilou: Vec<String> = bioes.iter().map(letter).collect();
        assert_eq!(
            Scheme::Bilou.entities(&bilou),
            Scheme::Bioes.entities(&bioes)
        );
    }
}

#[test]
fn a_tag_splits_at_its_first_hyphen() {
    assert_eq!(split_tag("B-PER"), (Some('B'), "PER"));
    assert_eq!(split_tag("I-GEO-POL"), (Some('I'), "GEO-POL"));
    assert_eq!(split_tag("X-PER"), (Some('X'), "PER"));
    assert_eq!(split_tag("B-"), (Some('B'), ""));
    assert_eq!(split_tag("B"), (Some('B'), ""));
    assert_eq!(split_tag("O"), (None, ""));
    assert_eq!(split_tag("PER"), (None, "PER"));
    assert_eq!(split_tag("GEO-POL"), (None, "GEO-POL"));
    assert_eq!(split_tag("人-名"), (Some('人'), "名"));
    assert_eq!(split_tag(""), (None, ""));
}

#[test]
fn each_scheme_spells_the_same_entities_its_own_way() {
    let entities = [
        entity(0, 1, "PER"),
        entity(1, 3, "PER"),
        entity(4, 7, "LOC"),
    ];
    let spelled = |scheme: Scheme| scheme.tags(&entities, 8).unwrap().join(" ");
    assert_eq!(
        spelled(Scheme::Iob1),
        "I-PER B-PER I-PER O I-LOC I-LOC I-LOC O"
    );
    assert_eq!(
        spelled(Scheme::Iob2),
        "B-PER B-PER I-PER O B-LOC I-LOC I-LOC O"
    );
    assert_eq!(
        spelled(Scheme::Bioes),
        "S-PER B-PER E-PER O B-LOC I-LOC E-LOC O"
    );
    assert_eq!(
        spelled(Scheme::Bilou),
        "U-PER B-PER L-PER O B-LOC I-LOC L-LOC O"
    );
}

#[test]
fn plain_tags_refuse_neighbours_that_they_cannot_tell_apart() {
    let apart = [entity(0, 1, "PER"), entity(1, 2, "LOC")];
    assert_eq!(Scheme::Plain.tags(&apart, 2).unwrap(), ["PER", "LOC"]);
    let together = [entity(0, 1, "PER"), entity(1, 2, "PER")];
    let error = Scheme::Plain.tags(&together, 2).unwrap_err().to_string();
    assert_eq!(
        error,
        "entity \"PER\" over words 1..2 follows another of its type; plain tags cannot tell the \
         two apart"
    );
}

#[test]
fn entities_that_no_tags_can_hold_are_refused() {
    for (entities, len) in [
        (vec![entity(0, 2, "A"), entity(1, 3, "B")], 3),
        (vec![entity(0, 0, "A")], 3),
        (vec![entity(2, 4, "A")], 3),
    ] {
        for scheme in Scheme::ALL {
            assert!(
                scheme.tags(&entities, len).is_err(),
                "{scheme} {entities:?}"
            );
        }
    }
}

#[test]
fn entities_may_come_in_any_order() {
    let entities = [entity(2, 3, "B"), entity(0, 2, "A")];
    assert_eq!(
        Scheme::Iob2.tags(&entities, 3).unwrap(),
        ["B-A", "I-A", "B-B"]
    );
}

#[test]
fn a_corpus_tells_its_scheme() {
    assert_eq!(
        detect(&["I-PER I-PER O", "I-LOC B-LOC O"]).unwrap(),
        Scheme::Iob1
    );
    assert_eq!(
        detect(&["B-PER I-PER O", "B-LOC B-LOC O"]).unwrap(),
        Scheme::Iob2
    );
    assert_eq!(
        detect(&["B-PER I-PER O", "O S-LOC"]).unwrap(),
        Scheme::Bioes
    );
    assert_eq!(
        detect(&["B-PER L-PER O", "O U-LOC"]).unwrap(),
        Scheme::Bilou
    );
    assert_eq!(detect(&["PER PER O", "GEO-POL"]).unwrap(), Scheme::Plain);
    assert_eq!(detect(&["B I O", "O B"]).unwrap(), Scheme::Iob2);
    assert_eq!(detect(&["O O", ""]).unwrap(), Scheme::Iob2);
    assert_eq!(detect(&[]).unwrap(), Scheme::Iob2);
}

#[test]
fn a_few_errors_do_not_change_the_scheme_of_a_corpus() {
    assert_eq!(
        detect(&["B-A O B-A I-A O B-A", "O I-A"]).unwrap(),
        Scheme::Iob2
    );
    assert_eq!(
        detect(&["I-A O I-A I-A O I-A", "O B-A"]).unwrap(),
        Scheme::Iob1
    );
}

#[test]
fn tags_of_no_scheme_are_named() {
    let message = |sentences: &[&str]| detect(sentences).unwrap_err().to_string();
    assert!(message(&["B-PER X-PER"]).starts_with("tag \"X-PER\" is not O or a type after B-"));
    assert!(message(&["B-PER", "LOC O"]).starts_with("tag \"LOC\" is not a tag with a prefix"));
    assert!(message(&["S-PER", "U-LOC"]).starts_with("tag \"U-LOC\" is not a tag of the scheme"));
    assert!(message(&["B_PER I_PER O"]).starts_with("tag \"B_PER\" is not spelled"));
    assert!(message(&["PER-B PER-I O"]).starts_with("tag \"PER-B\" is not spelled"));
    assert!(message(&["B-PER M-PER E-PER"]).contains("\"M-PER\""));
}

#[test]
fn violations_name_every_impossible_step() {
    let found = |scheme: Scheme, tags: &str| -> Vec<(usize, String)> {
        let violations = scheme.violations(&list(tags));
        violations
            .iter()
            .map(|violation| (violation.index, violation.to_string()))
            .collect()
    };
    let indices = |scheme, tags| -> Vec<usize> {
        found(scheme, tags)
            .into_iter()
            .map(|(index, _)| index)
            .collect()
    };
    assert_eq!(
        found(Scheme::Iob2, "I-A O B-A I-B"),
        [
            (
                0,
                "I-A at the start of the sentence (no entity of this type is open)".to_owned()
            ),
            (
                3,
                "I-B after B-A (no entity of this type is open)".to_owned()
            ),
        ]
    );
    assert_eq!(
        indices(Scheme::Iob1, "B-A I-A B-A O B-A I-B B-A"),
        [0, 4, 6]
    );
    assert_eq!(
        indices(Scheme::Bioes, "B-A O E-A I-A S-A B-A E-B"),
        [1, 2, 3, 4, 6]
    );
    assert_eq!(
        found(Scheme::Bioes, "S-A B-A"),
        [(
            1,
            "B-A after S-A (the sentence ends inside the entity)".to_owned()
        )]
    );
    assert_eq!(
        indices(Scheme::Bilou, "U-A B-A I-A L-A O"),
        [] as [usize; 0]
    );
    assert_eq!(indices(Scheme::Iob2, "B-A E-A PER"), [1, 2]);
    assert_eq!(indices(Scheme::Plain, "A B O A"), [] as [usize; 0]);
}

#[test]
fn conversion_refuses_tags_that_are_not_of_the_scheme() {
    let error = Scheme::Iob2
        .convert(&list("O E-PER"), Scheme::Bioes)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "tag \"E-PER\" is not an iob2 tag (O, B-TYPE or I-TYPE)"
    );
}

#[test]
fn tags_without_a_type_stay_without_one() {
    let converted = Scheme::Iob2
        .convert(&list("B I O B"), Scheme::Bioes)
        .unwrap();
    assert_eq!(converted, ["B", "E", "O", "S"]);
    assert!(Scheme::Iob2.convert(&list("B I"), Scheme::Plain).is_err());
}

#[test]
fn schemes_go_by_the_names_that_people_use() {
    for (name, scheme) in [
        ("iob1", Scheme::Iob1),
        ("BIO", Scheme::Iob2),
        ("iobes", Scheme::Bioes),
        ("biluo", Scheme::Bilou),
        ("io", Scheme::Plain),
    ] {
        assert_eq!(name.parse::<Scheme>().unwrap(), scheme);
    }
    for scheme in Scheme::ALL {
        assert_eq!(scheme.name().parse::<Scheme>().unwrap(), scheme);
    }
    let error = "bmes".parse::<Scheme>().unwrap_err().to_string();
    assert!(error.starts_with("unknown tag scheme \"bmes\"; expected iob1"));
}
