//! The model against transformers: logits, loss and the gradient of every parameter of a tiny random BERT
//! over a ragged batch. `tools/golden/tiny_bert.py` made the goldens, in f64.

mod common;

use bert_ner_model::{Batch, Gradients, HiddenAct, Pass, Workspace};
use common::{PASS, batch, data, floats, json, relative, tiny};
use safetensors::SafeTensors;

fn check_against_transformers(act: HiddenAct, key: &str, gradients_file: &str) {
    let model = tiny(act);
    let batch = batch(&json("batch.json"));
    let expected = &json("expected.json")[key];
    let mut workspace = Workspace::new();

    let logits = model.forward(&batch, &mut workspace);
    let want: Vec<f64> = expected["logits"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|v| v.as_f64().unwrap())
        .collect();
    assert_eq!(logits.len(), want.len());
    let worst = logits
        .iter()
        .zip(&want)
        .map(|(g, w)| (f64::from(*g) - w).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-4, "{key}: a logit is {worst:e} off");

    let mut gradients = Gradients::zeros(model.layout());
    let pass = Pass {
        loss_scale: 1.0 / batch.words() as f32,
        ..PASS
    };
    let loss =
        model.forward_backward(&batch, pass, &mut workspace, &mut gradients) / batch.words() as f64;
    let error = (loss - expected["loss"].as_f64().unwrap()).abs();
    assert!(error < 1e-5, "{key}: the loss is {error:e} off");

    let bytes = std::fs::read(data(gradients_file)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let largest = model
        .layout()
        .tensors()
        .iter()
        .flat_map(|t| floats(&tensors, &t.name))
        .fold(0.0_f64, |m, x| m.max(x.abs()));
    for tensor in model.layout().tensors() {
        let (got, want) = (
            &gradients.data[tensor.range.clone()],
            floats(&tensors, &tensor.name),
        );
        if tensor.name.ends_with("key.bias") {
            // Softmax does not see a constant added to a row of scores: this gradient is zero, and the goldens hold rounding.
            assert!(
                got.iter().all(|g| f64::from(g.abs()) < 1e-6 * largest),
                "{}: not zero",
                tensor.name
            );
            continue;
        }
        let error = relative(got, &want);
        assert!(
            error < 1e-3,
            "{key}: the gradient of {} is {error:e} off",
            tensor.name
        );
        // What f32 allows, so that a wrong term of small weight shows too.
        assert!(
            error < 2e-5,
            "{key}: the gradient of {} is {error:e} off",
            tensor.name
        );
    }
}

#[test]
fn gelu_agrees_with_transformers() {
    check_against_transformers(HiddenAct::Gelu, "gelu", "gradients.safetensors");
}

#[test]
fn gelu_new_agrees_with_transformers() {
    check_against_transformers(
        HiddenAct::GeluNew,
        "gelu_new",
        "gradients-gelu_new.safetensors",
    );
}

#[test]
fn relu_agrees_with_transformers() {
    check_against_transformers(HiddenAct::Relu, "relu", "gradients-relu.safetensors");
}

#[test]
fn a_sequence_gives_the_same_logits_alone_and_packed() {
    let model = tiny(HiddenAct::Gelu);
    let whole = batch(&json("batch.json"));
    let mut workspace = Workspace::new();
    let together = model.forward(&whole, &mut workspace).to_vec();
    let mut alone = Vec::new();
    for pair in whole.bounds.windows(2) {
        let mut one = Batch::new();
        let rows: Vec<u32> = whole
            .rows
            .iter()
            .filter(|&&r| (pair[0]..pair[1]).contains(&(r as usize)))
            .map(|&r| r - pair[0] as u32)
            .collect();
        one.push(&whole.ids[pair[0]..pair[1]], &rows, &[]);
        alone.extend_from_slice(model.forward(&one, &mut workspace));
    }
    assert!(
        together
            .iter()
            .zip(&alone)
            .all(|(a, b)| (a - b).abs() < 1e-5)
    );
}

#[test]
fn two_accumulated_passes_are_the_sum_of_their_gradients() {
    let model = tiny(HiddenAct::Gelu);
    let batches: Vec<Batch> = json("steps.json")["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(batch)
        .collect();
    let mut workspace = Workspace::new();
    let mut once = |batch: &Batch| {
        let mut gradients = Gradients::zeros(model.layout());
        model.forward_backward(batch, PASS, &mut workspace, &mut gradients);
        gradients
    };
    let (first, second) = (once(&batches[0]), once(&batches[1]));
    let mut both = Gradients::zeros(model.layout());
    // A pass before, whose gradient must leave no trace.
    model.forward_backward(&batches[2], PASS, &mut workspace, &mut both);
    model.forward_backward(&batches[0], PASS, &mut workspace, &mut both);
    model.forward_backward(
        &batches[1],
        Pass {
            accumulate: true,
            ..PASS
        },
        &mut workspace,
        &mut both,
    );
    let want: Vec<f64> = first
        .data
        .iter()
        .zip(&second.data)
        .map(|(a, b)| f64::from(a + b))
        .collect();
    assert!(relative(&both.data, &want) < 1e-6);
    let mut rows: Vec<u32> = [first.word_rows, second.word_rows].concat();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(both.word_rows, rows);
}

#[test]
fn the_gradient_has_the_same_bits_for_any_number_of_threads() {
    let mut model = tiny(HiddenAct::Gelu);
    model.config_mut().set_dropout(0.1);
    let batch = batch(&json("batch.json"));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let (mut workspace, mut gradients) =
                (Workspace::new(), Gradients::zeros(model.layout()));
            let loss = model.forward_backward(&batch, PASS, &mut workspace, &mut gradients);
            (
                loss.to_bits(),
                gradients
                    .data
                    .iter()
                    .map(|g| g.to_bits())
                    .collect::<Vec<_>>(),
            )
        })
    };
    let one = run(1);
    assert!([2, 3, 7].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn dropout_depends_on_seed_and_step_alone() {
    let mut model = tiny(HiddenAct::Gelu);
    model.config_mut().set_dropout(0.3);
    let batch = batch(&json("batch.json"));
    let loss = |seed, step| {
        let (mut workspace, mut gradients) = (Workspace::new(), Gradients::zeros(model.layout()));
        model.forward_backward(
            &batch,
            Pass { seed, step, ..PASS },
            &mut workspace,
            &mut gradients,
        )
    };
    assert_eq!(loss(1, 1), loss(1, 1));
    assert_ne!(loss(1, 1), loss(1, 2));
    assert_ne!(loss(1, 1), loss(2, 1));
}
