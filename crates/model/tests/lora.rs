//! LoRA against PEFT (`tools/golden/lora.py` made the goldens, in f64), and the adapter's files.

mod common;

use bert_ner_model::{
    Base, Gradients, HeadKind, Heads, Lora, Model, Optimizer, OptimizerSettings, Pass, Rates, Rnn,
    RnnKind, Workspace,
};
use common::lora::{agrees_with_peft, logits_of_peft, names_and_shapes, stir};
use common::{PASS, batch, data, json, relative};
use std::path::PathBuf;

const CASES: [&str; 3] = ["attention", "all", "rank-stabilised"];

fn base() -> Base {
    Base {
        name: data("tiny-bert").to_str().unwrap().to_owned(),
        revision: None,
    }
}

fn lora(rank: usize, dropout: f32, targets: &[&str]) -> Lora {
    Lora {
        rank,
        alpha: 8.0,
        dropout,
        targets: targets.iter().map(ToString::to_string).collect(),
    }
}

const ALL: [&str; 4] = ["query", "key", "value", "dense"];

fn labels() -> Vec<String> {
    ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
        .map(str::to_owned)
        .to_vec()
}

/// The tiny BERT with a LoRA, and a head as `heads` say.
fn with_lora(lora: &Lora, heads: Heads) -> Model {
    let model = Model::with_heads(&data("tiny-bert"), labels(), heads, 3).unwrap();
    model.with_lora(lora, base(), 5).unwrap()
}

#[test]
fn an_adapter_of_peft_folded_in_gives_its_logits() {
    let batch = batch(&json("batch.json"));
    for case in CASES {
        let adapter = data("lora").join(case);
        let model = Model::load_adapted(&data("tiny-bert"), &adapter).unwrap();
        let mut workspace = Workspace::new();
        let want = logits_of_peft(case);
        let error = relative(model.forward(&batch, &mut workspace), &want);
        assert!(error < 1e-5, "{case}: the logits are {error:e} off");
    }
}

#[test]
fn loss_and_every_gradient_are_those_of_peft() {
    let batch = batch(&json("batch.json"));
    // As the adapters' files say, but without dropout.
    let settings = [
        (3, 7.0, vec!["query", "value"]),
        (2, 8.0, ALL.to_vec()),
        (4, 3.0 * 4.0_f64.sqrt(), vec!["output.dense", "key"]),
    ];
    for (case, (rank, alpha, targets)) in CASES.into_iter().zip(settings) {
        let lora = Lora {
            alpha,
            ..lora(rank, 0.0, &targets)
        };
        let model = with_lora(&lora, Heads::default());
        agrees_with_peft(case, model, &batch);
    }
}

#[test]
fn with_dropout_the_gradient_is_the_slope_of_the_loss() {
    let batch = batch(&json("batch.json"));
    let heads = Heads {
        head: HeadKind::Crf,
        rnn: Some(Rnn {
            kind: RnnKind::Bigru,
            hidden: 6,
            layers: 1,
        }),
        crf_constraints: false,
        ..Heads::default()
    };
    for heads in [Heads::default(), heads] {
        let mut model = with_lora(&lora(2, 0.3, &ALL), heads);
        stir(&mut model);
        let (mut workspace, mut gradients) = (Workspace::new(), Gradients::zeros(model.layout()));
        model.forward_backward(&batch, PASS, &mut workspace, &mut gradients);
        let start = model.frozen_len();
        let slope: f64 = gradients.data[start..]
            .iter()
            .map(|&g| f64::from(g).powi(2))
            .sum();
        let unit = 1.0 / slope.sqrt();
        let mut scratch = Gradients::zeros(model.layout());
        let mut loss_at = |distance: f64| {
            let mut moved = model.clone();
            let weights = moved.parameters.data[start..].iter_mut();
            for (weight, gradient) in weights.zip(&gradients.data[start..]) {
                *weight += (distance * unit * f64::from(*gradient)) as f32;
            }
            moved.forward_backward(&batch, PASS, &mut workspace, &mut scratch)
        };
        let found = (loss_at(5e-3) - loss_at(-5e-3)) / 1e-2;
        assert!(
            (found * unit - 1.0).abs() < 5e-3,
            "{heads:?}: {found} for {}",
            slope.sqrt()
        );
    }
}

#[test]
fn accumulating_adds_and_the_first_layer_stops_where_nothing_is_trained() {
    let batch = batch(&json("batch.json"));
    for targets in [&ALL[..], &["dense"], &["output.dense"], &["value"]] {
        let mut model = with_lora(&lora(2, 0.1, targets), Heads::default());
        stir(&mut model);
        let (mut workspace, mut once) = (Workspace::new(), Gradients::zeros(model.layout()));
        model.forward_backward(&batch, PASS, &mut workspace, &mut once);
        let mut twice = once.clone();
        let again = Pass {
            accumulate: true,
            ..PASS
        };
        model.forward_backward(&batch, again, &mut workspace, &mut twice);
        let start = model.frozen_len();
        let doubled: Vec<f64> = once.data[start..]
            .iter()
            .map(|&g| 2.0 * f64::from(g))
            .collect();
        assert!(
            relative(&twice.data[start..], &doubled) < 1e-6,
            "{targets:?}"
        );
        for tensor in model.layout().tensors() {
            let gradient = &once.data[tensor.range.clone()];
            let trained = tensor.range.start >= start;
            assert_eq!(
                gradient.iter().any(|&g| g != 0.0),
                trained,
                "{}",
                tensor.name
            );
        }
    }
}

