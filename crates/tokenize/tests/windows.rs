//! What windows promise, over words of any length.

use std::path::Path;

use bert_ner_tokenize::{Pieces, Tokenizer, Window};
use proptest::prelude::*;

fn tokenizer() -> Tokenizer {
    Tokenizer::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/uncased")).unwrap()
}

/// A sentence whose words have these numbers of pieces; ids count up from 1000.
fn sentence(lengths: &[usize]) -> Pieces {
    let mut pieces = Pieces::default();
    for (word, &length) in lengths.iter().enumerate() {
        pieces.first.push(pieces.ids.len() as u32);
        for _ in 0..length {
            pieces.ids.push(1000 + pieces.ids.len() as u32);
            pieces.words.push(word as u32);
        }
    }
    pieces
}

/// The words that stand whole between `[CLS]` and `[SEP]`.
fn whole_words(window: &Window, pieces: &Pieces) -> Vec<usize> {
    let inside = |word: &usize| {
        let own = pieces.of_word(*word);
        window.pieces.start <= own.start && own.end <= window.pieces.end
    };
    (0..pieces.word_count()).filter(inside).collect()
}

/// Pieces between the word and the nearer cut; an end of the sentence is no cut.
fn context(window: &Window, pieces: &Pieces, word: usize) -> usize {
    let own = pieces.of_word(word);
    let left = if window.pieces.start == 0 {
        usize::MAX
    } else {
        own.start - window.pieces.start
    };
    let right = if window.pieces.end == pieces.len() {
        usize::MAX
    } else {
        window.pieces.end - own.end
    };
    left.min(right)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_keep_their_promises(
        lengths in prop::collection::vec(prop_oneof![8 => 1usize..4, 2 => 1usize..12, 1 => 10usize..60], 0..120),
        max_length in 3usize..50,
    ) {
        let tokenizer = tokenizer_once();
        let pieces = sentence(&lengths);
        let windows = tokenizer.windows(&pieces, max_length);

        // Every word is spoken for exactly once, in order.
        let spoken: Vec<usize> = windows.iter().flat_map(|window| window.words.clone()).collect();
        prop_assert_eq!(spoken, (0..lengths.len()).collect::<Vec<_>>());

        for window in &windows {
            prop_assert!(window.ids.len() <= max_length);
            prop_assert!(!window.words.is_empty());
            prop_assert_eq!(window.ids[0], tokenizer.cls_id());
            prop_assert_eq!(*window.ids.last().unwrap(), tokenizer.sep_id());
            prop_assert_eq!(&window.ids[1..window.ids.len() - 1], &pieces.ids[window.pieces.clone()]);

            // Rows are the first pieces of the words spoken for.
            let firsts: Vec<u32> = window.rows.iter().map(|&row| window.ids[row as usize] - 1000).collect();
            prop_assert_eq!(&firsts, &pieces.first[window.words.clone()]);

            // Windows begin and end between words, unless one word alone is too long.
            let whole = whole_words(window, &pieces);
            let covered: usize = whole.iter().map(|&word| lengths[word]).sum();
            if whole.is_empty() {
                prop_assert_eq!(window.words.len(), 1);
                prop_assert!(lengths[window.words.start] > max_length - 2);
                prop_assert_eq!(window.ids.len(), max_length);
            } else {
                prop_assert_eq!(covered, window.pieces.len());
            }

            // Every piece of the words spoken for has a row, the first pieces among them.
            for (row, word) in window.piece_rows(&pieces) {
                prop_assert!(window.words.contains(&word));
                prop_assert_eq!(pieces.words[(window.ids[row as usize] - 1000) as usize] as usize, word);
            }
            let rows: Vec<u32> = window.piece_rows(&pieces).map(|(row, _)| row).collect();
            prop_assert!(window.rows.iter().all(|row| rows.contains(row)));
        }
    }

    #[test]
    fn the_window_with_the_most_context_speaks(
        lengths in prop::collection::vec(1usize..6, 1..150),
        max_length in 12usize..60,
    ) {
        let pieces = sentence(&lengths);
        let windows = tokenizer_once().windows(&pieces, max_length);
        for window in &windows {
            for word in window.words.clone() {
                let own = context(window, &pieces, word);
                for other in &windows {
                    if whole_words(other, &pieces).contains(&word) {
                        prop_assert!(context(other, &pieces, word) <= own);
                    }
                }
            }
        }
    }

    #[test]
    fn words_of_one_piece_never_stand_at_a_cut(count in 40usize..400, max_length in 34usize..80) {
        let pieces = sentence(&vec![1; count]);
        let capacity = max_length - 2;
        for window in tokenizer_once().windows(&pieces, max_length) {
            for word in window.words.clone() {
                prop_assert!(context(&window, &pieces, word) >= capacity / 8 - 1);
            }
        }
    }
}

/// Loaded once: the cases need only its special tokens.
fn tokenizer_once() -> &'static Tokenizer {
    static TOKENIZER: std::sync::OnceLock<Tokenizer> = std::sync::OnceLock::new();
    TOKENIZER.get_or_init(tokenizer)
}

#[test]
fn a_short_sentence_is_one_window() {
    let tokenizer = tokenizer();
    let pieces = tokenizer.encode(&["the", "unaffable", "café"]).unwrap();
    let windows = tokenizer.windows(&pieces, pieces.len() + 2);
    assert_eq!(windows.len(), 1);
    assert_eq!(windows[0].words, 0..3);
    assert_eq!(windows[0].rows, [1, 2, 5]);
    assert_eq!(windows[0].ids.len(), pieces.len() + 2);
}

#[test]
fn the_last_window_reaches_back_as_far_as_it_holds() {
    let pieces = sentence(&[1; 22]);
    let windows = tokenizer().windows(&pieces, 10);
    assert!(windows.len() > 2);
    let full: Vec<usize> = windows.iter().map(|window| window.pieces.len()).collect();
    assert_eq!(full, vec![8; windows.len()]);
}

#[test]
fn a_sentence_without_words_has_no_window() {
    let tokenizer = tokenizer();
    let pieces = tokenizer.encode::<&str>(&[]).unwrap();
    assert!(tokenizer.windows(&pieces, 512).is_empty());
}
