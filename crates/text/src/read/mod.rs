//! Reading: one streaming trait over every format.
//!
//! A reader gives sentences as they stand in the file, tags in the file's own scheme.
//! [`read_corpus`] is what training and scoring use: the whole file, tags in IOB2.

mod arrow;
mod batches;
mod brat;
mod class_labels;
mod columns;
mod conll;
mod corpus;
mod csv;
mod doccano;
mod guard;
mod json;
mod lines;
mod parquet;
mod records;
mod shards;
mod stream;
mod text;
mod values;
mod whole;

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::brat::Accounting;
use crate::{Format, Fragments, Overlaps, Scheme, Sentence, TextError, Words, counted};

pub(crate) use columns::numbered;
pub(crate) use conll::{DOCSTART, Layout, comment_pair, is_blank, looks_like_conll};
pub(crate) use corpus::load;
pub use corpus::{Corpus, read_corpus, read_corpus_stream};
pub(crate) use json::find_words;
pub use lines::Lines;
pub use shards::matching_shards;

/// A stream of sentences.
///
/// After an `Err` the stream is over: the next item is `None`.
pub trait SentenceReader: Iterator<Item = Result<Sentence, TextError>> {
    /// What was passed over or repaired so far, counted; complete once the stream has ended.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// What separates the columns, for formats that have columns; known after the first sentence.
    fn separator(&self) -> Option<Separator> {
        None
    }

    /// The tag names in the order of their ids, when the file itself declares them.
    fn label_names(&self) -> Option<Vec<String>> {
        None
    }

    /// What the reader took for a word, when it had to find the words itself.
    fn words(&self) -> Option<Words> {
        None
    }

    /// What became of every entity so far, for formats whose entities tags cannot always tell.
    fn accounting(&self) -> Option<Accounting> {
        None
    }
}

/// Something that was passed over, repaired or lost, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What happened, in the plural and with the noun first: `sequences impossible in iob2`.
    pub what: String,
    /// How often.
    pub count: usize,
    /// The first few places, each as `file:line: what stands there`.
    pub examples: Vec<String>,
    /// Whether it counts what could not be read (see [`ReadOptions::skip_bad_lines`]).
    #[serde(skip)]
    pub unreadable: bool,
}

impl Warning {
    /// The number of places that a warning names.
    pub const EXAMPLES: usize = 3;

    /// A warning of which nothing has been counted yet.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            count: 0,
            examples: Vec::new(),
            unreadable: false,
        }
    }

    /// A warning that counts things, such as `lines`, that could not be read.
    pub(crate) fn of_unreadable(things: &str) -> Self {
        Self {
            unreadable: true,
            ..Self::new(format!("{things} that could not be read, left out"))
        }
    }

    /// Counts one occurrence; `example` is asked for only while places are still being collected.
    pub fn count(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push(example());
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.count, &self.what))?;
        for (index, example) in self.examples.iter().enumerate() {
            write!(f, "{}{example}", if index == 0 { ": " } else { "; " })?;
        }
        if self.count > self.examples.len() && !self.examples.is_empty() {
            write!(f, "; ...")?;
        }
        Ok(())
    }
}

/// What stands between columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Separator {
    /// One tab: a column may hold spaces.
    #[default]
    Tab,
    /// Any run of spaces and tabs when read, one space when written.
    Space,
}

/// Which column, field or key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// The first column.
    First,
    /// The last column.
    Last,
    /// The column with this number, counted from 1.
    Number(usize),
    /// The column, field or key with this name.
    Name(String),
}

