//! Characters to bytes and back.

/// Where each character (Unicode code point) of a text begins.
#[derive(Debug, Clone)]
pub struct CharOffsets<'a> {
    text: &'a str,
    /// The byte of each character, and one past the last.
    bytes: Vec<usize>,
}

impl<'a> CharOffsets<'a> {
    /// Goes over `text` once.
    pub fn new(text: &'a str) -> Self {
        let starts = text.char_indices().map(|(byte, _)| byte);
        Self {
            text,
            bytes: starts.chain([text.len()]).collect(),
        }
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Number of characters.
    pub fn characters(&self) -> usize {
        self.bytes.len() - 1
    }

    /// The byte at which character `character` begins; the end of the text for one past the last.
    pub fn byte(&self, character: usize) -> Option<usize> {
        self.bytes.get(character).copied()
    }

    /// The character that begins at `byte`, or the number of characters before it.
    pub fn character(&self, byte: usize) -> usize {
        self.bytes.partition_point(|&start| start < byte)
    }
}
