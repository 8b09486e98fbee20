//! LoRA: beside a frozen weight `W[N, K]` a product of two thin ones is trained, `y = x Wᵀ + alpha/r dropout(x) Aᵀ Bᵀ` with `A[r, K]`
//! and `B[N, r]` (Hu et al. 2021, as PEFT's `lora.Linear`). Forward and backward stand side by side.
//!
//! Its weights lie behind those of the head in the flat buffer; the embeddings and the layers before are frozen as a whole, and so is a
//! pretrained pooler behind them. Only the thin products are computed here: whoever computes a layer calls [`Encoder::adapt`] behind each of its products and
//! [`Encoder::adapt_backward`] behind each gradient of its input.

use crate::encoder::{Encoder, Place, fit};
use crate::layout::{Layout, Tensor};
use crate::{Gradients, ModelError, Task};
use bert_ner_kernels::{columns, dropout, matmul};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A LoRA as asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lora {
    /// Rows of each `A`, `r`.
    pub rank: usize,
    /// The products are added `alpha / r` times.
    pub alpha: f64,
    /// Dropout of what goes into `A`.
    pub dropout: f32,
    /// The ends of the names of the layers that get one, as PEFT matches them: `query` is
    /// `bert.encoder.layer.N.attention.self.query`, `dense` is all of `attention.output.dense`, `intermediate.dense` and
    /// `output.dense`, and `bert.pooler.dense` of a classifier of texts.
    pub targets: Vec<String>,
}

impl Lora {
    /// The targets that name something in every layer of a BERT.
    pub const TARGETS: [&str; 7] = [
        "query",
        "key",
        "value",
        "dense",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    ];

    /// The target that a classifier of texts has besides.
    pub const POOLER: &str = "pooler.dense";

    /// The targets that a message names.
    pub(crate) fn known(task: Task) -> String {
        let pooler = (task == Task::Classify).then_some(Self::POOLER);
        let all: Vec<&str> = Self::TARGETS.into_iter().chain(pooler).collect();
        all.join(", ")
    }

    /// Checks the numbers and the names; `hidden` is the model's hidden size, where it is known.
    ///
    /// # Errors
    /// [`ModelError::Lora`].
    pub fn check(&self, task: Task, hidden: Option<usize>) -> Result<(), ModelError> {
        let wrong = |key, message: String| Err(ModelError::Lora { key, message });
        if self.rank == 0 {
            return wrong("lora-rank", "must be at least 1, not 0".to_owned());
        }
        if let Some(hidden) = hidden.filter(|&hidden| self.rank > hidden) {
            let message = format!(
                "must be at most the model's hidden size, {hidden}, not {}",
                self.rank
            );
            return wrong("lora-rank", message);
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return wrong(
                "lora-alpha",
                format!("must be more than 0, not {}", self.alpha),
            );
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let message = format!("must be at least 0 and less than 1, not {}", self.dropout);
            return wrong("lora-dropout", message);
        }
        let known = Self::known(task);
        if self.targets.is_empty() {
            return wrong("lora-targets", format!("names nothing; there are {known}"));
        }
        match self.unknown_target(1, task) {
            None => Ok(()),
            Some(target) => wrong(
                "lora-targets",
                format!("has {target:?}, which no layer of BERT is called; there are {known}"),
            ),
        }
    }

    /// The first target that names nothing in a model of so many layers.
    pub(crate) fn unknown_target(&self, layers: usize, task: Task) -> Option<&str> {
        let named = |target: &str| {
            let modules = |n| MODULES.map(|module| module.path(n));
            let pooler = (task == Task::Classify).then(|| POOLER.path(layers));
            (0..layers)
                .flat_map(modules)
                .chain(pooler)
                .any(|path| matches(&path, target))
        };
        let mut targets = self.targets.iter().map(String::as_str);
        targets.find(|target| !named(target))
    }
}

/// Whether PEFT takes a module of this path for `target`.
fn matches(path: &str, target: &str) -> bool {
    path.strip_suffix(target)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// A product of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// Queries, keys and values, `[T, 3H]`.
    Qkv,
    AttentionOutput,
    Intermediate,
    Output,
    /// BERT's pooler, as if it were a layer behind the last.
    Pooler,
}

/// A linear layer that can have a LoRA.
#[derive(Debug, Clone, Copy)]
struct Module {
    name: &'static str,
    product: Product,
    /// Which part of the product is its own, when that holds three.
    third: usize,
}

impl Module {
    fn path(&self, n: usize) -> String {
        match self.product {
            Product::Pooler => format!("bert.{}", self.name),
            _ => format!("bert.encoder.layer.{n}.{}", self.name),
        }
    }
}

const MODULES: [Module; 6] = [
    Module {
        name: "attention.self.query",
        product: Product::Qkv,
        third: 0,
    },
    Module {
        name: "attention.self.key",
        product: Product::Qkv,
        third: 1,
    },
    Module {
        name: "attention.self.value",
        product: Product::Qkv,
        third: 2,
    },
    Module {
        name: "attention.output.dense",
        product: Product::AttentionOutput,
        third: 0,
    },
    Module {
        name: "intermediate.dense",
        product: Product::Intermediate,
        third: 0,
    },
    Module {
        name: "output.dense",
        product: Product::Output,
        third: 0,
    },
];

