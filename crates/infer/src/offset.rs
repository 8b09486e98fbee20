//! What an offset counts.

use std::fmt;
use std::str::FromStr;

use bert_ner_text::{TextError, TextOffset, by_name};

/// What an offset into a text counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OffsetUnit {
    /// Unicode characters (code points), as Python counts.
    #[default]
    Char,
    /// UTF-8 bytes, as Rust and Go count.
    Byte,
    /// UTF-16 units, as JavaScript and Java count.
    Utf16,
}

impl OffsetUnit {
    /// Every unit.
    pub const ALL: [Self; 3] = [Self::Char, Self::Byte, Self::Utf16];

    /// The name, as on the command line and in `jsonl` output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Char => "char",
            Self::Byte => "byte",
            Self::Utf16 => "utf16",
        }
    }

    /// A place in this unit.
    pub fn of(self, place: TextOffset) -> usize {
        match self {
            Self::Char => place.char,
            Self::Byte => place.byte,
            Self::Utf16 => place.utf16,
        }
    }

    /// How many of this unit `text` is long: the offset of its end.
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::Char => text.chars().count(),
            Self::Byte => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
        }
    }

    /// Byte offsets of `text`, in any order, in this unit; one pass over the text.
    ///
    /// An offset past the end is the end's; one inside a character is that of the character's end.
    pub fn offsets(self, text: &str, bytes: &[usize]) -> Vec<usize> {
        if self == Self::Byte || text.is_ascii() {
            return bytes.iter().map(|&byte| byte.min(text.len())).collect();
        }
        let mut order: Vec<usize> = (0..bytes.len()).collect();
        order.sort_by_key(|&index| bytes[index]);
        let mut found = vec![0; bytes.len()];
        let (mut characters, mut at) = (text.char_indices().peekable(), 0);
        for index in order {
            while let Some((_, c)) = characters.next_if(|&(start, _)| start < bytes[index]) {
                at += if self == Self::Utf16 {
                    c.len_utf16()
                } else {
                    1
                };
            }
            found[index] = at;
        }
        found
    }
}

impl fmt::Display for OffsetUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OffsetUnit {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        by_name("offset unit", &Self::ALL, Self::name, name)
    }
}

/// Turns byte offsets of a text into another unit, ascending ones in one pass over the text.
pub(crate) struct Offsets<'a> {
    text: &'a str,
    unit: OffsetUnit,
    byte: usize,
    offset: usize,
}

impl<'a> Offsets<'a> {
    pub(crate) fn new(text: &'a str, unit: OffsetUnit) -> Self {
        Self {
            text,
            unit,
            byte: 0,
            offset: 0,
        }
    }

    /// The offset of byte `byte`.
    pub(crate) fn at(&mut self, byte: usize) -> usize {
        // Pieces that are entities of their own may share a character.
        if byte < self.byte {
            (self.byte, self.offset) = (0, 0);
        }
        self.offset += self.unit.length(&self.text[self.byte..byte]);
        self.byte = byte;
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_what_they_say_beyond_ascii() {
        let text = "😀 Zoë Ā";
        let at = |unit| {
            let mut offsets = Offsets::new(text, unit);
            [0, 4, 5, 9, 12].map(|byte| offsets.at(byte))
        };
        assert_eq!(at(OffsetUnit::Byte), [0, 4, 5, 9, 12]);
        assert_eq!(at(OffsetUnit::Char), [0, 1, 2, 5, 7]);
        assert_eq!(at(OffsetUnit::Utf16), [0, 2, 3, 6, 8]);
    }

    #[test]
    fn offsets_are_found_in_any_order() {
        let text = "😀 Zoë Ā";
        let of = |unit: OffsetUnit| unit.offsets(text, &[12, 4, 0, 9, 99]);
        assert_eq!(of(OffsetUnit::Byte), [12, 4, 0, 9, 12]);
        assert_eq!(of(OffsetUnit::Char), [7, 1, 0, 5, 7]);
        assert_eq!(of(OffsetUnit::Utf16), [8, 2, 0, 6, 8]);
        assert_eq!(OffsetUnit::Utf16.offsets("ascii", &[3, 1]), [3, 1]);
    }

    #[test]
    fn names_read_back() {
        for unit in OffsetUnit::ALL {
            assert_eq!(unit.name().parse::<OffsetUnit>().unwrap(), unit);
        }
        assert!("bytes".parse::<OffsetUnit>().is_err());
    }
}
