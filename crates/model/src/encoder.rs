//! The BERT encoder: embeddings and layers, forward and backward side by side.
//!
//! A layer is `a = norm(dropout(attention(x) Wo + bo) + x)`, `y = norm(dropout(gelu(a W1 + b1) W2 + b2) + a)`
//! (Devlin et al. 2019, as Hugging Face's `BertLayer`).

use crate::layout::{Layer, Layout, Norm};
use crate::{Batch, Config, Gradients, HiddenAct, Parameters};
use bert_ner_kernels::attention::{self, Shape};
use bert_ner_kernels::dropout::Dropout;
use bert_ner_kernels::gelu::{self, Activation};
use bert_ner_kernels::{columns, dropout, embedding, layer_norm, matmul};

/// The buffers of a forward and backward pass, grown to the largest batch seen and then reused.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Input of each layer and output of the last, `[T, H]` each; two that alternate when nothing is kept.
    hidden: Vec<Vec<f32>>,
    embedding_norm: layer_norm::Saved,
    /// One a layer; one for all when nothing is kept.
    layers: Vec<LayerState>,
    /// A product before bias, dropout and residual are added, or its gradient, `[T, H]`.
    projected: Vec<f32>,
    /// Gradient of `qkv`, `[T, 3H]`.
    dqkv: Vec<f32>,
    /// Gradient of the feed-forward inside, `[T, F]`.
    dinner: Vec<f32>,
    /// Gradient of what flows from layer to layer, `[T, H]`.
    dhidden: Vec<f32>,
    /// Gradient between the two halves of a layer, `[T, H]`.
    dmiddle: Vec<f32>,
    pub(crate) head: crate::head::HeadState,
}

/// What a layer's backward pass needs of its forward pass.
#[derive(Debug, Default)]
struct LayerState {
    /// Queries, keys and values with their biases, `[T, 3H]`.
    qkv: Vec<f32>,
    /// Log of the sum of exponentials of each row of the attention, `[T, A]`.
    log_sums: Vec<f32>,
    /// Output of the attention before its projection, `[T, H]`.
    context: Vec<f32>,
    attention_norm: layer_norm::Saved,
    /// Output of the first half, `[T, H]`.
    middle: Vec<f32>,
    /// Feed-forward inside before the activation, `[T, F]`.
    before: Vec<f32>,
    /// And after it, `[T, F]`.
    after: Vec<f32>,
    output_norm: layer_norm::Saved,
}

impl Workspace {
    /// A workspace without memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The encoder's last output, `[T, H]`.
    pub(crate) fn output(&self, layers: usize, kept: bool) -> &[f32] {
        &self.hidden[if kept { layers } else { layers % 2 }]
    }
}

/// Grows or shrinks the view of a buffer without giving memory back.
pub(crate) fn fit(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    buffer.resize(len, 0.0);
    buffer
}

/// Where dropout happens in a pass: the second half of its key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Embedding,
    Attention(usize),
    AttentionOutput(usize),
    Output(usize),
    Classifier,
}

/// The seed and step of a training pass, or neither in prediction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise {
    pub(crate) key: Option<(u64, u64)>,
    pub(crate) hidden: f32,
    pub(crate) attention: f32,
    pub(crate) classifier: f32,
}

impl Noise {
    pub(crate) fn new(config: &Config, key: Option<(u64, u64)>) -> Self {
        let classifier = config
            .classifier_dropout
            .unwrap_or(config.hidden_dropout_prob);
        Self {
            key,
            hidden: config.hidden_dropout_prob,
            attention: config.attention_probs_dropout_prob,
            classifier,
        }
    }

    pub(crate) fn at(&self, place: Place) -> Dropout {
        let Some((seed, step)) = self.key else {
            return Dropout::NONE;
        };
        let (p, place) = match place {
            Place::Embedding => (self.hidden, 0),
            Place::Classifier => (self.classifier, 1),
            Place::Attention(n) => (self.attention, 4 * n + 4),
            Place::AttentionOutput(n) => (self.hidden, 4 * n + 5),
            Place::Output(n) => (self.hidden, 4 * n + 6),
        };
        Dropout::new(p, seed, step, place as u64)
    }
}

/// The encoder's view of a model.
#[derive(Clone, Copy)]
pub(crate) struct Encoder<'a> {
    pub(crate) config: &'a Config,
    pub(crate) layout: &'a Layout,
    pub(crate) parameters: &'a Parameters,
    pub(crate) noise: Noise,
}

