//! Text classification and the losses for rare tags against transformers and torch: `tools/golden/classify.py` made the goldens, in
//! f64.

mod common;

use bert_ner_model::{
    Batch, Gradients, Heads, Loss, Model, ModelError, Objective, Pass, Task, Workspace,
};
use common::{PASS, batch, data, floats, json, relative};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::Path;

const HEADS: Heads = Heads {
    task: Task::Classify,
    head: bert_ner_model::HeadKind::Linear,
    rnn: None,
    crf_constraints: false,
};

fn list(value: &Value) -> Vec<f32> {
    let wide: Vec<f64> = serde_json::from_value(value.clone()).unwrap();
    wide.iter().map(|&x| x as f32).collect()
}

/// The tiny BERT with the pooler and classifier of the golden.
fn model(tensors: &SafeTensors<'_>) -> Model {
    let labels = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"].map(str::to_owned);
    let mut model = Model::with_heads(&data("tiny-bert"), labels.to_vec(), HEADS, 1).unwrap();
    for tensor in model.layout().tensors().to_vec() {
        if tensor.name.starts_with("bert.pooler.") || tensor.name.starts_with("classifier.") {
            let weights = floats(tensors, &tensor.name);
            let place = model.parameters.data[tensor.range].iter_mut();
            place.zip(weights).for_each(|(w, x)| *w = x as f32);
        }
    }
    model
}

/// The goldens' sequences, of which `[CLS]` is scored.
fn texts(labels: &[u32]) -> Batch {
    let words = batch(&json("batch.json"));
    let mut texts = Batch::new();
    for (bounds, &label) in words.bounds.windows(2).zip(labels) {
        texts.push(&words.ids[bounds[0]..bounds[1]], &[0], &[label]);
    }
    texts
}

#[test]
fn logits_loss_and_every_gradient_are_those_of_transformers() {
    let bytes = std::fs::read(data("classify.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let expected = json("classify.json");
    let labels: Vec<u32> = serde_json::from_value(expected["labels"].clone()).unwrap();
    let (model, batch) = (model(&tensors), texts(&labels));
    let mut workspace = Workspace::new();
    let logits = model.forward(&batch, &mut workspace).to_vec();
    let want: Vec<Vec<f64>> = serde_json::from_value(expected["logits"].clone()).unwrap();
    assert_eq!(logits.len(), 5 * batch.sequences());
    for (found, want) in logits.iter().zip(want.iter().flatten()) {
        assert!((f64::from(*found) - want).abs() < 1e-5, "{found} {want}");
    }
    let scale = 1.0 / batch.sequences() as f64;
    let pass = Pass {
        loss_scale: scale as f32,
        ..PASS
    };
    let mut gradients = Gradients::zeros(model.layout());
    let loss = model.forward_backward(&batch, pass, &mut workspace, &mut gradients) * scale;
    assert!((loss - expected["loss"].as_f64().unwrap()).abs() < 1e-6);
    for tensor in model.layout().tensors() {
        let found = &gradients.data[tensor.range.clone()];
        if tensor.name.ends_with("key.bias") {
            // A constant added to a row of scores does nothing: this gradient is zero, and the goldens hold rounding.
            assert!(found.iter().all(|g| g.abs() < 1e-4), "{}", tensor.name);
            continue;
        }
        let error = relative(
            found,
            &floats(&tensors, &format!("gradient.{}", tensor.name)),
        );
        assert!(
            error < 2e-5,
            "the gradient of {} is {error:e} off",
            tensor.name
        );
    }
}

#[test]
fn weights_and_smoothing_are_those_of_torch_with_its_mean() {
    for (name, case) in json("losses.json").as_object().unwrap() {
        let objective = Objective {
            loss: Loss::CrossEntropy {
                smoothing: case["label_smoothing"].as_f64().unwrap() as f32,
            },
            weights: list(&case["weights"]),
        };
        let tags: Vec<u32> = serde_json::from_value(case["tags"].clone()).unwrap();
        let logits = list(&case["logits"]);
        let (mut found, unit) = (vec![0.0; logits.len()], objective.unit(&tags));
        let loss = objective.rows(&mut found, &logits, &tags, (1.0 / unit) as f32) / unit;
        let want = case["loss"].as_f64().unwrap();
        assert!((loss - want).abs() < 1e-6, "{name}: {loss}, not {want}");
        let want: Vec<f64> = serde_json::from_value(case["gradient"].clone()).unwrap();
        let error = relative(&found, &want);
        assert!(error < 1e-6, "{name}: the gradient is {error:e} off");
    }
}

#[test]
fn a_saved_classifier_names_the_class_of_transformers_and_loads_without_our_keys() {
    let bytes = std::fs::read(data("classify.safetensors")).unwrap();
    let model = model(&SafeTensors::deserialize(&bytes).unwrap());
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path()).unwrap();
    let path = folder.path().join("config.json");
    let read =
        |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let mut config = read(&path);
    assert_eq!(config["architectures"][0], "BertForSequenceClassification");
    assert_eq!(config["problem_type"], "single_label_classification");
    assert!(config.get("bert_ner").is_none());
    let again = Model::load(folder.path()).unwrap();
    assert_eq!(again.config().heads(), HEADS);
    assert_eq!(again.parameters.data, model.parameters.data);
    // Tags of words need a new classifier, whatever its labels are called.
    let labels = model.labels().to_vec();
    let ner = Model::from_pretrained(folder.path(), labels.clone(), 5).unwrap();
    let classifier = |model: &Model| {
        let mut tensors = model.layout().tensors().iter();
        let tensor = tensors.find(|t| t.name == "classifier.weight").unwrap();
        model.parameters.data[tensor.range.clone()].to_vec()
    };
    assert_ne!(classifier(&ner), classifier(&model));
    let further = Model::with_heads(folder.path(), labels, HEADS, 5).unwrap();
    assert_eq!(further.parameters.data, model.parameters.data);
    config["problem_type"] = "regression".into();
    std::fs::write(&path, config.to_string()).unwrap();
    let error = Model::load(folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("\"regression\""), "{error}");
}
