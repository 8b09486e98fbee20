//! The one error type of this crate.

use bert_ner_model::ModelError;
use bert_ner_text::{TextError, Words, counted};
use bert_ner_tokenize::TokenizeError;

use crate::aggregate::Aggregation;

/// Why a model folder cannot be used, or sentences cannot be tagged.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The model could not be loaded or saved.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer could not be loaded or used.
    #[error(transparent)]
    Tokenize(#[from] TokenizeError),
    /// Sentences could not be read or predictions written.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The tokenizer can give ids that the model has no embedding for.
    #[error(
        "the tokenizer's ids reach {}, but the model embeds only {model} (vocab_size in config.json): \
         they do not belong together",
        tokenizer - 1
    )]
    Vocabulary {
        /// The tokenizer's highest id plus one.
        tokenizer: usize,
        /// Rows of the model's word embedding.
        model: usize,
    },
    /// A sequence length that the model or the tokenizer cannot have.
    #[error(
        "max_length {max_length} cannot be used; expected {} to {longest} (max_position_embeddings)",
        bert_ner_tokenize::MIN_LENGTH
    )]
    MaxLength {
        /// The length asked for.
        max_length: usize,
        /// The longest sequence of the model.
        longest: usize,
    },
    /// Words of another kind than the model was trained on.
    #[error("the model was trained on words of the kind {trained}, so it cannot read {asked}")]
    Words {
        /// The kind in training.
        trained: Words,
        /// The kind asked for.
        asked: Words,
    },
    /// A sentence to evaluate that has no gold tags, or not one a word.
    #[error(
        "sentence {sentence}{} has {} for {}",
        at_line(*line), counted(*tags, "gold tags"), counted(*words, "words")
    )]
    Gold {
        /// The sentence, counted from 1.
        sentence: usize,
        /// Its line in the file, 0 when unknown.
        line: usize,
        /// Number of gold tags.
        tags: usize,
        /// Number of words.
        words: usize,
    },
    /// Windows that cannot share so many pieces.
    #[error(
        "stride {stride} cannot be used: expected less than {capacity} (max_length without [CLS] and [SEP]), and an \
         aggregation strategy other than none"
    )]
    Stride {
        /// The stride asked for.
        stride: usize,
        /// Pieces of text in a window.
        capacity: usize,
    },
    /// An aggregation strategy for a model whose entities it would not find as the model means them.
    #[error(
        "the aggregation strategy {strategy} looks at each piece for itself, which {head} does not; expected no strategy"
    )]
    Aggregation {
        /// The strategy asked for.
        strategy: Aggregation,
        /// What decides instead.
        head: &'static str,
    },
    /// Entities are asked of a model that labels whole texts.
    #[error(
        "is a classifier of whole texts, which finds no entities; expected a model trained without --task classify"
    )]
    Classifier,
    /// The model computes something that is not a number.
    #[error("the model's logits are not finite: its weights are damaged or overflow")]
    NotFinite,
}

/// The place of a sentence in its file, when known.
fn at_line(line: usize) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(" (line {line})")
    }
}
