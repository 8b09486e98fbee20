//! The head over the scored rows. Of words: dropout, a recurrent network if there is one, and a score for every tag of every row. Of
//! texts: BERT's pooler, dropout and a score for every label. The loss is an [`Objective`] or that of a conditional random field.

use crate::encoder::{Encoder, Place, fit};
use crate::layer::linear_backward;
use crate::layout::Linear;
use crate::lora::{Product, Scratch, Thin};
use crate::rnn::{self, RnnState};
use crate::{Batch, Gradients, Objective};
use bert_ner_kernels::crf::{self, Forbidden};
use bert_ner_kernels::{columns, dropout, matmul, rows, tanh};

/// The buffers of a head.
#[derive(Debug, Default)]
pub(crate) struct HeadState {
    /// The encoder's output, without a pooler behind dropout: at the scored rows, `[W, H]`, or with a recurrent network at all, `[T, H]`.
    features: Vec<f32>,
    rnn: RnnState,
    pooled: Pooled,
    /// The recurrent network's output at the scored rows and its gradient, `[W, D N]`.
    picked: [Vec<f32>; 2],
    /// `[W, K]`.
    pub(crate) logits: Vec<f32>,
    /// `[W, K]`.
    dlogits: Vec<f32>,
    /// Borders of each sequence's words, `[S + 1]`.
    words: Vec<usize>,
    crf: crf::State,
}

/// The buffers of a pooler, each `[W, H]`.
#[derive(Debug, Default)]
struct Pooled {
    output: Vec<f32>,
    /// The output behind dropout.
    dropped: Vec<f32>,
    gradient: Vec<f32>,
    /// Of its LoRA.
    thin: Thin,
    lora: Scratch,
}

/// What a backward pass starts from.
#[derive(Clone, Copy)]
pub(crate) struct Goal<'a> {
    /// Factor of the loss whose gradient is wanted.
    pub(crate) scale: f32,
    /// What a CRF is kept from.
    pub(crate) forbidden: Option<&'a Forbidden>,
    /// The loss of a linear head.
    pub(crate) objective: &'a Objective,
}

/// `y = x W^T + b`.
fn linear_forward(encoder: &Encoder<'_>, linear: &Linear, y: &mut [f32], x: &[f32]) {
    let weight = encoder.parameters.at(&linear.weight);
    matmul::linear_forward(y, x, weight, linear.outputs, linear.inputs);
    columns::add_bias(y, encoder.parameters.at(&linear.bias));
}

/// `dropout(tanh(x P^T + p))`, `[W, H]`, with what a LoRA adds to the product.
fn pooler_forward<'p>(
    encoder: &Encoder<'_>,
    pooler: &Linear,
    x: &[f32],
    pooled: &'p mut Pooled,
) -> &'p [f32] {
    let output = fit(&mut pooled.output, x.len());
    linear_forward(encoder, pooler, output, x);
    let at = (encoder.layout.depth(), Product::Pooler);
    encoder.adapt(at, x, output, (&mut pooled.thin, &mut pooled.lora));
    tanh::forward(output);
    let dropped = fit(&mut pooled.dropped, x.len());
    dropped.copy_from_slice(output);
    dropout::apply(dropped, encoder.noise.at(Place::Classifier));
    dropped
}

/// Backward of [`pooler_forward`], from `pooled.gradient` to that of `x` in `dx`, unless that is empty.
fn pooler_backward(
    encoder: &Encoder<'_>,
    pooler: &Linear,
    (x, dx): (&[f32], &mut [f32]),
    pooled: &mut Pooled,
    (gradients, accumulate): (&mut Gradients, bool),
) {
    let dpooled = &mut pooled.gradient[..];
    dropout::apply(dpooled, encoder.noise.at(Place::Classifier));
    tanh::backward(dpooled, &pooled.output);
    if encoder.trains(&pooler.weight) {
        linear_backward(pooler, dpooled, x, gradients, accumulate);
    }
    if dx.is_empty() {
        return;
    }
    let weight = encoder.parameters.at(&pooler.weight);
    matmul::linear_backward_input(dx, dpooled, weight, pooler.outputs, pooler.inputs, false);
    encoder.adapt_backward(
        (encoder.layout.depth(), Product::Pooler),
        (dpooled, x, Some(dx)),
        (&pooled.thin, &mut pooled.lora),
        (gradients, accumulate),
    );
}

