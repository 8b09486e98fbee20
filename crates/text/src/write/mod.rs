//! Writing: one trait over every format, files whole or not at all.

mod arrow;
mod batches;
mod brat;
mod conll;
mod csv;
mod doccano;
mod json;
mod lines;
mod parquet;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::atomic::AtomicFile;
use crate::{Format, Scheme, Sentence, Separator, Source, TextError, counted};

/// Where a writer writes to.
pub type Output = Box<dyn Write + Send>;

/// Takes sentences one by one.
pub trait SentenceWriter {
    /// Writes one sentence.
    ///
    /// # Errors
    /// When the output refuses, or the sentence holds words or tags that the format cannot.
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError>;

    /// What of the sentences so far the format could not hold and left out, counted.
    fn losses(&self) -> Losses;

    /// Documents that were made of sentences so far, a line a sentence, where the format holds documents and the sentences came
    /// from none that is kept whole.
    fn documents_made(&self) -> Option<usize> {
        None
    }

    /// Writes what is still due and flushes.
    ///
    /// # Errors
    /// When the output refuses.
    fn finish(self: Box<Self>) -> Result<(), TextError>;
}

/// How to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The scheme that the sentences' tags are in (`None`: IOB2); formats that hold spans need it.
    pub scheme: Option<Scheme>,
    /// What stands between the columns of a CoNLL file (`None`: a tab, which holds every word).
    pub separator: Option<Separator>,
    /// Tag names in the order of the ids that Parquet and Arrow hold, named by class labels as
    /// `datasets` does it; when `None`, `O` and then the tags as they first appear.
    pub label_list: Option<Vec<String>>,
}

/// What a format could not hold and left out, counted by its name: `comments`, `extra columns`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses(pub BTreeMap<&'static str, usize>);

impl Losses {
    /// Counts `count` more of `what`, a noun in the plural.
    pub fn add(&mut self, what: &'static str, count: usize) {
        if count > 0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// Counts what CoNLL files say beside words and tags, in a format that holds an identifier and
    /// `columns` further columns.
    fn add_source(&mut self, source: &Source, columns: usize) {
        let all = source.columns.first().map_or(0, Vec::len);
        self.add("comments", source.comments.len());
        self.add("document starts", usize::from(source.starts_document));
        self.add("extra columns", all.saturating_sub(columns));
    }

    /// Whether everything was held.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (what, count)) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}{}", counted(*count, what))?;
        }
        Ok(())
    }
}

/// Writes sentences to `output` in `format`; `name` stands for it in messages.
///
/// # Errors
/// When the output refuses, or the options contradict the format.
pub fn create(
    output: Output,
    name: &Path,
    format: Format,
    options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    match format {
        Format::Conll => Ok(conll::create(output, name, options)),
        Format::Text => Ok(text::create(output, name)),
        Format::Jsonl | Format::Json => json::create(output, name, format, options),
        Format::Doccano => doccano::create(output, name, options),
        Format::Csv | Format::Tsv => csv::create(output, name, format, options),
        Format::Parquet => parquet::create(output, name, options),
        Format::Arrow => arrow::create(output, name, options),
        Format::Brat => Err(TextError::file(
            name,
            "cannot hold brat, which is a folder; give the folder's path",
        )),
    }
}

/// Writes sentences to the file at `path`, which appears, or is replaced, only by
/// [`SentenceWriter::finish`].
///
/// [`Format::Brat`] is always a folder. With [`Format::Arrow`], a `path` without the extension `.arrow` becomes a folder as
/// `datasets.save_to_disk` writes it.
///
/// # Errors
/// When the file cannot be made, or the options contradict the format.
pub fn create_file(
    path: &Path,
    format: Format,
    options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    if format == Format::Brat {
        return brat::create_folder(path, options);
    }
    if format == Format::Arrow
        && path
            .extension()
            .is_none_or(|extension| extension != "arrow")
    {
        return arrow::create_folder(path, options);
    }
    let file = AtomicFile::create(path).map_err(|source| TextError::io(path, source))?;
    let shared = SharedFile(Arc::new(Mutex::new(Some(file))));
    let writer = create(Box::new(shared.clone()), path, format, options)?;
    Ok(Box::new(FileWriter {
        path: path.to_path_buf(),
        writer,
        file: shared,
    }))
}

/// A writer whose file appears when it is finished.
struct FileWriter {
    path: PathBuf,
    writer: Box<dyn SentenceWriter>,
    file: SharedFile,
}

impl SentenceWriter for FileWriter {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.writer.write(sentence)
    }

    fn losses(&self) -> Losses {
        self.writer.losses()
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.writer.finish()?;
        let file = self
            .file
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match file {
            Some(file) => file
                .commit()
                .map_err(|source| TextError::io(&self.path, source)),
            None => Ok(()),
        }
    }
}

/// The file that a format's writer writes to while [`FileWriter`] keeps the right to commit it.
#[derive(Clone)]
struct SharedFile(Arc<Mutex<Option<AtomicFile>>>);

impl SharedFile {
    fn with<T>(&self, act: impl FnOnce(&mut AtomicFile) -> io::Result<T>) -> io::Result<T> {
        match self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            Some(file) => act(file),
            None => Err(io::Error::other("the file is finished")),
        }
    }
}

impl Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(AtomicFile::flush)
    }
}
