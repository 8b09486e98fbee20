//! Ten AdamW steps against transformers' `Trainer` in f64: losses, gradient norms and the final weights, with warm-up, weight
//! decay and clipping that acts on some steps. `tools/golden/tiny_bert.py` made the goldens.

mod common;

use bert_ner_model::{Batch, Gradients, HiddenAct, Model, Optimizer, Pass, Workspace};
use common::{PASS, batch, data, floats, json, relative, tiny};
use safetensors::SafeTensors;

fn list(value: &serde_json::Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

/// Trains with the learning rates of a golden run and checks every loss and norm on the way.
fn train(run: &str) -> Model {
    let golden = json("steps.json");
    let setting = |key: &str| golden["settings"][key].as_f64().unwrap();
    let run = &golden["runs"][run];
    let (rates, losses, norms) = (
        list(&run["learning_rates"]),
        list(&run["losses"]),
        list(&run["gradient_norms"]),
    );
    let batches: Vec<Batch> = golden["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(batch)
        .collect();
    let mut model = tiny(HiddenAct::Gelu);
    let mut optimizer = Optimizer::new(&model, setting("weight_decay"), setting("max_grad_norm"));
    let (mut workspace, mut gradients) = (Workspace::new(), Gradients::zeros(model.layout()));
    for (step, rate) in rates.iter().enumerate() {
        let batch = &batches[step % batches.len()];
        optimizer.prepare(&mut model, &batch.ids);
        let pass = Pass {
            loss_scale: 1.0 / batch.words() as f32,
            ..PASS
        };
        let loss = model.forward_backward(batch, pass, &mut workspace, &mut gradients)
            / batch.words() as f64;
        assert!(
            (loss - losses[step]).abs() < 1e-4,
            "step {step}: loss {loss}, not {}",
            losses[step]
        );
        let norm = optimizer.step(&mut model, &gradients, *rate);
        assert!(
            (norm / norms[step] - 1.0).abs() < 1e-4,
            "step {step}: norm {norm}, not {}",
            norms[step]
        );
    }
    optimizer.synchronise(&mut model);
    model
}

#[test]
fn a_linear_schedule_with_warm_up_decay_and_clipping_ends_at_the_trainers_weights() {
    let model = train("linear");
    let bytes = std::fs::read(data("steps-final.safetensors")).unwrap();
    let want = SafeTensors::deserialize(&bytes).unwrap();
    for tensor in model.layout().tensors() {
        // Its gradient is zero but for rounding, which AdamW scales up to whole steps: not comparable.
        if tensor.name.ends_with("key.bias") {
            continue;
        }
        let error = relative(
            &model.parameters.data[tensor.range.clone()],
            &floats(&want, &tensor.name),
        );
        assert!(error < 1e-4, "{} is {error:e} off", tensor.name);
    }
}

#[test]
fn the_other_schedules_give_the_trainers_losses() {
    for run in ["cosine", "constant", "constant_with_warmup"] {
        train(run);
    }
}

#[test]
fn a_gradient_that_is_not_a_number_leaves_the_weights_alone() {
    let mut model = tiny(HiddenAct::Gelu);
    let before = model.parameters.data.clone();
    let mut optimizer = Optimizer::new(&model, 0.01, 1.0);
    let mut gradients = Gradients::zeros(model.layout());
    let last = gradients.data.len() - 1;
    gradients.data[last] = f32::NAN;
    assert!(optimizer.step(&mut model, &gradients, 1e-3).is_nan());
    assert_eq!(model.parameters.data, before);
}