#[test]
fn a_new_lora_changes_nothing_and_its_a_has_the_spread_of_peft() {
    let batch = batch(&json("batch.json"));
    let plain =
        Model::with_heads(&data("tiny-bert"), labels(), Heads::default(), 3).expect("a model");
    let model = with_lora(&lora(24, 0.5, &ALL), Heads::default());
    let mut workspace = Workspace::new();
    let logits = plain.forward(&batch, &mut workspace).to_vec();
    assert_eq!(model.forward(&batch, &mut workspace), logits);
    for tensor in model.layout().tensors() {
        let weights = &model.parameters.data[tensor.range.clone()];
        if tensor.name.ends_with("lora_B.weight") {
            assert!(weights.iter().all(|&w| w == 0.0), "{}", tensor.name);
        } else if tensor.name.ends_with("lora_A.weight") {
            let bound = 1.0 / (tensor.shape[1] as f32).sqrt();
            let largest = weights.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
            assert!(
                largest <= bound && largest > 0.95 * bound,
                "{}",
                tensor.name
            );
            let mean: f32 = weights.iter().sum::<f32>() / weights.len() as f32;
            assert!(mean.abs() < 0.1 * bound, "{}", tensor.name);
        }
    }
}

#[test]
fn moments_are_kept_for_what_is_trained_alone_and_only_that_moves() {
    let batch = batch(&json("batch.json"));
    let mut model = with_lora(&lora(2, 0.0, &["query", "value"]), Heads::default());
    stir(&mut model);
    let (start, before) = (model.frozen_len(), model.parameters.data.clone());
    // Three layers of two targets of A [2, 24] and B [24, 2], and a classifier [5, 24] with its bias.
    let trained = 3 * 2 * (48 + 48) + 5 * 24 + 5;
    assert_eq!(before.len() - start, trained);
    let settings = OptimizerSettings {
        weight_decay: 0.01,
        max_grad_norm: 1.0,
        rates: Rates {
            layer_decay: 0.5,
            ..Rates::default()
        },
    };
    let mut optimizer = Optimizer::with_settings(&model, &settings);
    assert!(optimizer.moments().iter().all(|m| m.len() == trained));
    let rates: Vec<(&str, f64)> = optimizer
        .groups()
        .iter()
        .map(|group| (group.name.as_str(), group.multiplier))
        .collect();
    let expected = [
        ("embeddings", 0.0),
        ("layer 0", 0.0),
        ("layer 1", 0.0),
        ("layer 2", 0.0),
        ("classifier", 1.0),
        ("lora 0", 0.125),
        ("lora 1", 0.25),
        ("lora 2", 0.5),
    ];
    assert_eq!(rates, expected);
    let mut gradients = Gradients::zeros(model.layout());
    optimizer.prepare(&mut model, &batch.ids);
    model.forward_backward(&batch, PASS, &mut Workspace::new(), &mut gradients);
    optimizer.step(&mut model, &gradients, 1e-3);
    optimizer.synchronise(&mut model);
    assert_eq!(model.parameters.data[..start], before[..start]);
    let moved = model.parameters.data[start..].iter().zip(&before[start..]);
    assert!(moved.filter(|(now, before)| now == before).count() < trained / 10);
    // A checkpoint's moments go back in.
    let kept = optimizer.moments().map(<[f32]>::to_vec);
    let restored = optimizer.restore(1, |moments| {
        let pairs = moments.into_iter().zip(&kept);
        pairs.for_each(|(to, from)| to.copy_from_slice(from));
        Ok::<(), ()>(())
    });
    assert!(restored.is_ok());
}

#[test]
fn what_is_saved_has_the_names_and_shapes_of_peft_and_loads_folded() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = with_lora(&lora(2, 0.1, &ALL), Heads::default());
    stir(&mut model);
    model.save(folder.path()).unwrap();
    assert!(!folder.path().join("model.safetensors").exists());
    assert_eq!(
        names_and_shapes(folder.path()),
        names_and_shapes(&data("lora/all"))
    );
    let batch = batch(&json("batch.json"));
    let logits: Vec<f64> = model
        .forward(&batch, &mut Workspace::new())
        .iter()
        .map(|&x| f64::from(x))
        .collect();
    let again = Model::load(folder.path()).unwrap();
    assert_eq!(again.labels(), model.labels());
    let mut workspace = Workspace::new();
    let error = relative(again.forward(&batch, &mut workspace), &logits);
    assert!(error < 1e-5, "{error:e}");
    // Folded, it is a model like any other.
    let merged = tempfile::tempdir().unwrap();
    again.save(merged.path()).unwrap();
    let merged = Model::load(merged.path()).unwrap();
    assert_eq!(merged.parameters.data, again.parameters.data);
    assert_eq!(merged.frozen_len(), 0);
}

