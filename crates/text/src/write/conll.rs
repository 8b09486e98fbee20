//! Columns, one word a line.
use std::path::Path;
use super::{Output, SentenceWriter, WriteOptions};
pub(super) fn create(output: Output, name: &Path, _options: &WriteOptions) -> Box<dyn SentenceWriter> { super::text::create(output, name) }
