//! Where every tensor lies in the flat buffer: the struct tree of a BERT token classifier.
//!
//! Query, key and value stand next to each other, weights and biases apart, so that the three products of a layer are one.

use crate::Config;
use std::ops::Range;

/// A named view into the flat buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Hugging Face's name.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Its elements in the flat buffer.
    pub range: Range<usize>,
    /// Whether weight decay applies: not to biases and LayerNorm, as transformers' `Trainer` has it.
    pub decays: bool,
    /// The keys of `config.json` that its shape follows from.
    pub(crate) because: &'static str,
}

/// A `[out, in]` weight and its `[out]` bias.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
    /// Outputs, `N`.
    pub(crate) outputs: usize,
    /// Inputs, `K`.
    pub(crate) inputs: usize,
}

/// Scale and shift of a LayerNorm.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
}

/// `bert.embeddings`.
#[derive(Debug, Clone)]
pub(crate) struct Embeddings {
    pub(crate) word: Range<usize>,
    pub(crate) position: Range<usize>,
    pub(crate) kind: Range<usize>,
    pub(crate) norm: Norm,
}

/// `bert.encoder.layer.N`.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// `attention.self.{query, key, value}`, as one `[3H, H]`.
    pub(crate) qkv: Linear,
    pub(crate) attention_output: Linear,
    pub(crate) attention_norm: Norm,
    pub(crate) intermediate: Linear,
    pub(crate) output: Linear,
    pub(crate) output_norm: Norm,
}

/// Where every tensor of a model lies.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(crate) embeddings: Embeddings,
    pub(crate) layers: Vec<Layer>,
    pub(crate) classifier: Linear,
    tensors: Vec<Tensor>,
    len: usize,
}

impl Layout {
    /// The layout of a model with `labels` tags.
    pub(crate) fn new(config: &Config, labels: usize) -> Self {
        let mut builder = Builder::default();
        let embeddings = builder.embeddings(config);
        let layers = (0..config.num_hidden_layers)
            .map(|n| builder.layer(config, n))
            .collect();
        let classifier = builder.linear(
            "classifier",
            (labels, config.hidden_size),
            "the number of labels and hidden_size",
        );
        Self {
            embeddings,
            layers,
            classifier,
            len: builder.len,
            tensors: builder.tensors,
        }
    }

    /// Every tensor, in the order of the flat buffer.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Elements of the flat buffer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element; never so for a real model.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Encoder layers.
    pub(crate) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The word embedding's part of the flat buffer, `[V, H]`: the part whose gradient is sparse.
    pub fn word_embedding(&self) -> Range<usize> {
        self.embeddings.word.clone()
    }
}

#[derive(Default)]
struct Builder {
    tensors: Vec<Tensor>,
    len: usize,
}

impl Builder {
    fn tensor(&mut self, name: String, shape: &[usize], because: &'static str) -> Range<usize> {
        let range = self.len..self.len + shape.iter().product::<usize>();
        self.len = range.end;
        let decays = !name.ends_with("bias") && !name.contains("LayerNorm");
        self.tensors.push(Tensor {
            name,
            shape: shape.to_vec(),
            range: range.clone(),
            decays,
            because,
        });
        range
    }

    fn linear(
        &mut self,
        name: &str,
        (outputs, inputs): (usize, usize),
        because: &'static str,
    ) -> Linear {
        let weight = self.tensor(format!("{name}.weight"), &[outputs, inputs], because);
        let bias = self.tensor(format!("{name}.bias"), &[outputs], because);
        Linear {
            weight,
            bias,
            outputs,
            inputs,
        }
    }

    fn norm(&mut self, name: &str, hidden: usize) -> Norm {
        let weight = self.tensor(format!("{name}.weight"), &[hidden], "hidden_size");
        let bias = self.tensor(format!("{name}.bias"), &[hidden], "hidden_size");
        Norm { weight, bias }
    }

    fn embeddings(&mut self, config: &Config) -> Embeddings {
        let h = config.hidden_size;
        let mut table = |name: &str, rows, because| {
            self.tensor(
                format!("bert.embeddings.{name}_embeddings.weight"),
                &[rows, h],
                because,
            )
        };
        Embeddings {
            word: table("word", config.vocab_size, "vocab_size and hidden_size"),
            position: table(
                "position",
                config.max_position_embeddings,
                "max_position_embeddings and hidden_size",
            ),
            kind: table(
                "token_type",
                config.type_vocab_size,
                "type_vocab_size and hidden_size",
            ),
            norm: self.norm("bert.embeddings.LayerNorm", h),
        }
    }

    fn layer(&mut self, config: &Config, n: usize) -> Layer {
        let (h, f) = (config.hidden_size, config.intermediate_size);
        let prefix = format!("bert.encoder.layer.{n}");
        Layer {
            qkv: self.qkv(&prefix, h),
            attention_output: self.linear(
                &format!("{prefix}.attention.output.dense"),
                (h, h),
                "hidden_size",
            ),
            attention_norm: self.norm(&format!("{prefix}.attention.output.LayerNorm"), h),
            intermediate: self.linear(
                &format!("{prefix}.intermediate.dense"),
                (f, h),
                "intermediate_size and hidden_size",
            ),
            output: self.linear(
                &format!("{prefix}.output.dense"),
                (h, f),
                "hidden_size and intermediate_size",
            ),
            output_norm: self.norm(&format!("{prefix}.output.LayerNorm"), h),
        }
    }

    fn qkv(&mut self, prefix: &str, h: usize) -> Linear {
        let mut three = |suffix: &str, shape: &[usize]| {
            let [q, _, v] = ["query", "key", "value"].map(|part| {
                self.tensor(
                    format!("{prefix}.attention.self.{part}.{suffix}"),
                    shape,
                    "hidden_size",
                )
            });
            q.start..v.end
        };
        Linear {
            weight: three("weight", &[h, h]),
            bias: three("bias", &[h]),
            outputs: 3 * h,
            inputs: h,
        }
    }
}
