//! JSON lines and JSON arrays that Hugging Face `datasets` opens.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Losses, Output, SentenceWriter, WriteOptions};
use crate::read::{find_words, numbered};
use crate::words::is_joined;
use crate::{Format, Sentence, TextError};

pub(super) fn create(
    output: Output,
    name: &Path,
    format: Format,
    _options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    let layout = if format == Format::Json {
        Layout::Array
    } else {
        Layout::Lines
    };
    Ok(Box::new(JsonWriter {
        objects: Objects::new(output, name, layout),
        losses: Losses::default(),
    }))
}

struct JsonWriter {
    objects: Objects,
    losses: Losses,
}

impl SentenceWriter for JsonWriter {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        let mut object = Map::new();
        let source = &sentence.source;
        if let Some(id) = &source.id {
            object.insert("id".to_owned(), id.as_str().into());
        }
        let words: Vec<&str> = sentence.words().collect();
        if !is_joined(sentence) {
            object.insert("text".to_owned(), sentence.text.as_str().into());
            let found = find_words(&sentence.text, words.iter().copied());
            self.losses.add(
                "word offsets",
                usize::from(found.as_ref() != Some(&sentence.words)),
            );
        }
        object.insert("tokens".to_owned(), words.into());
        if let Some(tags) = &sentence.tags {
            object.insert("ner_tags".to_owned(), tags.as_slice().into());
        }
        let columns = source.columns.first().map_or(0, Vec::len);
        for index in 0..columns {
            let values: Vec<&str> = source
                .columns
                .iter()
                .map(|row| row[index].as_str())
                .collect();
            object.insert(numbered(index), values.into());
        }
        self.losses.add_source(source, columns);
        self.objects.write(&object.into())
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.objects.finish()
    }
}

/// What stands around and between the values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Lines,
    Array,
}

/// Values written one a line, or as the elements of one array.
pub(super) struct Objects {
    output: BufWriter<Output>,
    name: PathBuf,
    layout: Layout,
    written: usize,
}

impl Objects {
    pub(super) fn new(output: Output, name: &Path, layout: Layout) -> Self {
        Self {
            output: BufWriter::new(output),
            name: name.to_path_buf(),
            layout,
            written: 0,
        }
    }

    pub(super) fn write(&mut self, value: &Value) -> Result<(), TextError> {
        self.try_write(value)
            .map_err(|source| TextError::io(&self.name, source))
    }

    fn try_write(&mut self, value: &Value) -> io::Result<()> {
        if self.layout == Layout::Array {
            self.output
                .write_all(if self.written == 0 { b"[\n" } else { b",\n" })?;
        }
        serde_json::to_writer(&mut self.output, value)?;
        self.written += 1;
        if self.layout == Layout::Lines {
            self.output.write_all(b"\n")
        } else {
            Ok(())
        }
    }

    pub(super) fn finish(mut self) -> Result<(), TextError> {
        let end: &[u8] = match (self.layout, self.written) {
            (Layout::Lines, _) => b"",
            (Layout::Array, 0) => b"[]\n",
            (Layout::Array, _) => b"\n]\n",
        };
        let written = self
            .output
            .write_all(end)
            .and_then(|()| self.output.flush());
        written.map_err(|source| TextError::io(&self.name, source))
    }
}
