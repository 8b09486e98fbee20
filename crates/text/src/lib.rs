//! Documents, words, tags and every data format.
//!
//! This crate owns what a *sentence* is, what tags mean under a [`Scheme`], and the reading and
//! writing of files. It knows nothing of word pieces, models or scores.
//!
//! - [`read_corpus`] reads a whole file, finds its tag scheme out and hands back IOB2.
//! - [`open`] streams sentences from any [`Format`]; [`create_file`] writes them, whole or not at all.
//! - [`convert_file`] is the two together, with every loss counted.
//! - [`split`](split()) makes train, dev and test of a data set, [`splits`] finds train, dev and test in a folder.
//! - [`brat`] is standoff annotation: documents kept to the byte.
//!
//! Spans are UTF-8 byte ranges; what counts characters or UTF-16 units converts at its own door.

pub mod atomic;
pub mod brat;
mod convert;
mod counted;
mod error;
mod format;
mod labels;
mod named;
mod read;
mod scheme;
mod sentence;
mod sentences;
mod spans;
mod split;
mod splits;
mod stratify;
mod words;
mod write;

pub use convert::{ConvertOptions, Converted, convert, convert_file, is_same_file};
pub use counted::counted;
pub use error::TextError;
pub use format::Format;
pub use labels::LabelSet;
pub use named::by_name;
pub use read::{
    Column, Corpus, Lines, ReadOptions, SentenceReader, Separator, Warning, matching_shards, open,
    open_stream, read_corpus, read_corpus_stream,
};
pub use scheme::{Scheme, Violation, split_tag};
pub use sentence::{Entity, Place, Sentence, Source, Span, TextOffset};
pub use spans::{Fragments, Overlaps};
pub use split::{Part, Parts, Ratios, split};
pub use splits::{Splits, splits};
pub use stratify::stratify;
pub use words::{Words, cut_words, split_words};
pub use write::{Losses, Output, SentenceWriter, WriteOptions, create, create_file};
