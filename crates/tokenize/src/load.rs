//! From the files of a Hugging Face folder to a [`Tokenizer`].

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokenizers::models::ModelWrapper;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::{BertNormalizer, NormalizerWrapper};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, decoders};

use crate::error::TokenizeError;
use crate::tokenizer::Tokenizer;

/// See [`Tokenizer::load`].
pub(crate) fn load(dir: &Path) -> Result<Tokenizer, TokenizeError> {
    let config = Config::read(dir)?;
    let (inner, path) = if let Some(found) = read_json_tokenizer(dir, &config)? {
        found
    } else if let Some(found) = read_vocabulary(dir, &config)? {
        found
    } else {
        return Err(TokenizeError::Missing { dir: dir.into() });
    };
    let ModelWrapper::WordPiece(wordpiece) = inner.get_model() else {
        return Err(TokenizeError::NotWordPiece {
            path,
            found: model_name(inner.get_model()),
        });
    };
    let names = [
        config.token("cls_token", "[CLS]"),
        config.token("sep_token", "[SEP]"),
        wordpiece.unk_token.as_str(),
    ];
    let special = Tokenizer::special_tokens(&inner, names)
        .map_err(|message| TokenizeError::Vocabulary { path, message })?;
    Ok(Tokenizer::assemble(inner, config.0, special))
}

/// How the file calls a model of this kind.
fn model_name(model: &ModelWrapper) -> &'static str {
    match model {
        ModelWrapper::BPE(_) => "BPE",
        ModelWrapper::WordPiece(_) => "WordPiece",
        ModelWrapper::WordLevel(_) => "WordLevel",
        ModelWrapper::Unigram(_) => "Unigram",
    }
}

/// The tokenizer of `tokenizer.json`, with that file's path; `None` when there is none.
fn read_json_tokenizer(
    dir: &Path,
    config: &Config,
) -> Result<Option<(tokenizers::Tokenizer, PathBuf)>, TokenizeError> {
    let path = dir.join("tokenizer.json");
    let Some(bytes) = read_if_present(&path)? else {
        return Ok(None);
    };
    let mut inner: tokenizers::Tokenizer =
        serde_json::from_slice(&bytes).map_err(|error| json_error(&path, &bytes, &error))?;
    let unusable = |error: tokenizers::Error| TokenizeError::Vocabulary {
        path: path.clone(),
        message: error.to_string(),
    };
    inner.with_truncation(None).map_err(unusable)?;
    inner.with_padding(None);
    if let Some(NormalizerWrapper::BertNormalizer(normalizer)) = inner.get_normalizer() {
        let normalizer = config.overrule(*normalizer);
        inner.with_normalizer(Some(normalizer)).map_err(unusable)?;
    }
    Ok(Some((inner, path)))
}

/// BERT's tokenizer over `vocab.txt`, with that file's path; `None` when there is none.
fn read_vocabulary(
    dir: &Path,
    config: &Config,
) -> Result<Option<(tokenizers::Tokenizer, PathBuf)>, TokenizeError> {
    let path = dir.join("vocab.txt");
    let Some(bytes) = read_if_present(&path)? else {
        return Ok(None);
    };
    let unusable = |message: String| TokenizeError::Vocabulary {
        path: path.clone(),
        message,
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        unusable(format!(
            "line {line} is not UTF-8 (byte {})",
            error.valid_up_to()
        ))
    })?;
    // One entry a line, its id the line's number.
    let vocabulary =
        WordPiece::read_bytes(text.as_bytes()).map_err(|error| unusable(error.to_string()))?;
    let unk = config.token("unk_token", "[UNK]");
    let model = WordPiece::builder()
        .vocab(vocabulary)
        .unk_token(unk.to_owned())
        .build()
        .map_err(|error| unusable(error.to_string()))?;

    let mut inner = tokenizers::Tokenizer::new(model);
    inner
        .with_normalizer(Some(config.overrule(BertNormalizer::default())))
        .map_err(|error| unusable(error.to_string()))?;
    inner.with_pre_tokenizer(Some(BertPreTokenizer));
    inner.with_decoder(Some(decoders::wordpiece::WordPiece::default()));
    add_special_tokens(&mut inner, config, unk).map_err(|error| unusable(error.to_string()))?;
    Ok(Some((inner, path)))
}

