//! Parquet with class labels, as the Hugging Face Hub ships data sets.

use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::batches::{BatchBuilder, HUGGINGFACE};
use super::{Losses, Output, SentenceWriter, WriteOptions};
use crate::{Sentence, TextError};

pub(super) fn create(
    output: Output,
    name: &Path,
    options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    Ok(Box::new(ParquetWriter {
        state: State::Unopened(output),
        name: name.to_path_buf(),
        label_list: options.label_list.clone(),
        sentences: 0,
    }))
}

struct ParquetWriter {
    state: State,
    name: PathBuf,
    label_list: Option<Vec<String>>,
    sentences: usize,
}

enum State {
    /// The columns are not known yet.
    Unopened(Output),
    Open(Box<Open>),
    /// Opening failed.
    Broken,
}

struct Open {
    builder: BatchBuilder,
    writer: ArrowWriter<Output>,
}

impl SentenceWriter for ParquetWriter {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.sentences += 1;
        let number = self.sentences;
        let name = self.name.clone();
        let open = self.open(Some(sentence))?;
        let pushed = open.builder.push(sentence);
        pushed.map_err(|message| TextError::unwritable(&name, number, message))?;
        if open.builder.is_full() {
            open.flush().map_err(|error| refused(&name, error))
        } else {
            Ok(())
        }
    }

    fn losses(&self) -> Losses {
        match &self.state {
            State::Open(open) => open.builder.losses().clone(),
            _ => Losses::default(),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), TextError> {
        self.open(None)?;
        match self.state {
            State::Open(open) => open.finish().map_err(|error| refused(&self.name, error)),
            _ => Ok(()),
        }
    }
}

impl ParquetWriter {
    /// The open writer, with the columns of `first` when it is opened now.
    fn open(&mut self, first: Option<&Sentence>) -> Result<&mut Open, TextError> {
        self.state = match std::mem::replace(&mut self.state, State::Broken) {
            State::Unopened(output) => {
                let opened = Open::new(output, first, self.label_list.as_deref());
                State::Open(Box::new(
                    opened.map_err(|error| refused(&self.name, error))?,
                ))
            }
            other => other,
        };
        match &mut self.state {
            State::Open(open) => Ok(open),
            _ => Err(TextError::file(
                &self.name,
                "could not be opened for writing before",
            )),
        }
    }
}

impl Open {
    fn new(
        output: Output,
        first: Option<&Sentence>,
        label_list: Option<&[String]>,
    ) -> Result<Self, ParquetError> {
        let builder = BatchBuilder::new(first, label_list);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        // Without the Arrow schema in the metadata, readers take the file's own: the class labels,
        // which are complete only at the end, can then follow as a key of the file.
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let schema = builder.schema().into();
        Ok(Self {
            builder,
            writer: ArrowWriter::try_new_with_options(output, schema, options)?,
        })
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        self.writer.write(&self.builder.take()?)
    }

    fn finish(mut self) -> Result<(), ParquetError> {
        self.flush()?;
        let metadata = KeyValue::new(HUGGINGFACE.to_owned(), self.builder.metadata());
        self.writer.append_key_value_metadata(metadata);
        self.writer.close().map(|_| ())
    }
}

fn refused(name: &Path, error: ParquetError) -> TextError {
    TextError::io(name, std::io::Error::other(error))
}
