//! Tag schemes: how a run of tags spells entities.

use serde::{Deserialize, Serialize};

/// How tags spell entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `B-` only where an entity follows another of its type (CoNLL-2003 as distributed).
    Iob1,
    /// Every entity starts with `B-` (also called BIO).
    Iob2,
    /// `B-` begin, `I-` inside, `E-` end, `S-` single (also called IOBES).
    Bioes,
    /// `B-` begin, `I-` inside, `L-` last, `U-` unit (also called BILUO).
    Bilou,
    /// The bare type, or `O`: neighbouring words of one type are one entity.
    Plain,
}
