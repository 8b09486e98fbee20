//! The token head: dropout, a recurrent network if there is one, and a score for every tag of every scored row; the loss is
//! cross-entropy or that of a conditional random field.

use crate::encoder::{Encoder, Place, fit};
use crate::layer::linear_backward;
use crate::rnn::{self, RnnState};
use crate::{Batch, Gradients};
use bert_ner_kernels::crf::{self, Forbidden};
use bert_ner_kernels::{columns, dropout, loss, matmul, rows};

/// The buffers of a head.
#[derive(Debug, Default)]
pub(crate) struct HeadState {
    /// The encoder's output behind dropout: at the scored rows, `[W, H]`, or with a recurrent network at all, `[T, H]`.
    features: Vec<f32>,
    rnn: RnnState,
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

/// `logits = rnn(dropout(hidden)) W^T + b`, `[W, K]`, left in the state.
pub(crate) fn forward(encoder: &Encoder<'_>, batch: &Batch, hidden: &[f32], state: &mut HeadState) {
    let classifier = &encoder.layout.classifier;
    let inputs = classifier.inputs;
    let features = fit(&mut state.features, hidden.len());
    features.copy_from_slice(hidden);
    dropout::apply(features, encoder.noise.at(Place::Classifier));
    let picked = if encoder.layout.rnn.is_empty() {
        &*features
    } else {
        let output = rnn::forward(encoder, batch, features, &mut state.rnn);
        let picked = fit(&mut state.picked[0], batch.words() * inputs);
        rows::gather(picked, output, &batch.rows, inputs);
        &*picked
    };
    let logits = fit(&mut state.logits, batch.words() * classifier.outputs);
    let weight = encoder.parameters.at(&classifier.weight);
    matmul::linear_forward(logits, picked, weight, classifier.outputs, inputs);
    columns::add_bias(logits, encoder.parameters.at(&classifier.bias));
}

/// The loss summed over the scored rows; the gradient is that of `scale` times it, and `dhidden`, as `hidden` in [`forward`],
/// receives the encoder's part, or nothing when the encoder is frozen.
pub(crate) fn backward(
    encoder: &Encoder<'_>,
    batch: &Batch,
    (state, dhidden): (&mut HeadState, &mut [f32]),
    (scale, forbidden): (f32, Option<&Forbidden>),
    (gradients, accumulate): (&mut Gradients, bool),
) -> f64 {
    let classifier = &encoder.layout.classifier;
    let (inputs, outputs) = (classifier.inputs, classifier.outputs);
    let loss = loss_backward(
        encoder,
        batch,
        state,
        (scale, forbidden),
        (gradients, accumulate),
    );
    let weight = encoder.parameters.at(&classifier.weight);
    let dlogits = &state.dlogits;
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
    dropout::apply(dhidden, encoder.noise.at(Place::Classifier));
    loss
}

/// The loss, and its gradient to the logits and the CRF.
fn loss_backward(
    encoder: &Encoder<'_>,
    batch: &Batch,
    state: &mut HeadState,
    (scale, forbidden): (f32, Option<&Forbidden>),
    (gradients, accumulate): (&mut Gradients, bool),
) -> f64 {
    let dlogits = fit(&mut state.dlogits, state.logits.len());
    let Some(crf) = &encoder.layout.crf else {
        return loss::cross_entropy(dlogits, &state.logits, &batch.tags, scale);
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
        (crf.weights(encoder.parameters), forbidden),
        scale,
        &mut state.crf,
    )
}
