//! Predictions as people and programs read them.
//!
//! Every writer puts a sentence out in one write, so an unbuffered standard output shows it at once
//! and a pipe's reader never waits for half of it.

mod brat;
mod classes;
mod conll;
mod jsonl;
mod target;
mod terminal;
mod tsv;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use bert_ner_text::{Format, Output, Sentence, TextError, by_name};

use bert_ner_model::Task;

use crate::offset::OffsetUnit;
use crate::tagged::Tagged;
use target::Target;

/// How predictions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OutputFormat {
    /// The text, and its entities below it, for people.
    #[default]
    Terminal,
    /// One JSON object a sentence: `text`, `tokens`, `ner_tags` and `entities` with offsets.
    Jsonl,
    /// Columns, one word a line: the predicted tag last, the gold tag before it when there is one.
    Conll,
    /// One entity a line, with a header.
    Tsv,
    /// A folder of brat: texts and, beside them, their entities. Made by [`create_brat`].
    Brat,
}

/// What can be chosen about the writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputOptions {
    /// What the offsets in `jsonl` and `tsv` count.
    pub unit: OffsetUnit,
    /// Whether the terminal listing has colours (ANSI sequences).
    pub colours: bool,
    /// What is predicted: whole texts are written by [`OutputFormat::Terminal`] and [`OutputFormat::Jsonl`].
    pub task: Task,
}

/// Takes sentences and their predictions one by one.
pub trait PredictionWriter {
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
    let layout: Box<dyn Layout> = match format {
        OutputFormat::Jsonl if options.task == Task::Classify => Box::new(classes::Jsonl),
        _ if options.task == Task::Classify => Box::new(classes::Terminal),
        OutputFormat::Jsonl => Box::new(jsonl::Jsonl { unit: options.unit }),
        OutputFormat::Tsv => Box::new(tsv::Tsv { unit: options.unit }),
        OutputFormat::Terminal | OutputFormat::Conll | OutputFormat::Brat => {
            Box::new(terminal::Terminal {
                colours: options.colours,
            })
        }
    };
    let mut writer = Lines {
        target,
        layout,
        sentences: 0,
        buffer: String::new(),
    };
    writer.layout.header(&mut writer.buffer);
    writer.flush()?;
    Ok(Box::new(writer))
}

/// How a sentence looks.
trait Layout {
    /// What stands before the first sentence.
    fn header(&self, _out: &mut String) {}

    /// Appends the lines of the sentence with this number, counted from 1.
    fn sentence(&self, number: usize, sentence: &Sentence, tagged: &Tagged, out: &mut String);
}

/// Writes each sentence as its layout has it.
struct Lines {
    target: Target,
    layout: Box<dyn Layout>,
    sentences: usize,
    buffer: String,
}

impl Lines {
    fn flush(&mut self) -> Result<(), TextError> {
        self.target.write(self.buffer.as_bytes())?;
        self.buffer.clear();
        Ok(())
    }
}

impl PredictionWriter for Lines {
    fn write(&mut self, sentence: &Sentence, tagged: &Tagged) -> Result<(), TextError> {
        self.sentences += 1;
        self.layout
            .sentence(self.sentences, sentence, tagged, &mut self.buffer);
        self.flush()
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.target.finish()
    }
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Terminal,
        Self::Jsonl,
        Self::Conll,
        Self::Tsv,
        Self::Brat,
    ];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Jsonl => "jsonl",
            Self::Conll => "conll",
            Self::Tsv => "tsv",
            Self::Brat => "brat",
        }
    }

    /// The format that a file's extension asks for, as in [`Format::from_extension`]; `None` when it asks for one that
    /// predictions are not written in.
    pub fn of_extension(path: &Path) -> Option<Self> {
        match Format::from_extension(path)? {
            Format::Jsonl => Some(Self::Jsonl),
            Format::Conll => Some(Self::Conll),
            Format::Tsv => Some(Self::Tsv),
            _ => None,
        }
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OutputFormat {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        by_name("output format", &Self::ALL, Self::name, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in OutputFormat::ALL {
            assert_eq!(format.name().parse::<OutputFormat>().unwrap(), format);
        }
        assert_eq!(
            "xml".parse::<OutputFormat>().unwrap_err().to_string(),
            "unknown output format \"xml\"; expected terminal, jsonl, conll, tsv or brat"
        );
        assert_eq!(
            OutputFormat::of_extension(Path::new("a/b.tsv")),
            Some(OutputFormat::Tsv)
        );
        for other in ["b", "b.csv", "b.json", "b.txt"] {
            assert_eq!(OutputFormat::of_extension(Path::new(other)), None);
        }
    }
}
