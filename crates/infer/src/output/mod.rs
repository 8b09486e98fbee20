//! Predictions as people and programs read them.
//!
//! Every writer puts a sentence out in one write, so an unbuffered standard output shows it at once
//! and a pipe's reader never waits for half of it.

mod brat;
mod classes;
mod conll;
mod format;
mod html;
mod jsonl;
mod parquet;
mod spans;
mod tables;
mod target;
mod terminal;

use std::path::Path;

use bert_ner_model::Task;
use bert_ner_text::{Output, Sentence, TextError};

use crate::offset::OffsetUnit;
use crate::tagged::Tagged;
pub use format::OutputFormat;
use target::Target;

/// What can be chosen about the writing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputOptions {
    /// What offsets count, where [`OutputFormat::has_units`].
    pub unit: OffsetUnit,
    /// Whether the terminal listing has colours (ANSI sequences).
    pub colours: bool,
    /// What is predicted: whole texts are written by [`OutputFormat::Terminal`] and [`OutputFormat::Jsonl`].
    pub task: Task,
    /// Whether there are several inputs, so that rows say which they are of ([`PredictionWriter::begin`]), where
    /// [`OutputFormat::has_files`].
    pub files: bool,
    /// Whether entities come without tags of words ([`Tagger::tag_texts`](crate::Tagger::tag_texts)).
    pub aggregated: bool,
    /// How many of its most probable labels each word comes with, where [`OutputFormat::has_ranks`].
    pub ranked: usize,
    /// The entity types there are, for the colours of [`OutputFormat::Html`].
    pub types: Vec<String>,
}

/// Takes sentences and their predictions one by one.
pub trait PredictionWriter {
    /// What is written from now on is of the input `file`.
    ///
    /// # Errors
    /// When what is due of the input before cannot be written.
    fn begin(&mut self, file: &str) -> Result<(), TextError>;

    /// So many sentences of the input are not written; they count where sentences have numbers.
    fn pass_over(&mut self, _sentences: usize) {}

    /// Writes one sentence.
    ///
    /// # Errors
    /// When the output refuses, or a word cannot stand in the format.
    fn write(&mut self, sentence: &Sentence, tagged: &Tagged) -> Result<(), TextError>;

    /// Writes what is still due; a file takes its place.
    ///
    /// # Errors
    /// When the output refuses.
    fn finish(self: Box<Self>) -> Result<(), TextError>;
}

/// Writes predictions to `output`; `name` stands for it in messages.
///
/// # Errors
/// When the output refuses.
pub fn create(
    output: Output,
    name: &Path,
    format: OutputFormat,
    options: &OutputOptions,
) -> Result<Box<dyn PredictionWriter>, TextError> {
    check_task(format, options, name)?;
    match format {
        OutputFormat::Conll => return conll::create(output, name),
        OutputFormat::Parquet => return parquet::create(Target::stream(output, name), options),
        OutputFormat::Brat => {
            let message = "cannot hold brat, which is a folder; expected a folder to write";
            return Err(TextError::File {
                path: name.to_path_buf(),
                message: message.to_owned(),
            });
        }
        _ => {}
    }
    lines(Target::stream(output, name), format, options)
}

/// Writes predictions to the file at `path`, which appears, or is replaced, only by
/// [`PredictionWriter::finish`].
///
/// # Errors
/// When the file cannot be made.
pub fn create_file(
    path: &Path,
    format: OutputFormat,
    options: &OutputOptions,
) -> Result<Box<dyn PredictionWriter>, TextError> {
    check_task(format, options, path)?;
    match format {
        OutputFormat::Conll => return conll::create_file(path),
        OutputFormat::Parquet => return parquet::create(Target::file(path)?, options),
        OutputFormat::Brat => return create_brat(path, []),
        _ => {}
    }
    lines(Target::file(path)?, format, options)
}

