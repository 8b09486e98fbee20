//! Plain text: one sentence a line, words separated by spaces unless [`ReadOptions::words`] says otherwise.
//!
//! A line that is far longer than a sentence is cut where its sentences end, so that memory stays flat.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Cursor};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::stream::{Reading, stream};
use super::{Lines, ReadOptions, SentenceReader, Warning};
use crate::brat::{Document, decode_text};
use crate::sentences::sentences;
use crate::{Place, Sentence, Source, Span, TextError, TextOffset, Words};

/// The most words of a line that are read as one sentence for a model (see [`ReadOptions::sentence_words`]): far more than any
/// model sees at once, so that a cut, at the end of a sentence, takes nothing from what surrounds a word.
const LONGEST_LINE: usize = 4096;

pub(super) fn open(
    input: Box<dyn BufRead>,
    name: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    let mut input = input;
    let document = match options.keep_document {
        true => {
            let document = Arc::new(document(input, name)?);
            input = Box::new(BufReader::new(Cursor::new(document.text.clone())));
            Some(document)
        }
        false => None,
    };
    Ok(stream(TextReader {
        lines: Lines::new(input, name),
        document,
        words: options.words.unwrap_or(Words::Whitespace),
        longest: options.sentence_words.map(|words| words.max(LONGEST_LINE)),
        skip_bad_lines: options.skip_bad_lines,
        next: TextOffset::default(),
        ready: VecDeque::new(),
        unreadable: Warning::of_unreadable("lines"),
    }))
}

/// The whole input as a document, to the byte.
fn document(mut input: Box<dyn BufRead>, name: &Path) -> Result<Document, TextError> {
    let mut bytes = Vec::new();
    let read = input.read_to_end(&mut bytes);
    read.map_err(|source| TextError::io(name, source))?;
    let stem = name.file_stem();
    Ok(Document {
        name: stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        text: decode_text(bytes, name)?,
        annotations: None,
    })
}

struct TextReader {
    lines: Lines,
    document: Option<Arc<Document>>,
    words: Words,
    /// Words in the longest sentence.
    longest: Option<usize>,
    skip_bad_lines: bool,
    /// Where the next line begins.
    next: TextOffset,
    /// The parts of a long line that are still to come.
    ready: VecDeque<Sentence>,
    unreadable: Warning,
}

impl Reading for TextReader {
    fn words(&self) -> Option<Words> {
        Some(self.words)
    }

    fn warnings(&self) -> Vec<Warning> {
        let warnings = [&self.unreadable].into_iter();
        warnings.filter(|it| it.count > 0).cloned().collect()
    }

    /// The next line, or part of one, that has words.
    fn read(&mut self) -> Result<Option<Sentence>, TextError> {
        loop {
            if let Some(sentence) = self.ready.pop_front() {
                return Ok(Some(sentence));
            }
            // The text stays as it stands, so that offsets into the line are offsets into it.
            let line = match self.lines.next_line() {
                Ok(None) => return Ok(None),
                Ok(Some(line)) => line.to_owned(),
                Err(error @ TextError::Utf8 { .. }) if self.skip_bad_lines => {
                    let byte = self.next.byte + self.lines.raw_length();
                    let after = self.next.after(&self.lines.lossy());
                    self.next = TextOffset { byte, ..after };
                    self.unreadable.count(|| error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            let start = self.next.after(self.lines.mark());
            self.next = start.after(&line).after(self.lines.line_end());
            if !line.trim().is_empty() {
                self.cut(line, start);
            }
        }
    }
}

impl TextReader {
    /// Makes a line, which begins at `start`, ready.
    fn cut(&mut self, line: String, start: TextOffset) {
        let words = self.words.split(&line);
        match self.longest {
            Some(longest) if words.len() > longest => {
                let (mut at, mut byte) = (start, 0);
                for part in parts(&line, &words, longest) {
                    let span = words[part.start].start..words[part.end - 1].end;
                    at = at.after(&line[byte..span.start]);
                    byte = span.start;
                    let text = line[span.clone()].to_owned();
                    let moved = |word: &Span| word.start - span.start..word.end - span.start;
                    let words = words[part].iter().map(moved).collect();
                    self.push(text, words, at);
                }
            }
            _ => self.push(line, words, start),
        }
    }

    fn push(&mut self, text: String, words: Vec<Span>, start: TextOffset) {
        let place = self.document.as_ref().map(|document| Place {
            document: Arc::clone(document),
            start: start.byte,
        });
        self.ready.push_back(Sentence {
            text,
            words,
            tags: None,
            source: Source {
                line: self.lines.number(),
                start: Some(start),
                place,
                ..Source::default()
            },
        });
    }
}

/// The sentences of a line as runs of its words, put together to parts of up to `longest` words.
fn parts(line: &str, words: &[Span], longest: usize) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    for sentence in sentences(line, words, &[], Some(longest)) {
        match parts.last_mut() {
            Some(part) if sentence.end - part.start <= longest => part.end = sentence.end,
            _ => parts.push(sentence),
        }
    }
    parts
}
