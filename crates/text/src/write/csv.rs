//! CSV and TSV with a header, one word a row, and the sentence's identifier in every row.

use std::path::{Path, PathBuf};

use csv::{ErrorKind, QuoteStyle, WriterBuilder};

use super::{Losses, Output, SentenceWriter, WriteOptions};
use crate::read::numbered;
use crate::words::is_joined;
use crate::{Format, Sentence, TextError};

pub(super) fn create(
    output: Output,
    name: &Path,
    format: Format,
    _options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    let tabs = format == Format::Tsv;
    let writer = WriterBuilder::new()
        .delimiter(if tabs { b'\t' } else { b',' })
        .quote_style(if tabs {
            QuoteStyle::Never
        } else {
            QuoteStyle::Necessary
        })
        .from_writer(output);
    Ok(Box::new(CsvWriter {
        writer,
        name: name.to_path_buf(),
        tabs,
        width: None,
        sentences: 0,
        last_id: String::new(),
        losses: Losses::default(),
    }))
}

struct CsvWriter {
    writer: csv::Writer<Output>,
    name: PathBuf,
    tabs: bool,
    /// Number of further columns, once the header is written: as many as the first word has.
    width: Option<usize>,
    sentences: usize,
    last_id: String,
    losses: Losses,
}

impl SentenceWriter for CsvWriter {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.sentences += 1;
        let columns = &sentence.source.columns;
        let width = match self.width {
            Some(width) => width,
            None => self.header(columns.first().map_or(0, Vec::len))?,
        };
        let id = self.id(sentence);
        if sentence.is_empty() {
            // A row with neither word nor tag keeps the sentence.
            self.record(std::iter::once(id.as_str()).chain(std::iter::repeat_n("", width + 2)))?;
        }
        for (index, word) in sentence.words().enumerate() {
            let tag = sentence.tags.as_ref().map_or("", |tags| &tags[index]);
            let extras = columns.get(index).map_or(&[][..], Vec::as_slice);
            self.check(word, tag, extras)?;
            let kept = (0..width).map(|at| extras.get(at).map_or("", String::as_str));
            self.record([id.as_str(), word].into_iter().chain(kept).chain([tag]))?;
        }
        self.count_losses(sentence, width);
        self.last_id = id;
        Ok(())
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn finish(mut self: Box<Self>) -> Result<(), TextError> {
        if self.width.is_none() {
            self.header(0)?;
        }
        self.writer
            .flush()
            .map_err(|source| TextError::io(&self.name, source))
    }
}

impl CsvWriter {
    fn header(&mut self, width: usize) -> Result<usize, TextError> {
        let extras: Vec<String> = (0..width).map(numbered).collect();
        let extras = extras.iter().map(String::as_str);
        self.record(
            ["sentence_id", "word"]
                .into_iter()
                .chain(extras)
                .chain(["tag"]),
        )?;
        self.width = Some(width);
        Ok(width)
    }

    /// The sentence's own identifier, unless the sentence before it has the same, or its number.
    fn id(&self, sentence: &Sentence) -> String {
        let number = self.sentences.to_string();
        match &sentence.source.id {
            Some(id) if !id.is_empty() && *id != self.last_id => id.clone(),
            _ if number != self.last_id => number,
            _ => format!("{number}."),
        }
    }

    /// What no reader could tell from something else.
    fn check(&self, word: &str, tag: &str, extras: &[String]) -> Result<(), TextError> {
        let message = if word.is_empty() {
            "an empty word, which reads as no word".to_owned()
        } else if self.tabs {
            let unquotable = |field: &&str| field.contains(['\t', '\n', '\r']);
            match [word, tag]
                .into_iter()
                .chain(extras.iter().map(String::as_str))
                .find(unquotable)
            {
                Some(field) => format!(
                    "{field:?} holds a tab or line break, which TSV cannot quote; expected another \
                     format, such as csv"
                ),
                None => return Ok(()),
            }
        } else {
            return Ok(());
        };
        Err(TextError::unwritable(&self.name, self.sentences, message))
    }

    fn count_losses(&mut self, sentence: &Sentence, width: usize) {
        let source = &sentence.source;
        self.losses.add_source(source, width);
        self.losses
            .add("spacings of text", usize::from(!is_joined(sentence)));
        let repeated = source
            .id
            .as_ref()
            .is_some_and(|id| *id == self.last_id || id.is_empty());
        self.losses.add("sentence ids", usize::from(repeated));
    }

    fn record<'a>(&mut self, fields: impl Iterator<Item = &'a str>) -> Result<(), TextError> {
        self.writer
            .write_record(fields)
            .map_err(|error| match error.into_kind() {
                ErrorKind::Io(source) => TextError::io(&self.name, source),
                other => TextError::unwritable(&self.name, self.sentences, format!("{other:?}")),
            })
    }
}
