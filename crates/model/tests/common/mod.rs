//! Reading the goldens that `tools/golden/tiny_bert.py` made.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod lora;

use bert_ner_model::{Batch, HiddenAct, Model, Pass};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub(crate) const PASS: Pass = Pass {
    seed: 1,
    step: 1,
    loss_scale: 1.0,
    accumulate: false,
};

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(data(name)).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_u64().unwrap() as u32)
        .collect()
}

/// A batch of the goldens' JSON, whose rows count from the batch's start.
pub(crate) fn batch(value: &Value) -> Batch {
    let (ids, rows, tags) = (
        numbers(&value["ids"]),
        numbers(&value["rows"]),
        numbers(&value["tags"]),
    );
    let mut batch = Batch::new();
    for pair in numbers(&value["bounds"]).windows(2) {
        let inside = |&i: &usize| (pair[0]..pair[1]).contains(&rows[i]);
        let words: Vec<usize> = (0..rows.len()).filter(inside).collect();
        let rows: Vec<u32> = words.iter().map(|&i| rows[i] - pair[0]).collect();
        let tags: Vec<u32> = words.iter().map(|&i| tags[i]).collect();
        batch.push(&ids[pair[0] as usize..pair[1] as usize], &rows, &tags);
    }
    batch
}

pub(crate) fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f64> {
    let view = tensors.tensor(name).unwrap();
    view.data()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f64::from(f32::from_le_bytes(*b)))
        .collect()
}

/// Norm of the difference over the norm of what is expected.
pub(crate) fn relative(got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let difference: f64 = got
        .iter()
        .zip(want)
        .map(|(g, w)| (f64::from(*g) - w).powi(2))
        .sum();
    (difference / want.iter().map(|w| w * w).sum::<f64>()).sqrt()
}

pub(crate) fn tiny(act: HiddenAct) -> Model {
    let mut model = Model::load(&data("tiny-bert")).unwrap();
    model.config_mut().hidden_act = act;
    model
}
