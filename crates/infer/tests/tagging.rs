//! From words to tags: against transformers, and what holds for every input.

mod common;

use bert_ner_infer::{InferError, Options, Progress, Tagger, Workspace};
use bert_ner_model::{Batch, Model, NerConfig};
use bert_ner_text::{Scheme, Sentence, TextError};
use bert_ner_tokenize::Tokenizer;
use common::{
    crf_tagger, expected, made_up, sentences, strings, tagger, tagger_with, tensor, tiny_bert,
};

#[test]
fn tags_and_probabilities_are_those_of_transformers() {
    let expected = expected();
    let tagged = tagger().tag(&sentences(), &mut Workspace::new()).unwrap();
    for (tagged, row) in tagged.iter().zip(expected["sentences"].as_array().unwrap()) {
        assert_eq!(tagged.tags, strings(&row["tags"]), "{row}");
        for (found, wanted) in tagged
            .probabilities
            .iter()
            .zip(row["probabilities"].as_array().unwrap())
        {
            assert!(
                (f64::from(*found) - wanted.as_f64().unwrap()).abs() < 1e-4,
                "{found} {wanted}"
            );
        }
    }
}

#[test]
fn the_loss_is_that_of_transformers() {
    let evaluation = tagger()
        .evaluate(&sentences(), &mut Workspace::new(), &mut |_| ())
        .unwrap();
    let wanted = expected()["loss"].as_f64().unwrap();
    assert!(
        (evaluation.loss().unwrap() - wanted).abs() < 1e-5 * wanted,
        "{:?}",
        evaluation.loss()
    );
    assert_eq!(
        evaluation.loss_words,
        sentences().iter().map(Sentence::len).sum::<usize>()
    );
    assert!(evaluation.unknown.is_empty());
    assert_eq!(
        evaluation.tagged,
        tagger().tag(&sentences(), &mut Workspace::new()).unwrap()
    );
}

#[test]
fn every_word_has_one_tag_and_empty_sentences_stay_in_place() {
    let lengths = [0, 3, 0, 0, 200, 1, 39, 0, 17, 80, 0];
    let sentences: Vec<_> = lengths
        .iter()
        .zip(0..)
        .map(|(&words, seed)| made_up(words, seed))
        .collect();
    let tagger = tagger_with(&Options {
        batch_pieces: Some(64),
        ..Options::default()
    });
    let tagged = tagger.tag(&sentences, &mut Workspace::new()).unwrap();
    assert_eq!(
        tagged
            .iter()
            .map(|tagged| tagged.tags.len())
            .collect::<Vec<_>>(),
        lengths
    );
    assert_eq!(
        tagged
            .iter()
            .map(|tagged| tagged.probabilities.len())
            .collect::<Vec<_>>(),
        lengths
    );
    assert!(tagger.tag(&[], &mut Workspace::new()).unwrap().is_empty());
}

