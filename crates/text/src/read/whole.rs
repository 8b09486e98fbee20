//! Whole texts with a label each, for [`ReadOptions::whole_texts`]: JSON lines and arrays, CSV and TSV with a header, plain text.
//!
//! A text is a [`Sentence`] of one word, which is all of it, and its label is that word's tag.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::class_labels::ClassLabels;
use super::columns::{IDS, find, missing};
use super::json::{kind, scalar};
use super::records::Records;
use super::stream::{Reading, stream};
use super::values::JsonValues;
use super::{Lines, ReadOptions, SentenceReader};
use crate::{Format, Sentence, Source, TextError, counted};

/// Names under which texts are found, the first that is there.
const TEXTS: &[&str] = &["text", "sentence", "content"];
/// Names under which labels are found.
const LABELS: &[&str] = &["label", "labels", "class", "category"];

pub(super) fn open(
    path: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    let file = File::open(path).map_err(|source| TextError::io(path, source))?;
    let mut options = options.clone();
    options.format = options.format.or_else(|| Format::from_extension(path));
    open_stream(
        Box::new(BufReader::with_capacity(1 << 16, file)),
        path,
        &options,
    )
}

pub(super) fn open_stream(
    mut input: Box<dyn BufRead>,
    name: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    let format = match options.format {
        Some(format) => format,
        None => {
            let head = input
                .fill_buf()
                .map_err(|source| TextError::io(name, source))?;
            match head.trim_ascii_start().first() {
                Some(b'{') => Format::Jsonl,
                _ => Format::Text,
            }
        }
    };
    let input = match format {
        Format::Jsonl | Format::Json | Format::Doccano => Input::Json(JsonValues::new(input, name)),
        Format::Csv => Input::table(Records::csv(input, name), options)?,
        Format::Tsv => Input::table(Records::tsv(input, name), options)?,
        Format::Text => Input::Lines(Lines::new(input, name)),
        Format::Conll | Format::Parquet | Format::Arrow | Format::Brat => {
            let message = format!(
                "{format} does not hold whole texts with a label each; expected jsonl, json, csv, tsv or text"
            );
            return Err(TextError::file(name, message));
        }
    };
    Ok(stream(WholeReader {
        input,
        path: name.to_path_buf(),
        options: options.clone(),
        names: options
            .label_list
            .as_ref()
            .map(|names| ClassLabels::new(names.clone(), "--labels")),
        looked: options.label_list.is_some(),
    }))
}

enum Input {
    Json(JsonValues),
    Table(Records, Columns),
    Lines(Lines),
}

/// Where a row has what.
struct Columns {
    /// How many there are.
    count: usize,
    text: usize,
    label: Option<usize>,
    id: Option<usize>,
}

impl Columns {
    fn find(names: &[&str], options: &ReadOptions) -> Result<Self, String> {
        let mut rest = names.to_vec();
        let text = find(options.word_column.as_ref(), &rest, TEXTS)?
            .ok_or_else(|| missing("texts", TEXTS, names))?;
        rest[text] = "";
        let label = find(options.tag_column.as_ref(), &rest, LABELS)?;
        if let Some(label) = label {
            rest[label] = "";
        }
        Ok(Self {
            count: names.len(),
            text,
            label,
            id: find(options.id_column.as_ref(), &rest, IDS)?,
        })
    }
}

impl Input {
    fn table(mut records: Records, options: &ReadOptions) -> Result<Self, TextError> {
        let header = records
            .next()?
            .map(|record| record.fields)
            .unwrap_or_default();
        let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let columns = Columns::find(&names, options)
            .map_err(|message| TextError::syntax(records.name(), 1, message))?;
        Ok(Self::Table(records, columns))
    }
}

/// A text as it stands in the file.
#[derive(Default)]
struct Found {
    line: usize,
    text: String,
    label: Option<String>,
    /// Whether the label is an integer.
    is_id: bool,
    id: Option<String>,
}