const POOLER: Module = Module {
    name: "pooler.dense",
    product: Product::Pooler,
    third: 0,
};

/// Where the LoRA of one linear layer lies, and what of a product it is added to.
#[derive(Debug, Clone)]
pub(crate) struct Adapter {
    /// `[r, K]`.
    a: Range<usize>,
    /// `[N, r]`.
    b: Range<usize>,
    /// The frozen weight beside it, `[N, K]`.
    weight: Range<usize>,
    /// `K`.
    inputs: usize,
    /// `N`.
    outputs: usize,
    product: Product,
    /// Its first column in the product, and the product's columns.
    columns: (usize, usize),
    /// Number among the places of dropout.
    place: usize,
}

/// The LoRA of a model.
#[derive(Debug, Clone)]
pub(crate) struct Adapters {
    rank: usize,
    /// `alpha / r`, or `alpha / √r` where the file says so (`use_rslora`).
    pub(crate) scale: f32,
    pub(crate) dropout: f32,
    /// Where training begins in the flat buffer: behind the encoder, or behind a pooler that is frozen too.
    pub(crate) start: usize,
    /// Those of each layer, and last of the pooler.
    layers: Vec<Vec<Adapter>>,
}

impl Layout {
    /// Places for the weights of a LoRA, behind all that is there. `whole_pooler` says that a pooler is trained as a whole, like the
    /// classifier: then it has no LoRA, and else it is frozen.
    pub(crate) fn add_lora(&mut self, lora: &Lora, scale: f32, whole_pooler: bool) {
        let frozen = self.pooler.as_ref().filter(|_| !whole_pooler);
        let (start, pooler) = match frozen {
            Some(pooler) => (pooler.bias.end, Some(&POOLER)),
            None => (self.encoder_len(), None),
        };
        let depth = self.depth();
        let mut layers = Vec::with_capacity(depth + 1);
        for n in 0..=depth {
            let wanted = |module: &&Module| {
                let path = module.path(n);
                lora.targets.iter().any(|target| matches(&path, target))
            };
            let all = if n < depth { &MODULES[..] } else { &[] };
            let pooler = pooler.filter(|_| n == depth);
            let modules: Vec<&Module> = all.iter().chain(pooler).filter(wanted).collect();
            let adapters = modules.into_iter();
            layers.push(
                adapters
                    .map(|module| self.add_adapter(n, module, lora.rank))
                    .collect(),
            );
        }
        self.lora = Some(Adapters {
            rank: lora.rank,
            scale,
            dropout: lora.dropout,
            start,
            layers,
        });
    }

    fn add_adapter(&mut self, n: usize, module: &Module, rank: usize) -> Adapter {
        let linear = match (module.product, self.layers.get(n), &self.pooler) {
            (Product::Qkv, Some(layer), _) => &layer.qkv,
            (Product::AttentionOutput, Some(layer), _) => &layer.attention_output,
            (Product::Intermediate, Some(layer), _) => &layer.intermediate,
            (Product::Output, Some(layer), _) => &layer.output,
            (Product::Pooler, _, Some(pooler)) => pooler,
            _ => unreachable!("add_lora asks for what there is"),
        };
        let (inputs, width) = (linear.inputs, linear.outputs);
        let parts = if module.product == Product::Qkv { 3 } else { 1 };
        let outputs = width / parts;
        let start = linear.weight.start + module.third * outputs * inputs;
        let path = module.path(n);
        let mut tensor = |name, shape: [usize; 2]| {
            self.push(Tensor {
                name: format!("{path}.{name}.weight"),
                shape: shape.to_vec(),
                range: 0..shape[0] * shape[1],
                decays: true,
                because: "r in adapter_config.json and the base model",
            })
        };
        Adapter {
            a: tensor("lora_A", [rank, inputs]),
            b: tensor("lora_B", [outputs, rank]),
            weight: start..start + outputs * inputs,
            inputs,
            outputs,
            product: module.product,
            columns: (module.third * outputs, width),
            place: module.product as usize + module.third * 4,
        }
    }
}

impl Adapters {
    /// Every `A` with its `K`: those are drawn, each `B` is zero.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = (&Range<usize>, usize)> {
        let all = self.layers.iter().flatten();
        all.map(|adapter| (&adapter.a, adapter.inputs))
    }

    /// `W += alpha/r B A` for every weight with a LoRA.
    pub(crate) fn fold(&self, parameters: &mut [f32]) {
        for adapter in self.layers.iter().flatten() {
            let mut b = parameters[adapter.b.clone()].to_vec();
            scale(&mut b, self.scale);
            let (before, behind) = parameters.split_at_mut(adapter.a.start);
            let (weight, a) = (
                &mut before[adapter.weight.clone()],
                &behind[..adapter.a.len()],
            );
            matmul::linear_backward_input(weight, &b, a, self.rank, adapter.inputs, true);
        }
    }
}

