//! CSV and TSV with a header and one word a row.
//!
//! A sentence ends where the identifier changes; an empty cell in its column carries on, as in the
//! layout of Kaggle (`Sentence #,Word,POS,Tag`) where only the first word of a sentence names it.
//! Without a column of identifiers a sentence ends at an empty line.
//! CSV is quoted as RFC 4180 says. In TSV a field is what stands between two tabs and nothing is
//! quoted (IANA text/tab-separated-values): annotated text is full of bare `"`.

use std::io::BufRead;
use std::path::Path;

use super::columns::{self, Roles};
use super::records::{Record, Records};
use super::stream::{Reading, stream};
use super::{ReadOptions, SentenceReader};
use crate::{Format, Sentence, TextError, counted};

pub(super) fn open(
    input: Box<dyn BufRead>,
    name: &Path,
    format: Format,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    let mut records = match format {
        Format::Tsv => Records::tsv(input, name),
        _ => Records::csv(input, name),
    };
    let mut header = records
        .next()?
        .map(|record| record.fields)
        .unwrap_or_default();
    header
        .iter_mut()
        .for_each(|field| *field = field.trim().to_owned());
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let roles = Roles::find(&names, options);
    let roles = roles.map_err(|message| TextError::syntax(name, 1, message))?;
    let taken = [Some(roles.words), roles.tags, roles.id];
    let extras = (0..names.len())
        .filter(|&at| !taken.contains(&Some(at)))
        .collect();
    Ok(stream(CsvReader {
        records,
        header,
        roles,
        extras,
        pending: None,
    }))
}

struct CsvReader {
    records: Records,
    header: Vec<String>,
    roles: Roles,
    extras: Vec<usize>,
    /// The first row of the next sentence.
    pending: Option<Record>,
}

impl Reading for CsvReader {
    fn read(&mut self) -> Result<Option<Sentence>, TextError> {
        let first = match self.pending.take() {
            Some(row) => row,
            None => match self.next_row()? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        let (line, id) = (first.line, self.id(&first).to_owned());
        let mut rows = vec![first];
        while let Some(row) = self.next_row()? {
            if self.begins_another(&row, &id) {
                self.pending = Some(row);
                break;
            }
            rows.push(row);
        }
        self.check_borders(&rows)?;
        // A row with neither word nor tag says that the sentence is there, and has no word.
        rows.retain(|row| !self.word(row).is_empty() || !self.tag(row).is_empty());
        let tags = self.tags(&rows)?;
        let words: Vec<&str> = rows.iter().map(|row| self.word(row)).collect();
        let mut sentence = Sentence::from_words(&words, tags);
        sentence.source.line = line;
        sentence.source.lines = rows.iter().map(|row| row.line).collect();
        sentence.source.id = Some(id).filter(|id| !id.is_empty());
        if !self.extras.is_empty() {
            let extras = |row: &Record| {
                self.extras
                    .iter()
                    .map(|&at| row.fields[at].clone())
                    .collect()
            };
            sentence.source.columns = rows.iter().map(extras).collect();
        }
        Ok(Some(sentence))
    }
}

impl CsvReader {
    /// Whether `row` is of another sentence than the row before it, of the sentence `id`.
    fn begins_another(&self, row: &Record, id: &str) -> bool {
        match self.roles.id {
            Some(_) => !self.id(row).is_empty() && self.id(row) != id,
            None => row.after_gap,
        }
    }

    /// A file that tells no sentence from the next is not one long sentence.
    fn check_borders(&self, rows: &[Record]) -> Result<(), TextError> {
        if self.roles.id.is_some() || self.records.has_gaps || rows.len() < 2 {
            return Ok(());
        }
        let names: Vec<&str> = self.header.iter().map(String::as_str).collect();
        let missing = columns::missing("sentence ids", columns::IDS, &names);
        let message = format!("{missing}; nor does an empty line end a sentence");
        Err(TextError::syntax(self.records.name(), 1, message))
    }

    fn next_row(&mut self) -> Result<Option<Record>, TextError> {
        let row = self.records.next()?;
        match &row {
            Some(Record { line, fields, .. }) if fields.len() != self.header.len() => {
                let message = format!(
                    "{}; expected {} as in the header",
                    counted(fields.len(), "columns"),
                    self.header.len()
                );
                Err(TextError::syntax(self.records.name(), *line, message))
            }
            _ => Ok(row),
        }
    }

    fn id<'a>(&self, row: &'a Record) -> &'a str {
        self.roles.id.map_or("", |id| &row.fields[id])
    }

    fn word<'a>(&self, row: &'a Record) -> &'a str {
        &row.fields[self.roles.words]
    }

    fn tag<'a>(&self, row: &'a Record) -> &'a str {
        self.roles.tags.map_or("", |tags| &row.fields[tags])
    }

    /// The tags of a sentence: one a word, or `None` when there is no tag at all.
    fn tags(&self, rows: &[Record]) -> Result<Option<Vec<String>>, TextError> {
        let untagged = rows.iter().all(|row| self.tag(row).is_empty());
        for row in rows {
            let (word, tag) = (self.word(row), self.tag(row));
            let message = if word.is_empty() {
                format!("the tag {tag:?} has no word")
            } else if tag.starts_with('[') && tag.ends_with(']') {
                "a list where a tag was expected: the file has one sentence a row, as \
                 Dataset.to_csv writes it, and does not say where words end; expected one word a \
                 row, or what to_json or to_parquet write"
                    .to_owned()
            } else if tag.is_empty() && !untagged {
                format!("the word {word:?} has no tag, but others of its sentence have")
            } else {
                continue;
            };
            return Err(TextError::syntax(self.records.name(), row.line, message));
        }
        let tag = |row: &Record| self.tag(row).to_owned();
        let tagged = self.roles.tags.is_some() && (!untagged || rows.is_empty());
        Ok(tagged.then(|| rows.iter().map(tag).collect()))
    }
}
