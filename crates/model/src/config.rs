//! `config.json` as Hugging Face writes it, with our own keys under `"bert_ner"`.

use crate::{HeadKind, Heads, ModelError, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The configuration of a BERT model. Keys that we do not use are kept and written back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Kind of model; only `"bert"` is computed.
    #[serde(default = "bert")]
    pub model_type: String,
    /// Rows of the word embedding, `V`.
    pub vocab_size: usize,
    /// Hidden size, `H`.
    pub hidden_size: usize,
    /// Encoder layers.
    pub num_hidden_layers: usize,
    /// Attention heads, `A`.
    pub num_attention_heads: usize,
    /// Feed-forward size, `F`.
    pub intermediate_size: usize,
    /// Rows of the position embedding: the longest sequence.
    pub max_position_embeddings: usize,
    /// Rows of the token-type embedding.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// Activation of the feed-forward half.
    #[serde(default)]
    pub hidden_act: HiddenAct,
    /// Epsilon of every LayerNorm.
    #[serde(default = "layer_norm_eps")]
    pub layer_norm_eps: f32,
    /// Dropout after the embeddings and after each half of a layer.
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f32,
    /// Dropout of the attention probabilities.
    #[serde(default = "tenth")]
    pub attention_probs_dropout_prob: f32,
    /// Dropout before the classifier; that of the hidden states when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier_dropout: Option<f32>,
    /// Standard deviation of new weights.
    #[serde(default = "initializer_range")]
    pub initializer_range: f32,
    /// Tag names by id, the ids as strings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id2label: BTreeMap<String, String>,
    /// What this program needs to know beyond Hugging Face's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bert_ner: Option<NerConfig>,
    /// Every other key, as it was.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Our own part of `config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NerConfig {
    /// Tag scheme of the labels; empty where they are of whole texts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// Longest sequence used in training, in pieces with `[CLS]` and `[SEP]`.
    pub max_length: usize,
    /// What counted as a word of running text in training: `whitespace`, `unicode` or `characters`; `None` when the
    /// data came in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// What stands on the encoder.
    #[serde(flatten)]
    pub heads: Heads,
}

/// Activation names of Hugging Face that are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAct {
    /// Exact GELU.
    #[default]
    Gelu,
    /// GELU by tanh.
    GeluNew,
    /// `max(x, 0)`.
    Relu,
}

/// transformers' classes for the two tasks, and what it calls one label a text.
const TOKENS: &str = "BertForTokenClassification";
const SEQUENCES: &str = "BertForSequenceClassification";
const SINGLE_LABEL: &str = "single_label_classification";

fn bert() -> String {
    "bert".to_owned()
}
fn two() -> usize {
    2
}
fn layer_norm_eps() -> f32 {
    1e-12
}
fn tenth() -> f32 {
    0.1
}
fn initializer_range() -> f32 {
    0.02
}

