//! What the tests of LoRA share: PEFT's adapters of `tools/golden/lora.py`, and what f32 allows beside them.

use super::{PASS, data, floats, json, relative};
use bert_ner_model::{Batch, Gradients, Model, Pass, Workspace};
use safetensors::SafeTensors;
use std::path::Path;

const PREFIX: &str = "base_model.model.";
/// What f32 allows of a gradient, relative to its norm.
const GRADIENT: f64 = 2e-5;

/// The logits of a case, row by row.
pub(crate) fn logits_of_peft(case: &str) -> Vec<f64> {
    let want = json("lora.json")[case]["logits"].clone();
    let want: Vec<Vec<f64>> = serde_json::from_value(want).unwrap();
    want.concat()
}

/// Makes every thin weight and every head weight something that matters.
pub(crate) fn stir(model: &mut Model) {
    let start = model.frozen_len();
    for (i, weight) in model.parameters.data[start..].iter_mut().enumerate() {
        *weight += 0.2 * ((i * 7919 % 1000) as f32 / 500.0 - 1.0);
    }
}

/// The tensors of the adapter in a folder, sorted.
pub(crate) fn names_and_shapes(dir: &Path) -> Vec<(String, Vec<usize>)> {
    let bytes = std::fs::read(dir.join("adapter_model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut all: Vec<(String, Vec<usize>)> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec()))
        .collect();
    all.sort();
    all
}

/// Gives `model` the adapter of a case, without folding it, and compares loss and every gradient; what is frozen gets none.
pub(crate) fn agrees_with_peft(case: &str, mut model: Model, batch: &Batch) {
    let bytes = std::fs::read(data("lora").join(case).join("adapter_model.safetensors")).unwrap();
    let weights = SafeTensors::deserialize(&bytes).unwrap();
    let start = model.frozen_len();
    let tensors = model.layout().tensors().to_vec();
    let trained: Vec<_> = tensors.iter().filter(|t| t.range.start >= start).collect();
    assert_eq!(trained.len(), weights.len(), "{case}");
    for tensor in &trained {
        let values = floats(&weights, &format!("{PREFIX}{}", tensor.name));
        let place = model.parameters.data[tensor.range.clone()].iter_mut();
        place.zip(values).for_each(|(w, value)| *w = value as f32);
    }
    let mut gradients = Gradients::zeros(model.layout());
    gradients.data.fill(7.0);
    let scale = 1.0 / batch.words() as f32;
    let pass = Pass {
        loss_scale: scale,
        ..PASS
    };
    let loss = model.forward_backward(batch, pass, &mut Workspace::new(), &mut gradients);
    let want = json("lora.json")[case]["loss"].as_f64().unwrap();
    let off = (loss * f64::from(scale) - want).abs();
    assert!(off < 1e-5, "{case}: the loss is {off:e} off");
    let bytes = std::fs::read(data("lora").join(format!("{case}-gradients.safetensors")));
    let bytes = bytes.unwrap();
    let want = SafeTensors::deserialize(&bytes).unwrap();
    for tensor in trained {
        let want = floats(&want, &format!("{PREFIX}{}", tensor.name));
        let error = relative(&gradients.data[tensor.range.clone()], &want);
        assert!(error < GRADIENT, "{case}: {} is {error:e} off", tensor.name);
    }
    assert!(
        gradients.data[..start].iter().all(|&g| g == 7.0),
        "{case}: a frozen weight got a gradient"
    );
}
