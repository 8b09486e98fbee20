//! Recurrent networks and CRFs against torch and pytorch-crf: `tools/golden/heads.py` made the goldens, in f64.

mod common;

use bert_ner_kernels::crf::{self, Potentials, Weights};
use bert_ner_kernels::rnn;
use bert_ner_model::{
    Freeze, Gradients, HeadKind, Heads, Model, Optimizer, OptimizerSettings, Pass, Rates, Rnn,
    RnnKind, Task, Workspace,
};
use common::{PASS, batch, data, floats, json, relative};
use safetensors::SafeTensors;

/// What f32 allows of a gradient, relative to its norm.
const GRADIENT: f64 = 2e-5;

fn narrow(wide: &[f64]) -> Vec<f32> {
    wide.iter().map(|&x| x as f32).collect()
}

#[test]
fn recurrent_networks_are_those_of_torch() {
    let bytes = std::fs::read(data("rnn.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for (kind, cell, directions) in [
        ("gru", rnn::Cell::Gru, 1),
        ("bigru", rnn::Cell::Gru, 2),
        ("lstm", rnn::Cell::Lstm, 1),
        ("bilstm", rnn::Cell::Lstm, 2),
    ] {
        for layers in [1, 2] {
            let read = |name: &str| floats(&tensors, &format!("{kind}-{layers}.{name}"));
            check_network(&read, (cell, directions, layers));
        }
    }
}

/// Runs a stack of layers and compares its output and every gradient.
fn check_network(
    read: &dyn Fn(&str) -> Vec<f64>,
    (cell, directions, layers): (rnn::Cell, usize, usize),
) {
    let bounds = [0, 4, 5, 14, 20];
    let shape = |n: usize| rnn::Shape {
        cell,
        directions,
        inputs: if n == 0 { 7 } else { 17 * directions },
        hidden: 17,
    };
    let suffixes = &["", "_reverse"][..directions];
    let both = |kind: &str, n: usize| -> Vec<f64> {
        let names = suffixes.iter().map(|suffix| format!("{kind}_l{n}{suffix}"));
        names.flat_map(|name| read(&name)).collect()
    };
    let kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
    let weights: Vec<[Vec<f32>; 4]> = (0..layers)
        .map(|n| kinds.map(|kind| narrow(&both(kind, n))))
        .collect();
    let layer = |n: usize| rnn::Layer {
        shape: shape(n),
        weights: rnn::Weights {
            input: &weights[n][0],
            hidden: &weights[n][1],
            input_bias: &weights[n][2],
            hidden_bias: &weights[n][3],
        },
    };
    let mut flow = vec![narrow(&read("x"))];
    let mut states = Vec::new();
    for n in 0..layers {
        let (mut out, mut state) = (vec![0.0; 20 * 17 * directions], rnn::State::default());
        layer(n).forward(&mut out, &flow[n], &bounds, &mut state);
        flow.push(out);
        states.push(state);
    }
    let output = read("output");
    let worst = flow[layers].iter().zip(&output);
    let worst = worst
        .map(|(g, w)| (f64::from(*g) - w).abs())
        .fold(0.0, f64::max);
    assert!(
        worst < 1e-5,
        "{cell:?} x {directions} x {layers}: an output is {worst:e} off"
    );
    let mut dout = narrow(&read("doutput"));
    for n in (0..layers).rev() {
        let mut dx = vec![0.0; flow[n].len()];
        let mut gradients = weights[n].each_ref().map(|w| vec![0.0; w.len()]);
        let [input, hidden, input_bias, hidden_bias] = &mut gradients;
        let into = rnn::GradientsMut {
            input,
            hidden,
            input_bias,
            hidden_bias,
        };
        let saved = (&flow[n][..], &flow[n + 1][..], &bounds[..]);
        layer(n).backward((&mut dx, &mut dout), saved, into, false, &mut states[n]);
        for (kind, found) in kinds.iter().zip(&gradients) {
            let error = relative(found, &both(&format!("gradient.{kind}"), n));
            assert!(
                error < GRADIENT,
                "{cell:?} x {directions}: {kind}_l{n} is {error:e} off"
            );
        }
        dout = dx;
    }
    assert!(relative(&dout, &read("dx")) < GRADIENT);
}

#[test]
fn the_crf_is_that_of_pytorch_crf() {
    let bytes = std::fs::read(data("crf.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for (case, expected) in json("crf.json").as_object().unwrap() {
        let read = |name: &str| floats(&tensors, &format!("{case}.{name}"));
        let names = ["transitions", "start_transitions", "end_transitions"];
        let [transitions, start, end] = names.map(|name| narrow(&read(name)));
        let weights = Weights {
            transitions: &transitions,
            start: &start,
            end: &end,
        };
        let list =
            |name: &str| -> Vec<u32> { serde_json::from_value(expected[name].clone()).unwrap() };
        let (tags, decoded) = (list("tags"), list("decoded"));
        let bounds: Vec<usize> = list("bounds").iter().map(|&b| b as usize).collect();
        let emissions = narrow(&read("emissions"));
        let mut demissions = vec![0.0; emissions.len()];
        let mut found = [&transitions, &start, &end].map(|w| vec![0.0; w.len()]);
        let [dtransitions, dstart, dend] = &mut found;
        let into = crf::GradientsMut {
            transitions: dtransitions,
            start: dstart,
            end: dend,
        };
        let loss = crf::negative_log_likelihood(
            (&mut demissions, into),
            (&emissions, &tags, &bounds),
            (weights, None),
            1.0,
            &mut crf::State::default(),
        );
        let near = |found: f64, name: &str| {
            let want = expected[name].as_f64().unwrap();
            assert!(
                (found - want).abs() < 1e-5,
                "{case}: {name} {found}, not {want}"
            );
        };
        near(loss, "loss_sum");
        near(loss / tags.len() as f64, "loss_token_mean");
        assert!(
            relative(&demissions, &read("gradient.emissions")) < 1e-6,
            "{case}"
        );
        for (name, found) in names.iter().zip(&found) {
            let want = read(&format!("gradient.{name}"));
            if want.iter().all(|&w| w == 0.0) {
                assert!(found.iter().all(|&g| g == 0.0), "{case}: {name}");
            } else {
                assert!(relative(found, &want) < 1e-6, "{case}: {name}");
            }
        }
        let potentials = Potentials::new(weights, None);
        let k = start.len();
        let best: Vec<u32> = bounds
            .windows(2)
            .flat_map(|b| {
                potentials
                    .best(&emissions[b[0] * k..b[1] * k])
                    .unwrap()
                    .tags
            })
            .collect();
        assert_eq!(best, decoded, "{case}");
    }
}

/// The tiny BERT with the heads of a golden, the head's weights set.
fn model(heads: Heads, tensors: &SafeTensors<'_>) -> Model {
    let labels = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"].map(str::to_owned);
    let mut model = Model::with_heads(&data("tiny-bert"), labels.to_vec(), heads, 1).unwrap();
    let own = model.layout().tensors().to_vec();
    for tensor in own
        .iter()
        .filter(|tensor| !tensor.name.starts_with("bert."))
    {
        let weights = narrow(&floats(tensors, &tensor.name));
        model.parameters.data[tensor.range.clone()].copy_from_slice(&weights);
    }
    model
}

#[test]
fn whole_models_have_the_loss_and_gradients_of_torch() {
    let batch = batch(&json("batch.json"));
    for (name, expected) in json("heads.json").as_object().unwrap() {
        let bytes = std::fs::read(data(&format!("heads/{name}.safetensors"))).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let heads: Heads = serde_json::from_value(expected["head"].clone()).unwrap();
        let model = model(heads, &tensors);
        let mut workspace = Workspace::new();
        let logits = model.forward(&batch, &mut workspace).to_vec();
        let want: Vec<Vec<f64>> = serde_json::from_value(expected["logits"].clone()).unwrap();
        let worst = logits.iter().zip(want.iter().flatten());
        let worst = worst
            .map(|(g, w)| (f64::from(*g) - w).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1e-4, "{name}: a logit is {worst:e} off");

        let per_word = 1.0 / batch.words() as f64;
        let scale = if heads.head == HeadKind::Crf {
            1.0
        } else {
            per_word
        };
        let pass = Pass {
            loss_scale: scale as f32,
            ..PASS
        };
        let mut gradients = Gradients::zeros(model.layout());
        let loss = model.forward_backward(&batch, pass, &mut workspace, &mut gradients) * scale;
        let error = (loss - expected["loss"].as_f64().unwrap()).abs()
            / if scale == 1.0 {
                batch.words() as f64
            } else {
                1.0
            };
        assert!(error < 1e-5, "{name}: the loss is {error:e} off a word");
        for tensor in model.layout().tensors() {
            let got = &gradients.data[tensor.range.clone()];
            if tensor.name.ends_with("key.bias") {
                // A constant added to a row of scores does nothing: this gradient is zero, and the goldens hold rounding.
                assert!(
                    got.iter().all(|g| g.abs() < 1e-4),
                    "{name}: {}",
                    tensor.name
                );
                continue;
            }
            let error = relative(got, &floats(&tensors, &format!("gradient.{}", tensor.name)));
            assert!(
                error < GRADIENT,
                "{name}: the gradient of {} is {error:e} off",
                tensor.name
            );
        }
    }
}

fn heads(constraints: bool) -> Heads {
    let (kind, hidden, layers) = (RnnKind::Bigru, 6, 2);
    Heads {
        task: Task::Ner,
        head: HeadKind::Crf,
        rnn: Some(Rnn {
            kind,
            hidden,
            layers,
        }),
        crf_constraints: constraints,
    }
}

fn labels() -> Vec<String> {
    ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn a_saved_model_has_its_heads_again() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::with_heads(&data("tiny-bert"), labels(), heads(true), 3).unwrap();
    model.save(folder.path()).unwrap();
    let again = Model::load(folder.path()).unwrap();
    assert_eq!(again.config().heads(), heads(true));
    assert_eq!(again.parameters.data, model.parameters.data);
    // Further training on the same network keeps the head; another network needs a new one.
    let further = Model::with_heads(folder.path(), labels(), heads(false), 9).unwrap();
    assert_eq!(further.parameters.data, model.parameters.data);
    let linear = Model::from_pretrained(folder.path(), labels(), 9).unwrap();
    assert!(
        linear
            .layout()
            .tensors()
            .iter()
            .all(|t| !t.name.starts_with("rnn."))
    );
}

#[test]
fn new_heads_are_drawn_as_torch_draws_them() {
    let model = Model::with_heads(&data("tiny-bert"), labels(), heads(false), 3).unwrap();
    for (prefix, bound) in [("rnn.", 1.0 / 6.0_f32.sqrt()), ("crf.", 0.1)] {
        let tensors = model.layout().tensors().iter();
        let all: Vec<f32> = tensors
            .filter(|t| t.name.starts_with(prefix))
            .flat_map(|t| model.parameters.data[t.range.clone()].to_vec())
            .collect();
        let largest = all.iter().fold(0.0_f32, |m, w| m.max(w.abs()));
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        assert!(
            largest <= bound && largest > 0.85 * bound && mean.abs() < 0.35 * bound,
            "{prefix}"
        );
    }
}

#[test]
fn what_the_scheme_forbids_has_no_gradient_and_is_never_decoded() {
    let model = Model::with_heads(&data("tiny-bert"), labels(), heads(true), 3).unwrap();
    let mut batch = batch(&json("batch.json"));
    batch
        .tags
        .iter_mut()
        .for_each(|tag| *tag = [0, 1, 1, 3, 3][*tag as usize]);
    let mut gradients = Gradients::zeros(model.layout());
    model.forward_backward(&batch, PASS, &mut Workspace::new(), &mut gradients);
    let tensor = |name: &str| {
        let mut all = model.layout().tensors().iter();
        all.find(|t| t.name == name).unwrap().range.clone()
    };
    let transitions = &gradients.data[tensor("crf.transitions")];
    let forbidden = [2, 4, 9, 14, 17, 22];
    for (place, gradient) in transitions.iter().enumerate() {
        assert_eq!(*gradient == 0.0, forbidden.contains(&place), "{place}");
    }
    let start = &gradients.data[tensor("crf.start_transitions")];
    assert!(start[2] == 0.0 && start[4] == 0.0 && start[0] != 0.0);
    // Each word for itself wants I-LOC, then I-PER.
    let crf = model.crf().unwrap();
    let emissions = [0.0, 1.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 9.0];
    assert_eq!(crf.decode(&emissions).tags, [3, 4]);
}

#[test]
fn frozen_parts_are_never_written() {
    let batch = batch(&json("batch.json"));
    for (freeze, first) in [
        (Freeze::Embeddings, "bert.encoder.layer.0."),
        (Freeze::Layers(0), "bert.encoder.layer.0."),
        (Freeze::Layers(2), "bert.encoder.layer.2."),
        (Freeze::Encoder, "rnn."),
    ] {
        let mut whole = Gradients::zeros(Model::load(&data("tiny-bert")).unwrap().layout());
        let mut model = Model::with_heads(&data("tiny-bert"), labels(), heads(false), 3).unwrap();
        whole.data.resize(model.layout().len(), 0.0);
        let mut workspace = Workspace::new();
        model.forward_backward(&batch, PASS, &mut workspace, &mut whole);
        model.freeze(freeze);
        let start = model.frozen_len();
        let tensor = model
            .layout()
            .tensors()
            .iter()
            .find(|t| t.range.start == start);
        assert!(tensor.unwrap().name.starts_with(first), "{freeze}");
        let mut gradients = Gradients::zeros(model.layout());
        gradients.data.fill(7.0);
        model.forward_backward(&batch, PASS, &mut workspace, &mut gradients);
        assert!(
            gradients.data[..start].iter().all(|&g| g == 7.0),
            "{freeze}"
        );
        assert_eq!(gradients.data[start..], whole.data[start..], "{freeze}");
        let before = model.parameters.data.clone();
        let mut optimizer = Optimizer::new(&model, 0.01, 1.0);
        optimizer.prepare(&mut model, &batch.ids);
        optimizer.step(&mut model, &gradients, 1e-3);
        optimizer.synchronise(&mut model);
        assert_eq!(model.parameters.data[..start], before[..start]);
        assert!(
            model.parameters.data[start..]
                .iter()
                .zip(&before[start..])
                .any(|(a, b)| a != b)
        );
    }
}

#[test]
fn groups_step_at_their_own_rates() {
    let rates = Rates {
        classifier: 2.0,
        rnn: 5.0,
        crf: 100.0,
        layer_decay: 0.5,
        spares_bias_and_norm: true,
    };
    let settings = OptimizerSettings {
        weight_decay: 0.0,
        max_grad_norm: 0.0,
        rates,
    };
    let mut model = Model::with_heads(&data("tiny-bert"), labels(), heads(false), 3).unwrap();
    let mut optimizer = Optimizer::with_settings(&model, &settings);
    let found: Vec<(String, f64)> = optimizer
        .groups()
        .iter()
        .map(|group| (group.name.clone(), group.multiplier))
        .collect();
    let expected = [
        ("embeddings", 0.0625),
        ("layer 0", 0.125),
        ("layer 1", 0.25),
        ("layer 2", 0.5),
        ("rnn", 5.0),
        ("classifier", 2.0),
        ("crf", 100.0),
    ];
    assert_eq!(found, expected.map(|(name, rate)| (name.to_owned(), rate)));
    // AdamW's first step is the learning rate, in the direction of the gradient.
    let mut gradients = Gradients::zeros(model.layout());
    gradients.data.fill(1.0);
    gradients.word_rows = vec![5];
    let before = model.parameters.data.clone();
    optimizer.prepare(&mut model, &[5]);
    optimizer.step(&mut model, &gradients, 1e-3);
    for ((name, range), (_, rate)) in model.layout().parts().iter().zip(expected) {
        let last = range.end - 1;
        let moved = f64::from(before[last] - model.parameters.data[last]);
        assert!(
            (moved / (1e-3 * rate) - 1.0).abs() < 1e-2,
            "{name} moved by {moved}"
        );
    }
}
