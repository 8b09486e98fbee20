//! Train, dev and test in a folder, under the names that people give them.
use std::path::{Path, PathBuf};

use crate::TextError;

/// The splits of a data set; each is a path that [`crate::open`] takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Splits {
    /// `train`.
    pub train: Option<PathBuf>,
    /// `dev`, `valid`, `validation` or `testa`.
    pub dev: Option<PathBuf>,
    /// `test` or `testb`.
    pub test: Option<PathBuf>,
}

/// Finds the splits in `dir`.
pub fn splits(dir: &Path) -> Result<Splits, TextError> {
    Err(TextError::file(dir, "being written"))
}
