//! What of a model is not trained.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// What of a model is not trained: always the beginning of the flat buffer. It gets no gradient, no moments and no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freeze {
    /// Everything is trained.
    #[default]
    Nothing,
    /// The embeddings with their LayerNorm are not.
    Embeddings,
    /// Nor are the first so many layers.
    Layers(usize),
    /// Only what stands on the encoder is trained.
    Encoder,
}

impl fmt::Display for Freeze {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => out.write_str("nothing"),
            Self::Embeddings => out.write_str("embeddings"),
            Self::Layers(layers) => write!(out, "{layers}"),
            Self::Encoder => out.write_str("encoder"),
        }
    }
}

impl FromStr for Freeze {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "nothing" => Ok(Self::Nothing),
            "embeddings" => Ok(Self::Embeddings),
            "encoder" => Ok(Self::Encoder),
            _ => text.parse().map(Self::Layers).map_err(|_| {
                format!(
                    "expected \"nothing\", \"embeddings\", \"encoder\" or a number of layers, not {text:?}"
                )
            }),
        }
    }
}

impl Serialize for Freeze {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Layers(layers) => serializer.serialize_u64(*layers as u64),
            other => serializer.collect_str(other),
        }
    }
}

impl<'de> Deserialize<'de> for Freeze {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Typed {
            Layers(usize),
            Name(String),
        }
        match Typed::deserialize(deserializer)? {
            Typed::Layers(layers) => Ok(Self::Layers(layers)),
            Typed::Name(name) => name.parse().map_err(de::Error::custom),
        }
    }
}
