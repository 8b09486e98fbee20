//! The recurrent network between encoder and classifier: the layers, forward and backward.

use crate::encoder::{Encoder, fit};
use crate::layout::RnnLayer;
use crate::{Batch, Gradients};
use bert_ner_kernels::rnn::{GradientsMut, Layer, State, Weights};

/// The buffers of the network.
#[derive(Debug, Default)]
pub(crate) struct RnnState {
    layers: Vec<State>,
    /// Output of each layer, `[T, D N]`.
    outputs: Vec<Vec<f32>>,
    /// Gradient of a layer's output, `[T, D N]`, and of its input.
    pub(crate) doutput: Vec<f32>,
    dinput: Vec<f32>,
}

fn kernel<'a>(encoder: &Encoder<'a>, layer: &RnnLayer) -> Layer<'a> {
    Layer {
        shape: layer.shape,
        weights: Weights {
            input: encoder.parameters.at(&layer.input),
            hidden: encoder.parameters.at(&layer.hidden),
            input_bias: encoder.parameters.at(&layer.input_bias),
            hidden_bias: encoder.parameters.at(&layer.hidden_bias),
        },
    }
}

/// From `x[T, H]` to the last layer's output, `[T, D N]`.
pub(crate) fn forward<'s>(
    encoder: &Encoder<'_>,
    batch: &Batch,
    x: &[f32],
    state: &'s mut RnnState,
) -> &'s [f32] {
    let layers = &encoder.layout.rnn;
    state.layers.resize_with(layers.len(), State::default);
    state.outputs.resize_with(layers.len(), Vec::new);
    for (n, layer) in layers.iter().enumerate() {
        let (before, now) = state.outputs.split_at_mut(n);
        let x = before.last().map_or(x, |output| &output[..]);
        let out = fit(&mut now[0], batch.tokens() * layer.shape.outputs());
        kernel(encoder, layer).forward(out, x, &batch.bounds, &mut state.layers[n]);
    }
    &state.outputs[layers.len() - 1]
}

/// Backward of [`forward`], from `state.doutput` to `dx[T, H]`, unless that is empty.
pub(crate) fn backward(
    encoder: &Encoder<'_>,
    batch: &Batch,
    (x, dx): (&[f32], &mut [f32]),
    state: &mut RnnState,
    (gradients, accumulate): (&mut Gradients, bool),
) {
    for (n, layer) in encoder.layout.rnn.iter().enumerate().rev() {
        let x = match n {
            0 => x,
            _ => &state.outputs[n - 1],
        };
        let dinput = match n {
            0 => &mut *dx,
            _ => fit(&mut state.dinput, x.len()),
        };
        let [input, hidden, input_bias, hidden_bias] = gradients.disjoint([
            &layer.input,
            &layer.hidden,
            &layer.input_bias,
            &layer.hidden_bias,
        ]);
        kernel(encoder, layer).backward(
            (dinput, &mut state.doutput),
            (x, &state.outputs[n], &batch.bounds),
            GradientsMut {
                input,
                hidden,
                input_bias,
                hidden_bias,
            },
            accumulate,
            &mut state.layers[n],
        );
        if n > 0 {
            std::mem::swap(&mut state.doutput, &mut state.dinput);
        }
    }
}
