//! A tokenizer as files that `transformers` opens.

use std::io::Write;
use std::path::Path;

use bert_ner_text::atomic::AtomicFile;
use serde_json::Value;
use tokenizers::normalizers::NormalizerWrapper;

use crate::error::TokenizeError;
use crate::tokenizer::Tokenizer;

impl Tokenizer {
    /// Writes `tokenizer.json` and `tokenizer_config.json` into an existing folder.
    ///
    /// The configuration keeps what was loaded and states what must not be left to defaults:
    /// `transformers` lower-cases unless `do_lower_case` says otherwise.
    ///
    /// # Errors
    /// When a file cannot be written; each is written whole or not at all.
    pub fn save(&self, dir: &Path) -> Result<(), TokenizeError> {
        let path = dir.join("tokenizer.json");
        let json = self
            .inner
            .to_string(true)
            .map_err(|error| TokenizeError::Vocabulary {
                path: path.clone(),
                message: error.to_string(),
            })?;
        write_whole(&path, &json)?;
        let config = serde_json::to_string_pretty(&Value::Object(self.saved_config()))
            .expect("a JSON map always serializes");
        write_whole(&dir.join("tokenizer_config.json"), &config)
    }

    /// The configuration to write.
    fn saved_config(&self) -> serde_json::Map<String, Value> {
        let mut config = self.config.clone();
        // Paths on the machine where the tokenizer was made.
        for key in [
            "special_tokens_map_file",
            "tokenizer_file",
            "vocab_file",
            "name_or_path",
        ] {
            config.remove(key);
        }
        let mut default = |key: &str, value: Value| {
            config.entry(key).or_insert(value);
        };
        default("tokenizer_class", "BertTokenizer".into());
        for (key, id) in [
            ("unk_token", self.special.unk),
            ("sep_token", self.special.sep),
            ("cls_token", self.special.cls),
        ] {
            default(key, self.piece(id).into());
        }
        if let Some(NormalizerWrapper::BertNormalizer(normalizer)) = self.inner.get_normalizer() {
            config.insert("do_lower_case".into(), normalizer.lowercase.into());
            config.insert("strip_accents".into(), normalizer.strip_accents.into());
            config.insert(
                "tokenize_chinese_chars".into(),
                normalizer.handle_chinese_chars.into(),
            );
        }
        config
    }
}

/// Writes a file by way of a temporary one beside it.
fn write_whole(path: &Path, content: &str) -> Result<(), TokenizeError> {
    let write = || {
        let mut file = AtomicFile::create(path)?;
        file.write_all(content.as_bytes())?;
        file.write_all(b"\n")?;
        file.commit()
    };
    write().map_err(|source| TokenizeError::Io {
        path: path.into(),
        source,
    })
}
