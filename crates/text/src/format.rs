//! The data formats, and how a file's format is found out.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::read::looks_like_conll;
use crate::{TextError, brat, by_name};

/// A data format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Columns, one word a line, an empty line after each sentence.
    Conll,
    /// One JSON object a line, with words and tags as lists.
    Jsonl,
    /// One JSON array of such objects.
    Json,
    /// doccano's spans: `text` and `label: [[start, end, type]]`, one JSON object a line.
    Doccano,
    /// Comma-separated, one word a row, with sentence ids.
    Csv,
    /// The same, separated by tabs.
    Tsv,
    /// Parquet, as the Hugging Face Hub ships data sets.
    Parquet,
    /// An Arrow IPC file or stream, or a folder written by `datasets.save_to_disk`.
    Arrow,
    /// brat standoff: a folder of `.txt` files with their `.ann` files.
    Brat,
    /// One sentence a line, words separated by spaces, no tags.
    Text,
}

/// How many bytes of a file are looked at to find its format out.
const HEAD: u64 = 1 << 16;

impl Format {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Conll,
        Self::Jsonl,
        Self::Json,
        Self::Doccano,
        Self::Csv,
        Self::Tsv,
        Self::Parquet,
        Self::Arrow,
        Self::Brat,
        Self::Text,
    ];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conll => "conll",
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Doccano => "doccano",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Brat => "brat",
            Self::Text => "text",
        }
    }

    /// The format of the file or folder at `path`, from its name, and its content where the name
    /// leaves it open (`.json`, `.txt`, `.tsv`, no extension).
    ///
    /// # Errors
    /// When it cannot be read, or is a folder of another kind.
    pub fn detect(path: &Path) -> Result<Self, TextError> {
        if path.is_dir() {
            return Self::detect_folder(path);
        }
        if path.extension().is_some_and(|extension| extension == "ann") {
            return Ok(Self::Brat);
        }
        let mut head = Vec::new();
        File::open(path)
            .and_then(|file| file.take(HEAD).read_to_end(&mut head))
            .map_err(|source| TextError::io(path, source))?;
        Ok(Self::from_extension(path)
            .unwrap_or_else(|| Self::sniff(&head))
            .refined(&head))
    }

    /// The format that a file name alone stands for, for a file that is to be written.
    pub fn from_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "conll" | "conllu" | "conllup" | "iob" | "iob1" | "iob2" | "bio" | "bioes"
            | "iobes" | "bilou" => Self::Conll,
            "jsonl" | "ndjson" => Self::Jsonl,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "parquet" => Self::Parquet,
            "arrow" => Self::Arrow,
            _ => return None,
        })
    }

    /// The extension of a file that is to be written; empty for what is a folder.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Arrow | Self::Brat => "",
            Self::Doccano => "jsonl",
            Self::Text => "txt",
            _ => self.name(),
        }
    }

    /// The format that the first bytes of a file speak for.
    pub fn sniff(head: &[u8]) -> Self {
        if head.starts_with(b"PAR1") {
            return Self::Parquet;
        }
        if head.starts_with(b"ARROW1") || head.starts_with(&[0xff, 0xff, 0xff, 0xff]) {
            return Self::Arrow;
        }
        let text = head_text(head);
        match text.trim_start().as_bytes() {
            [b'{', ..] if has_key(&text, &JSON_KEYS) => Self::Jsonl.refined(head),
            [b'[', ..] if has_key(&text, &JSON_KEYS) => Self::Json.refined(head),
            _ if looks_like_conll(&text) => Self::Conll,
            _ => Self::Text,
        }
    }

    /// The name says `self`; the content may say more.
    fn refined(self, head: &[u8]) -> Self {
        let text = head_text(head);
        let array = text.trim_start().starts_with('[');
        match self {
            Self::Json | Self::Jsonl if has_key(&text, &WORD_KEYS) => {
                if array {
                    Self::Json
                } else {
                    Self::Jsonl
                }
            }
            Self::Json | Self::Jsonl if has_key(&text, &["text"]) && has_key(&text, &SPAN_KEYS) => {
                Self::Doccano
            }
            Self::Json if !array => Self::Jsonl,
            // BioBERT and others call two columns without a header `.tsv`.
            Self::Tsv if !has_header(&text) => Self::Conll,
            _ => self,
        }
    }

    fn detect_folder(path: &Path) -> Result<Self, TextError> {
        if path.join("dataset_dict.json").is_file() {
            return Err(TextError::file(
                path,
                "is a folder of several splits (dataset_dict.json); expected one split: \
                 give one of its folders, or the whole with --data",
            ));
        }
        let has_arrow = std::fs::read_dir(path)
            .map_err(|source| TextError::io(path, source))?
            .filter_map(Result::ok)
            .any(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "arrow")
            });
        if has_arrow {
            return Ok(Self::Arrow);
        }
        if brat::is_folder(path) {
            return Ok(Self::Brat);
        }
        Err(TextError::file(
            path,
            "is a folder without .arrow or .ann files; expected a file, a folder of brat, or one written \
             by datasets.save_to_disk",
        ))
    }
}

const WORD_KEYS: [&str; 2] = ["tokens", "words"];
const SPAN_KEYS: [&str; 4] = ["label", "labels", "entities", "spans"];
const JSON_KEYS: [&str; 3] = ["tokens", "words", "text"];

/// The first bytes as text; a character cut in two at the end does not matter here.
fn head_text(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}

fn has_key(text: &str, keys: &[&str]) -> bool {
    keys.iter().any(|key| text.contains(&format!("\"{key}\"")))
}

/// Whether the first line names a column of words, as `sentence_id  word  tag` does.
fn has_header(text: &str) -> bool {
    const NAMES: [&str; 6] = ["word", "words", "token", "tokens", "text", "form"];
    text.lines().next().is_some_and(|line| {
        line.split('\t')
            .any(|name| NAMES.contains(&name.trim().to_ascii_lowercase().as_str()))
    })
}

impl FromStr for Format {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        by_name("format", &Self::ALL, Self::name, name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
