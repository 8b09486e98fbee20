//! One layer of the encoder, forward and backward side by side.
//!
//! A layer is `a = norm(dropout(attention(x) Wo + bo) + x)`, `y = norm(dropout(gelu(a W1 + b1) W2 + b2) + a)`
//! (Devlin et al. 2019, as Hugging Face's `BertLayer`). What stands behind the attention works on single rows, so a layer
//! of which only some rows are wanted computes it for those alone: `R` rows, all `T` or the `W` scored ones.

use crate::encoder::{Encoder, Place, Workspace, fit};
use crate::layout::{Layer, Linear, Norm};
use crate::lora::{Product, Scratch, Thin};
use crate::{Batch, Gradients};
use bert_ner_kernels::layer_norm::{self, RowDropout, Saved};
use bert_ner_kernels::{attention, columns, gelu, matmul, rows};

/// What a layer's backward pass needs of its forward pass.
#[derive(Debug, Default)]
pub(crate) struct LayerState {
    /// Queries, keys and values with their biases, `[T, 3H]`.
    qkv: Vec<f32>,
    /// Log of the sum of exponentials of each row of the attention, `[T, A]`.
    log_sums: Vec<f32>,
    /// Output of the attention before its projection, `[T, H]`.
    context: Vec<f32>,
    /// The wanted rows of `context` and of the layer's input, `[R, H]`; unused when all are.
    picked: [Vec<f32>; 2],
    attention_norm: Saved,
    /// Output of the first half, `[R, H]`.
    middle: Vec<f32>,
    /// Feed-forward inside before the activation, `[R, F]`.
    before: Vec<f32>,
    /// And after it, `[R, F]`.
    after: Vec<f32>,
    output_norm: Saved,
    /// Of each LoRA.
    thin: Thin,
}