#[test]
fn tags_do_not_depend_on_the_batch() {
    let sentences: Vec<_> = (0..30).map(|seed| made_up(seed * 5 % 60, seed)).collect();
    let tag = |batch_pieces| {
        let options = Options {
            batch_pieces: Some(batch_pieces),
            ..Options::default()
        };
        tagger_with(&options)
            .tag(&sentences, &mut Workspace::new())
            .unwrap()
    };
    let together = tag(1 << 20);
    for alone in [tag(1), tag(100)] {
        for (one, other) in alone.iter().zip(&together) {
            assert_eq!(one.tags, other.tags);
            for (one, other) in one.probabilities.iter().zip(&other.probabilities) {
                assert!((one - other).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn the_logits_of_a_short_sentence_are_the_models_own() {
    let tagger = tagger();
    let sentence = &sentences()[0];
    let pieces = tagger
        .tokenizer()
        .encode(&sentence.words().collect::<Vec<_>>())
        .unwrap();
    let mut batch = Batch::new();
    let window = &tagger.tokenizer().windows(&pieces, 40)[0];
    batch.push(&window.ids, &window.rows, &[]);
    let mut workspace = bert_ner_model::Workspace::new();
    let wanted = tagger.model().forward(&batch, &mut workspace);
    let found = tagger
        .logits(std::slice::from_ref(sentence), &mut Workspace::new())
        .unwrap();
    assert_eq!(found, [wanted.to_vec()]);
}

#[test]
fn progress_ends_where_the_sentences_end() {
    let mut heard: Vec<Progress> = Vec::new();
    let tagger = tagger_with(&Options {
        batch_pieces: Some(50),
        ..Options::default()
    });
    tagger
        .tag_with(&sentences(), &mut Workspace::new(), &mut |progress| {
            heard.push(progress)
        })
        .unwrap();
    assert!(heard.len() > 2);
    assert!(heard.is_sorted_by_key(|progress| progress.done));
    let total = sentences().len();
    assert_eq!(heard.last(), Some(&Progress { done: total, total }));
}

#[test]
fn gold_tags_unknown_to_the_model_are_counted_and_outside_the_loss() {
    let mut sentences = sentences();
    let known = tagger()
        .evaluate(&sentences, &mut Workspace::new(), &mut |_| ())
        .unwrap();
    let tags = ["B-DRUG", "I-DRUG", "I-DRUG"].map(str::to_owned).to_vec();
    sentences.push(Sentence::from_words(&["a", "b", "c"], Some(tags)));
    let found = tagger()
        .evaluate(&sentences, &mut Workspace::new(), &mut |_| ())
        .unwrap();
    assert_eq!(found.loss_words, known.loss_words);
    assert!((found.loss().unwrap() - known.loss().unwrap()).abs() < 1e-5);
    let counts: Vec<_> = found
        .unknown
        .iter()
        .map(|(tag, &count)| (tag.as_str(), count))
        .collect();
    assert_eq!(counts, [("B-DRUG", 1), ("I-DRUG", 2)]);
    assert_eq!(found.tagged.last().unwrap().tags.len(), 3);
}

#[test]
fn a_sentence_without_gold_is_refused_by_its_number() {
    let mut sentences = sentences();
    sentences[2].tags = None;
    sentences[2].source.line = 17;
    let error = tagger()
        .evaluate(&sentences, &mut Workspace::new(), &mut |_| ())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "sentence 3 (line 17) has 0 gold tags for 2 words"
    );
}

#[test]
fn a_stream_gives_what_a_call_gives() {
    let sentences: Vec<_> = (0..3000).map(|seed| made_up(seed % 13, seed)).collect();
    let tagger = tagger();
    let wanted = tagger.tag(&sentences, &mut Workspace::new()).unwrap();
    let found: Vec<_> = tagger
        .tag_stream(sentences.iter().cloned().map(Ok))
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(found.len(), sentences.len());
    for ((sentence, tagged), (original, wanted)) in found.iter().zip(sentences.iter().zip(&wanted))
    {
        assert_eq!((sentence, &tagged.tags), (original, &wanted.tags));
    }
}

#[test]
fn a_stream_hands_out_what_stands_before_an_error_and_ends_after_it() {
    let error = || TextError::File {
        path: "x.conll".into(),
        message: "broken".into(),
    };
    let input = vec![
        Ok(made_up(3, 1)),
        Ok(made_up(0, 2)),
        Err(error()),
        Ok(made_up(2, 3)),
    ];
    let tagger = tagger();
    let mut stream = tagger.tag_stream(input);
    assert!(!stream.is_ready());
    assert_eq!(stream.next().unwrap().unwrap().1.tags.len(), 3);
    assert!(stream.is_ready());
    assert_eq!(stream.next().unwrap().unwrap().1.tags.len(), 0);
    assert_eq!(
        stream.next().unwrap().unwrap_err().to_string(),
        "x.conll: broken"
    );
    assert!(stream.next().is_none());
}

#[test]
fn a_saved_folder_opens_and_says_the_same() {
    let mut tagger = tagger();
    tagger.model_mut().set_ner(NerConfig {
        scheme: "iob2".into(),
        max_length: 12,
        ..NerConfig::default()
    });
    let dir = tempfile::tempdir().unwrap();
    tagger.save(dir.path()).unwrap();
    let again = Tagger::open(dir.path()).unwrap();
    assert_eq!((again.max_length(), again.scheme()), (12, Scheme::Iob2));
    let again = Tagger::open_with(
        dir.path(),
        &Options {
            max_length: Some(40),
            ..Options::default()
        },
    )
    .unwrap();
    let mut workspace = Workspace::new();
    assert_eq!(
        again.tag(&sentences(), &mut workspace).unwrap(),
        tagger.tag(&sentences(), &mut workspace).unwrap()
    );
}

/// A tagger that must not come about.
fn refusal(model: Model, options: &Options) -> String {
    let tokenizer = Tokenizer::load(&tiny_bert()).unwrap();
    Tagger::with_options(model, tokenizer, options)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let mut model = common::model();
    model.config_mut().vocab_size = 60;
    assert_eq!(
        refusal(model, &Options::default()),
        "the tokenizer's ids reach 60, but the model embeds only 60 (vocab_size in config.json): \
         they do not belong together"
    );
    assert_eq!(tagger().unused_embeddings(), 0);
}

#[test]
fn a_length_that_the_model_cannot_have_is_refused() {
    for max_length in [0, 2, 41] {
        assert_eq!(
            refusal(
                common::model(),
                &Options {
                    max_length: Some(max_length),
                    ..Options::default()
                }
            ),
            format!(
                "max_length {max_length} cannot be used; expected 3 to 40 (max_position_embeddings)"
            )
        );
    }
}

#[test]
fn an_unknown_scheme_in_the_configuration_is_refused() {
    let mut model = common::model();
    model.set_ner(NerConfig {
        scheme: "iob3".into(),
        max_length: 40,
        ..NerConfig::default()
    });
    assert!(refusal(model, &Options::default()).contains("unknown tag scheme \"iob3\""));
}

#[test]
fn damaged_weights_are_an_error_and_not_a_tag() {
    let mut tagger = tagger();
    let place = tensor(tagger.model(), "classifier.bias");
    tagger.model_mut().parameters.data[place.start] = f32::NAN;
    let error = tagger.tag(&sentences(), &mut Workspace::new()).unwrap_err();
    assert!(matches!(error, InferError::NotFinite));
}

#[test]
fn a_workspace_can_be_used_again_after_an_error() {
    let mut workspace = Workspace::new();
    let mut damaged = tagger();
    let place = tensor(damaged.model(), "classifier.bias");
    damaged.model_mut().parameters.data[place.start] = f32::INFINITY;
    assert!(damaged.tag(&sentences(), &mut workspace).is_err());
    let tagger = tagger();
    let wanted = tagger.tag(&sentences(), &mut Workspace::new()).unwrap();
    assert_eq!(tagger.tag(&sentences(), &mut workspace).unwrap(), wanted);
}

#[test]
fn a_crf_tags_a_sentence_as_one_sequence_whatever_windows_it_came_through() {
    let sentences: Vec<Sentence> = (0..6).map(|seed| made_up(1 + seed * 9, seed)).collect();
    for max_length in [Some(12), None] {
        let options = Options {
            max_length,
            alternatives: 3,
            ..Options::default()
        };
        let tagger = crf_tagger(&options);
        let scores = tagger.logits(&sentences, &mut Workspace::new()).unwrap();
        let crf = tagger.model().crf().unwrap();
        let tagged = tagger.tag(&sentences, &mut Workspace::new()).unwrap();
        for ((sentence, tagged), scores) in sentences.iter().zip(&tagged).zip(&scores) {
            let best = crf.decode(scores).tags;
            let names: Vec<&String> = best
                .iter()
                .map(|&t| &tagger.model().labels()[t as usize])
                .collect();
            assert_eq!(tagged.tags.iter().collect::<Vec<_>>(), names);
            assert_eq!(tagged.tags.len(), sentence.len());
            for (n, tag) in tagged.tags.iter().enumerate() {
                let before = n.checked_sub(1).map_or("O", |n| &tagged.tags[n]);
                let goes_on = tag
                    .strip_prefix("I-")
                    .is_none_or(|kind| before.ends_with(kind));
                assert!(goes_on, "{before} {tag}");
            }
        }
    }
}

#[test]
fn a_crf_says_how_sure_it_is_of_words_entities_and_sequences() {
    let options = Options {
        alternatives: 4,
        ..Options::default()
    };
    let tagger = crf_tagger(&options);
    let tagged = tagger.tag(&sentences(), &mut Workspace::new()).unwrap();
    assert!(tagged.iter().any(|tagged| !tagged.entities.is_empty()));
    for tagged in tagged.iter().filter(|tagged| !tagged.tags.is_empty()) {
        let best = &tagged.alternatives[0];
        assert_eq!(best.tags, tagged.tags);
        let probabilities: Vec<f32> = tagged.alternatives.iter().map(|a| a.probability).collect();
        assert!(probabilities.is_sorted_by(|a, b| a >= b));
        assert!(probabilities.iter().sum::<f32>() <= 1.0 + 1e-5);
        for entity in &tagged.entities {
            // All its words must have their tags, and the whole best sequence has it.
            let words = tagged.probabilities[entity.words.clone()].iter();
            let least = words.copied().fold(1.0, f32::min);
            assert!(
                entity.confidence <= least + 1e-5 && entity.confidence + 1e-5 >= best.probability
            );
        }
    }
}

#[test]
fn the_loss_of_a_crf_is_that_of_whole_sentences() {
    let tagger = crf_tagger(&Options::default());
    let sentences = sentences();
    let evaluation = tagger
        .evaluate(&sentences, &mut Workspace::new(), &mut |_| ())
        .unwrap();
    let crf = tagger.model().crf().unwrap();
    let scores = tagger.logits(&sentences, &mut Workspace::new()).unwrap();
    let labels = tagger.model().labels();
    let (mut sum, mut words) = (0.0, 0);
    for (sentence, scores) in sentences.iter().zip(&scores) {
        let gold = sentence.tags.as_ref().unwrap().iter();
        let ids: Option<Vec<u32>> = gold
            .map(|tag| {
                labels
                    .iter()
                    .position(|label| label == tag)
                    .map(|id| id as u32)
            })
            .collect();
        if let Some(ids) = ids {
            sum += crf.loss(scores, &ids);
            words += ids.len();
        }
    }
    assert!((evaluation.loss_sum - sum).abs() < 1e-9);
    assert_eq!(evaluation.loss_words, words);
}