impl<'a> Encoder<'a> {
    fn norm(&self, norm: &Norm) -> layer_norm::Norm<'a> {
        layer_norm::Norm {
            weight: self.parameters.at(&norm.weight),
            bias: self.parameters.at(&norm.bias),
            epsilon: self.config.layer_norm_eps,
        }
    }

    fn shape<'b>(&self, batch: &'b Batch) -> Shape<'b> {
        let heads = self.config.num_attention_heads;
        Shape {
            bounds: &batch.bounds,
            heads,
            head_size: self.config.hidden_size / heads,
        }
    }

    fn activation(&self) -> Activation {
        match self.config.hidden_act {
            HiddenAct::Gelu => Activation::Gelu,
            HiddenAct::GeluNew => Activation::GeluNew,
            HiddenAct::Relu => Activation::Relu,
        }
    }

    /// The row of token type 0, `[H]`.
    fn kind(&self) -> &'a [f32] {
        &self.parameters.at(&self.layout.embeddings.kind)[..self.config.hidden_size]
    }

    /// Runs the encoder and leaves its output in the workspace. `keep` says whether a backward pass will follow.
    pub(crate) fn forward(&self, batch: &Batch, workspace: &mut Workspace, keep: bool) {
        let layers = self.layout.layers.len();
        let slots = if keep { layers + 1 } else { 2 };
        workspace
            .hidden
            .resize_with(slots.max(workspace.hidden.len()), Vec::new);
        workspace.layers.resize_with(
            if keep { layers } else { 1 }.max(workspace.layers.len()),
            LayerState::default,
        );
        self.embed(batch, workspace);
        for (n, layer) in self.layout.layers.iter().enumerate() {
            let (from, to) = if keep {
                (n, n + 1)
            } else {
                (n % 2, (n + 1) % 2)
            };
            let Ok([x, y]) = workspace.hidden.get_disjoint_mut([from, to]) else {
                unreachable!("two slots")
            };
            let state = &mut workspace.layers[if keep { n } else { 0 }];
            self.layer_forward(n, layer, batch, x, (y, state, &mut workspace.projected));
        }
    }

    /// The gradient of the encoder's output, for the head to fill before [`Encoder::backward`], `[T, H]`.
    pub(crate) fn output_gradient<'w>(
        &self,
        batch: &Batch,
        workspace: &'w mut Workspace,
    ) -> &'w mut [f32] {
        fit(
            &mut workspace.dhidden,
            batch.tokens() * self.config.hidden_size,
        )
    }

    /// Backward of [`Encoder::forward`], from the gradient that the head left in the workspace.
    pub(crate) fn backward(
        &self,
        batch: &Batch,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        for (n, layer) in self.layout.layers.iter().enumerate().rev() {
            self.layer_backward(n, layer, batch, workspace, gradients, accumulate);
        }
        self.embed_backward(batch, workspace, gradients, accumulate);
    }

    /// `x = dropout(norm(word + position + type))`.
    fn embed(&self, batch: &Batch, workspace: &mut Workspace) {
        let len = batch.tokens() * self.config.hidden_size;
        let tables = &self.layout.embeddings;
        let sum = fit(&mut workspace.projected, len);
        let (word, position) = (
            self.parameters.at(&tables.word),
            self.parameters.at(&tables.position),
        );
        embedding::forward(
            sum,
            &batch.ids,
            &batch.positions,
            (word, position, self.kind()),
        );
        let x = fit(&mut workspace.hidden[0], len);
        layer_norm::forward(
            x,
            &mut workspace.embedding_norm,
            sum,
            self.norm(&tables.norm),
        );
        dropout::apply(x, self.noise.at(Place::Embedding));
    }

    fn embed_backward(
        &self,
        batch: &Batch,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        let h = self.config.hidden_size;
        let tables = &self.layout.embeddings;
        let dx = &mut workspace.dhidden;
        dropout::apply(dx, self.noise.at(Place::Embedding));
        let (weight, bias) = gradients.pair(&tables.norm.weight, &tables.norm.bias);
        layer_norm::backward_parameters(weight, bias, dx, &workspace.embedding_norm, accumulate);
        let dsum = fit(&mut workspace.dmiddle, dx.len());
        let weight = self.parameters.at(&tables.norm.weight);
        layer_norm::backward(
            dsum,
            None,
            dx,
            &workspace.embedding_norm,
            weight,
            Dropout::NONE,
        );

        gradients.begin_words(&tables.word, h, &batch.ids, accumulate);
        embedding::backward(gradients.at(&tables.word), &batch.ids, dsum, h);
        let position = gradients.at(&tables.position);
        if !accumulate {
            position.fill(0.0);
        }
        embedding::backward(position, &batch.positions, dsum, h);
        columns::sum_rows(&mut gradients.at(&tables.kind)[..h], dsum, accumulate);
    }

    fn layer_forward(
        &self,
        n: usize,
        layer: &Layer,
        batch: &Batch,
        x: &[f32],
        (y, state, projected): (&mut Vec<f32>, &mut LayerState, &mut Vec<f32>),
    ) {
        let (t, h) = (batch.tokens(), self.config.hidden_size);
        let (shape, at) = (self.shape(batch), |range| self.parameters.at(range));
        let projected = fit(projected, t * h);

        let qkv = fit(&mut state.qkv, t * 3 * h);
        matmul::linear_forward(qkv, x, at(&layer.qkv.weight), 3 * h, h);
        columns::add_bias(qkv, at(&layer.qkv.bias));
        let context = fit(&mut state.context, t * h);
        let log_sums = fit(&mut state.log_sums, t * shape.heads);
        attention::forward(
            context,
            log_sums,
            qkv,
            shape,
            self.noise.at(Place::Attention(n)),
        );
        matmul::linear_forward(projected, context, at(&layer.attention_output.weight), h, h);
        let middle = fit(&mut state.middle, t * h);
        layer_norm::forward_residual(
            middle,
            &mut state.attention_norm,
            (projected, at(&layer.attention_output.bias), x),
            self.norm(&layer.attention_norm),
            self.noise.at(Place::AttentionOutput(n)),
        );

        let f = layer.intermediate.outputs;
        let (before, after) = (fit(&mut state.before, t * f), fit(&mut state.after, t * f));
        matmul::linear_forward(before, middle, at(&layer.intermediate.weight), f, h);
        gelu::forward(
            after,
            before,
            at(&layer.intermediate.bias),
            self.activation(),
        );
        matmul::linear_forward(projected, after, at(&layer.output.weight), h, f);
        layer_norm::forward_residual(
            fit(y, t * h),
            &mut state.output_norm,
            (projected, at(&layer.output.bias), middle),
            self.norm(&layer.output_norm),
            self.noise.at(Place::Output(n)),
        );
    }

    /// Takes the gradient of the layer's output in `dhidden` and leaves that of its input there.
    fn layer_backward(
        &self,
        n: usize,
        layer: &Layer,
        batch: &Batch,
        workspace: &mut Workspace,
        gradients: &mut Gradients,
        accumulate: bool,
    ) {
        let (t, h) = (batch.tokens(), self.config.hidden_size);
        let at = |range| self.parameters.at(range);
        let Workspace {
            hidden,
            layers,
            projected,
            dqkv,
            dinner,
            dhidden,
            dmiddle,
            ..
        } = workspace;
        let (x, state) = (&hidden[n], &layers[n]);
        let (dprojected, dmiddle) = (fit(projected, t * h), fit(dmiddle, t * h));

        // Second half: norm, feed-forward, activation.
        let (weight, bias) = gradients.pair(&layer.output_norm.weight, &layer.output_norm.bias);
        layer_norm::backward_parameters(weight, bias, dhidden, &state.output_norm, accumulate);
        let noise = self.noise.at(Place::Output(n));
        let weight = at(&layer.output_norm.weight);
        layer_norm::backward(
            dmiddle,
            Some(dprojected),
            dhidden,
            &state.output_norm,
            weight,
            noise,
        );
        let f = layer.intermediate.outputs;
        let dinner = fit(dinner, t * f);
        linear_backward(
            &layer.output,
            dprojected,
            &state.after,
            gradients,
            accumulate,
        );
        matmul::linear_backward_input(dinner, dprojected, at(&layer.output.weight), h, f, false);
        gelu::backward(dinner, &state.before, self.activation());
        linear_backward(
            &layer.intermediate,
            dinner,
            &state.middle,
            gradients,
            accumulate,
        );
        matmul::linear_backward_input(dmiddle, dinner, at(&layer.intermediate.weight), f, h, true);

        // First half: norm, projection, attention.
        let (weight, bias) =
            gradients.pair(&layer.attention_norm.weight, &layer.attention_norm.bias);
        layer_norm::backward_parameters(weight, bias, dmiddle, &state.attention_norm, accumulate);
        let noise = self.noise.at(Place::AttentionOutput(n));
        let weight = at(&layer.attention_norm.weight);
        layer_norm::backward(
            dhidden,
            Some(dprojected),
            dmiddle,
            &state.attention_norm,
            weight,
            noise,
        );
        linear_backward(
            &layer.attention_output,
            dprojected,
            &state.context,
            gradients,
            accumulate,
        );
        let dcontext = dmiddle;
        matmul::linear_backward_input(
            dcontext,
            dprojected,
            at(&layer.attention_output.weight),
            h,
            h,
            false,
        );
        let dqkv = fit(dqkv, t * 3 * h);
        let saved = (&state.log_sums[..], &state.qkv[..]);
        attention::backward(
            dqkv,
            dcontext,
            saved,
            self.shape(batch),
            self.noise.at(Place::Attention(n)),
        );
        linear_backward(&layer.qkv, dqkv, x, gradients, accumulate);
        matmul::linear_backward_input(dhidden, dqkv, at(&layer.qkv.weight), 3 * h, h, true);
    }
}

/// The gradients of a linear layer's weight and bias, from that of its output and its input.
pub(crate) fn linear_backward(
    linear: &crate::layout::Linear,
    dy: &[f32],
    x: &[f32],
    gradients: &mut Gradients,
    accumulate: bool,
) {
    let (weight, bias) = gradients.pair(&linear.weight, &linear.bias);
    matmul::linear_backward_weight(weight, dy, x, linear.outputs, linear.inputs, accumulate);
    columns::sum_rows(bias, dy, accumulate);
}
