//! Entities of running text, against transformers' pipeline (`tools/golden/pipeline.py`).

mod common;

use bert_ner_infer::{Aggregation, InferError, Mention, OffsetUnit, Tagger, TextWork, Workspace};
use bert_ner_text::Sentence;
use serde_json::Value;

use common::{made_up, sentences, tagger};

/// Every mention of `text`, with each sequence in a batch of its own.
fn mentions(
    tagger: &Tagger,
    text: &str,
    aggregation: Aggregation,
    stride: Option<usize>,
) -> Vec<Mention> {
    mentions_but(tagger, text, (aggregation, stride), Vec::new())
}

/// Likewise, but for those with one of these labels.
fn mentions_but(
    tagger: &Tagger,
    text: &str,
    (aggregation, stride): (Aggregation, Option<usize>),
    ignored: Vec<String>,
) -> Vec<Mention> {
    let (work, sequences) = TextWork::new(tagger, text.to_owned(), aggregation, stride).unwrap();
    let work = work.ignoring(ignored);
    let mut workspace = Workspace::new();
    let logits: Vec<Vec<f32>> = sequences
        .iter()
        .flat_map(|sequence| tagger.forward(&[sequence], &mut workspace).unwrap())
        .collect();
    work.decode(tagger, &logits)
}

#[test]
fn every_strategy_says_what_transformers_pipeline_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pipeline.json");
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let tagger = tagger();
    for case in &cases {
        let text = case["text"].as_str().unwrap();
        let strategy = case["strategy"].as_str().unwrap().parse().unwrap();
        let stride = case["stride"].as_u64().map(|stride| stride as usize);
        let ignored = serde_json::from_value(case["ignored"].clone()).unwrap();
        let found = mentions_but(&tagger, text, (strategy, stride), ignored);
        let expected = case["mentions"].as_array().unwrap();
        let at = format!("{text:?} {strategy} {stride:?}");
        assert_eq!(found.len(), expected.len(), "{at}");
        for (found, expected) in found.iter().zip(expected) {
            let label = if strategy == Aggregation::None {
                "entity"
            } else {
                "entity_group"
            };
            let offsets = OffsetUnit::Char.offsets(text, &[found.span.start, found.span.end]);
            assert_eq!(found.label, expected[label], "{at}");
            assert_eq!(found.word, expected["word"], "{at}");
            assert_eq!(
                found.index.map(Value::from),
                expected.get("index").cloned(),
                "{at}"
            );
            assert_eq!(
                [&expected["start"], &expected["end"]],
                [&offsets[0], &offsets[1]],
                "{at}"
            );
            let score = expected["score"].as_f64().unwrap();
            assert!(
                (f64::from(found.score) - score).abs() < 1e-5,
                "{at} {score} {}",
                found.score
            );
        }
    }
}

#[test]
fn a_text_longer_than_the_model_loses_no_piece() {
    let tagger = tagger();
    let text = made_up(300, 3).text;
    let count = tagger.tokenizer().encode_text(&text).unwrap().spans.len();
    let pieces = mentions(&tagger, &text, Aggregation::None, None);
    let indices: Vec<_> = pieces.iter().filter_map(|piece| piece.index).collect();
    assert_eq!(indices, (1..=count).collect::<Vec<_>>());
    assert!(mentions(&tagger, " ", Aggregation::Simple, None).is_empty());
}

#[test]
fn a_stride_that_leaves_no_step_is_refused() {
    let refused = |aggregation, stride| {
        let made = TextWork::new(&tagger(), "a b".to_owned(), aggregation, Some(stride));
        matches!(made, Err(InferError::Stride { capacity: 38, .. }))
    };
    assert!(refused(Aggregation::Simple, 38));
    assert!(refused(Aggregation::None, 2));
    assert!(!refused(Aggregation::Max, 37));
}

#[test]
fn sequences_of_many_sentences_in_one_batch_give_the_same_tags() {
    let tagger = tagger();
    let mut all = sentences();
    all.extend([Sentence::default(), made_up(200, 9)]);
    let cut: Vec<_> = all
        .iter()
        .map(|sentence| tagger.sequences(sentence).unwrap())
        .collect();
    let flat: Vec<_> = cut.iter().flatten().collect();
    let mut logits = tagger
        .forward(&flat, &mut Workspace::new())
        .unwrap()
        .into_iter();
    let expected = tagger.tag(&all, &mut Workspace::new()).unwrap();
    for ((sentence, sequences), expected) in all.iter().zip(&cut).zip(&expected) {
        let own: Vec<f32> = logits.by_ref().take(sequences.len()).flatten().collect();
        assert_eq!(tagger.decode(sentence, &own).tags, expected.tags);
    }
}