impl Encoder<'_> {
    /// From `x[T, H]` to `y[R, H]`.
    pub(crate) fn layer_forward(
        &self,
        n: usize,
        layer: &Layer,
        batch: &Batch,
        x: &[f32],
        (y, state, (projected, lora)): (
            &mut Vec<f32>,
            &mut LayerState,
            (&mut Vec<f32>, &mut Scratch),
        ),
    ) {
        self.attention_forward((n, layer), batch, x, state, lora);
        let (h, wanted) = (self.config.hidden_size, self.rows(n, batch));
        let r = wanted.map_or(batch.tokens(), <[u32]>::len);
        let at = |range| self.parameters.at(range);
        let (context, x) = match wanted {
            None => (&state.context[..], x),
            Some(wanted) => {
                let [context, input] = &mut state.picked;
                rows::gather(fit(context, r * h), &state.context, wanted, h);
                rows::gather(fit(input, r * h), x, wanted, h);
                (&context[..], &input[..])
            }
        };
        let projected = fit(projected, r * h);
        matmul::linear_forward(projected, context, at(&layer.attention_output.weight), h, h);
        let thin = (&mut state.thin, &mut *lora);
        self.adapt((n, Product::AttentionOutput), context, projected, thin);
        layer_norm::forward_residual(
            fit(&mut state.middle, r * h),
            &mut state.attention_norm,
            (projected, at(&layer.attention_output.bias), x),
            self.norm(&layer.attention_norm),
            RowDropout {
                dropout: self.noise.at(Place::AttentionOutput(n)),
                rows: wanted,
            },
        );

        let f = layer.intermediate.outputs;
        let (before, after) = (fit(&mut state.before, r * f), fit(&mut state.after, r * f));
        matmul::linear_forward(before, &state.middle, at(&layer.intermediate.weight), f, h);
        let thin = (&mut state.thin, &mut *lora);
        self.adapt((n, Product::Intermediate), &state.middle, before, thin);
        gelu::forward(
            after,
            before,
            at(&layer.intermediate.bias),
            self.activation(),
        );
        matmul::linear_forward(projected, after, at(&layer.output.weight), h, f);
        let thin = (&mut state.thin, &mut *lora);
        self.adapt((n, Product::Output), after, projected, thin);
        layer_norm::forward_residual(
            fit(y, r * h),
            &mut state.output_norm,
            (projected, at(&layer.output.bias), &state.middle),
            self.norm(&layer.output_norm),
            RowDropout {
                dropout: self.noise.at(Place::Output(n)),
                rows: wanted,
            },
        );
    }

    /// From `x[T, H]` to `context[T, H]` in the state.
    fn attention_forward(
        &self,
        (n, layer): (usize, &Layer),
        batch: &Batch,
        x: &[f32],
        state: &mut LayerState,
        lora: &mut Scratch,
    ) {
        let (t, h) = (batch.tokens(), self.config.hidden_size);
        let shape = self.shape(batch);
        let qkv = fit(&mut state.qkv, t * 3 * h);
        matmul::linear_forward(qkv, x, self.parameters.at(&layer.qkv.weight), 3 * h, h);
        self.adapt((n, Product::Qkv), x, qkv, (&mut state.thin, lora));
        columns::add_bias(qkv, self.parameters.at(&layer.qkv.bias));
        let context = fit(&mut state.context, t * h);
        let log_sums = fit(&mut state.log_sums, t * shape.heads);
        attention::forward(
            context,
            log_sums,
            qkv,
            shape,
            self.noise.at(Place::Attention(n)),
        );
    }

    /// Takes the gradient of the layer's output in `dhidden[R, H]` and leaves that of its input there, `[T, H]`.
    pub(crate) fn layer_backward(
        &self,
        n: usize,
        layer: &Layer,
        batch: &Batch,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        let (t, h) = (batch.tokens(), self.config.hidden_size);
        let wanted = self.rows(n, batch);
        self.rows_backward((n, layer), wanted, workspace, gradients, accumulate);
        let Workspace {
            hidden,
            layers,
            projected,
            dqkv,
            dhidden,
            dmiddle,
            lora,
            ..
        } = workspace;
        if !self.wants_attention_gradient(n) {
            return;
        }
        let (x, state) = (&hidden[n], &layers[n]);
        // The gradients of context (dmiddle) and input (dhidden), so far on the wanted rows.
        let dcontext = match wanted {
            None => &*dmiddle,
            Some(wanted) => {
                rows::scatter(fit(projected, t * h), dmiddle, wanted, h);
                rows::scatter(fit(dmiddle, t * h), dhidden, wanted, h);
                std::mem::swap(dhidden, dmiddle);
                &*projected
            }
        };
        let dqkv = fit(dqkv, t * 3 * h);
        let saved = (&state.log_sums[..], &state.qkv[..]);
        attention::backward(
            dqkv,
            dcontext,
            saved,
            self.shape(batch),
            self.noise.at(Place::Attention(n)),
        );
        self.weight_backward(&layer.qkv, dqkv, x, gradients, accumulate);
        let weight = self.parameters.at(&layer.qkv.weight);
        let mut dx = self.wants_input_gradient(n).then_some(&mut dhidden[..]);
        if let Some(dx) = &mut dx {
            matmul::linear_backward_input(dx, dqkv, weight, 3 * h, h, true);
        }
        self.adapt_backward(
            (n, Product::Qkv),
            (dqkv, x, dx),
            (&state.thin, lora),
            (gradients, accumulate),
        );
    }

    /// The part behind the attention: from `dhidden[R, H]` to the gradients of the context, in `dmiddle[R, H]`, and of the
    /// residual, in `dhidden[R, H]`.
    fn rows_backward(
        &self,
        (n, layer): (usize, &Layer),
        wanted: Option<&[u32]>,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        let (h, f) = (self.config.hidden_size, layer.intermediate.outputs);
        let at = |range| self.parameters.at(range);
        let Workspace {
            layers,
            projected,
            dinner,
            dhidden,
            dmiddle,
            lora,
            ..
        } = workspace;
        let (r, state) = (dhidden.len() / h, &layers[n]);
        let (dprojected, dmiddle) = (fit(projected, r * h), fit(dmiddle, r * h));

        let dropout = RowDropout {
            dropout: self.noise.at(Place::Output(n)),
            rows: wanted,
        };
        let norm = (&layer.output_norm, &state.output_norm, dropout);
        self.norm_backward(norm, dhidden, (dmiddle, dprojected), gradients, accumulate);
        let dinner = fit(dinner, r * f);
        let after = &state.after;
        self.weight_backward(&layer.output, dprojected, after, gradients, accumulate);
        matmul::linear_backward_input(dinner, dprojected, at(&layer.output.weight), h, f, false);
        self.adapt_backward(
            (n, Product::Output),
            (dprojected, after, Some(&mut *dinner)),
            (&state.thin, &mut *lora),
            (&mut *gradients, accumulate),
        );
        gelu::backward(dinner, &state.before, self.activation());
        let middle = &state.middle;
        self.weight_backward(&layer.intermediate, dinner, middle, gradients, accumulate);
        matmul::linear_backward_input(dmiddle, dinner, at(&layer.intermediate.weight), f, h, true);
        self.adapt_backward(
            (n, Product::Intermediate),
            (dinner, middle, Some(&mut *dmiddle)),
            (&state.thin, &mut *lora),
            (&mut *gradients, accumulate),
        );

        let dropout = RowDropout {
            dropout: self.noise.at(Place::AttentionOutput(n)),
            rows: wanted,
        };
        let norm = (&layer.attention_norm, &state.attention_norm, dropout);
        self.norm_backward(norm, dmiddle, (dhidden, dprojected), gradients, accumulate);
        let context = if wanted.is_some() {
            &state.picked[0]
        } else {
            &state.context
        };
        let output = &layer.attention_output;
        self.weight_backward(output, dprojected, context, gradients, accumulate);
        matmul::linear_backward_input(dmiddle, dprojected, at(&output.weight), h, h, false);
        self.adapt_backward(
            (n, Product::AttentionOutput),
            (dprojected, context, Some(dmiddle)),
            (&state.thin, lora),
            (gradients, accumulate),
        );
    }

    /// The gradients of a linear layer's own weight and bias; with a LoRA they are frozen.
    fn weight_backward(
        &self,
        linear: &Linear,
        dy: &[f32],
        x: &[f32],
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        if self.layout.lora.is_none() {
            linear_backward(linear, dy, x, gradients, accumulate);
        }
    }

    /// Backward of `norm(dropout(x) + residual)`: from `dy` to the gradients of residual and `x`.
    fn norm_backward(
        &self,
        (norm, saved, dropout): (&Norm, &Saved, RowDropout<'_>),
        dy: &[f32],
        (dresidual, dx): (&mut [f32], &mut [f32]),
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        if self.layout.lora.is_none() {
            let (weight, bias) = gradients.pair(&norm.weight, &norm.bias);
            layer_norm::backward_parameters(weight, bias, dy, saved, accumulate);
        }
        layer_norm::backward(
            dresidual,
            Some(dx),
            dy,
            saved,
            self.parameters.at(&norm.weight),
            dropout,
        );
    }
}

/// The gradients of a linear layer's weight and bias, from that of its output and its input.
pub(crate) fn linear_backward(
    linear: &Linear,
    dy: &[f32],
    x: &[f32],
    gradients: &mut Gradients,
    accumulate: bool,
) {
    let (weight, bias) = gradients.pair(&linear.weight, &linear.bias);
    matmul::linear_backward_weight(weight, dy, x, linear.outputs, linear.inputs, accumulate);
    columns::sum_rows(bias, dy, accumulate);
}
