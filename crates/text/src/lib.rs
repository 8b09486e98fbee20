//! Documents, words, tags and every data format.
//!
//! This crate owns what a *sentence* is, what tags mean under a [`Scheme`], and the reading and
//! writing of files. It knows nothing of word pieces, models or scores.
//!
//! Spans are UTF-8 byte ranges; what counts characters or UTF-16 units converts at its own door.

mod error;
mod labels;
mod scheme;
mod sentence;

pub use error::TextError;
pub use labels::LabelSet;
pub use scheme::Scheme;
pub use sentence::{Entity, Sentence, Source, Span};
