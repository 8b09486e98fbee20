//! Plain text: one sentence a line, words separated by spaces unless [`ReadOptions::words`] says otherwise.

use std::io::BufRead;
use std::path::Path;

use super::stream::{Reading, stream};
use super::{Lines, ReadOptions, SentenceReader};
use crate::{Sentence, Source, TextError, Words};

pub(super) fn open(
    input: Box<dyn BufRead>,
    name: &Path,
    options: &ReadOptions,
) -> Box<dyn SentenceReader> {
    stream(TextReader {
        lines: Lines::new(input, name),
        words: options.words.unwrap_or(Words::Whitespace),
    })
}

struct TextReader {
    lines: Lines,
    words: Words,
}

impl Reading for TextReader {
    fn words(&self) -> Option<Words> {
        Some(self.words)
    }

    /// The next line that has words.
    fn read(&mut self) -> Result<Option<Sentence>, TextError> {
        loop {
            let Some(line) = self.lines.next_line()? else {
                return Ok(None);
            };
            if line.trim().is_empty() {
                continue;
            }
            // The text stays as it stands, so that offsets into the line are offsets into it.
            let text = line.to_owned();
            let words = self.words.split(&text);
            let source = Source {
                line: self.lines.number(),
                ..Source::default()
            };
            return Ok(Some(Sentence {
                text,
                words,
                tags: None,
                source,
            }));
        }
    }
}
