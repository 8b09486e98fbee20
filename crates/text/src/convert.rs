//! From one format and scheme to another, every loss counted.
use std::path::Path;

use crate::{Corpus, Format, Losses, ReadOptions, Scheme, TextError, Warning, WriteOptions};

/// How to convert.
#[derive(Debug, Clone, Default)]
pub struct ConvertOptions {
    /// How to read.
    pub read: ReadOptions,
    /// The format to write; from the name of the output when `None`.
    pub to: Option<Format>,
    /// The scheme to write; that of the input when `None`.
    pub scheme: Option<Scheme>,
    /// How to write; the scheme in it is set by the conversion.
    pub write: WriteOptions,
}

/// What a conversion did.
#[derive(Debug, Clone, Default)]
pub struct Converted {
    /// Sentences written.
    pub sentences: usize,
    /// Words written.
    pub words: usize,
    /// The scheme read, and the scheme written; `None` without tags.
    pub schemes: Option<(Scheme, Scheme)>,
    /// What was impossible, passed over or repaired in the input.
    pub warnings: Vec<Warning>,
    /// What the format written could not hold.
    pub losses: Losses,
}

/// Reads `input` and writes `output`.
pub fn convert_file(
    input: &Path,
    _output: &Path,
    _options: &ConvertOptions,
) -> Result<Converted, TextError> {
    Err(TextError::file(input, "being written"))
}

/// Writes a corpus.
pub fn write_corpus(
    _corpus: Corpus,
    output: &Path,
    _options: &ConvertOptions,
) -> Result<Converted, TextError> {
    Err(TextError::file(output, "being written"))
}
