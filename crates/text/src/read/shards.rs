//! Several files that are one data set: `train-*-of-00003.parquet`.

use std::path::{Path, PathBuf};

use super::{ReadOptions, SentenceReader, Separator, Warning, open as open_one};
use crate::{Sentence, TextError};

/// The files that `path` stands for, in the order of their names, when it holds one `*` in its file
/// name and is not itself a file; `None` when it is an ordinary path.
///
/// # Errors
/// When the folder cannot be read, or no file matches.
pub fn matching_shards(path: &Path) -> Result<Option<Vec<PathBuf>>, TextError> {
    let Some(pattern) = path.file_name().and_then(|name| name.to_str()) else {
        return Ok(None);
    };
    let Some((start, end)) = pattern.split_once('*') else {
        return Ok(None);
    };
    if path.exists() {
        return Ok(None);
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|source| TextError::io(folder, source))? {
        let entry = entry.map_err(|source| TextError::io(folder, source))?;
        let name = entry.file_name();
        let matches = name.to_str().is_some_and(|name| {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        });
        if matches {
            paths.push(entry.path());
        }
    }
    if paths.is_empty() {
        return Err(TextError::file(path, "matches no file"));
    }
    paths.sort();
    Ok(Some(paths))
}

/// The sentences of several files, one file after the other.
pub(super) fn open(
    paths: Vec<PathBuf>,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    let mut paths = paths.into_iter();
    let current = match paths.next() {
        Some(path) => Some(open_one(&path, options)?),
        None => None,
    };
    Ok(Box::new(Shards {
        current,
        paths,
        options: options.clone(),
        warnings: Vec::new(),
    }))
}

struct Shards {
    current: Option<Box<dyn SentenceReader>>,
    paths: std::vec::IntoIter<PathBuf>,
    options: ReadOptions,
    /// Of the files that are done.
    warnings: Vec<Warning>,
}

impl Iterator for Shards {
    type Item = Result<Sentence, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.current.as_mut()?.next() {
                return Some(item);
            }
            let path = self.paths.next()?;
            if let Some(done) = self.current.take() {
                merge(&mut self.warnings, done.warnings());
            }
            match open_one(&path, &self.options) {
                Ok(reader) => self.current = Some(reader),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl SentenceReader for Shards {
    fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.warnings.clone();
        if let Some(current) = &self.current {
            merge(&mut warnings, current.warnings());
        }
        warnings
    }

    fn separator(&self) -> Option<Separator> {
        self.current.as_ref()?.separator()
    }

    fn label_names(&self) -> Option<Vec<String>> {
        self.current.as_ref()?.label_names()
    }
}

/// Adds `more` to what has been counted under the same names.
fn merge(warnings: &mut Vec<Warning>, more: Vec<Warning>) {
    for warning in more {
        match warnings.iter_mut().find(|known| known.what == warning.what) {
            Some(known) => {
                known.count += warning.count;
                known.examples.extend(warning.examples);
                known.examples.truncate(Warning::EXAMPLES);
            }
            None => warnings.push(warning),
        }
    }
}