/// Writes predictions to a new folder of brat documents; `types` are those that annotators are to be offered. Offsets count characters
/// of the original text, whatever [`OutputOptions::unit`] says elsewhere.
///
/// # Errors
/// When something stands at `path` already.
pub fn create_brat(
    path: &Path,
    types: impl IntoIterator<Item = String>,
) -> Result<Box<dyn PredictionWriter>, TextError> {
    brat::create(path, types)
}

/// Refuses to write labels of texts where there is no place for them.
fn check_task(format: OutputFormat, options: &OutputOptions, path: &Path) -> Result<(), TextError> {
    if options.task == Task::Ner || matches!(format, OutputFormat::Terminal | OutputFormat::Jsonl) {
        return Ok(());
    }
    let message = format!(
        "{format} holds entities, but the model gives each text a label; expected terminal or jsonl"
    );
    Err(TextError::File {
        path: path.to_path_buf(),
        message,
    })
}

/// A writer of the formats that are ours.
fn lines(
    target: Target,
    format: OutputFormat,
    options: &OutputOptions,
) -> Result<Box<dyn PredictionWriter>, TextError> {
    let layout = layout(format, options);
    let mut writer = Lines {
        target,
        layout,
        sentences: 0,
        file: None,
        files: options.files,
        buffer: String::new(),
    };
    writer.layout.header(&mut writer.buffer);
    writer.flush()?;
    Ok(Box::new(writer))
}

fn layout(format: OutputFormat, options: &OutputOptions) -> Box<dyn Layout> {
    let (unit, files) = (options.unit, options.files);
    match format {
        OutputFormat::Jsonl if options.task == Task::Classify => Box::new(classes::Jsonl),
        _ if options.task == Task::Classify => Box::new(classes::Terminal),
        OutputFormat::Jsonl => Box::new(jsonl::Jsonl {
            unit,
            aggregated: options.aggregated,
        }),
        OutputFormat::Tsv => Box::new(tables::Table::tsv(unit, files)),
        OutputFormat::Csv => Box::new(tables::Table::csv(unit, files)),
        OutputFormat::Doccano => Box::new(spans::Doccano),
        OutputFormat::Prodigy => Box::new(spans::Prodigy),
        OutputFormat::Html => Box::new(html::Html::new(&options.types)),
        OutputFormat::Terminal
        | OutputFormat::Conll
        | OutputFormat::Parquet
        | OutputFormat::Brat => Box::new(terminal::Terminal {
            colours: options.colours,
        }),
    }
}

/// Where a sentence stands.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    /// Its number among all sentences, those that were passed over with them, counted from 1.
    number: usize,
    /// The input that it is of, where there are several.
    file: Option<&'a str>,
}

/// How a sentence looks.
trait Layout {
    /// What stands before the first sentence.
    fn header(&mut self, _out: &mut String) {}

    /// Appends the lines of a sentence.
    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String);

    /// What stands behind the last sentence.
    fn footer(&mut self, _out: &mut String) {}
}

/// Writes each sentence as its layout has it.
struct Lines {
    target: Target,
    layout: Box<dyn Layout>,
    sentences: usize,
    file: Option<String>,
    files: bool,
    buffer: String,
}

impl Lines {
    fn flush(&mut self) -> Result<(), TextError> {
        self.target.put(self.buffer.as_bytes())?;
        self.buffer.clear();
        Ok(())
    }
}

impl PredictionWriter for Lines {
    fn begin(&mut self, file: &str) -> Result<(), TextError> {
        self.file = self.files.then(|| file.to_owned());
        Ok(())
    }

    fn pass_over(&mut self, sentences: usize) {
        self.sentences += sentences;
    }

    fn write(&mut self, sentence: &Sentence, tagged: &Tagged) -> Result<(), TextError> {
        self.sentences += 1;
        let at = At {
            number: self.sentences,
            file: self.file.as_deref(),
        };
        self.layout.sentence(at, sentence, tagged, &mut self.buffer);
        self.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<(), TextError> {
        self.layout.footer(&mut self.buffer);
        self.flush()?;
        self.target.finish()
    }
}
