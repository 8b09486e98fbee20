//! Agreement with seqeval 1.2.2 and the Perl conlleval on random tag sequences and whole files.
//!
//! The goldens come from `tools/golden/score_goldens.py`.

use bert_ner_score::{
    Average, Bootstrap, Confidence, Counts, Interval, Mode, ScoreError, Scorer, Scores,
    StrictScheme, conll_pairs, raw_tags,
};
use serde_json::Value;

const CORPORA: &str = include_str!("golden/corpora.jsonl");
const FILES: &str = include_str!("golden/files.jsonl");
const BOOTSTRAP: &str = include_str!("golden/bootstrap.json");

/// numpy adds eight and more numbers in another order than one after the other.
const MANY_TYPES: usize = 8;

fn corpora() -> Vec<Value> {
    let corpora: Vec<Value> = CORPORA
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(corpora.len() > 500);
    corpora
}

fn sentences(corpus: &Value, side: &str) -> Vec<Vec<String>> {
    let tags = |line: &Value| {
        line.as_str()
            .expect("tags")
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    corpus[side]
        .as_array()
        .expect("sentences")
        .iter()
        .map(tags)
        .collect()
}

fn score(corpus: &Value, mode: Mode) -> Result<Scores, ScoreError> {
    let mut scorer = Scorer::new(mode);
    for (gold, predicted) in sentences(corpus, "gold")
        .iter()
        .zip(&sentences(corpus, "predicted"))
    {
        scorer.add(gold, predicted)?;
    }
    Ok(scorer.finish())
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("numbers")
        .iter()
        .map(|number| number.as_f64().expect("a number"))
        .collect()
}

fn assert_average(ours: Average, theirs: &Value, types: usize, context: &str) {
    let ours = [ours.precision, ours.recall, ours.f1];
    if theirs.is_null() {
        assert_eq!(ours, [0.0; 3], "{context}");
        return;
    }
    let tolerance = if types < MANY_TYPES { 0.0 } else { 1e-12 };
    for (ours, theirs) in ours.iter().zip(numbers(theirs)) {
        assert!(
            (ours - theirs).abs() <= tolerance,
            "{ours} is not {theirs}: {context}"
        );
    }
}

/// Compares with `[micro, macro, weighted, {type: [precision, recall, f1, support]}]`.
fn assert_scores(ours: &Scores, theirs: &Value, context: &str) {
    let types = theirs[3].as_object().expect("types");
    let micro = Average {
        precision: ours.precision,
        recall: ours.recall,
        f1: ours.f1,
    };
    assert_average(micro, &theirs[0], 1, context);
    assert_average(ours.macro_average(), &theirs[1], types.len(), context);
    assert_average(ours.weighted_average(), &theirs[2], types.len(), context);
    assert_eq!(ours.by_type.len(), types.len(), "{context}");
    for (name, expected) in types {
        let found = &ours.by_type[name];
        let found = vec![
            found.precision,
            found.recall,
            found.f1,
            found.support as f64,
        ];
        assert_eq!(found, numbers(expected), "type {name:?}: {context}");
    }
}

#[test]
fn seqeval_default_mode_gives_the_same_numbers() {
    for corpus in corpora() {
        let scores = score(&corpus, Mode::Seqeval).expect("any tags have a reading");
        assert_scores(&scores, &corpus["default"], &corpus.to_string());
        assert_eq!(
            scores.accuracy,
            corpus["accuracy"].as_f64().unwrap_or(0.0),
            "{corpus}"
        );
    }
}

#[test]
fn seqeval_strict_mode_gives_the_same_numbers_or_refuses_the_same_corpora() {
    let mut refused = 0;
    for corpus in corpora() {
        for (name, expected) in corpus["strict"].as_object().expect("schemes") {
            let scheme: StrictScheme = name.parse().expect("a scheme");
            let context = format!("{name}: {corpus}");
            match score(&corpus, Mode::Strict(scheme)) {
                Ok(scores) => assert_scores(&scores, expected, &context),
                Err(ScoreError::Prefix { .. }) => {
                    assert_eq!(expected, "error", "{context}");
                    refused += 1;
                }
                Err(other) => panic!("{other}: {context}"),
            }
        }
    }
    assert!(refused > 500);
}

#[test]
fn seqeval_prints_the_same_report() {
    let mut compared = 0;
    for corpus in corpora()
        .iter()
        .filter(|corpus| corpus.get("report").is_some())
    {
        let scores = score(corpus, Mode::Seqeval).expect("any tags have a reading");
        assert_eq!(
            scores.report(3),
            corpus["report"].as_str().expect("text"),
            "{corpus}"
        );
        compared += 1;
    }
    assert!(compared > 50);
}

#[test]
fn conlleval_prints_the_same_bytes() {
    for corpus in corpora() {
        let scores = score(&corpus, Mode::Conlleval).expect("any tags have a reading");
        assert_eq!(
            scores.conlleval(),
            corpus["conlleval"].as_str().expect("text"),
            "{corpus}"
        );
        if let Some(latex) = corpus.get("latex") {
            assert_eq!(
                scores.conlleval_latex(),
                latex.as_str().expect("text"),
                "{corpus}"
            );
        }
    }
}

#[test]
fn conlleval_prints_the_same_bytes_for_raw_types() {
    let mut compared = 0;
    for corpus in corpora()
        .iter()
        .filter(|corpus| corpus.get("raw").is_some())
    {
        let mut scorer = Scorer::new(Mode::Conlleval);
        for (gold, predicted) in sentences(corpus, "gold")
            .iter()
            .zip(&sentences(corpus, "predicted"))
        {
            scorer
                .add(&raw_tags(gold), &raw_tags(predicted))
                .expect("one length");
        }
        assert_eq!(
            scorer.finish().conlleval(),
            corpus["raw"].as_str().expect("text"),
            "{corpus}"
        );
        compared += 1;
    }
    assert!(compared > 10);
}

#[test]
fn both_tools_and_strict_mode_agree_on_valid_iob2() {
    for corpus in corpora()
        .iter()
        .filter(|corpus| corpus["kind"] == "valid iob2")
    {
        let counts = |mode| score(corpus, mode).expect("valid tags").by_type;
        assert_eq!(counts(Mode::Seqeval), counts(Mode::Conlleval), "{corpus}");
        assert_eq!(
            counts(Mode::Seqeval),
            counts(Mode::Strict(StrictScheme::Iob2)),
            "{corpus}"
        );
    }
}

#[test]
fn conlleval_reads_whole_files_the_same() {
    for line in FILES.lines() {
        let golden: Value = serde_json::from_str(line).expect("JSON");
        let mut scorer = Scorer::new(Mode::Conlleval);
        for pair in conll_pairs(golden["file"].as_str().expect("text").as_bytes(), "file") {
            let pair = pair.expect("a file that conlleval takes");
            scorer.add(&pair.gold, &pair.predicted).expect("one length");
        }
        assert_eq!(
            scorer.finish().conlleval(),
            golden["conlleval"].as_str().expect("text"),
            "{golden}"
        );
    }
}

#[test]
fn bootstrap_intervals_are_the_quantiles_of_numpy() {
    let golden: Value = serde_json::from_str(BOOTSTRAP).expect("JSON");
    let count = |value: &Value| value.as_u64().expect("a count") as usize;
    let sentences: Vec<Counts> = golden["sentences"]
        .as_array()
        .expect("sentences")
        .iter()
        .map(|row| Counts {
            correct: count(&row[0]),
            predicted: count(&row[1]),
            gold: count(&row[2]),
        })
        .collect();
    let bootstrap = Bootstrap {
        resamples: count(&golden["resamples"]),
        level: golden["level"].as_f64().expect("a share"),
        seed: golden["seed"].as_u64().expect("a seed"),
    };
    let Confidence {
        precision,
        recall,
        f1,
    } = bootstrap.confidence(&sentences);
    for (Interval { low, high }, expected) in [precision, recall, f1]
        .iter()
        .zip(&numbers_of(&golden["intervals"]))
    {
        assert!(
            (low - expected[0]).abs() < 1e-12,
            "{low} is not {}",
            expected[0]
        );
        assert!(
            (high - expected[1]).abs() < 1e-12,
            "{high} is not {}",
            expected[1]
        );
    }
}

fn numbers_of(rows: &Value) -> Vec<Vec<f64>> {
    rows.as_array().expect("rows").iter().map(numbers).collect()
}
