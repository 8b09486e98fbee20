//! The tables of `docs/scoring.md` state what this crate does.

use bert_ner_score::{Mode, Scorer, StrictScheme};

const PAGE: &str = include_str!("../../../docs/scoring.md");

/// The rows below a table's header line, cell by cell, without the backticks.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| {
        line.split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .skip(1)
            .collect()
    };
    let lines = PAGE.lines().skip_while(|line| *line != header).skip(2);
    let rows: Vec<Vec<&str>> = lines
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "no table {header:?}");
    rows
}

fn entities(tags: &str, mode: Mode) -> usize {
    let tags: Vec<&str> = tags.split(' ').collect();
    let mut scorer = Scorer::new(mode);
    scorer.add(&tags, &tags).expect("tags of the mode");
    let scores = scorer.finish();
    assert_eq!(
        (scores.correct, scores.predicted),
        (scores.gold, scores.gold)
    );
    scores.gold
}

#[test]
fn seqeval_and_conlleval_find_as_many_entities_as_documented() {
    for row in rows("| tags | seqeval | conlleval | why |") {
        assert_eq!(
            entities(row[0], Mode::Seqeval).to_string(),
            row[1],
            "{row:?}"
        );
        assert_eq!(
            entities(row[0], Mode::Conlleval).to_string(),
            row[2],
            "{row:?}"
        );
    }
}

#[test]
fn strict_mode_finds_as_many_entities_as_documented() {
    for row in rows("| tags | scheme | entities | why |") {
        let scheme: StrictScheme = row[1].parse().expect("a scheme");
        assert_eq!(
            entities(row[0], Mode::Strict(scheme)).to_string(),
            row[2],
            "{row:?}"
        );
    }
}
