//! A sentence, its words and its entities.

use std::ops::Range;
use std::sync::Arc;

use crate::brat::Document;

/// A UTF-8 byte range.
pub type Span = Range<usize>;

/// Where a sentence came from, for messages and for writing it back as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The document's or sentence's own identifier, when the format has one.
    pub id: Option<String>,
    /// Line of the sentence's first word, counted from 1; 0 when the format has no lines.
    pub line: usize,
    /// Line of each word, in formats that give a line to each; else empty.
    pub lines: Vec<usize>,
    /// The sentence is the first of a document (`-DOCSTART-` in CoNLL files).
    pub starts_document: bool,
    /// The columns of the `-DOCSTART-` line that are neither word nor tag, for writing it back.
    pub document_columns: Vec<String>,
    /// Comment lines that stood before the sentence, with their `#`.
    pub comments: Vec<String>,
    /// The columns that are neither word nor tag, one row a word; empty when there are none.
    pub columns: Vec<Vec<String>>,
    /// Where in a document it stands, for formats that keep the text apart from what is said of it.
    pub place: Option<Place>,
    /// Where in its file the text begins, for running text (plain text, brat).
    pub start: Option<TextOffset>,
}

/// A place in a text, counted in every unit from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextOffset {
    /// UTF-8 bytes.
    pub byte: usize,
    /// Unicode code points.
    pub char: usize,
    /// UTF-16 units.
    pub utf16: usize,
}

impl TextOffset {
    /// The place behind `text`, which stands here.
    pub fn after(self, text: &str) -> Self {
        Self {
            byte: self.byte + text.len(),
            char: self.char + text.chars().count(),
            utf16: self.utf16 + text.chars().map(char::len_utf16).sum::<usize>(),
        }
    }
}

/// Where in a document's text a sentence's text begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The document.
    pub document: Arc<Document>,
    /// The byte of [`Document::text`] at which the sentence's text begins.
    pub start: usize,
}

/// One sentence: its text, where its words stand, and the gold tag of each word when annotated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence {
    /// The text. For formats that give only words, the words joined by one space.
    pub text: String,
    /// The words as byte ranges of `text`, in order, without overlap.
    pub words: Vec<Span>,
    /// One tag a word, in the scheme of the file; `None` when the file has no annotation.
    pub tags: Option<Vec<String>>,
    /// Where it came from.
    pub source: Source,
}

impl Sentence {
    /// A sentence of words alone: the text is the words joined by one space.
    pub fn from_words<S: AsRef<str>>(words: &[S], tags: Option<Vec<String>>) -> Self {
        let mut sentence = Self {
            tags,
            ..Self::default()
        };
        for word in words {
            sentence.push_word(word.as_ref());
        }
        sentence
    }

    /// Adds a word to the end, after one space unless it is the first.
    pub(crate) fn push_word(&mut self, word: &str) {
        if !self.words.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.len();
        self.text.push_str(word);
        self.words.push(start..self.text.len());
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The text of word `index`.
    ///
    /// # Panics
    /// When `index` is not below [`Sentence::len`].
    pub fn word(&self, index: usize) -> &str {
        &self.text[self.words[index].clone()]
    }

    /// The words in order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(|span| &self.text[span.clone()])
    }
}

/// A named entity as a range of words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entity {
    /// Its first word, counted from 0.
    pub start: usize,
    /// One past its last word.
    pub end: usize,
    /// Its type, such as `PER`.
    pub label: String,
}