struct WholeReader {
    input: Input,
    path: PathBuf,
    options: ReadOptions,
    /// The names of integer labels, as far as they are known.
    names: Option<ClassLabels>,
    /// Whether they were looked for.
    looked: bool,
}

impl Reading for WholeReader {
    fn read(&mut self) -> Result<Option<Sentence>, TextError> {
        let found = match &mut self.input {
            Input::Json(values) => match values.next()? {
                None => None,
                Some((Value::Object(object), line)) => {
                    let found = in_object(&object, &self.options);
                    let found =
                        found.map_err(|message| TextError::syntax(&self.path, line, message))?;
                    Some(Found { line, ..found })
                }
                Some((other, line)) => {
                    let message = format!("found {}; expected an object with a text", kind(&other));
                    return Err(TextError::syntax(&self.path, line, message));
                }
            },
            Input::Table(records, columns) => in_row(records, columns)?,
            Input::Lines(lines) => in_line(lines)?,
        };
        let Some(found) = found else { return Ok(None) };
        let tags = match &found.label {
            None => None,
            Some(label) if found.is_id => Some(vec![self.name(label, found.line)?]),
            Some(label) => Some(vec![label.clone()]),
        };
        Ok(Some(Sentence {
            words: std::iter::once(0..found.text.len()).collect(),
            text: found.text,
            tags,
            source: Source {
                line: found.line,
                id: found.id,
                ..Source::default()
            },
        }))
    }

    fn label_names(&self) -> Option<Vec<String>> {
        self.names.as_ref().map(|names| names.names().to_vec())
    }
}

impl WholeReader {
    /// The name of an integer label; the integer itself where nothing names it.
    fn name(&mut self, label: &str, line: usize) -> Result<String, TextError> {
        if !std::mem::replace(&mut self.looked, true) && self.path.exists() {
            let column = match &self.options.tag_column {
                Some(super::Column::Name(name)) => name,
                _ => LABELS[0],
            };
            self.names = ClassLabels::beside(&self.path, column)?;
        }
        match (&self.names, label.parse()) {
            (Some(names), Ok(id)) => names
                .name(id)
                .map(str::to_owned)
                .map_err(|message| TextError::syntax(&self.path, line, message)),
            _ => Ok(label.to_owned()),
        }
    }
}

fn in_object(object: &Map<String, Value>, options: &ReadOptions) -> Result<Found, String> {
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let columns = Columns::find(&names, options)?;
    let value = |at: usize| &object[names[at]];
    let text = value(columns.text).as_str().ok_or_else(|| {
        let (name, found) = (names[columns.text], kind(value(columns.text)));
        format!("{name:?} is {found}; expected a string")
    })?;
    let label = columns
        .label
        .map(|at| (names[at], value(at)))
        .filter(|(_, value)| !value.is_null());
    let (label, is_id) = match label {
        None => (None, false),
        Some((name, value)) => match (value, scalar(value)) {
            (Value::Number(number), _) if !number.is_i64() => {
                return Err(format!(
                    "{name:?} is {number}; expected a name or an integer"
                ));
            }
            (_, Some(label)) => (Some(label), value.is_number()),
            (other, None) => {
                let found = kind(other);
                return Err(format!(
                    "{name:?} is {found}; expected a label: a name or an integer"
                ));
            }
        },
    };
    Ok(Found {
        line: 0,
        text: text.to_owned(),
        label,
        is_id,
        id: columns.id.and_then(|at| scalar(value(at))),
    })
}

fn in_row(records: &mut Records, columns: &Columns) -> Result<Option<Found>, TextError> {
    let Some(mut record) = records.next()? else {
        return Ok(None);
    };
    if record.fields.len() != columns.count {
        let found = counted(record.fields.len(), "columns");
        let message = format!("{found}; expected {} as in the header", columns.count);
        return Err(TextError::syntax(records.name(), record.line, message));
    }
    let mut take = |at: usize| std::mem::take(&mut record.fields[at]);
    let label = columns
        .label
        .map(&mut take)
        .filter(|label| !label.is_empty());
    Ok(Some(Found {
        line: record.line,
        text: take(columns.text),
        is_id: label
            .as_ref()
            .is_some_and(|label| label.parse::<i64>().is_ok()),
        label,
        id: columns.id.map(take).filter(|id| !id.is_empty()),
    }))
}

