//! What can be chosen of a prediction: the labels of words by their probability, words and aggregation of running text.

mod common;

use bert_ner_infer::{Aggregation, InferError, Options, TextWork, Workspace};
use bert_ner_text::{ReadOptions, Sentence, Words};
use common::{crf_tagger, made_up, sentences, tagger, tagger_with};

#[test]
fn the_best_labels_of_a_word_come_in_order_and_all_of_them_sum_to_one() {
    let options = |ranked| Options {
        ranked,
        ..Options::default()
    };
    for (tagger, all) in [
        (tagger_with(&options(2)), tagger_with(&options(99))),
        (crf_tagger(&options(2)), crf_tagger(&options(99))),
    ] {
        let tag = |tagger: &bert_ner_infer::Tagger| {
            tagger.tag(&sentences(), &mut Workspace::new()).unwrap()
        };
        let labels = tagger.model().labels();
        for (short, long) in tag(&tagger).iter().zip(&tag(&all)) {
            assert_eq!(short.ranked.len(), short.tags.len());
            for (word, (two, every)) in short.ranked.iter().zip(&long.ranked).enumerate() {
                assert_eq!(two[..], every[..2]);
                assert_eq!(every.len(), labels.len());
                let sum: f32 = every.iter().map(|it| it.probability).sum();
                assert!((sum - 1.0).abs() < 1e-4, "{sum}");
                assert!(every.is_sorted_by(|a, b| a.probability >= b.probability));
                let of = |label: &str| every.iter().find(|it| it.label == label).unwrap();
                let (tag, outside) = (of(&short.tags[word]), of("O"));
                assert!((tag.probability - short.probabilities[word]).abs() < 1e-5);
                assert!((outside.probability - short.outside[word]).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn texts_in_one_batch_have_the_entities_that_each_has_alone() {
    let tagger = tagger();
    let text = |text: &str| tagger.sentence(text.to_owned());
    let mut texts = vec![text("Zoë went to ab cd."), text(""), text("北京 ½ ab")];
    texts.extend((0..6).map(|seed| text(&made_up(7 + 60 * seed, seed).text)));
    for strategy in Aggregation::ALL {
        let mut workspace = Workspace::new();
        let found = tagger.tag_texts(&texts, strategy, &mut workspace).unwrap();
        assert!(found.iter().any(|found| !found.entities.is_empty()));
        let mut windows = 0;
        for (text, found) in texts.iter().zip(&found) {
            let (work, sequences) =
                TextWork::new(&tagger, text.text.clone(), strategy, None).unwrap();
            windows += sequences.len();
            let mut own = Workspace::new();
            let logits: Vec<_> = sequences
                .iter()
                .flat_map(|sequence| tagger.forward(&[sequence], &mut own).unwrap())
                .collect();
            let mentions = work.decode(&tagger, &logits).into_iter();
            let mentions: Vec<_> = mentions.filter(|it| it.label != "O").collect();
            assert_eq!(found.entities.len(), mentions.len(), "{strategy}");
            for (entity, mention) in found.entities.iter().zip(&mentions) {
                assert_eq!(
                    (&entity.label, &entity.span),
                    (&mention.label, &mention.span)
                );
                assert!((entity.confidence - mention.score).abs() < 1e-5);
                let words = &text.words[entity.words.clone()];
                assert!(words[0].start <= entity.span.start);
                assert!(words[words.len() - 1].end >= entity.span.end);
            }
        }
        assert_eq!(workspace.windows(), windows);
    }
}

#[test]
fn a_stream_aggregates_when_it_is_asked_to() {
    let tagger = tagger();
    let texts = [tagger.sentence("Zoë went to ab cd.".to_owned())];
    let strategy = Aggregation::First;
    let mut workspace = Workspace::new();
    let expected = tagger.tag_texts(&texts, strategy, &mut workspace).unwrap();
    let stream = tagger.tag_stream(texts.map(Ok));
    let mut stream = stream.aggregated(Some(strategy));
    assert_eq!(stream.next().unwrap().unwrap().1, expected[0]);
    assert!(stream.next().is_none());
    assert_eq!(stream.windows(), 1);
}

#[test]
fn a_crf_is_not_passed_over_by_an_aggregation_strategy() {
    let tagger = crf_tagger(&Options::default());
    for strategy in Aggregation::ALL {
        let refused = TextWork::new(&tagger, "ab".to_owned(), strategy, None);
        let error = refused.unwrap_err();
        assert!(matches!(
            error,
            InferError::Aggregation { head: "a CRF", .. }
        ));
        assert!(error.to_string().contains(strategy.name()));
        let texts = [Sentence::default()];
        let refused = tagger.tag_texts(&texts, strategy, &mut Workspace::new());
        assert!(refused.is_err());
    }
}

#[test]
fn running_text_is_read_in_unicode_words_unless_others_are_asked_for() {
    let tagger = tagger();
    let words = |words| {
        let options = ReadOptions {
            words,
            ..ReadOptions::default()
        };
        tagger.read_options(options).unwrap().words
    };
    assert_eq!(words(None), Some(Words::Unicode));
    assert_eq!(words(Some(Words::Whitespace)), Some(Words::Whitespace));
    let sentence = tagger.sentence("Zoë, 北京".to_owned());
    assert_eq!(
        sentence.words().collect::<Vec<_>>(),
        ["Zoë", ",", "北", "京"]
    );
}

#[test]
fn entities_are_called_by_types_or_with_pieces_by_labels() {
    let tagger = tagger();
    let names = |strategy| tagger.entity_labels(strategy);
    for strategy in [None, Some(Aggregation::Simple), Some(Aggregation::Max)] {
        assert_eq!(names(strategy), ["LOC", "PER"]);
    }
    let pieces = ["B-LOC", "I-LOC", "B-PER", "I-PER"];
    assert_eq!(names(Some(Aggregation::None)), pieces);
}
