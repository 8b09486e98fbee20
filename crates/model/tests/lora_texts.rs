//! LoRA under a classifier of whole texts against PEFT with `SEQ_CLS` (`tools/golden/lora.py` made the goldens, in f64).

mod common;

use bert_ner_model::{
    Base, Batch, Gradients, HeadKind, Heads, Lora, Model, Optimizer, OptimizerSettings, Rates,
    Task, Workspace,
};
use common::lora::{agrees_with_peft, logits_of_peft, names_and_shapes, stir};
use common::{PASS, batch, data, floats, json, relative};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const HEADS: Heads = Heads {
    task: Task::Classify,
    head: HeadKind::Linear,
    rnn: None,
    crf_constraints: false,
};
const NEW_POOLER: &str = "texts-new-pooler";

fn labels() -> Vec<String> {
    ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
        .map(str::to_owned)
        .to_vec()
}

/// A base model with the pooler of the goldens, which the tiny BERT does not have.
fn pooled_base() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(data("classify.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut model = Model::with_heads(&data("tiny-bert"), labels(), HEADS, 1).unwrap();
    for tensor in model.layout().tensors().to_vec() {
        if tensor.name.starts_with("bert.pooler.") {
            let place = model.parameters.data[tensor.range].iter_mut();
            let weights = floats(&tensors, &tensor.name);
            place.zip(weights).for_each(|(w, x)| *w = x as f32);
        }
    }
    model.save(folder.path()).unwrap();
    folder
}

/// The base model of a case: only that of [`NEW_POOLER`] has no pooler.
fn base_of(case: &str, pooled: &TempDir) -> PathBuf {
    match case {
        NEW_POOLER => data("tiny-bert"),
        _ => pooled.path().to_owned(),
    }
}

fn lora(rank: usize, alpha: f64, targets: &[&str]) -> Lora {
    Lora {
        rank,
        alpha,
        dropout: 0.0,
        targets: targets.iter().map(ToString::to_string).collect(),
    }
}

/// The cases as their files say.
fn cases() -> [(&'static str, Lora); 3] {
    [
        ("texts", lora(2, 8.0, &["query", "dense"])),
        ("texts-frozen-pooler", lora(3, 6.0, &["value"])),
        (NEW_POOLER, lora(2, 5.0, &["dense"])),
    ]
}

fn with_lora(base: &Path, lora: &Lora) -> Model {
    let model = Model::with_heads(base, labels(), HEADS, 3).unwrap();
    let base = Base {
        name: base.to_str().unwrap().to_owned(),
        revision: None,
    };
    model.with_lora(lora, base, 5).unwrap()
}

/// The goldens' sequences, of which `[CLS]` is scored.
fn texts() -> Batch {
    let labels: Vec<u32> = serde_json::from_value(json("classify.json")["labels"].clone()).unwrap();
    let words = batch(&json("batch.json"));
    let mut texts = Batch::new();
    for (bounds, &label) in words.bounds.windows(2).zip(&labels) {
        texts.push(&words.ids[bounds[0]..bounds[1]], &[0], &[label]);
    }
    texts
}

#[test]
fn an_adapter_of_peft_for_texts_folded_in_gives_its_logits() {
    let (batch, pooled) = (texts(), pooled_base());
    for (case, _) in cases() {
        let base = &base_of(case, &pooled);
        let model = Model::load_adapted(base, &data("lora").join(case)).unwrap();
        assert_eq!(model.config().heads().task, Task::Classify);
        let mut workspace = Workspace::new();
        let error = relative(model.forward(&batch, &mut workspace), &logits_of_peft(case));
        assert!(error < 1e-5, "{case}: the logits are {error:e} off");
    }
}

#[test]
fn loss_and_every_gradient_of_texts_are_those_of_peft() {
    let (batch, pooled) = (texts(), pooled_base());
    for (case, lora) in cases() {
        let base = &base_of(case, &pooled);
        agrees_with_peft(case, with_lora(base, &lora), &batch);
    }
}

#[test]
fn with_dropout_the_poolers_gradient_is_the_slope_of_the_loss() {
    let (batch, pooled) = (texts(), pooled_base());
    let mut model = with_lora(
        pooled.path(),
        &Lora {
            dropout: 0.3,
            ..lora(2, 8.0, &["query", "dense"])
        },
    );
    stir(&mut model);
    let (mut workspace, mut gradients) = (Workspace::new(), Gradients::zeros(model.layout()));
    model.forward_backward(&batch, PASS, &mut workspace, &mut gradients);
    let tensors = model.layout().tensors().iter();
    for tensor in tensors.filter(|tensor| tensor.name.contains("pooler.dense.lora_")) {
        let gradient = &gradients.data[tensor.range.clone()];
        let squared: f64 = gradient.iter().map(|&g| f64::from(g).powi(2)).sum();
        let unit = 1.0 / squared.sqrt();
        let mut scratch = Gradients::zeros(model.layout());
        let mut loss_at = |distance: f64| {
            let mut moved = model.clone();
            let weights = moved.parameters.data[tensor.range.clone()].iter_mut();
            for (weight, gradient) in weights.zip(gradient) {
                *weight += (distance * unit * f64::from(*gradient)) as f32;
            }
            moved.forward_backward(&batch, PASS, &mut workspace, &mut scratch)
        };
        let found = (loss_at(5e-3) - loss_at(-5e-3)) / 1e-2;
        assert!(
            (found * unit - 1.0).abs() < 5e-3,
            "{}: {found} for {}",
            tensor.name,
            squared.sqrt()
        );
    }
}

#[test]
fn the_adapter_of_texts_is_saved_as_peft_saves_it_and_loads_folded() {
    let (batch, pooled) = (texts(), pooled_base());
    for (case, lora) in cases() {
        let base = &base_of(case, &pooled);
        let mut model = with_lora(base, &lora);
        stir(&mut model);
        let folder = tempfile::tempdir().unwrap();
        model.save(folder.path()).unwrap();
        assert_eq!(
            names_and_shapes(folder.path()),
            names_and_shapes(&data("lora").join(case)),
            "{case}"
        );
        let text = std::fs::read(folder.path().join("adapter_config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(config["task_type"], "SEQ_CLS");
        let saved: &[&str] = match case {
            NEW_POOLER => &["pooler", "classifier"],
            _ => &["classifier"],
        };
        assert_eq!(config["modules_to_save"], serde_json::json!(saved));
        let logits = model.forward(&batch, &mut Workspace::new()).to_vec();
        let logits: Vec<f64> = logits.into_iter().map(f64::from).collect();
        let again = Model::load(folder.path()).unwrap();
        assert_eq!(again.config().heads(), HEADS);
        let mut workspace = Workspace::new();
        let error = relative(again.forward(&batch, &mut workspace), &logits);
        assert!(error < 1e-5, "{case}: {error:e}");
    }
}

#[test]
fn the_groups_say_what_becomes_of_the_pooler() {
    let pooled = pooled_base();
    let groups = |base: &Path, lora: &Lora| {
        let settings = OptimizerSettings {
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            rates: Rates {
                classifier: 3.0,
                ..Rates::default()
            },
        };
        let model = with_lora(base, lora);
        let optimizer = Optimizer::with_settings(&model, &settings);
        let groups = optimizer.groups().iter();
        let head = groups.filter(|group| group.name.contains("pooler"));
        head.map(|group| (group.name.clone(), group.multiplier))
            .collect::<Vec<_>>()
    };
    let named = |name: &str, multiplier| (name.to_owned(), multiplier);
    let [(_, dense), (_, value), _] = cases();
    assert_eq!(
        groups(pooled.path(), &dense),
        [named("pooler", 0.0), named("lora pooler", 1.0)]
    );
    assert_eq!(groups(pooled.path(), &value), [named("pooler", 0.0)]);
    assert_eq!(groups(&data("tiny-bert"), &dense), [named("pooler", 1.0)]);
}

#[test]
fn a_pooler_that_nobody_has_and_a_target_that_words_do_not_have_are_refused() {
    let adapter = data("lora/texts-frozen-pooler");
    let error = Model::load_adapted(&data("tiny-bert"), &adapter).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("a pooler that neither it nor") && message.contains("modules_to_save"),
        "{message}"
    );
    let pooler = lora(2, 8.0, &["pooler.dense"]);
    let model = Model::load(&data("tiny-bert")).unwrap();
    let base = Base {
        name: String::new(),
        revision: None,
    };
    let message = model.with_lora(&pooler, base, 1).unwrap_err().to_string();
    assert!(
        message.contains("\"pooler.dense\", which no layer of BERT is called"),
        "{message}"
    );
    let pooled = pooled_base();
    let alone = with_lora(pooled.path(), &pooler);
    let parts = alone.layout().parts();
    assert_eq!(parts.last().unwrap().0, "lora pooler");
}
