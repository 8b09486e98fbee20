//! Folders that brat opens.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::{CharOffsets, Document, file_names, trimmed};
use crate::atomic::AtomicFolder;
use crate::{Sentence, Span, TextError};

/// A folder of documents, with the `annotation.conf` that brat needs. It appears when it is complete.
#[derive(Debug)]
pub struct FolderWriter {
    folder: AtomicFolder,
    types: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl FolderWriter {
    /// Begins a folder; `types` are those that annotators are to be offered besides the ones that occur.
    ///
    /// # Errors
    /// When something stands at `path` already, or a folder cannot be made there.
    pub fn create(path: &Path, types: impl IntoIterator<Item = String>) -> Result<Self, TextError> {
        let folder = AtomicFolder::create(path).map_err(|source| TextError::io(path, source))?;
        Ok(Self {
            folder,
            types: types.into_iter().collect(),
            names: BTreeSet::new(),
        })
    }

    /// Writes a document: its text as it is, and its entities, which are bytes of the text in any order.
    ///
    /// # Errors
    /// When a document of this name was written before, a type or a span cannot be spelled, or the disk refuses.
    pub fn write(
        &mut self,
        name: &str,
        text: &str,
        entities: &[(Span, String)],
    ) -> Result<(), TextError> {
        let (text_path, annotation_path) = file_names(self.folder.target(), name);
        let unwritable = |message: String| TextError::file(&annotation_path, message);
        if name.is_empty() || Path::new(name).file_name().is_none_or(|file| file != name) {
            return Err(unwritable(format!("{name:?} is no name of a file")));
        }
        if !self.names.insert(name.to_owned()) {
            return Err(TextError::file(
                &text_path,
                "would be written twice: two documents have this name",
            ));
        }
        let annotations = annotations(text, entities).map_err(unwritable)?;
        self.types
            .extend(entities.iter().map(|(_, label)| label.clone()));
        let (text_path, annotation_path) = file_names(self.folder.path(), name);
        write_file(&text_path, text)?;
        write_file(&annotation_path, &annotations)
    }

    /// Writes `annotation.conf` and puts the folder in its place.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(self) -> Result<(), TextError> {
        let mut configuration = String::from("[entities]\n");
        for label in &self.types {
            configuration.push_str(label);
            configuration.push('\n');
        }
        configuration.push_str(
            "\n[relations]\n\n<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>\n",
        );
        configuration.push_str("\n[events]\n\n[attributes]\n");
        write_file(&self.folder.path().join("annotation.conf"), &configuration)?;
        let target = self.folder.target().to_path_buf();
        self.folder
            .commit()
            .map_err(|source| TextError::io(&target, source))
    }
}

fn write_file(path: &Path, content: &str) -> Result<(), TextError> {
    std::fs::write(path, content).map_err(|source| TextError::io(path, source))
}

/// The `T` lines of `entities`, in the order of the text.
fn annotations(text: &str, entities: &[(Span, String)]) -> Result<String, String> {
    let offsets = CharOffsets::new(text);
    let mut order: Vec<_> = entities.iter().collect();
    order.sort_by_key(|(span, label)| (span.start, span.end, label));
    let mut lines = String::new();
    for (index, (span, label)) in order.into_iter().enumerate() {
        if label.is_empty() || label.contains(char::is_whitespace) {
            return Err(format!(
                "{label:?} cannot be a type in brat: it is empty or holds white space"
            ));
        }
        let fragments = fragments(text, span);
        if fragments.is_empty() {
            return Err(format!(
                "an entity of type {label} holds no character but white space"
            ));
        }
        let _ = write!(lines, "T{}\t{label} ", index + 1);
        for (number, fragment) in fragments.iter().enumerate() {
            let separator = if number == 0 { "" } else { ";" };
            let (start, end) = (
                offsets.character(fragment.start),
                offsets.character(fragment.end),
            );
            let _ = write!(lines, "{separator}{start} {end}");
        }
        let parts: Vec<&str> = fragments
            .into_iter()
            .map(|fragment| &text[fragment])
            .collect();
        // brat writes a line for a line: what separates lines or fields in the text is a space here.
        let _ = writeln!(lines, "\t{}", parts.join(" ").replace(['\t', '\r'], " "));
    }
    Ok(lines)
}

