//! Plain text: one sentence a line, words separated by one space.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Losses, Output, SentenceWriter};
use crate::words::is_joined;
use crate::{Sentence, TextError};

pub(super) fn create(output: Output, name: &Path) -> Box<dyn SentenceWriter> {
    Box::new(TextWriter {
        output,
        name: name.to_path_buf(),
        sentences: 0,
        losses: Losses::default(),
    })
}

struct TextWriter {
    output: Output,
    name: PathBuf,
    sentences: usize,
    losses: Losses,
}

impl SentenceWriter for TextWriter {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.sentences += 1;
        let mut line = String::with_capacity(sentence.text.len() + 1);
        for (index, word) in sentence.words().enumerate() {
            if word.is_empty() || word.contains(char::is_whitespace) {
                let message = format!(
                    "word {} ({word:?}) is empty or holds white space, which separates words in \
                     the text format",
                    index + 1
                );
                return Err(TextError::unwritable(&self.name, self.sentences, message));
            }
            if index > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        line.push('\n');
        let source = &sentence.source;
        self.losses
            .add("tags", sentence.tags.as_ref().map_or(0, Vec::len));
        self.losses.add("comments", source.comments.len());
        self.losses
            .add("document starts", usize::from(source.starts_document));
        self.losses
            .add("extra columns", source.columns.first().map_or(0, Vec::len));
        self.losses
            .add("spacings of text", usize::from(!is_joined(sentence)));
        self.losses
            .add("sentence ids", usize::from(source.id.is_some()));
        self.output
            .write_all(line.as_bytes())
            .map_err(|source| TextError::io(&self.name, source))
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn finish(mut self: Box<Self>) -> Result<(), TextError> {
        self.output
            .flush()
            .map_err(|source| TextError::io(&self.name, source))
    }
}