impl FromStr for Column {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        match name {
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            "" | "0" => Err(TextError::Name {
                what: "column",
                name: name.to_owned(),
                expected: "first, last, a number counted from 1, or a column's name".to_owned(),
            }),
            _ => Ok(name
                .parse()
                .map_or_else(|_| Self::Name(name.to_owned()), Self::Number)),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("first"),
            Self::Last => f.write_str("last"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// How to read; the default finds everything out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadOptions {
    /// The format; found out from name and content when `None`.
    pub format: Option<Format>,
    /// The tag scheme; found out over the whole corpus when `None`.
    pub scheme: Option<Scheme>,
    /// Where the tags stand. CoNLL: last, or first when only that column looks like tags.
    /// JSON, CSV, Parquet, Arrow: the usual names.
    pub tag_column: Option<Column>,
    /// Where the words stand. CoNLL: the first column that is not the tags'.
    /// JSON, CSV, Parquet, Arrow: the usual names.
    pub word_column: Option<Column>,
    /// Where the sentence's identifier stands, in formats with named fields.
    pub id_column: Option<Column>,
    /// Tag names in the order of their ids, for files that give tags as integers.
    pub label_list: Option<Vec<String>>,
    /// Whether what would be a counted [`Warning`] is an error.
    pub strict: bool,
    /// What counts as a word in formats that give running text. `None`: [`Words::Unicode`] for brat and
    /// doccano, [`Words::Whitespace`] for plain text; who reads for a model says which.
    pub words: Option<Words>,
    /// Which of several entities that share text stays. `None`: the longest for brat, the first for doccano.
    pub overlaps: Option<Overlaps>,
    /// What becomes of fragmented entities (brat). `None`: they are joined.
    pub fragments: Option<Fragments>,
    /// Words in the longest sentence that a document is cut into (brat); `None`: as long as the text has it.
    pub sentence_words: Option<usize>,
    /// Whether a text's annotations are left alone, as if there were none (brat).
    pub text_only: bool,
    /// Whether the sentences of plain text have a [`Place`](crate::Place), for who writes the text as it stands. The file is then in
    /// memory as a whole.
    pub keep_document: bool,
    /// Whether what cannot be read is left out and counted as a [`Warning`], where the rest does not depend on it: a line of plain
    /// text or of JSON lines, a sentence of CoNLL columns.
    pub skip_bad_lines: bool,
    /// Whether texts are read whole, each with a label: as a sentence of one word, which is the text, and one tag, which is the label.
    pub whole_texts: bool,
}

/// Opens `path` for reading, its sentences one by one.
///
/// `path` may also be a folder of brat or one written by `datasets.save_to_disk`, or hold one `*` in its file name,
/// which stands for every shard that matches, in the order of their names.
///
/// # Errors
/// When the file cannot be opened or its format is not recognised; later trouble comes as an item.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn SentenceReader>, TextError> {
    if options.whole_texts {
        return whole::open(path, options);
    }
    if let Some(paths) = matching_shards(path)? {
        return shards::open(paths, options);
    }
    let format = match options.format {
        Some(format) => format,
        None => Format::detect(path)?,
    };
    match format {
        Format::Parquet => parquet::open(path, options),
        Format::Arrow => arrow::open(path, options),
        Format::Brat => brat::open(path, options),
        _ => {
            let file = File::open(path).map_err(|source| TextError::io(path, source))?;
            let input = BufReader::with_capacity(1 << 16, file);
            open_as(Box::new(input), path, format, options)
        }
    }
}

/// Reads sentences from a stream, such as standard input; `name` stands for it in messages.
///
/// # Errors
/// When the format is not recognised or cannot be read from a stream (Parquet).
pub fn open_stream(
    mut input: Box<dyn BufRead>,
    name: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    if options.whole_texts {
        return whole::open_stream(input, name, options);
    }
    let format = match options.format {
        Some(format) => format,
        None => {
            let head = input
                .fill_buf()
                .map_err(|source| TextError::io(name, source))?;
            Format::sniff(head)
        }
    };
    open_as(input, name, format, options)
}

fn open_as(
    input: Box<dyn BufRead>,
    name: &Path,
    format: Format,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    match format {
        Format::Conll => Ok(conll::open(input, name, options)),
        Format::Text => text::open(input, name, options),
        Format::Jsonl | Format::Json => json::open(input, name, format, options),
        Format::Doccano => doccano::open(input, name, options),
        Format::Csv | Format::Tsv => csv::open(input, name, format, options),
        Format::Parquet | Format::Arrow | Format::Brat => Err(TextError::file(
            name,
            format!("{format} cannot be read from a stream; give the file's path"),
        )),
    }
}
