//! What stands on the encoder: the keys of a head in `config.json`.

use serde::{Deserialize, Serialize};

/// The head: `encoder -> dropout -> rnn -> classifier -> tags` of words, or `encoder -> pooler -> dropout -> classifier -> label` of
/// whole texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Heads {
    /// What is predicted.
    #[serde(default, skip_serializing_if = "Task::is_ner")]
    pub task: Task,
    /// How tags follow from the classifier's scores.
    #[serde(default)]
    pub head: HeadKind,
    /// A recurrent network over the pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rnn: Option<Rnn>,
    /// Whether the CRF is kept from what the tag scheme forbids, in training and decoding.
    #[serde(default)]
    pub crf_constraints: bool,
}

/// What is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A tag for every word, and so entities: the scored rows are words.
    #[default]
    Ner,
    /// A label for every text: the scored row of a sequence is its `[CLS]`, behind BERT's pooler.
    Classify,
}

impl Task {
    fn is_ner(&self) -> bool {
        *self == Self::Ner
    }
}

/// How tags follow from the classifier's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Each word for itself: softmax.
    #[default]
    Linear,
    /// All words of a sequence together: a conditional random field.
    Crf,
}

/// A recurrent network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rnn {
    /// Cell and directions.
    pub kind: RnnKind,
    /// Hidden units of a direction.
    pub hidden: usize,
    /// Layers, one on the other.
    pub layers: usize,
}

/// Cell and directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RnnKind {
    /// A GRU, left to right.
    Gru,
    /// A GRU in both directions.
    Bigru,
    /// An LSTM, left to right.
    Lstm,
    /// An LSTM in both directions.
    Bilstm,
}

impl RnnKind {
    pub(crate) fn directions(self) -> usize {
        match self {
            Self::Gru | Self::Lstm => 1,
            Self::Bigru | Self::Bilstm => 2,
        }
    }
}

impl Rnn {
    /// What is wrong with the sizes, if anything.
    pub(crate) fn complaint(&self) -> Option<String> {
        let within = |key: &str, value: usize, most: usize| {
            (!(1..=most).contains(&value))
                .then(|| format!("rnn {key} is {value}, expected 1 to {most}"))
        };
        within("hidden", self.hidden, 1 << 16).or_else(|| within("layers", self.layers, 64))
    }
}
