//! The documents of a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::TextError;

/// Where a document lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFiles {
    /// The files' name without extension.
    pub name: String,
    /// The `.txt` file.
    pub text: PathBuf,
    /// The `.ann` file, when there is one.
    pub annotations: Option<PathBuf>,
}

/// The documents at `path` in the order of their names: those of a folder, or the one to which a `.txt` or `.ann`
/// file belongs. Folders inside a folder are other collections.
///
/// # Errors
/// When the folder cannot be read, or holds an `.ann` file without its `.txt`.
pub fn document_files(path: &Path) -> Result<Vec<DocumentFiles>, TextError> {
    if path.is_dir() {
        return folder_files(path);
    }
    let text = path.with_extension("txt");
    let annotations = path.with_extension("ann");
    if !text.is_file() {
        return Err(without_text(&annotations, &text));
    }
    Ok(vec![DocumentFiles {
        name: stem(path),
        text,
        annotations: annotations.is_file().then_some(annotations),
    }])
}

/// Whether the folder at `path` holds a text with annotations, or nothing but texts: whether it is one of brat.
pub fn is_folder(path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else {
        return false;
    };
    let files = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut extensions = BTreeSet::new();
    for file in files.filter(|file| file.is_file() && !stem(file).starts_with('.')) {
        extensions.insert(extension(&file).to_owned());
    }
    let known = ["txt", "ann", "conf"];
    extensions.contains("ann")
        || extensions.contains("txt")
            && extensions
                .iter()
                .all(|found| known.contains(&found.as_str()))
}

fn folder_files(folder: &Path) -> Result<Vec<DocumentFiles>, TextError> {
    let mut texts = BTreeMap::new();
    let mut annotations = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|source| TextError::io(folder, source))? {
        let path = entry
            .map_err(|source| TextError::io(folder, source))?
            .path();
        if !path.is_file() || stem(&path).starts_with('.') {
            continue;
        }
        match extension(&path) {
            "txt" => texts.insert(stem(&path), path),
            "ann" => annotations.insert(stem(&path), path),
            _ => None,
        };
    }
    let mut documents = Vec::with_capacity(texts.len());
    for (name, text) in texts {
        let annotations = annotations.remove(&name);
        documents.push(DocumentFiles {
            name,
            text,
            annotations,
        });
    }
    if let Some(orphan) = annotations.values().next() {
        return Err(without_text(orphan, &orphan.with_extension("txt")));
    }
    if documents.is_empty() {
        return Err(TextError::file(
            folder,
            "holds no document; expected .txt files with their .ann files beside them",
        ));
    }
    Ok(documents)
}

fn without_text(annotations: &Path, text: &Path) -> TextError {
    let message = format!("has no text; expected {} beside it", text.display());
    TextError::file(annotations, message)
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("")
}