/// The next line that is not empty.
fn in_line(lines: &mut Lines) -> Result<Option<Found>, TextError> {
    loop {
        let Some(line) = lines.next_line()? else {
            return Ok(None);
        };
        if !line.trim().is_empty() {
            let text = line.to_owned();
            return Ok(Some(Found {
                line: lines.number(),
                text,
                ..Found::default()
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::read_corpus_stream;

    fn read(text: &'static str, options: &ReadOptions) -> Result<Vec<(String, String)>, String> {
        let options = ReadOptions {
            whole_texts: true,
            ..options.clone()
        };
        let input = Box::new(Cursor::new(text));
        let corpus = read_corpus_stream(input, Path::new("no-such-file"), &options);
        let corpus = corpus.map_err(|error| error.to_string())?;
        let pair = |sentence: &Sentence| {
            assert_eq!(sentence.len(), 1);
            assert_eq!(sentence.word(0), sentence.text);
            let label = sentence.tags.as_ref().map(|tags| tags[0].clone());
            (sentence.text.clone(), label.unwrap_or_default())
        };
        Ok(corpus.sentences.iter().map(pair).collect())
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |&(text, label): &(&str, &str)| (text.to_owned(), label.to_owned());
        all.iter().map(owned).collect()
    }

    #[test]
    fn labels_are_names_or_integers_which_a_list_names() {
        let json = "{\"text\": \"so  sad\", \"label\": 1}\n{\"text\": \"\", \"label\": 0}\n{\"text\": \"x\"}\n";
        let plain = ReadOptions::default();
        let want = [("so  sad", "1"), ("", "0"), ("x", "")];
        assert_eq!(read(json, &plain).unwrap(), pairs(&want));
        let named = ReadOptions {
            label_list: Some(vec!["joy".to_owned(), "I-sad".to_owned()]),
            ..plain.clone()
        };
        let want = [("so  sad", "I-sad"), ("", "joy"), ("x", "")];
        assert_eq!(read(json, &named).unwrap(), pairs(&want));
        let error = read("{\"text\": \"x\", \"label\": 2}", &named).unwrap_err();
        assert_eq!(
            error,
            "no-such-file:1: label id 2 is outside the list of 2 names (--labels)"
        );
    }

    #[test]
    fn tables_have_a_header_and_quoted_texts() {
        let csv = ReadOptions {
            format: Some(Format::Csv),
            ..ReadOptions::default()
        };
        let want = pairs(&[("a, b", "joy"), ("c", "sadness")]);
        assert_eq!(
            read("label,text\njoy,\"a, b\"\nsadness,c\n", &csv).unwrap(),
            want
        );
        let error = read("label,words\njoy,a\n", &csv).unwrap_err();
        assert!(
            error.contains("no column of texts found; expected one of \"text\""),
            "{error}"
        );
        let error = read("label,text\njoy\n", &csv).unwrap_err();
        assert!(
            error.contains(":2: 1 column; expected 2 as in the header"),
            "{error}"
        );
    }

    #[test]
    fn plain_lines_have_no_label_and_other_formats_are_refused_by_name() {
        let plain = ReadOptions::default();
        assert_eq!(
            read("[a b\n\n c\n", &plain).unwrap(),
            pairs(&[("[a b", ""), (" c", "")])
        );
        let conll = ReadOptions {
            format: Some(Format::Conll),
            ..plain.clone()
        };
        assert!(
            read("a O\n", &conll)
                .unwrap_err()
                .contains("conll does not hold whole texts")
        );
        let error = read("{\"text\": \"x\", \"label\": [1]}", &plain).unwrap_err();
        assert!(
            error.contains("\"label\" is a list; expected a label"),
            "{error}"
        );
    }
}
