//! What holds of every score, whatever the tags.

use bert_ner_score::{Mode, Scorer, Scores, StrictScheme};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Corpus = Vec<(Vec<String>, Vec<String>)>;

/// Sentences of gold and predicted tags made of these prefixes and three types, possible or not.
fn corpus(prefixes: &'static [&'static str]) -> impl Strategy<Value = Corpus> {
    let mut tags = vec!["O".to_owned()];
    for prefix in prefixes {
        tags.extend(["PER", "LOC", "geo-loc"].map(|label| format!("{prefix}-{label}")));
    }
    let tag = select(tags);
    let word = (tag.clone(), tag, any::<bool>()).prop_map(|(gold, predicted, right)| {
        let predicted = if right { gold.clone() } else { predicted };
        (gold, predicted)
    });
    vec(
        vec(word, 0..12).prop_map(|words| words.into_iter().unzip()),
        0..8,
    )
}

const IOB: &[&str] = &["B", "I"];
const BIOES: &[&str] = &["B", "I", "E", "S"];
const BILOU: &[&str] = &["B", "I", "L", "U"];

/// Every mode, with tags that it takes.
fn case() -> impl Strategy<Value = (Mode, Corpus)> {
    let modes: Vec<(Mode, &'static [&'static str])> = vec![
        (Mode::Seqeval, BIOES),
        (Mode::Seqeval, BILOU),
        (Mode::Conlleval, BIOES),
        (Mode::Conlleval, BILOU),
        (Mode::Strict(StrictScheme::Iob1), IOB),
        (Mode::Strict(StrictScheme::Iob2), IOB),
        (Mode::Strict(StrictScheme::Ioe1), &["I", "E"]),
        (Mode::Strict(StrictScheme::Ioe2), &["I", "E"]),
        (Mode::Strict(StrictScheme::Bioes), BIOES),
        (Mode::Strict(StrictScheme::Bilou), BILOU),
        (Mode::Strict(StrictScheme::Plain), BIOES),
    ];
    select(modes).prop_flat_map(|(mode, prefixes)| (Just(mode), corpus(prefixes)))
}

fn score(mode: Mode, corpus: &Corpus) -> Scores {
    let mut scorer = Scorer::new(mode);
    for (gold, predicted) in corpus {
        scorer.add(gold, predicted).expect("tags of the mode");
    }
    scorer.finish()
}

fn swapped(corpus: &Corpus) -> Corpus {
    corpus
        .iter()
        .map(|(gold, predicted)| (predicted.clone(), gold.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gold_against_itself_is_perfect((mode, corpus) in case()) {
        let same: Corpus = corpus.iter().map(|(gold, _)| (gold.clone(), gold.clone())).collect();
        let scores = score(mode, &same);
        prop_assert_eq!((scores.correct, scores.predicted), (scores.gold, scores.gold));
        if scores.gold > 0 {
            prop_assert_eq!((scores.precision, scores.recall, scores.f1, scores.accuracy), (1.0, 1.0, 1.0, 1.0));
        }
    }

    #[test]
    fn the_order_of_sentences_does_not_matter((mode, corpus) in case(), turn in 0_usize..8) {
        let mut turned = corpus.clone();
        if !turned.is_empty() {
            let middle = turn % turned.len();
            turned.rotate_left(middle);
            turned[middle..].reverse();
        }
        let (before, after) = (score(mode, &corpus), score(mode, &turned));
        prop_assert_eq!(before.by_type, after.by_type);
        prop_assert_eq!(before.accuracy, after.accuracy);
    }

    #[test]
    fn no_more_is_correct_than_was_found_or_annotated((mode, corpus) in case()) {
        let scores = score(mode, &corpus);
        for counts in scores.by_type.values().map(|scores| scores.counts()).chain([scores.counts()]) {
            prop_assert!(counts.correct <= counts.gold.min(counts.predicted));
        }
        prop_assert!(scores.correct_tokens <= scores.tokens);
    }

    #[test]
    fn the_micro_average_lies_between_the_types((mode, corpus) in case()) {
        let scores = score(mode, &corpus);
        let f1 = || scores.by_type.values().map(|scores| scores.f1);
        if scores.gold > 0 && scores.predicted > 0 {
            let (low, high) = (f1().fold(1.0, f64::min), f1().fold(0.0, f64::max));
            prop_assert!(low - 1e-12 <= scores.f1 && scores.f1 <= high + 1e-12);
        }
        for value in [scores.precision, scores.recall, scores.f1, scores.accuracy] {
            prop_assert!((0.0..=1.0).contains(&value));
        }
    }

    #[test]
    fn swapping_gold_and_prediction_swaps_precision_and_recall((mode, corpus) in case()) {
        let (there, back) = (score(mode, &corpus), score(mode, &swapped(&corpus)));
        prop_assert_eq!((there.precision, there.recall), (back.recall, back.precision));
        prop_assert_eq!((there.f1, there.accuracy), (back.f1, back.accuracy));
    }

    #[test]
    fn the_sentences_add_up_to_the_whole((mode, corpus) in case()) {
        let scores = score(mode, &corpus);
        let mut sum = bert_ner_score::Counts::default();
        scores.sentences.iter().for_each(|&counts| sum += counts);
        prop_assert_eq!(sum, scores.counts());
        prop_assert_eq!(scores.sentences.len(), corpus.len());
    }

    #[test]
    fn seqeval_and_conlleval_agree_on_any_sequence_of_b_i_and_o(corpus in corpus(IOB)) {
        let (seqeval, conlleval) = (score(Mode::Seqeval, &corpus), score(Mode::Conlleval, &corpus));
        prop_assert_eq!(seqeval, conlleval);
    }

    #[test]
    fn any_text_has_a_reading_in_the_lenient_modes(
        tags in vec(("\\PC{1,4}", "\\PC{1,4}"), 0..10), conlleval in any::<bool>()
    ) {
        let mode = if conlleval { Mode::Conlleval } else { Mode::Seqeval };
        let scores = score(mode, &vec![tags.into_iter().unzip()]);
        prop_assert!(scores.correct <= scores.gold.min(scores.predicted));
        prop_assert!(scores.conlleval().starts_with("processed "));
    }
}
