//! Words of running text, for formats that give text and character spans but no words.
//!
//! Whitespace separates words. A punctuation mark or symbol is a word of its own, and so is every character of a
//! script that is written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese): a word there would be a
//! whole clause. What a reader sees as one character (a letter with its accents, an emoji sequence) is never cut.

use unicode_segmentation::UnicodeSegmentation;

use crate::{Sentence, Span};

/// The words of `text` as byte ranges, in order and without overlap; together they cover all that is not whitespace.
///
/// ```
/// let text = "Dr. Li (北京)";
/// let words: Vec<&str> = bert_ner_text::split_words(text).into_iter().map(|span| &text[span]).collect();
/// assert_eq!(words, ["Dr", ".", "Li", "(", "北", "京", ")"]);
/// ```
pub fn split_words(text: &str) -> Vec<Span> {
    let mut words: Vec<Span> = Vec::new();
    let mut grows = false;
    for (start, cluster) in text.grapheme_indices(true) {
        let end = start + cluster.len();
        let kind = Kind::of(cluster);
        match (kind, words.last_mut()) {
            (Kind::Space, _) => {}
            (Kind::Letter, Some(word)) if grows => word.end = end,
            _ => words.push(start..end),
        }
        grows = kind == Kind::Letter;
    }
    words
}

/// The words of `text` as [`split_words`] finds them, cut further so that no word crosses one of `cuts`.
///
/// `cuts` are ascending byte offsets on character boundaries.
pub(crate) fn split_words_at(text: &str, cuts: &[usize]) -> Vec<Span> {
    let mut words = Vec::new();
    for word in split_words(text) {
        let first = cuts.partition_point(|&cut| cut <= word.start);
        let mut start = word.start;
        for &cut in cuts[first..].iter().take_while(|&&cut| cut < word.end) {
            if cut > start {
                words.push(start..cut);
                start = cut;
            }
        }
        words.push(start..word.end);
    }
    words
}

/// Whether a sentence's text is its words joined by one space, so that words alone give it back.
pub(crate) fn is_joined(sentence: &Sentence) -> bool {
    let ends = sentence.words.iter().map(|word| word.end);
    let starts = sentence.words.iter().map(|word| word.start);
    sentence.words.first().map_or(0, |word| word.start) == 0
        && sentence.words.last().map_or(0, |word| word.end) == sentence.text.len()
        && ends
            .zip(starts.skip(1))
            .all(|(end, start)| sentence.text.get(end..start) == Some(" "))
}

/// What a user-perceived character does to the word before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Belongs to no word.
    Space,
    /// Joins its neighbours.
    Letter,
    /// Is a word of its own.
    Alone,
}

impl Kind {
    fn of(cluster: &str) -> Self {
        if cluster.chars().all(char::is_whitespace) {
            return Self::Space;
        }
        match cluster.chars().next() {
            Some(first) if first.is_alphanumeric() && !is_unspaced(first) => Self::Letter,
            _ => Self::Alone,
        }
    }
}

/// Whether `c` belongs to a script that puts no spaces between words. Blocks of the Unicode Standard.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF       // Thai, Lao
        | 0x1000..=0x109F     // Myanmar
        | 0x1780..=0x17FF     // Khmer
        | 0x2E80..=0x2FDF     // CJK radicals
        | 0x3005..=0x3007     // ideographic iteration mark, closing mark, zero
        | 0x3040..=0x30FF     // Hiragana, Katakana
        | 0x31F0..=0x31FF     // Katakana phonetic extensions
        | 0x3400..=0x4DBF     // CJK extension A
        | 0x4E00..=0x9FFF     // CJK unified ideographs
        | 0xF900..=0xFAFF     // CJK compatibility ideographs
        | 0xFF66..=0xFF9F     // halfwidth Katakana
        | 0x20000..=0x323AF   // CJK extensions B to H
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        split_words(text)
            .into_iter()
            .map(|span| &text[span])
            .collect()
    }

    #[test]
    fn whitespace_separates_and_punctuation_stands_alone() {
        assert_eq!(
            words("  It's 3.5%,\tshe said.\r\n"),
            ["It", "'", "s", "3", ".", "5", "%", ",", "she", "said", "."]
        );
        assert_eq!(words(""), [""; 0]);
        assert_eq!(words(" \u{3000}\n"), [""; 0]);
    }

    #[test]
    fn scripts_without_spaces_give_a_word_a_character() {
        assert_eq!(words("在北京 iPhone用"), ["在", "北", "京", "iPhone", "用"]);
        assert_eq!(
            words("トム・ハンクス"),
            ["ト", "ム", "・", "ハ", "ン", "ク", "ス"]
        );
        assert_eq!(words("서울에서 왔다"), ["서울에서", "왔다"]);
    }

    #[test]
    fn accents_and_emoji_sequences_are_not_cut() {
        assert_eq!(
            words("cafe\u{301}s👩‍🔬🇨🇭!"),
            ["cafe\u{301}s", "👩‍🔬", "🇨🇭", "!"]
        );
        assert_eq!(words("हिन्दी भाषा"), ["हिन्दी", "भाषा"]);
    }

    #[test]
    fn cuts_fall_between_words() {
        let text = "Neuseeland 北京";
        let cut = |cuts: &[usize]| -> Vec<&str> {
            split_words_at(text, cuts)
                .into_iter()
                .map(|w| &text[w])
                .collect()
        };
        assert_eq!(cut(&[0, 3, 3, 10, 14]), ["Neu", "seeland", "北", "京"]);
        assert_eq!(cut(&[]), ["Neuseeland", "北", "京"]);
    }
}
