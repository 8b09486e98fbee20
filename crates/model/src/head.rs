//! The linear token head: a tag distribution for every scored row.

use crate::encoder::{Encoder, Place, fit};
use crate::layer::linear_backward;
use crate::{Batch, Gradients};
use bert_ner_kernels::{columns, dropout, loss, matmul};

/// The buffers of a head.
#[derive(Debug, Default)]
pub(crate) struct HeadState {
    /// The encoder's output at the scored rows, behind dropout, `[W, H]`.
    features: Vec<f32>,
    /// `[W, K]`.
    pub(crate) logits: Vec<f32>,
    /// `[W, K]`.
    dlogits: Vec<f32>,
}

/// `logits = dropout(hidden) W^T + b`, `[W, K]` from `[W, H]`, left in the state.
pub(crate) fn forward(encoder: &Encoder<'_>, hidden: &[f32], state: &mut HeadState) {
    let h = encoder.config.hidden_size;
    let classifier = &encoder.layout.classifier;
    let features = fit(&mut state.features, hidden.len());
    features.copy_from_slice(hidden);
    dropout::apply(features, encoder.noise.at(Place::Classifier));
    let logits = fit(&mut state.logits, hidden.len() / h * classifier.outputs);
    matmul::linear_forward(
        logits,
        features,
        encoder.parameters.at(&classifier.weight),
        classifier.outputs,
        h,
    );
    columns::add_bias(logits, encoder.parameters.at(&classifier.bias));
}

/// Cross-entropy summed over the scored rows; the gradient is that of `scale` times it, and `dhidden[W, H]` receives the
/// encoder's part.
pub(crate) fn backward(
    encoder: &Encoder<'_>,
    batch: &Batch,
    (state, dhidden): (&mut HeadState, &mut [f32]),
    scale: f32,
    gradients: &mut Gradients,
    accumulate: bool,
) -> f64 {
    let h = encoder.config.hidden_size;
    let classifier = &encoder.layout.classifier;
    let dlogits = fit(&mut state.dlogits, state.logits.len());
    let loss = loss::cross_entropy(dlogits, &state.logits, &batch.tags, scale);
    linear_backward(classifier, dlogits, &state.features, gradients, accumulate);
    let weight = encoder.parameters.at(&classifier.weight);
    matmul::linear_backward_input(dhidden, dlogits, weight, classifier.outputs, h, false);
    dropout::apply(dhidden, encoder.noise.at(Place::Classifier));
    loss
}
