//! The names of the output formats.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use bert_ner_text::{Format, TextError, by_name};

/// How predictions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OutputFormat {
    /// The text, and its entities below it, for people.
    #[default]
    Terminal,
    /// One JSON object a sentence: `text`, `tokens`, `ner_tags` and `entities` with offsets.
    Jsonl,
    /// Columns, one word a line: the predicted tag last, the gold tag before it when there is one.
    Conll,
    /// One entity a line, with a header, tabs between the columns.
    Tsv,
    /// The same with commas, quoted where needed.
    Csv,
    /// A row a sentence, with the columns of [`OutputFormat::Jsonl`].
    Parquet,
    /// A folder of brat: texts and, beside them, their entities. Made by [`create_brat`](super::create_brat).
    Brat,
    /// doccano's spans: `text` and `label: [[start, end, type]]`, one JSON object a sentence.
    Doccano,
    /// Prodigy's tasks, which spaCy's users have too: `text`, `tokens` and `spans`, one JSON object a sentence.
    Prodigy,
    /// A page that a browser shows and prints, without anything from elsewhere.
    Html,
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Terminal,
        Self::Jsonl,
        Self::Conll,
        Self::Tsv,
        Self::Csv,
        Self::Parquet,
        Self::Brat,
        Self::Doccano,
        Self::Prodigy,
        Self::Html,
    ];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Jsonl => "jsonl",
            Self::Conll => "conll",
            Self::Tsv => "tsv",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Brat => "brat",
            Self::Doccano => "doccano",
            Self::Prodigy => "prodigy",
            Self::Html => "html",
        }
    }

    /// The format that a file's extension asks for, as in [`Format::from_extension`]; `None` when it asks for one that
    /// predictions are not written in.
    pub fn of_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_ascii_lowercase();
        if extension == "html" || extension == "htm" {
            return Some(Self::Html);
        }
        match Format::from_extension(path)? {
            Format::Jsonl => Some(Self::Jsonl),
            Format::Conll => Some(Self::Conll),
            Format::Tsv => Some(Self::Tsv),
            Format::Csv => Some(Self::Csv),
            Format::Parquet => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The extension of a file in this format; none of [`OutputFormat::Brat`], which is a folder.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Terminal => "txt",
            Self::Brat => "",
            Self::Doccano | Self::Prodigy => "jsonl",
            other => other.name(),
        }
    }

    /// Whether offsets are written in the unit asked for; elsewhere there are none, or the format says what they count.
    pub fn has_units(self) -> bool {
        matches!(self, Self::Jsonl | Self::Tsv | Self::Csv | Self::Parquet)
    }

    /// Whether there is a place for the most probable labels of each word.
    pub fn has_ranks(self) -> bool {
        matches!(self, Self::Jsonl | Self::Parquet)
    }

    /// Whether rows say which file they are of.
    pub fn has_files(self) -> bool {
        !matches!(self, Self::Terminal | Self::Conll)
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OutputFormat {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        by_name("output format", &Self::ALL, Self::name, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in OutputFormat::ALL {
            assert_eq!(format.name().parse::<OutputFormat>().unwrap(), format);
        }
        assert_eq!(
            "xml".parse::<OutputFormat>().unwrap_err().to_string(),
            "unknown output format \"xml\"; expected terminal, jsonl, conll, tsv, csv, parquet, brat, doccano, prodigy or html"
        );
    }

    #[test]
    fn a_name_that_ends_as_a_format_does_asks_for_it() {
        use OutputFormat::{Csv, Html, Jsonl, Parquet, Tsv};
        for (name, format) in [
            ("a/b.tsv", Tsv),
            ("b.CSV", Csv),
            ("b.ndjson", Jsonl),
            ("b.parquet", Parquet),
            ("b.html", Html),
            ("b.HTM", Html),
        ] {
            assert_eq!(OutputFormat::of_extension(Path::new(name)), Some(format));
        }
        for other in ["b", "b.json", "b.txt", "b.arrow"] {
            assert_eq!(OutputFormat::of_extension(Path::new(other)), None);
        }
    }
}
