//! Arrow IPC streams with class labels, alone or in a folder as `datasets.save_to_disk` writes it.
//!
//! A stream begins with its schema and the schema holds the class labels, so the batches wait in
//! memory until all labels are known.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use serde_json::json;

use super::batches::{BatchBuilder, HUGGINGFACE};
use super::{Losses, Output, SentenceWriter, WriteOptions};
use crate::atomic::{self, AtomicFile};
use crate::{Sentence, TextError};

/// The one data file of a folder, named as `datasets` names shards.
const DATA_FILE: &str = "data-00000-of-00001.arrow";

pub(super) fn create(
    output: Output,
    name: &Path,
    options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    Ok(Box::new(StreamFile {
        rows: Rows::new(name, options),
        output,
    }))
}

/// Writes a folder as `datasets.save_to_disk` does, whole or not at all.
pub(super) fn create_folder(
    path: &Path,
    options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    if path.exists() {
        return Err(TextError::file(
            path,
            "exists; expected the name of a folder to be made",
        ));
    }
    Ok(Box::new(Folder {
        rows: Rows::new(path, options),
        path: path.to_path_buf(),
    }))
}

/// The sentences so far.
struct Rows {
    builder: Option<BatchBuilder>,
    batches: Vec<RecordBatch>,
    name: PathBuf,
    label_list: Option<Vec<String>>,
    sentences: usize,
}

impl Rows {
    fn new(name: &Path, options: &WriteOptions) -> Self {
        Self {
            builder: None,
            batches: Vec::new(),
            name: name.to_path_buf(),
            label_list: options.label_list.clone(),
            sentences: 0,
        }
    }

    fn push(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.sentences += 1;
        let builder = self
            .builder
            .get_or_insert_with(|| BatchBuilder::new(Some(sentence), self.label_list.as_deref()));
        builder
            .push(sentence)
            .map_err(|message| TextError::unwritable(&self.name, self.sentences, message))?;
        if builder.is_full() {
            self.batches
                .push(builder.take().map_err(|error| refused(&self.name, error))?);
        }
        Ok(())
    }

    fn losses(&self) -> Losses {
        self.builder
            .as_ref()
            .map(|builder| builder.losses().clone())
            .unwrap_or_default()
    }

    /// Writes the stream; gives back what names its columns.
    fn write_to(mut self, output: impl Write) -> Result<BatchBuilder, TextError> {
        let label_list = self.label_list.as_deref();
        let mut builder = self
            .builder
            .take()
            .unwrap_or_else(|| BatchBuilder::new(None, label_list));
        let metadata = HashMap::from([(HUGGINGFACE.to_owned(), builder.metadata())]);
        let schema = builder.schema().with_metadata(metadata);
        let write = || {
            self.batches.push(builder.take()?);
            let mut writer = StreamWriter::try_new(output, &schema)?;
            for batch in self.batches.iter().filter(|batch| batch.num_rows() > 0) {
                writer.write(batch)?;
            }
            writer.finish()?;
            writer.into_inner()?.flush().map_err(ArrowError::from)
        };
        write().map_err(|error| refused(&self.name, error))?;
        Ok(builder)
    }
}

struct StreamFile {
    rows: Rows,
    output: Output,
}

impl SentenceWriter for StreamFile {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.rows.push(sentence)
    }

    fn losses(&self) -> Losses {
        self.rows.losses()
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.rows.write_to(self.output).map(|_| ())
    }
}

struct Folder {
    rows: Rows,
    path: PathBuf,
}

impl SentenceWriter for Folder {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.rows.push(sentence)
    }

    fn losses(&self) -> Losses {
        self.rows.losses()
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(self.path.file_name().unwrap_or_default());
        hidden.push(format!(".{}.tmp", std::process::id()));
        let temporary = self.path.with_file_name(hidden);
        std::fs::create_dir(&temporary).map_err(|source| TextError::io(&temporary, source))?;
        let rename = || std::fs::rename(&temporary, &self.path);
        let written = write_folder(self.rows, &temporary)
            .and_then(|()| rename().map_err(|source| TextError::io(&self.path, source)));
        if written.is_err() {
            let _ = std::fs::remove_dir_all(&temporary);
        }
        written
    }
}

/// Data, `dataset_info.json` and `state.json`.
fn write_folder(rows: Rows, folder: &Path) -> Result<(), TextError> {
    let data = folder.join(DATA_FILE);
    let mut file = AtomicFile::create(&data).map_err(|source| TextError::io(&data, source))?;
    let mut hashing = Hashing {
        output: &mut file,
        hasher: DefaultHasher::new(),
    };
    let builder = rows.write_to(&mut hashing)?;
    let fingerprint = format!("{:016x}", hashing.hasher.finish());
    file.commit()
        .map_err(|source| TextError::io(&data, source))?;

    let info = json!({
        "citation": "", "description": "", "features": builder.features(), "homepage": "", "license": "",
    });
    let state = json!({
        "_data_files": [{"filename": DATA_FILE}],
        "_fingerprint": fingerprint,
        "_format_columns": null,
        "_format_kwargs": {},
        "_format_type": null,
        "_output_all_columns": false,
        "_split": null,
    });
    for (name, value) in [("dataset_info.json", info), ("state.json", state)] {
        let path = folder.join(name);
        atomic::write(&path, format!("{value:#}\n").as_bytes())
            .map_err(|source| TextError::io(&path, source))?;
    }
    Ok(())
}

/// Hashes what it writes: `datasets` keys its caches by a fingerprint of the content.
struct Hashing<W> {
    output: W,
    hasher: DefaultHasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hasher.write(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn refused(name: &Path, error: ArrowError) -> TextError {
    match error {
        ArrowError::IoError(_, source) => TextError::io(name, source),
        other => TextError::io(name, io::Error::other(other)),
    }
}
