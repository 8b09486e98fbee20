//! Words to WordPiece pieces, and long texts to windows.
//!
//! This crate owns the tokenizer of a Hugging Face BERT folder ([`Tokenizer`]), the alignment of
//! words and pieces ([`Pieces`]) and the cutting of what is longer than the model ([`Window`]).
//! Splitting itself is the `tokenizers` crate's, so the ids are those of `transformers`' fast
//! tokenizer called with `is_split_into_words=True`.
//!
//! There is one difference, on purpose: a word that yields no piece at all (a zero-width space, a
//! control character) disappears in `transformers`, and its tag with it. Here it becomes one
//! `[UNK]`, so that every word has a first piece, a tag and a place in the score.
//!
//! Sentences, tags and files belong to `text`; batches belong to `infer` and `train`.

mod cache;
mod error;
mod load;
mod pieces;
mod save;
mod text;
mod tokenizer;
mod window;

pub use error::TokenizeError;
pub use pieces::Pieces;
pub use text::TextPieces;
pub use tokenizer::Tokenizer;
pub use window::{MIN_LENGTH, Window};
