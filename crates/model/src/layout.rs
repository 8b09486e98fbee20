//! Where every tensor lies in the flat buffer: the struct tree of a BERT token classifier.
//!
//! Query, key and value stand next to each other, weights and biases apart, so that the three products of a layer are one.

use crate::lora::Adapters;
use crate::{Config, HeadKind, Parameters, Rnn, RnnKind, Task};
use bert_ner_kernels::{crf, rnn};
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

/// One layer of `rnn`: the second direction's weights behind those of the first.
#[derive(Debug, Clone)]
pub(crate) struct RnnLayer {
    pub(crate) shape: rnn::Shape,
    pub(crate) input: Range<usize>,
    pub(crate) hidden: Range<usize>,
    pub(crate) input_bias: Range<usize>,
    pub(crate) hidden_bias: Range<usize>,
}

/// `crf`, named as pytorch-crf names it.
#[derive(Debug, Clone)]
pub(crate) struct Crf {
    pub(crate) transitions: Range<usize>,
    pub(crate) start: Range<usize>,
    pub(crate) end: Range<usize>,
}

impl Crf {
    pub(crate) fn weights<'a>(&self, parameters: &'a Parameters) -> crf::Weights<'a> {
        crf::Weights {
            transitions: parameters.at(&self.transitions),
            start: parameters.at(&self.start),
            end: parameters.at(&self.end),
        }
    }
}

/// Where every tensor of a model lies.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(crate) embeddings: Embeddings,
    pub(crate) layers: Vec<Layer>,
    /// Empty without a recurrent network.
    pub(crate) rnn: Vec<RnnLayer>,
    /// `bert.pooler.dense`, of a classifier of texts.
    pub(crate) pooler: Option<Linear>,
    pub(crate) classifier: Linear,
    pub(crate) crf: Option<Crf>,
    /// Behind everything else, while the embeddings and the layers are frozen.
    pub(crate) lora: Option<Adapters>,
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
        let heads = config.heads();
        let rnn = builder.rnn(heads.rnn.as_ref(), config.hidden_size);
        let (inputs, because) = match rnn.last() {
            None => (config.hidden_size, "the number of labels and hidden_size"),
            Some(layer) => (
                layer.shape.outputs(),
                "the number of labels and bert_ner.rnn",
            ),
        };
        let pooler = (heads.task == Task::Classify).then(|| {
            let size = (config.hidden_size, config.hidden_size);
            builder.linear("bert.pooler.dense", size, "hidden_size")
        });
        let classifier = builder.linear("classifier", (labels, inputs), because);
        let crf = (heads.head == HeadKind::Crf).then(|| builder.crf(labels));
        Self {
            embeddings,
            layers,
            rnn,
            pooler,
            classifier,
            crf,
            lora: None,
            len: builder.len,
            tensors: builder.tensors,
        }
    }

    /// Adds a tensor of `tensor.range.len()` elements at the end, and says where that is.
    pub(crate) fn push(&mut self, mut tensor: Tensor) -> Range<usize> {
        let range = self.len..self.len + tensor.range.len();
        tensor.range = range.clone();
        self.len = range.end;
        self.tensors.push(tensor);
        range
    }

    /// Elements of embeddings and layers, which stand first.
    pub(crate) fn encoder_len(&self) -> usize {
        let last = self.layers.last().map(|layer| &layer.output_norm);
        last.unwrap_or(&self.embeddings.norm).bias.end
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

    /// The parts of the flat buffer by what they belong to, in order: `embeddings`, `layer 0` and on, `rnn`, `pooler`,
    /// `classifier`, `crf`, and `lora 0` and on and `lora pooler` of a LoRA.
    pub fn parts(&self) -> Vec<(String, Range<usize>)> {
        let mut parts: Vec<(String, Range<usize>)> = Vec::new();
        for tensor in &self.tensors {
            let name = part(&tensor.name);
            match parts.last_mut() {
                Some((last, range)) if *last == name => range.end = tensor.range.end,
                _ => parts.push((name, tensor.range.clone())),
            }
        }
        parts
    }

    /// The word embedding's part of the flat buffer, `[V, H]`: the part whose gradient is sparse.
    pub fn word_embedding(&self) -> Range<usize> {
        self.embeddings.word.clone()
    }
}

/// What a tensor belongs to.
fn part(name: &str) -> String {
    let layer = name.strip_prefix("bert.encoder.layer.");
    if let Some(number) = layer.and_then(|rest| rest.split('.').next()) {
        let kind = if name.contains(".lora_") {
            "lora"
        } else {
            "layer"
        };
        return format!("{kind} {number}");
    }
    if name.starts_with("bert.pooler.") {
        let lora = if name.contains(".lora_") { "lora " } else { "" };
        return format!("{lora}pooler");
    }
    match name.split('.').next() {
        Some("bert") | None => "embeddings".to_owned(),
        Some(head) => head.to_owned(),
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
        // `rnn.bias_ih_l0` too: transformers looks for the word anywhere in the name.
        let decays = !name.contains("bias") && !name.contains("LayerNorm");
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

    fn rnn(&mut self, rnn: Option<&Rnn>, hidden_size: usize) -> Vec<RnnLayer> {
        let Some(rnn) = rnn else { return Vec::new() };
        let cell = match rnn.kind {
            RnnKind::Gru | RnnKind::Bigru => rnn::Cell::Gru,
            RnnKind::Lstm | RnnKind::Bilstm => rnn::Cell::Lstm,
        };
        let directions = rnn.kind.directions();
        let shape = |n: usize| rnn::Shape {
            cell,
            directions,
            inputs: if n == 0 {
                hidden_size
            } else {
                directions * rnn.hidden
            },
            hidden: rnn.hidden,
        };
        (0..rnn.layers)
            .map(|n| self.rnn_layer(n, shape(n)))
            .collect()
    }

    fn rnn_layer(&mut self, n: usize, shape: rnn::Shape) -> RnnLayer {
        let mut both = |kind: &str, dimensions: &[usize]| {
            let start = self.len;
            for suffix in ["", "_reverse"].into_iter().take(shape.directions) {
                let name = format!("rnn.{kind}_l{n}{suffix}");
                self.tensor(name, dimensions, "bert_ner.rnn and hidden_size");
            }
            start..self.len
        };
        let width = shape.gates() * shape.hidden;
        RnnLayer {
            shape,
            input: both("weight_ih", &[width, shape.inputs]),
            hidden: both("weight_hh", &[width, shape.hidden]),
            input_bias: both("bias_ih", &[width]),
            hidden_bias: both("bias_hh", &[width]),
        }
    }

    fn crf(&mut self, labels: usize) -> Crf {
        let mut tensor = |name: &str, shape: &[usize]| {
            self.tensor(format!("crf.{name}"), shape, "the number of labels")
        };
        Crf {
            transitions: tensor("transitions", &[labels, labels]),
            start: tensor("start_transitions", &[labels]),
            end: tensor("end_transitions", &[labels]),
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
