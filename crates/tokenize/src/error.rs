//! The one error type of this crate.

use std::path::PathBuf;

/// Why a tokenizer could not be loaded, used or saved.
#[derive(Debug, thiserror::Error)]
pub enum TokenizeError {
    /// The folder holds no tokenizer.
    #[error("{}: no tokenizer here: looked for tokenizer.json and vocab.txt", dir.display())]
    Missing {
        /// The folder searched.
        dir: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A JSON file that is not JSON, or not the JSON of a tokenizer.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Json {
        /// The file concerned.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What was found or expected.
        message: String,
    },
    /// A tokenizer of another family.
    #[error(
        "{}: the tokenizer's model is {found}, but BERT needs WordPiece", path.display()
    )]
    NotWordPiece {
        /// The file concerned.
        path: PathBuf,
        /// The model's type as the file names it.
        found: &'static str,
    },
    /// The vocabulary cannot be used.
    #[error("{}: {message}", path.display())]
    Vocabulary {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong and what was expected.
        message: String,
    },
    /// The `tokenizers` crate failed on a word.
    #[error("cannot tokenize the word {word:?}: {message}")]
    Word {
        /// The word.
        word: String,
        /// What `tokenizers` said.
        message: String,
    },
    /// The `tokenizers` crate failed on a text.
    #[error("cannot tokenize a text of {bytes} bytes: {message}")]
    Text {
        /// Its length; the text itself may be private.
        bytes: usize,
        /// What `tokenizers` said.
        message: String,
    },
}