impl Config {
    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// When it cannot be read or parsed, asks for a model that is not computed, or contradicts itself.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let text = std::fs::read(path).map_err(|source| ModelError::Io {
            path: path.to_owned(),
            source,
        })?;
        let json = |source| ModelError::Json {
            path: path.to_owned(),
            source,
        };
        let raw: Value = serde_json::from_slice(&text).map_err(json)?;
        refuse_unsupported(&raw, path)?;
        // From the text again, so that a wrong type is reported with its line.
        let config: Self = serde_json::from_slice(&text).map_err(json)?;
        config.check(path)?;
        Ok(config)
    }

    /// Tag names in the order of their ids.
    ///
    /// # Errors
    /// When the ids of `id2label` are not 0, 1, 2, ...
    pub(crate) fn labels(&self, path: &Path) -> Result<Vec<String>, ModelError> {
        (0..self.id2label.len())
            .map(|id| {
                self.id2label
                    .get(&id.to_string())
                    .cloned()
                    .ok_or_else(|| ModelError::Config {
                        path: path.to_owned(),
                        message: format!(
                            "id2label has no label with id {id}; expected the ids 0 to {}",
                            self.id2label.len() - 1
                        ),
                    })
            })
            .collect()
    }

    /// What stands on the encoder: a linear head where `config.json` does not say, of whole texts where transformers' class is.
    pub fn heads(&self) -> Heads {
        let foreign = || Heads {
            task: match self.architecture() {
                Some(SEQUENCES) => Task::Classify,
                _ => Task::Ner,
            },
            ..Heads::default()
        };
        self.bert_ner.as_ref().map_or_else(foreign, |ner| ner.heads)
    }

    /// Refuses a classifier of texts that does not give each one of several labels.
    ///
    /// # Errors
    /// [`ModelError::Unsupported`]
    pub(crate) fn check_problem(&self, path: &Path, task: Task) -> Result<(), ModelError> {
        if task != Task::Classify {
            return Ok(());
        }
        let problem = self.other.get("problem_type").and_then(Value::as_str);
        let what = match problem.filter(|&problem| problem != SINGLE_LABEL) {
            Some(problem) => format!("problem_type {problem:?}"),
            // transformers takes it for a regression.
            None if self.id2label.len() == 1 => "a classifier with 1 label".to_owned(),
            None => return Ok(()),
        };
        Err(ModelError::Unsupported {
            path: path.to_owned(),
            what,
            expected: "expected \"single_label_classification\" with at least 2 labels",
        })
    }

    /// The class of transformers that the model is for.
    fn architecture(&self) -> Option<&str> {
        self.other.get("architectures")?.get(0)?.as_str()
    }

    /// Says what stands on the encoder; a head that transformers does not have is not called by the name of one that it has.
    pub(crate) fn set_heads(&mut self, heads: Heads) {
        let plain = Heads {
            task: heads.task,
            ..Heads::default()
        };
        if self.bert_ner.is_some() || heads != plain {
            let scheme = bert_ner_text::Scheme::Iob2.name().to_owned();
            let max_length = self.max_position_embeddings;
            let ner = self.bert_ner.get_or_insert(NerConfig {
                scheme,
                max_length,
                words: None,
                heads,
            });
            ner.heads = heads;
        }
        self.other.remove("architectures");
        self.other.remove("problem_type");
        if heads == plain {
            let class = match heads.task {
                Task::Ner => TOKENS,
                Task::Classify => SEQUENCES,
            };
            let classes = Value::from(vec![class]);
            self.other.insert("architectures".to_owned(), classes);
        }
        if heads.task == Task::Classify {
            let problem = Value::from(SINGLE_LABEL);
            self.other.insert("problem_type".to_owned(), problem);
        }
    }

    /// Writes the label set as `id2label` and `label2id`.
    pub(crate) fn set_labels(&mut self, labels: &[String]) {
        self.id2label = labels
            .iter()
            .enumerate()
            .map(|(id, label)| (id.to_string(), label.clone()))
            .collect();
        let label2id: Map<String, Value> = labels
            .iter()
            .enumerate()
            .map(|(id, label)| (label.clone(), Value::from(id)))
            .collect();
        self.other
            .insert("label2id".to_owned(), Value::Object(label2id));
        self.other.remove("num_labels");
    }

    /// The id of the padding piece: `pad_token_id`, 0 when it is missing or no row of the embedding.
    pub(crate) fn padding(&self) -> usize {
        let id = self.other.get("pad_token_id").and_then(Value::as_u64);
        id.and_then(|id| usize::try_from(id).ok())
            .filter(|&id| id < self.vocab_size)
            .unwrap_or(0)
    }

    /// Replaces every dropout probability.
    pub fn set_dropout(&mut self, p: f32) {
        self.hidden_dropout_prob = p;
        self.attention_probs_dropout_prob = p;
        self.classifier_dropout = Some(p);
    }

    fn check(&self, path: &Path) -> Result<(), ModelError> {
        let wrong = |message: String| {
            Err(ModelError::Config {
                path: path.to_owned(),
                message,
            })
        };
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (key, size) in sizes {
            if size == 0 || size > 1 << 28 {
                return wrong(format!("{key} is {size}, expected a positive size"));
            }
        }
        if self.num_hidden_layers > 1024 {
            return wrong(format!(
                "num_hidden_layers is {}, expected at most 1024",
                self.num_hidden_layers
            ));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return wrong(format!(
                "hidden_size {} is not a multiple of num_attention_heads {}",
                self.hidden_size, self.num_attention_heads
            ));
        }
        if let Some(complaint) = self.heads().rnn.and_then(|rnn| rnn.complaint()) {
            return wrong(format!("bert_ner: {complaint}"));
        }
        let heads = self.heads();
        if heads.head == HeadKind::Crf && self.id2label.len() == 1 {
            return wrong("bert_ner: a CRF needs at least 2 labels, id2label has 1".to_owned());
        }
        if heads.task == Task::Classify && (heads.head == HeadKind::Crf || heads.rnn.is_some()) {
            return wrong("bert_ner: a classifier of texts has no CRF and no rnn".to_owned());
        }
        let dropouts = [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            (
                "attention_probs_dropout_prob",
                self.attention_probs_dropout_prob,
            ),
            ("classifier_dropout", self.classifier_dropout.unwrap_or(0.0)),
        ];
        for (key, p) in dropouts {
            if !(0.0..1.0).contains(&p) {
                return wrong(format!("{key} is {p}, expected a probability below 1"));
            }
        }
        // Zero would divide by zero where a row is constant.
        let eps = self.layer_norm_eps;
        if !eps.is_finite() || eps <= 0.0 {
            return wrong(format!("layer_norm_eps is {eps}, expected more than 0"));
        }
        let range = self.initializer_range;
        if !range.is_finite() || range < 0.0 {
            return wrong(format!(
                "initializer_range is {range}, expected a standard deviation of at least 0"
            ));
        }
        Ok(())
    }
}

/// Refuses by name what would otherwise be computed wrongly.
fn refuse_unsupported(raw: &Value, path: &Path) -> Result<(), ModelError> {
    let refuse = |what: String, expected| {
        Err(ModelError::Unsupported {
            path: path.to_owned(),
            what,
            expected,
        })
    };
    let text = |key: &str| raw.get(key).and_then(Value::as_str);
    if let Some(kind) = text("model_type").filter(|&kind| kind != "bert") {
        return refuse(format!("model_type {kind:?}"), "expected \"bert\"");
    }
    if let Some(kind) = text("position_embedding_type").filter(|&kind| kind != "absolute") {
        return refuse(
            format!("position_embedding_type {kind:?}"),
            "expected \"absolute\"",
        );
    }
    if let Some(act) = text("hidden_act").filter(|act| !["gelu", "gelu_new", "relu"].contains(act))
    {
        return refuse(
            format!("hidden_act {act:?}"),
            "expected \"gelu\", \"gelu_new\" or \"relu\"",
        );
    }
    for key in ["is_decoder", "add_cross_attention"] {
        if raw.get(key).and_then(Value::as_bool) == Some(true) {
            return refuse(format!("{key} = true"), "expected an encoder");
        }
    }
    Ok(())
}