/// The span in fragments, one a line of the text, as brat's own editor cuts it.
fn fragments(text: &str, span: &Span) -> Vec<Span> {
    let mut start = span.start;
    let mut found = Vec::new();
    for line in text[span.clone()].split_inclusive('\n') {
        let fragment = trimmed(text, &(start..start + line.len()));
        if !fragment.is_empty() {
            found.push(fragment);
        }
        start += line.len();
    }
    found
}

/// Puts sentences together to the documents that they came from.
///
/// Sentences that came from no document become documents of their own: a new one wherever one starts, a line a sentence,
/// called `0001`, `0002`, ..., after the name that [`DocumentWriter::begin`] gave.
#[derive(Debug)]
pub struct DocumentWriter {
    folder: FolderWriter,
    current: Option<Current>,
    /// What the names of the documents begin with that are made up.
    prefix: String,
    /// Documents made up since the last prefix.
    numbered: usize,
    /// Documents made up in all.
    made: usize,
}

/// The document whose sentences are coming in.
#[derive(Debug)]
struct Current {
    /// Where its text is; `None`: it is made up of the sentences.
    document: Option<Arc<Document>>,
    name: String,
    text: String,
    entities: Vec<(Span, String)>,
}

impl DocumentWriter {
    /// Writes to `folder`.
    pub fn new(folder: FolderWriter) -> Self {
        Self {
            folder,
            current: None,
            prefix: String::new(),
            numbered: 0,
            made: 0,
        }
    }

    /// Ends the document: sentences that follow are of another input, and documents that are made up of them have its `name` and a
    /// number.
    ///
    /// # Errors
    /// As [`FolderWriter::write`].
    pub fn begin(&mut self, name: &str) -> Result<(), TextError> {
        self.prefix = format!("{name}-");
        self.numbered = 0;
        self.complete()
    }

    /// Documents that were made up of sentences that came from none.
    pub fn made(&self) -> usize {
        self.made
    }

    /// Adds a sentence and its entities, which are bytes of its text.
    ///
    /// # Errors
    /// As [`FolderWriter::write`].
    pub fn push(
        &mut self,
        sentence: &Sentence,
        entities: impl IntoIterator<Item = (Span, String)>,
    ) -> Result<(), TextError> {
        let place = sentence.source.place.as_ref();
        let continues =
            self.current
                .as_ref()
                .is_some_and(|current| match (&current.document, place) {
                    (Some(document), Some(place)) => Arc::ptr_eq(document, &place.document),
                    (None, None) => !sentence.source.starts_document,
                    _ => false,
                });
        if !continues {
            self.complete()?;
        }
        if self.current.is_none() && place.is_none() {
            self.numbered += 1;
            self.made += 1;
        }
        let made = || format!("{}{:04}", self.prefix, self.numbered);
        let current = self.current.get_or_insert_with(|| Current {
            document: place.map(|place| Arc::clone(&place.document)),
            name: place.map_or_else(made, |place| place.document.name.clone()),
            text: String::new(),
            entities: Vec::new(),
        });
        let start = match place {
            Some(place) => place.start,
            None => {
                let start = current.text.len();
                current.text.push_str(&sentence.text);
                current.text.push('\n');
                start
            }
        };
        let moved = |(span, label): (Span, String)| (span.start + start..span.end + start, label);
        current.entities.extend(entities.into_iter().map(moved));
        Ok(())
    }

    /// Writes the last document and puts the folder in its place.
    ///
    /// # Errors
    /// As [`FolderWriter::finish`].
    pub fn finish(mut self) -> Result<(), TextError> {
        self.complete()?;
        self.folder.finish()
    }

    fn complete(&mut self) -> Result<(), TextError> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        let text = current
            .document
            .as_ref()
            .map_or(&current.text, |document| &document.text);
        self.folder.write(&current.name, text, &current.entities)
    }
}