/// `logits = rnn(dropout(hidden)) W^T + b`, or `dropout(tanh(hidden P^T + p)) W^T + b`, `[W, K]`, left in the state.
pub(crate) fn forward(encoder: &Encoder<'_>, batch: &Batch, hidden: &[f32], state: &mut HeadState) {
    let classifier = &encoder.layout.classifier;
    let features = fit(&mut state.features, hidden.len());
    features.copy_from_slice(hidden);
    let noise = encoder.noise.at(Place::Classifier);
    let picked = if let Some(pooler) = &encoder.layout.pooler {
        pooler_forward(encoder, pooler, features, &mut state.pooled)
    } else if encoder.layout.rnn.is_empty() {
        dropout::apply(features, noise);
        &*features
    } else {
        dropout::apply(features, noise);
        let output = rnn::forward(encoder, batch, features, &mut state.rnn);
        let picked = fit(&mut state.picked[0], batch.words() * classifier.inputs);
        rows::gather(picked, output, &batch.rows, classifier.inputs);
        &*picked
    };
    let logits = fit(&mut state.logits, batch.words() * classifier.outputs);
    linear_forward(encoder, classifier, logits, picked);
}

/// The loss summed over the scored rows; the gradient is that of `goal.scale` times it, and `dhidden`, as `hidden` in [`forward`],
/// receives the encoder's part, or nothing when the encoder is frozen.
pub(crate) fn backward(
    encoder: &Encoder<'_>,
    batch: &Batch,
    (state, dhidden): (&mut HeadState, &mut [f32]),
    goal: Goal<'_>,
    (gradients, accumulate): (&mut Gradients, bool),
) -> f64 {
    let classifier = &encoder.layout.classifier;
    let (inputs, outputs) = (classifier.inputs, classifier.outputs);
    let loss = loss_backward(encoder, batch, state, goal, (gradients, accumulate));
    let weight = encoder.parameters.at(&classifier.weight);
    let dlogits = &state.dlogits;
    let noise = encoder.noise.at(Place::Classifier);
    if let Some(pooler) = &encoder.layout.pooler {
        let pooled = &mut state.pooled;
        linear_backward(classifier, dlogits, &pooled.dropped, gradients, accumulate);
        let dpooled = fit(&mut pooled.gradient, pooled.output.len());
        matmul::linear_backward_input(dpooled, dlogits, weight, outputs, inputs, false);
        let x = (&state.features[..], dhidden);
        pooler_backward(encoder, pooler, x, pooled, (gradients, accumulate));
        return loss;
    }
    if encoder.layout.rnn.is_empty() {
        linear_backward(classifier, dlogits, &state.features, gradients, accumulate);
        if !dhidden.is_empty() {
            matmul::linear_backward_input(dhidden, dlogits, weight, outputs, inputs, false);
        }
    } else {
        let [picked, dpicked] = &mut state.picked;
        linear_backward(classifier, dlogits, picked, gradients, accumulate);
        let dpicked = fit(dpicked, picked.len());
        matmul::linear_backward_input(dpicked, dlogits, weight, outputs, inputs, false);
        let doutput = fit(&mut state.rnn.doutput, batch.tokens() * inputs);
        rows::scatter(doutput, dpicked, &batch.rows, inputs);
        let x = (&state.features[..], &mut *dhidden);
        rnn::backward(encoder, batch, x, &mut state.rnn, (gradients, accumulate));
    }
    dropout::apply(dhidden, noise);
    loss
}

/// The loss, and its gradient to the logits and the CRF.
fn loss_backward(
    encoder: &Encoder<'_>,
    batch: &Batch,
    state: &mut HeadState,
    goal: Goal<'_>,
    (gradients, accumulate): (&mut Gradients, bool),
) -> f64 {
    let dlogits = fit(&mut state.dlogits, state.logits.len());
    let Some(crf) = &encoder.layout.crf else {
        let objective = goal.objective;
        return objective.rows(dlogits, &state.logits, &batch.tags, goal.scale);
    };
    state.words.clear();
    let words = |&bound: &usize| batch.rows.partition_point(|&row| (row as usize) < bound);
    state.words.extend(batch.bounds.iter().map(words));
    if !accumulate {
        gradients
            .at(&(crf.transitions.start..crf.end.end))
            .fill(0.0);
    }
    let [transitions, start, end] = gradients.disjoint([&crf.transitions, &crf.start, &crf.end]);
    let into = crf::GradientsMut {
        transitions,
        start,
        end,
    };
    crf::negative_log_likelihood(
        (dlogits, into),
        (&state.logits, &batch.tags, &state.words),
        (crf.weights(encoder.parameters), goal.forbidden),
        goal.scale,
        &mut state.crf,
    )
}
