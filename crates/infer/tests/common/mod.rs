//! The tiny random BERT of the model's goldens, with a head that tells words apart.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};

use bert_ner_infer::{Options, Tagger};
use bert_ner_model::{HeadKind, Heads, Model};
use bert_ner_text::Sentence;
use bert_ner_tokenize::Tokenizer;
use serde_json::Value;

/// The model folder: 40 positions, 61 pieces, labels O, B-LOC, I-LOC, B-PER, I-PER.
pub(crate) fn tiny_bert() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert")
}

/// What transformers says, by `tools/golden/tiny_tags.py`.
pub(crate) fn expected() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/expected.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The model with the head of [`expected`].
pub(crate) fn model() -> Model {
    let mut model = Model::load(&tiny_bert()).unwrap();
    let expected = expected();
    let scale = expected["scale"].as_f64().unwrap() as f32;
    let bias: Vec<f32> = serde_json::from_value(expected["bias"].clone()).unwrap();
    let weight = tensor(&model, "classifier.weight");
    model.parameters.data[weight]
        .iter_mut()
        .for_each(|weight| *weight *= scale);
    let place = tensor(&model, "classifier.bias");
    model.parameters.data[place].copy_from_slice(&bias);
    model
}

/// Where a tensor lies among the parameters.
pub(crate) fn tensor(model: &Model, name: &str) -> std::ops::Range<usize> {
    let tensors = model.layout().tensors();
    tensors
        .iter()
        .find(|tensor| tensor.name == name)
        .unwrap()
        .range
        .clone()
}

pub(crate) fn tagger() -> Tagger {
    tagger_with(&Options::default())
}

pub(crate) fn tagger_with(options: &Options) -> Tagger {
    Tagger::with_options(model(), Tokenizer::load(&tiny_bert()).unwrap(), options).unwrap()
}

/// The sentences of [`expected`] with their gold tags.
pub(crate) fn sentences() -> Vec<Sentence> {
    let expected = expected();
    let rows = expected["sentences"].as_array().unwrap();
    rows.iter()
        .map(|row| Sentence::from_words(&strings(&row["words"]), Some(strings(&row["gold"]))))
        .collect()
}

pub(crate) fn strings(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

/// A sentence of this many words of one to four letters, the same for the same seed.
pub(crate) fn made_up(words: usize, seed: usize) -> Sentence {
    let word = |index: usize| -> String {
        let letter =
            |place: usize| char::from(b'a' + ((seed * 31 + index * 7 + place * 11) % 26) as u8);
        (0..1 + (seed + index) % 4).map(letter).collect()
    };
    Sentence::from_words(&(0..words).map(word).collect::<Vec<_>>(), None)
}

/// The tiny model with a constrained CRF that likes entities to go on.
pub(crate) fn crf_tagger(options: &Options) -> Tagger {
    let folder = tempfile::tempdir().unwrap();
    model().save(folder.path()).unwrap();
    let heads = Heads {
        head: HeadKind::Crf,
        crf_constraints: true,
        ..Heads::default()
    };
    let labels = model().labels().to_vec();
    let mut model = Model::with_heads(folder.path(), labels, heads, 5).unwrap();
    let transitions = tensor(&model, "crf.transitions");
    for place in [7, 12, 19, 24] {
        model.parameters.data[transitions.start + place] = 2.0;
    }
    Tagger::with_options(model, Tokenizer::load(&tiny_bert()).unwrap(), options).unwrap()
}
