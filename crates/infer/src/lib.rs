//! A model folder to entities: the only prediction path of the project.
//!
//! `predict`, `eval`, the dev score during training and a server all go through [`Tagger`], so the
//! F1 that training reports is that of the code that serves. This crate owns the way from words to
//! tags and entities with offsets and confidence, and how predictions are written ([`output`]).
//! It scores nothing and reads no files of text.
//!
//! ```no_run
//! use std::path::Path;
//! use bert_ner_infer::{Tagger, Workspace};
//! use bert_ner_text::Sentence;
//!
//! let tagger = Tagger::open(Path::new("ner"))?;
//! let sentence = Sentence::from_words(&["Ada", "Lovelace", "was", "here"], None);
//! let tagged = tagger.tag(std::slice::from_ref(&sentence), &mut Workspace::new())?;
//! for entity in &tagged[0].entities {
//!     println!("{} {} {:.2}", entity.label, &sentence.text[entity.span.clone()], entity.confidence);
//! }
//! # Ok::<(), bert_ner_infer::InferError>(())
//! ```
//!
//! What holds for every input: each word has exactly one tag, sentences come back in their order
//! and the empty ones stay in place, and a sentence longer than the model is read through
//! overlapping windows.

mod aggregate;
mod decode;
mod error;
mod evaluate;
mod forward;
mod offset;
pub mod output;
mod select;
mod sequence;
mod softmax;
mod stream;
mod tagged;
mod tagger;
mod texts;

pub use aggregate::{Aggregation, Mention, TextWork};
pub use error::InferError;
pub use evaluate::Evaluation;
pub use forward::{Progress, Workspace};
pub use offset::OffsetUnit;
pub use select::Selection;
pub use sequence::Sequence;
pub use stream::TagStream;
pub use tagged::{Alternative, Entity, RankedLabel, Tagged};
pub use tagger::{Options, Tagger};
