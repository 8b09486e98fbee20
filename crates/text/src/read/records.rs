//! Records of delimited text: CSV as RFC 4180 quotes it, or TSV, which quotes nothing.
//!
//! The `csv` crate reads the same records, but its positions lie before the LF of a CR LF and before
//! the empty lines that follow a record; messages here name the very line.

use std::io::BufRead;
use std::path::Path;

use super::Lines;
use crate::TextError;

/// The records of a file, with their lines. An empty line is no record, but a gap between two.
pub(super) struct Records {
    lines: Lines,
    /// Whether there was an empty line so far.
    pub(super) has_gaps: bool,
    dialect: Dialect,
}

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The line on which it begins, counted from 1.
    pub(super) line: usize,
    /// Whether an empty line stands before it.
    pub(super) after_gap: bool,
    pub(super) fields: Vec<String>,
}

impl Records {
    /// Fields separated by commas and quoted where need be.
    pub(super) fn csv(input: Box<dyn BufRead>, name: &Path) -> Self {
        Self {
            lines: Lines::new(input, name),
            has_gaps: false,
            dialect: Dialect {
                delimiter: ',',
                quoted: true,
            },
        }
    }

    /// Fields separated by tabs, each as it stands.
    pub(super) fn tsv(input: Box<dyn BufRead>, name: &Path) -> Self {
        Self {
            lines: Lines::new(input, name),
            has_gaps: false,
            dialect: Dialect {
                delimiter: '\t',
                quoted: false,
            },
        }
    }

    pub(super) fn name(&self) -> &Path {
        self.lines.name()
    }

    /// The next record, or `None` at the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<Record>, TextError> {
        let mut state = State::Start;
        let mut fields = vec![String::new()];
        let (mut begin, mut after_gap) = (0, false);
        while let Some(line) = self.lines.next_line()? {
            if state == State::Start && line.is_empty() {
                after_gap = true;
                self.has_gaps = true;
                continue;
            }
            for c in line.chars() {
                state = self.dialect.feed(state, c, &mut fields);
            }
            if begin == 0 {
                begin = self.lines.number();
            }
            if state != State::Quoted {
                return Ok(Some(Record {
                    line: begin,
                    after_gap,
                    fields,
                }));
            }
            if let Some(field) = fields.last_mut() {
                field.push_str(self.lines.line_end());
            }
        }
        if state == State::Quoted {
            let message =
                "a quoted field begins in this record and never ends; expected \" at its end";
            return Err(TextError::syntax(self.name(), begin, message));
        }
        Ok(None)
    }
}

/// How fields are told apart.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    delimiter: char,
    quoted: bool,
}

impl Dialect {
    /// Adds one character of a record to its `fields`, the last of which is being read.
    fn feed(self, state: State, c: char, fields: &mut Vec<String>) -> State {
        match (state, c) {
            (State::Start, '"') if self.quoted => return State::Quoted,
            (State::Quoted, '"') => return State::Quote,
            (State::Start | State::Plain | State::Quote, c) if c == self.delimiter => {
                fields.push(String::new());
                return State::Start;
            }
            _ => {}
        }
        if let Some(field) = fields.last_mut() {
            field.push(c);
        }
        match state {
            // "" inside quotes stands for one; anything else after a closing quote goes on unquoted,
            // as the csv crate and Python read it.
            State::Quoted => State::Quoted,
            State::Quote if c == '"' => State::Quoted,
            _ => State::Plain,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the start of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote that ends the field, unless another follows.
    Quote,
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn all(mut records: Records) -> Result<Vec<(usize, Vec<String>)>, String> {
        let mut all = Vec::new();
        while let Some(record) = records.next().map_err(|error| error.to_string())? {
            all.push((record.line, record.fields));
        }
        Ok(all)
    }

    fn csv(text: &'static str) -> Result<Vec<(usize, Vec<String>)>, String> {
        all(Records::csv(
            Box::new(Cursor::new(text)),
            Path::new("input"),
        ))
    }

    /// The csv crate's reading, without lines.
    fn reference(text: &str) -> Vec<Vec<String>> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        reader
            .into_records()
            .map(|it| it.expect("a record").iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn records_are_those_of_the_csv_crate() {
        for text in [
            "a,b\nc,d\n",
            "a,\r\n,b",
            "\"a,b\",\"\"\"\",\"x\ny\"\n\n\nz,\"\",\n",
            "a\"b,\"c\"d,e\"\"\n",
            "\"a\r\nb\"\r\n\r\nc",
            ",,\n",
        ] {
            let fields: Vec<_> = csv(text)
                .expect("records")
                .into_iter()
                .map(|it| it.1)
                .collect();
            assert_eq!(fields, reference(text), "{text:?}");
        }
    }

    #[test]
    fn every_record_knows_its_line() {
        let lines = |text| csv(text).map(|all| all.iter().map(|it| it.0).collect::<Vec<_>>());
        assert_eq!(lines("\u{feff}a\r\n\r\n\"b\r\nc\"\r\nd"), Ok(vec![1, 3, 5]));
        assert_eq!(lines("\n\na\n"), Ok(vec![3]));
    }

    #[test]
    fn a_quote_that_never_ends_is_named_where_it_begins() {
        let said =
            "input:2: a quoted field begins in this record and never ends; expected \" at its end";
        assert_eq!(csv("a\nb,\"c\nd\n"), Err(said.to_owned()));
    }
}
