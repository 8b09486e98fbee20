//! Plain text: one sentence a line, words separated by spaces.

use std::io::BufRead;
use std::path::Path;

use super::stream::{Reading, stream};
use super::{Lines, SentenceReader};
use crate::{Sentence, Source, TextError};

pub(super) fn open(input: Box<dyn BufRead>, name: &Path) -> Box<dyn SentenceReader> {
    stream(TextReader {
        lines: Lines::new(input, name),
    })
}

struct TextReader {
    lines: Lines,
}

impl Reading for TextReader {
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
            let start = text.as_ptr() as usize;
            let words = text
                .split_whitespace()
                .map(|word| {
                    let offset = word.as_ptr() as usize - start;
                    offset..offset + word.len()
                })
                .collect();
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
