//! JSON lines and JSON arrays, as Hugging Face `datasets` writes them.
//!
//! An object is a sentence: a list of words, a list of tags (names, or integers that a label list
//! names), and perhaps an `id`, the `text` that the words stand in, and further lists of a value a
//! word. An object whose `text` is a string and which has no list of words is one of doccano's: see
//! [`super::doccano`].

use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::class_labels::LabelSource;
use super::columns::{self, Roles, Row};
use super::stream::{Reading, stream};
use super::values::JsonValues;
use super::{ReadOptions, SentenceReader, Warning, doccano};
use crate::{Format, Sentence, Span, TextError, Words};

pub(super) fn open(
    input: Box<dyn BufRead>,
    name: &Path,
    format: Format,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    Ok(stream(JsonReader {
        values: JsonValues::new(input, name),
        path: name.to_path_buf(),
        only_spans: format == Format::Doccano,
        options: options.clone(),
        labels: LabelSource::new(name, options.label_list.as_deref(), None),
        spans: doccano::Spans::new(options),
        unplaced: Warning::new("texts in which the words do not stand one after the other"),
        unreadable: Warning::of_unreadable("lines"),
    }))
}

struct JsonReader {
    values: JsonValues,
    path: PathBuf,
    only_spans: bool,
    options: ReadOptions,
    labels: LabelSource,
    spans: doccano::Spans,
    unplaced: Warning,
    unreadable: Warning,
}

impl Reading for JsonReader {
    fn words(&self) -> Option<Words> {
        self.spans.words()
    }

    fn read(&mut self) -> Result<Option<Sentence>, TextError> {
        loop {
            match self.read_value() {
                Err(error @ (TextError::Syntax { .. } | TextError::Utf8 { .. }))
                    if self.options.skip_bad_lines && self.values.has_lines() =>
                {
                    self.unreadable.count(|| error.to_string());
                }
                read => return read,
            }
        }
    }

    fn label_names(&self) -> Option<Vec<String>> {
        self.labels.known().map(|labels| labels.names().to_vec())
    }

    fn warnings(&self) -> Vec<Warning> {
        let own = [&self.unplaced, &self.unreadable];
        let all = self.spans.warnings().into_iter().chain(own);
        all.filter(|warning| warning.count > 0).cloned().collect()
    }
}

impl JsonReader {
    /// The sentence of the next value.
    fn read_value(&mut self) -> Result<Option<Sentence>, TextError> {
        let Some((value, line)) = self.values.next()? else {
            return Ok(None);
        };
        let Value::Object(object) = value else {
            let message = format!(
                "found {}; expected an object with one sentence's words",
                kind(&value)
            );
            return Err(TextError::syntax(&self.path, line, message));
        };
        let mut sentence = if self.only_spans || has_spans(&object, &self.options) {
            let place = || format!("{}:{line}", self.path.display());
            self.spans
                .sentence(&object, place)
                .map_err(|message| TextError::syntax(&self.path, line, message))?
        } else {
            self.tokens(&object, line)?
        };
        sentence.source.line = line;
        Ok(Some(sentence))
    }

    /// The sentence of an object that lists words.
    fn tokens(&mut self, object: &Map<String, Value>, line: usize) -> Result<Sentence, TextError> {
        let names: Vec<&str> = object.keys().map(String::as_str).collect();
        let syntax = |message: String| TextError::syntax(&self.path, line, message);
        let roles = Roles::find(&names, &self.options).map_err(syntax)?;
        let words = strings(names[roles.words], &object[names[roles.words]]).map_err(syntax)?;
        let mut row = Row {
            words,
            ..Row::default()
        };
        row.id = roles.id.and_then(|id| scalar(&object[names[id]]));
        let tag_column = roles.tags.map_or("", |tags| names[tags]);
        let tags = roles
            .tags
            .map(|tags| Tags::new(tag_column, &object[names[tags]]));
        for extra in roles.extras(&names) {
            let values = scalars(names[extra], &object[names[extra]]).map_err(syntax)?;
            row.extras.push((names[extra].to_owned(), values));
        }
        row.tags = match tags.transpose().map_err(syntax)?.flatten() {
            None => None,
            Some(Tags::Names(tags)) => Some(tags),
            Some(Tags::Ids(ids)) => Some(self.names(tag_column, &ids, line)?),
        };
        let mut sentence = row
            .into_sentence(tag_column)
            .map_err(|message| TextError::syntax(&self.path, line, message))?;
        if let Some(text) = object.get("text").and_then(Value::as_str) {
            self.place(&mut sentence, text, line);
        }
        Ok(sentence)
    }