/// The thin products of a layer that its backward pass needs, `alpha/r dropout(x) Aᵀ`, `[R, r]` each.
pub(crate) type Thin = Vec<Vec<f32>>;

/// Buffers that no product leaves anything in.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The input behind dropout, or the gradient before it, `[R, K]`.
    dropped: Vec<f32>,
    /// The columns of a product, or of its gradient, `[R, N]`.
    columns: Vec<f32>,
    /// Gradient of a thin product, `[R, r]`.
    dthin: Vec<f32>,
}

fn scale(x: &mut [f32], factor: f32) {
    x.iter_mut().for_each(|x| *x *= factor);
}

/// Which product of which layer is meant.
pub(crate) type At = (usize, Product);

impl<'a> Encoder<'a> {
    /// The LoRA of one product: number in its layer, and where it lies.
    fn adapters(&self, (n, product): At) -> impl Iterator<Item = (usize, &'a Adapter)> + use<'a> {
        let layers = self.layout.lora.iter();
        let layer = layers.flat_map(move |lora| lora.layers[n].iter().enumerate());
        layer.filter(move |(_, adapter)| adapter.product == product)
    }

    /// Whether something at or before the queries, keys and values of layer `n` is trained.
    pub(crate) fn wants_attention_gradient(&self, n: usize) -> bool {
        self.layout.lora.is_none() || n > 0 || self.adapters((n, Product::Qkv)).next().is_some()
    }

    /// `dropout(x)`, in `buffer` unless there is no dropout.
    fn thinned<'x>(
        &self,
        (n, adapter): (usize, &Adapter),
        x: &'x [f32],
        buffer: &'x mut Vec<f32>,
    ) -> &'x [f32] {
        let noise = self.noise.at(Place::Lora(n, adapter.place));
        if noise.is_none() {
            return x;
        }
        let buffer = fit(buffer, x.len());
        buffer.copy_from_slice(x);
        dropout::apply(buffer, noise);
        buffer
    }

    /// `y += alpha/r dropout(x) Aᵀ Bᵀ` for every LoRA of a product.
    pub(crate) fn adapt(
        &self,
        at: At,
        x: &[f32],
        y: &mut [f32],
        (thin, scratch): (&mut Thin, &mut Scratch),
    ) {
        let Some(Adapters { rank, scale: s, .. }) = self.layout.lora else {
            return;
        };
        for (i, adapter) in self.adapters(at) {
            if thin.len() <= i {
                thin.resize_with(i + 1, Vec::new);
            }
            let (inputs, outputs) = (adapter.inputs, adapter.outputs);
            let rows = x.len() / inputs;
            let x = self.thinned((at.0, adapter), x, &mut scratch.dropped);
            let thin = fit(&mut thin[i], rows * rank);
            matmul::linear_forward(thin, x, self.parameters.at(&adapter.a), rank, inputs);
            scale(thin, s);
            let product = fit(&mut scratch.columns, rows * outputs);
            matmul::linear_forward(product, thin, self.parameters.at(&adapter.b), outputs, rank);
            columns::add_to_columns(y, adapter.columns, product, outputs);
        }
    }

    /// Backward of [`Encoder::adapt`] from `dy`: the gradients of every `A` and `B`, and what is added to `dx`, where that is wanted.
    pub(crate) fn adapt_backward(
        &self,
        at: At,
        (dy, x, mut dx): (&[f32], &[f32], Option<&mut [f32]>),
        (thin, scratch): (&Thin, &mut Scratch),
        (gradients, accumulate): (&mut Gradients, bool),
    ) {
        let Some(Adapters { rank, scale: s, .. }) = self.layout.lora else {
            return;
        };
        for (i, adapter) in self.adapters(at) {
            let (inputs, outputs) = (adapter.inputs, adapter.outputs);
            let rows = x.len() / inputs;
            let dy = match adapter.columns {
                (_, width) if width == outputs => dy,
                columns => {
                    let own = fit(&mut scratch.columns, rows * outputs);
                    columns::take_columns(own, dy, columns, outputs);
                    &*own
                }
            };
            let (da, db) = gradients.pair(&adapter.a, &adapter.b);
            matmul::linear_backward_weight(db, dy, &thin[i], outputs, rank, accumulate);
            let dthin = fit(&mut scratch.dthin, rows * rank);
            let b = self.parameters.at(&adapter.b);
            matmul::linear_backward_input(dthin, dy, b, outputs, rank, false);
            scale(dthin, s);
            let x = self.thinned((at.0, adapter), x, &mut scratch.dropped);
            matmul::linear_backward_weight(da, dthin, x, rank, inputs, accumulate);
            let Some(dx) = dx.as_deref_mut() else {
                continue;
            };
            let a = self.parameters.at(&adapter.a);
            let noise = self.noise.at(Place::Lora(at.0, adapter.place));
            if noise.is_none() {
                matmul::linear_backward_input(dx, dthin, a, rank, inputs, true);
                continue;
            }
            let own = fit(&mut scratch.dropped, rows * inputs);
            matmul::linear_backward_input(own, dthin, a, rank, inputs, false);
            dropout::apply(own, noise);
            columns::add_to_columns(dx, (0, inputs), own, inputs);
        }
    }
}
