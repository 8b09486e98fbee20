//! Parquet, as the Hugging Face Hub ships data sets.
//!
//! Names of integer tags stand in the file's `huggingface` metadata, where `datasets` puts them.

use std::fs::File;
use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::batches::{BatchReader, Layout};
use super::guard::Guard;
use super::stream::stream;
use super::{ReadOptions, SentenceReader};
use crate::TextError;

/// Rows that are decoded together.
const BATCH_ROWS: usize = 1024;

/// Opens the file at `path`; columns that are not needed are not read.
pub(super) fn open(
    path: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    let guard = Guard::new(path, "Parquet file");
    let file = File::open(path).map_err(|source| TextError::io(path, source))?;
    let builder = guard.run(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
    let schema = builder.schema().clone();
    let layout = Layout::new(&schema, options).map_err(|message| TextError::file(path, message))?;
    let fields = schema.fields().iter().enumerate();
    let roots = fields
        .filter(|(_, field)| layout.contains(field.name()))
        .map(|(at, _)| at);
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
    let batches = guard.run(|| builder.build())?;
    Ok(stream(BatchReader::new(
        guard,
        Box::new(batches),
        (&schema, layout),
        options,
    )))
}