/// Marks the special tokens that the vocabulary holds, so that text cannot split them.
fn add_special_tokens(
    inner: &mut tokenizers::Tokenizer,
    config: &Config,
    unk: &str,
) -> tokenizers::Result<()> {
    let cls = config.token("cls_token", "[CLS]");
    let sep = config.token("sep_token", "[SEP]");
    let pad = config.token("pad_token", "[PAD]");
    let mask = config.token("mask_token", "[MASK]");
    let known = [pad, unk, cls, sep, mask]
        .into_iter()
        .filter(|name| inner.token_to_id(name).is_some());
    let known: Vec<_> = known.map(|name| AddedToken::from(name, true)).collect();
    inner.add_special_tokens(known)?;
    if let (Some(cls_id), Some(sep_id)) = (inner.token_to_id(cls), inner.token_to_id(sep)) {
        inner.with_post_processor(Some(BertProcessing::new(
            (sep.to_owned(), sep_id),
            (cls.to_owned(), cls_id),
        )));
    }
    Ok(())
}

/// `tokenizer_config.json`, empty when there is none.
struct Config(Map<String, Value>);

impl Config {
    fn read(dir: &Path) -> Result<Self, TokenizeError> {
        let path = dir.join("tokenizer_config.json");
        let Some(bytes) = read_if_present(&path)? else {
            return Ok(Self(Map::new()));
        };
        let parsed = serde_json::from_slice(&bytes);
        Ok(Self(
            parsed.map_err(|error| json_error(&path, &bytes, &error))?,
        ))
    }

    /// The special token under `key`: a string, or an object with the string as `content`.
    fn token<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        let value = self.0.get(key);
        let content = value.and_then(|value| value.get("content").or(Some(value)));
        content.and_then(Value::as_str).unwrap_or(default)
    }

    /// The normalizer with what this file states put over it.
    ///
    /// `transformers` takes `tokenizer.json` as it is under the generic tokenizer classes.
    fn overrule(&self, mut normalizer: BertNormalizer) -> BertNormalizer {
        let class = self.0.get("tokenizer_class").and_then(Value::as_str);
        if matches!(class, Some("PreTrainedTokenizerFast" | "TokenizersBackend")) {
            return normalizer;
        }
        let stated = |key: &str| self.0.get(key).and_then(Value::as_bool);
        if let Some(lowercase) = stated("do_lower_case") {
            normalizer.lowercase = lowercase;
        }
        if let Some(chinese) = stated("tokenize_chinese_chars") {
            normalizer.handle_chinese_chars = chinese;
        }
        // Here null is a statement too: strip accents when lower-casing.
        if self.0.contains_key("strip_accents") {
            normalizer.strip_accents = stated("strip_accents");
        }
        normalizer
    }
}

/// The bytes of a file, or `None` when it does not exist.
fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, TokenizeError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TokenizeError::Io {
            path: path.into(),
            source,
        }),
    }
}

/// Where and why a JSON file is wrong.
///
/// A tokenizer's parts are deserialized from a buffer and lose their place, which would read as
/// line 0; the message then says what is wrong, and the place is the file's beginning.
fn json_error(path: &Path, bytes: &[u8], error: &serde_json::Error) -> TokenizeError {
    let syntax = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).err();
    let (error, place) = syntax
        .as_ref()
        .map_or((error, "not a tokenizer: "), |error| (error, ""));
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    TokenizeError::Json {
        path: path.into(),
        line: error.line().max(1),
        column: error.column().max(1),
        message: format!("{place}{message}"),
    }
}
