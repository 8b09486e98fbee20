//! The one error type of this crate.

use std::path::{Path, PathBuf};

/// What can go wrong between a file and its sentences.
///
/// Every message names the file, the place in it, and what was expected there.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file was read, but a line of it is not what the format asks for.
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        /// The file concerned.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What stands there and what was expected.
        message: String,
    },
    /// The file is not UTF-8.
    #[error("{}:{line}: invalid UTF-8 at byte {offset} of the file; expected UTF-8 text", path.display())]
    Utf8 {
        /// The file concerned.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Offset of the first bad byte from the start of the file, counted from 0.
        offset: u64,
    },
    /// A tag that the scheme does not know.
    #[error("tag {tag:?} is not {expected}")]
    Tag {
        /// The tag as written.
        tag: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// An entity that the scheme cannot spell.
    #[error("entity {label:?} over words {start}..{end} {message}")]
    Entity {
        /// Its type.
        label: String,
        /// Its first word, counted from 0.
        start: usize,
        /// One past its last word.
        end: usize,
        /// Why it cannot be written.
        message: &'static str,
    },
    /// A sentence that the format being written cannot hold.
    #[error("{}: sentence {sentence}: {message}", path.display())]
    Unwritable {
        /// The file being written.
        path: PathBuf,
        /// The sentence in the order of writing, counted from 1.
        sentence: usize,
        /// What it holds that the format cannot.
        message: String,
    },
    /// The file as a whole cannot be used.
    #[error("{}: {message}", path.display())]
    File {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A name that stands for no choice, such as an unknown format.
    #[error("unknown {what} {name:?}; expected {expected}")]
    Name {
        /// What was being named.
        what: &'static str,
        /// The name as given.
        name: String,
        /// The names there are.
        expected: String,
    },
}

impl TextError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn syntax(path: &Path, line: usize, message: impl Into<String>) -> Self {
        Self::Syntax {
            path: path.to_path_buf(),
            line,
            message: message.into(),
        }
    }

    pub(crate) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self::File {
            path: path.to_path_buf(),
            message: message.into(),
        }
    }

    pub(crate) fn unwritable(path: &Path, sentence: usize, message: impl Into<String>) -> Self {
        Self::Unwritable {
            path: path.to_path_buf(),
            sentence,
            message: message.into(),
        }
    }
}
