//! Overlapping windows over what is longer than the model.

use std::ops::Range;

use crate::pieces::Pieces;
use crate::tokenizer::Tokenizer;

/// The shortest window that can hold a word: one piece between `[CLS]` and `[SEP]`.
pub const MIN_LENGTH: usize = 3;

/// A sequence for the model, and the words that it speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The ids, from `[CLS]` to `[SEP]`.
    pub ids: Vec<u32>,
    /// The positions in `ids` of the first pieces of `words`, in order.
    pub rows: Vec<u32>,
    /// The words of the sentence that this window speaks for.
    pub words: Range<usize>,
    /// The sentence's pieces that stand between `[CLS]` and `[SEP]`.
    pub pieces: Range<usize>,
}

impl Window {
    /// Position in `ids` and word of every piece, first or not, of the words spoken for.
    ///
    /// The pieces of a word that alone exceeds the window end where the window ends.
    pub fn piece_rows<'a>(&self, pieces: &'a Pieces) -> impl Iterator<Item = (u32, usize)> + 'a {
        let start = self.pieces.start;
        let own = pieces.start_of(self.words.start)..pieces.start_of(self.words.end);
        let own = own.start..own.end.min(self.pieces.end);
        own.map(move |piece| ((piece - start + 1) as u32, pieces.words[piece] as usize))
    }
}

impl Tokenizer {
    /// The sequences of a sentence, each of at most `max_length` ids with `[CLS]` and `[SEP]`.
    ///
    /// Every word is spoken for by exactly one window, in order: of those that contain it, the one
    /// that leaves it the most context on its poorer side, where a side that reaches the
    /// sentence's own end lacks nothing. Neighbouring windows share up to a quarter of their
    /// length, so next to a cut a word still sees about an eighth of a window. Windows begin and
    /// end between words; a word that alone is longer than a window is represented by its leading
    /// pieces. A sentence without words has no window.
    ///
    /// # Panics
    /// When `max_length` is below [`MIN_LENGTH`].
    pub fn windows(&self, pieces: &Pieces, max_length: usize) -> Vec<Window> {
        assert!(
            max_length >= MIN_LENGTH,
            "a window of {max_length} ids holds no word"
        );
        let capacity = max_length - 2;
        if pieces.is_empty() {
            return Vec::new();
        }
        if pieces.len() <= capacity {
            return vec![self.window(pieces, 0..pieces.word_count(), 0..pieces.len())];
        }
        let spans = spans(pieces, capacity);
        let owned = owned(pieces, &spans);
        spans
            .into_iter()
            .zip(owned)
            .filter(|(_, words)| !words.is_empty())
            .map(|(span, words)| {
                let start = pieces.start_of(span.start);
                let end = pieces.start_of(span.end).min(start + capacity);
                self.window(pieces, words, start..end)
            })
            .collect()
    }

    /// The window over `range` of the pieces that speaks for `words`.
    fn window(&self, pieces: &Pieces, words: Range<usize>, range: Range<usize>) -> Window {
        let mut ids = Vec::with_capacity(range.len() + 2);
        ids.push(self.special.cls);
        ids.extend_from_slice(&pieces.ids[range.clone()]);
        ids.push(self.special.sep);
        let shift = range.start as u32;
        let rows = pieces.first[words.clone()]
            .iter()
            .map(|first| first - shift + 1)
            .collect();
        Window {
            ids,
            rows,
            words,
            pieces: range,
        }
    }
}

/// The words of each window; starts and ends both increase strictly.
fn spans(pieces: &Pieces, capacity: usize) -> Vec<Range<usize>> {
    let count = pieces.word_count();
    let size = |start: usize, end: usize| pieces.start_of(end) - pieces.start_of(start);
    let overlap = capacity / 4;
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    loop {
        let mut end = start + 1;
        while end < count && size(start, end + 1) <= capacity {
            end += 1;
        }
        if end == count {
            // The last window has room to spare: it reaches back for more context.
            let earliest = spans.last().map_or(0, |last| last.start + 1);
            while start > earliest && size(start - 1, end) <= capacity {
                start -= 1;
            }
            spans.push(start..end);
            return spans;
        }
        spans.push(start..end);
        // The next window shares words with this one as long as it also takes the word after.
        let mut next = end;
        while next > start + 1
            && size(next - 1, end) <= overlap
            && size(next - 1, end + 1) <= capacity
        {
            next -= 1;
        }
        start = next;
    }
}

/// The words that each window speaks for: consecutive ranges that tile all words.
///
/// Along the windows that contain a word its left context falls and its right context rises, so
/// the smaller of the two has one peak and the best window is found by climbing; and the best
/// window never moves back from one word to the next.
fn owned(pieces: &Pieces, spans: &[Range<usize>]) -> Vec<Range<usize>> {
    let count = pieces.word_count();
    let mut owned = vec![0..0; spans.len()];
    let mut window = 0;
    for word in 0..count {
        while window + 1 < spans.len()
            && spans[window + 1].contains(&word)
            && (!spans[window].contains(&word)
                || context(pieces, &spans[window + 1], word)
                    > context(pieces, &spans[window], word))
        {
            window += 1;
        }
        if owned[window].is_empty() {
            owned[window] = word..word;
        }
        owned[window].end = word + 1;
    }
    owned
}

/// Pieces between `word` and the nearer cut of the window over the words of `span`.
fn context(pieces: &Pieces, span: &Range<usize>, word: usize) -> usize {
    let left = match span.start {
        0 => usize::MAX,
        start => pieces.start_of(word) - pieces.start_of(start),
    };
    let right = match span.end {
        end if end == pieces.word_count() => usize::MAX,
        end => pieces.start_of(end) - pieces.start_of(word + 1),
    };
    left.min(right)
}