    fn names(&mut self, column: &str, ids: &[i64], line: usize) -> Result<Vec<String>, TextError> {
        let labels = self.labels.labels(column)?;
        let names = ids.iter().map(|&id| labels.name(id).map(str::to_owned));
        names.collect::<Result<_, _>>().map_err(|message| {
            TextError::syntax(&self.path, line, format!("{column:?}: {message}"))
        })
    }

    /// Lets the words stand in `text`, where they do.
    fn place(&mut self, sentence: &mut Sentence, text: &str, line: usize) {
        match find_words(text, sentence.words()) {
            Some(words) => {
                text.clone_into(&mut sentence.text);
                sentence.words = words;
            }
            None => self
                .unplaced
                .count(|| format!("{}:{line}: {text:?}", self.path.display())),
        }
    }
}

/// Whether an object is text with spans and not a list of words.
fn has_spans(object: &Map<String, Value>, options: &ReadOptions) -> bool {
    options.word_column.is_none()
        && object.get("text").is_some_and(Value::is_string)
        && !columns::WORDS
            .iter()
            .any(|&name| object.get(name).is_some_and(Value::is_array))
}

/// Where `words` stand in `text`, each at the first place after the one before it.
pub(crate) fn find_words<'a>(
    text: &str,
    words: impl Iterator<Item = &'a str>,
) -> Option<Vec<Span>> {
    let mut from = 0;
    words
        .map(|word| {
            let start = from + text[from..].find(word)?;
            from = start + word.len();
            Some(start..from)
        })
        .collect()
}

enum Tags {
    Names(Vec<String>),
    Ids(Vec<i64>),
}

impl Tags {
    fn new(key: &str, value: &Value) -> Result<Option<Self>, String> {
        let items = match value {
            Value::Null => return Ok(None),
            other => list(key, other)?,
        };
        if items.first().is_some_and(Value::is_number) {
            let id = |(at, item): (usize, &Value)| {
                item.as_i64().ok_or_else(|| {
                    format!(
                        "{key}[{at}] is {}; expected an integer as before it",
                        kind(item)
                    )
                })
            };
            return items
                .iter()
                .enumerate()
                .map(id)
                .collect::<Result<_, _>>()
                .map(|ids| Some(Self::Ids(ids)));
        }
        strings(key, value).map(|names| Some(Self::Names(names)))
    }
}

fn list<'a>(key: &str, value: &'a Value) -> Result<&'a [Value], String> {
    let items = value.as_array().map(Vec::as_slice);
    items.ok_or_else(|| {
        format!(
            "{key:?} is {}; expected a list with a value a word",
            kind(value)
        )
    })
}

fn strings(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let string = |(at, item): (usize, &Value)| {
        let string = item.as_str().map(str::to_owned);
        string.ok_or_else(|| format!("{key}[{at}] is {}; expected a string", kind(item)))
    };
    list(key, value)?.iter().enumerate().map(string).collect()
}

fn scalars(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let scalar = |(at, item): (usize, &Value)| {
        scalar(item).ok_or_else(|| {
            format!(
                "{key}[{at}] is {}; expected a string or a number",
                kind(item)
            )
        })
    };
    list(key, value)?.iter().enumerate().map(scalar).collect()
}

/// A string, or a number as it is written.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
