//! Decoders of other crates, kept from panicking over a file's content.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::TextError;

/// The file that a decoder of the `arrow` or `parquet` crate reads.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) path: PathBuf,
    /// What the file was expected to be.
    expected: &'static str,
}

impl Guard {
    pub(super) fn new(path: &Path, expected: &'static str) -> Self {
        let path = path.to_path_buf();
        Self { path, expected }
    }

    /// Runs the decoder. Both crates panic over some files whose bytes contradict each other: that
    /// becomes an error like those that they return. No decoder is used again after an error, so
    /// that the state in which a panic left it is never seen.
    ///
    /// One thing stays: a compressed Arrow buffer says how long it will be, and `arrow` asks for as
    /// much memory unseen. `datasets` compresses no Arrow file.
    pub(super) fn run<T, E: Display>(
        &self,
        decoder: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, TextError> {
        let said = match catch_unwind(AssertUnwindSafe(decoder)) {
            Ok(Ok(decoded)) => return Ok(decoded),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its parts contradict each other".to_owned(),
        };
        let message = format!("is broken, or is no {}: {said}", self.expected);
        Err(TextError::file(&self.path, message))
    }
}
