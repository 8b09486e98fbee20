//! A sentence's pieces, aligned with its words.

use std::ops::Range;

/// The pieces of a sentence, without `[CLS]` and `[SEP]`.
///
/// Every word has at least one piece, so the words' pieces tile `0..ids.len()` in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// The id of each piece.
    pub ids: Vec<u32>,
    /// The word of each piece, counted from 0.
    pub words: Vec<u32>,
    /// The first piece of each word.
    pub first: Vec<u32>,
}

impl Pieces {
    /// Appends a word of these pieces.
    pub(crate) fn push(&mut self, ids: &[u32]) {
        debug_assert!(!ids.is_empty(), "every word has a piece");
        let word = self.first.len() as u32;
        self.first.push(self.ids.len() as u32);
        self.ids.extend_from_slice(ids);
        self.words.resize(self.ids.len(), word);
    }

    /// Number of pieces.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no piece, which is to say no word.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Number of words.
    pub fn word_count(&self) -> usize {
        self.first.len()
    }

    /// The pieces of word `index` as a range of [`Pieces::ids`].
    ///
    /// # Panics
    /// When `index` is not below [`Pieces::word_count`].
    pub fn of_word(&self, index: usize) -> Range<usize> {
        self.start_of(index)..self.start_of(index + 1)
    }

    /// Where the pieces of word `index` start; the end of all pieces for the word after the last.
    pub(crate) fn start_of(&self, index: usize) -> usize {
        if index == self.first.len() {
            self.ids.len()
        } else {
            self.first[index] as usize
        }
    }
}
