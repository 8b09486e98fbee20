//! The pieces of running text, as `transformers` sees it.

use std::ops::Range;

use tokenizers::Decoder as _;

use crate::error::TokenizeError;
use crate::pieces::Pieces;
use crate::tokenizer::Tokenizer;

/// The pieces of a text and where they stand in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextPieces {
    /// The pieces, without `[CLS]` and `[SEP]`; the words are those of the tokenizer's own pre-tokenizer.
    pub pieces: Pieces,
    /// The bytes of the text that each piece stands for.
    pub spans: Vec<Range<usize>>,
}

impl Tokenizer {
    /// The pieces of a text that nobody has split into words.
    ///
    /// The ids are those of `transformers`' fast tokenizer called with the text. What that drops (control characters) is
    /// dropped here too: unlike in [`Tokenizer::encode`] no word was promised a tag.
    ///
    /// # Errors
    /// [`TokenizeError::Text`] when the tokenizer itself fails.
    pub fn encode_text(&self, text: &str) -> Result<TextPieces, TokenizeError> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|error| TokenizeError::Text {
                bytes: text.len(),
                message: error.to_string(),
            })?;
        let ids = encoding.get_ids();
        let words = encoding.get_word_ids();
        let mut pieces = Pieces::default();
        let mut start = 0;
        for end in 1..=ids.len() {
            // A piece of no word (an added token in some files) is a word of its own.
            if end == ids.len() || words[end].is_none() || words[end] != words[start] {
                pieces.push(&ids[start..end]);
                start = end;
            }
        }
        let spans = encoding
            .get_offsets()
            .iter()
            .map(|&(start, end)| start..end);
        Ok(TextPieces {
            spans: spans.collect(),
            pieces,
        })
    }

    /// Pieces, or words made of pieces, as text again: `["new", "york", "##ers"]` is `new yorkers`.
    ///
    /// As `convert_tokens_to_string` in `transformers`; without a decoder in `tokenizer.json` they are joined by spaces.
    pub fn join(&self, pieces: Vec<String>) -> String {
        let Some(decoder) = self.inner.get_decoder() else {
            return pieces.join(" ");
        };
        let joined = pieces.join(" ");
        decoder.decode(pieces).unwrap_or(joined)
    }

    /// The prefix of a piece that continues a word, `##`.
    pub fn continuing_prefix(&self) -> &str {
        match self.inner.get_model() {
            tokenizers::ModelWrapper::WordPiece(model) => &model.continuing_subword_prefix,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn tokenizer() -> Tokenizer {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/data/tiny-bert");
        Tokenizer::load(&folder).unwrap()
    }

    #[test]
    fn pieces_know_their_bytes_and_their_words() {
        let text = "Zoë don't";
        let found = tokenizer().encode_text(text).unwrap();
        let shown: Vec<&str> = found.spans.iter().map(|span| &text[span.clone()]).collect();
        assert_eq!(shown, ["Z", "o", "ë", "d", "o", "n", "'", "t"]);
        assert_eq!(found.pieces.words, [0, 0, 0, 1, 1, 1, 2, 3]);
        assert_eq!(found.pieces.first, [0, 3, 6, 7]);
    }

    #[test]
    fn a_text_without_pieces_is_empty() {
        for text in ["", " \n", "\u{1}"] {
            assert_eq!(
                tokenizer().encode_text(text).unwrap(),
                TextPieces::default()
            );
        }
    }

    #[test]
    fn pieces_are_joined_as_the_decoder_joins_them() {
        let pieces = ["a", "##b", "c", "."].map(str::to_owned).to_vec();
        assert_eq!(tokenizer().join(pieces), "ab c.");
    }
}
