//! The one error type of this crate.

use std::path::PathBuf;

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
    /// A tag that the scheme does not know.
    #[error("tag {tag:?} is not {expected}")]
    Tag {
        /// The tag as written.
        tag: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// The file as a whole cannot be used.
    #[error("{}: {message}", path.display())]
    File {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong and what was expected.
        message: String,
    },
}
