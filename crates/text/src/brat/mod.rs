//! brat standoff: a text (`.txt`) and beside it what is said of it (`.ann`).
//!
//! Of the annotations the entities are understood (`T` lines); relations, events, attributes, normalizations,
//! notes and equivalences are kept as they stand. Whatever was read is written back to the byte:
//! [`Document::annotation_text`] is the `.ann` file, line ends, order and blank lines included.
//!
//! The format is that of <https://brat.nlplab.org/standoff.html>. Offsets in the files count characters (Unicode
//! code points) of the text as it stands, where CR and LF are one each; here spans are UTF-8 bytes as everywhere.

mod accounting;
mod folder;
mod line;
mod offsets;
mod writer;

use std::path::{Path, PathBuf};

use crate::{Span, TextError, Warning};

pub use accounting::Accounting;
pub use folder::{DocumentFiles, document_files, is_folder};
pub use line::{Kind, Line, TextBound};
pub use offsets::CharOffsets;
pub use writer::{DocumentWriter, FolderWriter};

/// A text and its annotations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The files' name without extension.
    pub name: String,
    /// The text, to the byte as in the file.
    pub text: String,
    /// The lines of the `.ann` file; `None` when there is no such file.
    pub annotations: Option<Vec<Line>>,
}

impl Document {
    /// Reads a document; `text_only` leaves its annotations alone, as if there were none.
    ///
    /// `mismatches` counts the entities whose text differs from the one that they point at: the offsets are
    /// believed. With `strict` the first of them is an error.
    ///
    /// # Errors
    /// When a file cannot be read or is not UTF-8, or a line of the `.ann` file is not what brat writes.
    pub fn read(
        files: &DocumentFiles,
        (text_only, strict): (bool, bool),
        mismatches: &mut Warning,
    ) -> Result<Self, TextError> {
        let text = read_text(&files.text)?;
        let annotations = match &files.annotations {
            Some(path) if !text_only => {
                let lines = Self::parse(&read_text(path)?, &text, path)?;
                check_texts(&lines, path, strict, mismatches)?;
                Some(lines)
            }
            _ => None,
        };
        Ok(Self {
            name: files.name.clone(),
            text,
            annotations,
        })
    }

    /// The lines of an `.ann` file over `text`; `path` stands for it in messages.
    ///
    /// # Errors
    /// When a line is not what brat writes, an id stands twice, or an offset leaves the text.
    pub fn parse(annotations: &str, text: &str, path: &Path) -> Result<Vec<Line>, TextError> {
        line::parse(annotations, &CharOffsets::new(text), path)
    }

    /// The `.ann` file, to the byte as it was read; empty when there was none.
    pub fn annotation_text(&self) -> String {
        let lines = self.annotations.iter().flatten();
        lines.map(Line::as_str).collect()
    }

    /// The entities, in the order of the file.
    pub fn entities(&self) -> impl Iterator<Item = (usize, &TextBound)> {
        let lines = self.annotations.iter().flatten().enumerate();
        lines.filter_map(|(index, line)| Some((index + 1, line.entity()?)))
    }
}

/// Counts the entities whose text is not the one that their offsets point at.
fn check_texts(
    lines: &[Line],
    path: &Path,
    strict: bool,
    mismatches: &mut Warning,
) -> Result<(), TextError> {
    for (index, line) in lines.iter().enumerate() {
        let Some(said) = line.entity().and_then(|entity| entity.mismatch.as_ref()) else {
            continue;
        };
        if strict {
            return Err(TextError::syntax(path, index + 1, said.clone()));
        }
        mismatches.count(|| format!("{}:{}: {said}", path.display(), index + 1));
    }
    Ok(())
}

/// A file's text, to the byte.
fn read_text(path: &Path) -> Result<String, TextError> {
    let bytes = std::fs::read(path).map_err(|source| TextError::io(path, source))?;
    decode_text(bytes, path)
}

/// The text that the bytes of the file at `path` are.
pub(crate) fn decode_text(bytes: Vec<u8>, path: &Path) -> Result<String, TextError> {
    if matches!(bytes.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Err(TextError::file(path, "is UTF-16; expected UTF-8 text"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..offset];
        TextError::Utf8 {
            path: path.to_path_buf(),
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            offset: offset as u64,
        }
    })
}

/// The part of `text` in `span` without the white space at its edges; empty when there is nothing else.
pub(crate) fn trimmed(text: &str, span: &Span) -> Span {
    let inner = &text[span.clone()];
    let start = span.start + inner.len() - inner.trim_start().len();
    start..start + inner.trim().len()
}

/// The files of the document `name` in `folder`, as they would be called.
fn file_names(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let file = |extension| folder.join(format!("{name}.{extension}"));
    (file("txt"), file("ann"))
}
