//! The tokenizer of a BERT folder.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use tokenizers::Model as _;

use crate::cache::WordCache;
use crate::error::TokenizeError;
use crate::load;
use crate::pieces::Pieces;

/// A WordPiece tokenizer with its special tokens.
///
/// Shared between threads by reference; the words that it has seen are cached inside.
pub struct Tokenizer {
    pub(crate) inner: tokenizers::Tokenizer,
    /// `tokenizer_config.json` as loaded, written back by [`Tokenizer::save`].
    pub(crate) config: serde_json::Map<String, serde_json::Value>,
    pub(crate) special: SpecialTokens,
    vocab_size: usize,
    cache: RwLock<WordCache>,
}

/// The ids that frame a sequence and stand for the unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpecialTokens {
    pub(crate) cls: u32,
    pub(crate) sep: u32,
    pub(crate) unk: u32,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size)
            .field("special", &self.special)
            .finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// The tokenizer of a Hugging Face folder.
    ///
    /// Reads `tokenizer.json`, or else builds BERT's tokenizer from `vocab.txt`. Truncation and
    /// padding stored in the file are switched off: here nothing is cut and nothing is padded.
    /// `do_lower_case`, `strip_accents` and `tokenize_chinese_chars` count where
    /// `tokenizer_config.json` states them, as in `transformers`. Where it is silent,
    /// `tokenizer.json` is believed (`transformers` 5 would fall back to lower-casing) and a bare
    /// `vocab.txt` gets BERT's defaults.
    ///
    /// # Errors
    /// No tokenizer in the folder, a file that cannot be read, JSON that is broken or is not a
    /// tokenizer's, another kind of tokenizer than WordPiece, or no `[CLS]`, `[SEP]` or `[UNK]`.
    pub fn load(dir: &Path) -> Result<Self, TokenizeError> {
        load::load(dir)
    }

    /// Puts the loaded parts together.
    pub(crate) fn assemble(
        inner: tokenizers::Tokenizer,
        config: serde_json::Map<String, serde_json::Value>,
        special: SpecialTokens,
    ) -> Self {
        let highest = inner.get_vocab(true).into_values().max();
        let vocab_size = highest.map_or(0, |id| id as usize + 1);
        Self {
            inner,
            config,
            special,
            vocab_size,
            cache: RwLock::default(),
        }
    }

    /// Rows that an embedding needs: the highest id plus one, added tokens included.
    ///
    /// Not the number of entries, because ids may have gaps. A model whose `vocab_size` is smaller
    /// than this cannot take every id that comes out of here; a larger one is fine.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The id of `[CLS]`, which opens every sequence.
    pub fn cls_id(&self) -> u32 {
        self.special.cls
    }

    /// The id of `[SEP]`, which closes every sequence.
    pub fn sep_id(&self) -> u32 {
        self.special.sep
    }

    /// The id of `[UNK]`, which stands for what the vocabulary cannot spell.
    pub fn unk_id(&self) -> u32 {
        self.special.unk
    }

    /// The piece with this id, such as `##ing`.
    pub fn piece(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The pieces of a sentence that is already split into words.
    ///
    /// A word that yields no piece gets one `[UNK]`.
    ///
    /// # Errors
    /// [`TokenizeError::Word`] when the tokenizer itself fails on a word.
    pub fn encode<S: AsRef<str>>(&self, words: &[S]) -> Result<Pieces, TokenizeError> {
        let mut pieces = Pieces::default();
        let mut unseen = Vec::new();
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        for (index, word) in words.iter().enumerate() {
            let word = word.as_ref();
            match cache.get(word) {
                Some(ids) => pieces.push(ids),
                None => {
                    pieces.push(&self.encode_word(word)?);
                    unseen.push(index);
                }
            }
        }
        drop(cache);
        if !unseen.is_empty() {
            let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
            for index in unseen {
                cache.insert(words[index].as_ref(), &pieces.ids[pieces.of_word(index)]);
            }
        }
        Ok(pieces)
    }

    /// The sequence of a whole text, from `[CLS]` to `[SEP]`, and how many pieces were cut off its end to make it no longer than
    /// `max_length`: as transformers does with `truncation=True`.
    ///
    /// # Errors
    /// [`TokenizeError::Word`] when the tokenizer itself fails.
    ///
    /// # Panics
    /// When `max_length` is below 2.
    pub fn text(&self, text: &str, max_length: usize) -> Result<(Vec<u32>, usize), TokenizeError> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| {
            let (word, message) = (text.into(), error.to_string());
            TokenizeError::Word { word, message }
        })?;
        let pieces = encoding.get_ids();
        let kept = &pieces[..pieces.len().min(max_length - 2)];
        let mut ids = Vec::with_capacity(kept.len() + 2);
        ids.push(self.special.cls);
        ids.extend_from_slice(kept);
        ids.push(self.special.sep);
        Ok((ids, pieces.len() - kept.len()))
    }

    /// The pieces of one word, past the cache.
    fn encode_word(&self, word: &str) -> Result<Vec<u32>, TokenizeError> {
        let encoding =
            self.inner
                .encode_fast(word, false)
                .map_err(|error| TokenizeError::Word {
                    word: word.into(),
                    message: error.to_string(),
                })?;
        match encoding.get_ids() {
            [] => Ok(vec![self.special.unk]),
            ids => Ok(ids.to_vec()),
        }
    }

    /// The ids of the special tokens, or the name of the one that the vocabulary lacks.
    pub(crate) fn special_tokens(
        inner: &tokenizers::Tokenizer,
        names: [&str; 3],
    ) -> Result<SpecialTokens, String> {
        let id = |name: &str| {
            let known = inner
                .token_to_id(name)
                .or_else(|| inner.get_model().token_to_id(name));
            known.ok_or_else(|| format!("the vocabulary has no {name}, which BERT needs"))
        };
        Ok(SpecialTokens {
            cls: id(names[0])?,
            sep: id(names[1])?,
            unk: id(names[2])?,
        })
    }
}