#[test]
fn every_head_is_saved_beside_the_lora() {
    let heads = Heads {
        head: HeadKind::Crf,
        rnn: Some(Rnn {
            kind: RnnKind::Gru,
            hidden: 6,
            layers: 1,
        }),
        crf_constraints: true,
        ..Heads::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut model = with_lora(&lora(2, 0.0, &["key"]), heads);
    stir(&mut model);
    model.save(folder.path()).unwrap();
    let path = folder.path().join("adapter_config.json");
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(
        config["modules_to_save"],
        serde_json::json!(["rnn", "classifier", "crf"])
    );
    let again = Model::load(folder.path()).unwrap();
    assert_eq!(again.config().heads(), heads);
    let crf = model.layout().parts().into_iter();
    for (name, range) in crf.filter(|(name, _)| ["rnn", "classifier", "crf"].contains(&&name[..])) {
        let parts = again.layout().parts();
        let there = &parts.iter().find(|(part, _)| *part == name).unwrap().1;
        assert_eq!(
            again.parameters.data[there.clone()],
            model.parameters.data[range],
            "{name}"
        );
    }
}

#[test]
fn a_lora_that_cannot_be_is_refused_by_name() {
    let refused = |lora: Lora| {
        let model = Model::load(&data("tiny-bert")).unwrap();
        let error = model.with_lora(&lora, base(), 1).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused(lora(0, 0.0, &ALL)),
        "lora-rank must be at least 1, not 0"
    );
    assert_eq!(
        refused(lora(25, 0.0, &ALL)),
        "lora-rank must be at most the model's hidden size, 24, not 25"
    );
    assert_eq!(
        refused(lora(2, 0.0, &["query", "q_proj"])),
        "lora-targets has \"q_proj\", which no layer of BERT is called; there are query, key, value, dense, \
         attention.output.dense, intermediate.dense, output.dense"
    );
    assert!(refused(lora(2, 0.0, &[])).starts_with("lora-targets names nothing"));
    assert!(refused(lora(2, 1.0, &ALL)).starts_with("lora-dropout must be"));
}

/// A copy of a golden adapter, its configuration changed by `edit`.
fn edited(edit: impl FnOnce(&mut serde_json::Value)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(data("lora/all").join(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("adapter_config.json");
    let mut config = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    edit(&mut config);
    std::fs::write(&path, config.to_string()).unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

#[test]
fn an_adapter_that_does_not_fit_is_refused_by_name_and_shape() {
    let tiny = data("tiny-bert");
    let refused = |edit: &dyn Fn(&mut serde_json::Value)| {
        let (_folder, adapter) = edited(edit);
        let error = Model::load_adapted(&tiny, &adapter).unwrap_err();
        error.to_string()
    };
    let set = |key: &'static str, value: serde_json::Value| {
        move |config: &mut serde_json::Value| config[key] = value.clone()
    };
    let message = refused(&set("r", 5.into()));
    assert!(
        message.contains("lora_A.weight\" has shape [2, ") && message.contains("expected [5, "),
        "{message}"
    );
    assert!(message.contains("tiny-bert"), "{message}");
    let message = refused(&set("target_modules", ["query"].as_slice().into()));
    assert!(
        message.contains("of shape") && message.contains("has no place"),
        "{message}"
    );
    let message = refused(&set("target_modules", ["q_proj"].as_slice().into()));
    assert!(message.contains("\"q_proj\""), "{message}");
    for (key, value) in [
        ("peft_type", "IA3".into()),
        ("bias", "all".into()),
        ("use_dora", true.into()),
        ("rank_pattern", serde_json::json!({"query": 4})),
        ("target_modules", "all-linear".into()),
    ] {
        let message = refused(&set(key, value));
        assert!(
            message.contains(key) && message.contains("is not supported"),
            "{message}"
        );
    }
    // A folder on a base model of another size.
    let (_folder, adapter) = edited(|_| {});
    let other = tempfile::tempdir().unwrap();
    let mut config = json("tiny-bert/config.json");
    config["num_hidden_layers"] = 2.into();
    std::fs::write(other.path().join("config.json"), config.to_string()).unwrap();
    let small = Model::from_scratch(other.path(), labels(), Heads::default(), 1).unwrap();
    small.save(other.path()).unwrap();
    let error = Model::load_adapted(other.path(), &adapter).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("layer.2.") && message.contains("has no place"),
        "{message}"
    );
}

#[test]
fn a_base_model_that_is_gone_is_named() {
    let (_folder, adapter) = edited(|config| {
        config["base_model_name_or_path"] = "gone/bert".into();
    });
    let message = Model::load(&adapter).unwrap_err().to_string();
    assert!(
        message.ends_with("adapter_config.json: its base model \"gone/bert\" is not a folder here"),
        "{message}"
    );
}
