//! The values of those settings that are choices, and how they are spelled in files.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bert_ner_model::RnnKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How the learning rate moves after the warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Straight down to zero at the last step.
    #[default]
    Linear,
    /// Stays where it is.
    Constant,
    /// Half a cosine down to zero at the last step.
    Cosine,
}

/// Which recurrent network stands between encoder and classifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RnnChoice {
    /// None.
    #[default]
    None,
    /// A GRU, left to right.
    Gru,
    /// A GRU in both directions.
    Bigru,
    /// An LSTM, left to right.
    Lstm,
    /// An LSTM in both directions.
    Bilstm,
}

impl RnnChoice {
    /// What the model calls it.
    pub(crate) fn kind(self) -> Option<RnnKind> {
        match self {
            Self::None => None,
            Self::Gru => Some(RnnKind::Gru),
            Self::Bigru => Some(RnnKind::Bigru),
            Self::Lstm => Some(RnnKind::Lstm),
            Self::Bilstm => Some(RnnKind::Bilstm),
        }
    }
}

/// What the loss of a CRF is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduction {
    /// The mean over the words: pytorch-crf's `token_mean`.
    #[default]
    Mean,
    /// The sum over the batch: pytorch-crf's `sum`.
    Sum,
}

/// What is minimised: a [`Loss`](bert_ner_model::Loss).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossChoice {
    /// Cross-entropy.
    #[default]
    CrossEntropy,
    /// The focal loss.
    Focal,
    /// The self-adjusting dice loss.
    Dice,
}

/// What each gold tag counts in the loss. In files: `"balanced"`, or the path of a JSON object of tag to weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ClassWeights {
    /// The rarer in training, the more: `n / (K n_tag)`, as scikit-learn has it.
    Balanced,
    /// Weights from this file.
    File(PathBuf),
}

impl From<String> for ClassWeights {
    fn from(text: String) -> Self {
        match text.as_str() {
            "balanced" => Self::Balanced,
            _ => Self::File(text.into()),
        }
    }
}

impl From<ClassWeights> for String {
    fn from(weights: ClassWeights) -> Self {
        match weights {
            ClassWeights::Balanced => "balanced".to_owned(),
            ClassWeights::File(path) => path.to_string_lossy().into_owned(),
        }
    }
}

/// Which of the models seen during a run is kept.
///
/// In files: `"f1"`, `"loss"`, `"last"`, or `"loss-mean:N"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Select {
    /// The one with the highest dev F1; of whole texts the mean over labels (macro F1).
    #[default]
    F1,
    /// The one with the lowest dev loss.
    Loss,
    /// The one with the lowest mean of the newest so many dev losses (of all, while there are fewer).
    LossMean(usize),
    /// The last one.
    Last,
}

impl fmt::Display for Select {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F1 => out.write_str("f1"),
            Self::Loss => out.write_str("loss"),
            Self::LossMean(losses) => write!(out, "loss-mean:{losses}"),
            Self::Last => out.write_str("last"),
        }
    }
}

impl FromStr for Select {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mean = text
            .strip_prefix("loss-mean:")
            .and_then(|losses| losses.parse().ok());
        match (text, mean) {
            ("f1", _) => Ok(Self::F1),
            ("loss", _) => Ok(Self::Loss),
            ("last", _) => Ok(Self::Last),
            (_, Some(losses)) if losses > 0 => Ok(Self::LossMean(losses)),
            _ => Err(format!(
                "expected \"f1\", \"loss\", \"loss-mean:N\" (N newest dev losses) or \"last\", not {text:?}"
            )),
        }
    }
}

impl TryFrom<String> for Select {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Select> for String {
    fn from(select: Select) -> Self {
        select.to_string()
    }
}

/// When the dev split is scored, or a checkpoint written. In files: `"epoch"`, or a number of optimizer steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EvalEvery {
    /// After every epoch; the dev split also at the end of the run.
    #[default]
    Epoch,
    /// After every so many optimizer steps; the dev split also at the end of the run.
    Steps(usize),
}

impl fmt::Display for EvalEvery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch => out.write_str("epoch"),
            Self::Steps(steps) => write!(out, "{steps}"),
        }
    }
}

impl FromStr for EvalEvery {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "epoch" => Ok(Self::Epoch),
            Ok(steps) if steps > 0 => Ok(Self::Steps(steps)),
            _ => Err(format!(
                "expected \"epoch\" or a positive number of steps, not {text:?}"
            )),
        }
    }
}

impl Serialize for EvalEvery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Epoch => serializer.serialize_str("epoch"),
            Self::Steps(steps) => serializer.serialize_u64(*steps as u64),
        }
    }
}

impl<'de> Deserialize<'de> for EvalEvery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = EvalEvery;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("\"epoch\" or a positive number of steps")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EvalEvery, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, steps: u64) -> Result<EvalEvery, E> {
                self.visit_str(&steps.to_string())
            }

            fn visit_i64<E: de::Error>(self, steps: i64) -> Result<EvalEvery, E> {
                self.visit_str(&steps.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A column as one types it: `"first"`, `"last"`, a name, or a number counted from 1.
pub(crate) mod column {
    use bert_ner_text::Column;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Typed {
        Number(usize),
        Name(String),
    }

    pub(crate) fn serialize<S: Serializer>(
        column: &Option<Column>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let typed = column.as_ref().map(|column| match column {
            Column::Number(number) => Typed::Number(*number),
            other => Typed::Name(other.to_string()),
        });
        typed.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Column>, D::Error> {
        let name = match Option::deserialize(deserializer)? {
            None => return Ok(None),
            Some(Typed::Number(number)) => number.to_string(),
            Some(Typed::Name(name)) => name,
        };
        name.parse().map(Some).map_err(de::Error::custom)
    }
}
