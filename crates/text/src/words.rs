//! Words of running text, for formats that give text and character spans but no words.
//!
//! Whitespace separates words. A punctuation mark or symbol is a word of its own, and so is every character of a
//! script that is written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese): a word there would be a
//! whole clause. What a reader sees as one character (a letter with its accents, an emoji sequence) is never cut.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::{Sentence, Span, TextError, by_name};

/// What counts as a word of running text.
///
/// A model is trained on words of one kind and must see the same kind again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Words {
    /// What stands between white space.
    Whitespace,
    /// The words of [`split_words`].
    Unicode,
    /// Every character that is not white space: a character as a reader sees it (a Unicode grapheme cluster), so that
    /// a letter stays with its accents and an emoji sequence is one. Code points would tear those apart, and
    /// the tokenizer knows no single piece of them.
    Characters,
}

impl Words {
    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whitespace => "whitespace",
            Self::Unicode => "unicode",
            Self::Characters => "characters",
        }
    }

    /// The words of `text` as byte ranges, in order and without overlap; together they cover all that is not white space.
    pub fn split(self, text: &str) -> Vec<Span> {
        match self {
            Self::Unicode => split_words(text),
            Self::Characters => {
                let clusters = text.grapheme_indices(true);
                let seen = clusters.filter(|(_, cluster)| Kind::of(cluster) != Kind::Space);
                seen.map(|(start, cluster)| start..start + cluster.len())
                    .collect()
            }
            Self::Whitespace => {
                let start = text.as_ptr() as usize;
                let words = text.split_whitespace().map(|word| {
                    let offset = word.as_ptr() as usize - start;
                    offset..offset + word.len()
                });
                words.collect()
            }
        }
    }
}

impl FromStr for Words {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let all = [Self::Whitespace, Self::Unicode, Self::Characters];
        by_name("kind of words", &all, Self::name, name)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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

/// `words` cut further so that none crosses one of `cuts`, which are ascending byte offsets on character boundaries.
pub fn cut_words(words: Vec<Span>, cuts: &[usize]) -> Vec<Span> {
    let mut parts = Vec::with_capacity(words.len());
    for word in words {
        let first = cuts.partition_point(|&cut| cut <= word.start);
        let mut start = word.start;
        for &cut in cuts[first..].iter().take_while(|&&cut| cut < word.end) {
            if cut > start {
                parts.push(start..cut);
                start = cut;
            }
        }
        parts.push(start..word.end);
    }
    parts
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    fn every_character_that_is_seen_is_a_word_of_its_own() {
        let text = " \u{3000}Ａ1c度，\r\ncafe\u{301}👩‍🔬\u{200b}龘";
        let spans = Words::Characters.split(text);
        let words: Vec<&str> = spans.into_iter().map(|span| &text[span]).collect();
        let expected = [
            "Ａ",
            "1",
            "c",
            "度",
            "，",
            "c",
            "a",
            "f",
            "e\u{301}",
            "👩‍🔬",
            "\u{200b}",
            "龘",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn white_space_alone_separates_when_asked_to() {
        let text = "\tIt's 3.5%,\u{3000}北京。\n";
        let spans = Words::Whitespace.split(text);
        let words: Vec<&str> = spans.into_iter().map(|span| &text[span]).collect();
        assert_eq!(words, ["It's", "3.5%,", "北京。"]);
    }

    #[test]
    fn cuts_fall_between_words() {
        let text = "Neuseeland 北京";
        let cut = |cuts: &[usize]| -> Vec<&str> {
            cut_words(split_words(text), cuts)
                .into_iter()
                .map(|w| &text[w])
                .collect()
        };
        assert_eq!(cut(&[0, 3, 3, 10, 14]), ["Neu", "seeland", "北", "京"]);
        assert_eq!(cut(&[]), ["Neuseeland", "北", "京"]);
    }
}
