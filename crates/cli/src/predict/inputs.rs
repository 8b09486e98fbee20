//! What is to be tagged: what was typed, folders and patterns resolved to files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use bert_ner_text::{Format, counted};

use crate::failure::{Hinted, at, warn};

/// The path that stands for standard input and output.
pub(crate) const DASH: &str = "-";
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// Files that stand beside data and name its labels.
const LABEL_FILES: [&str; 6] = [
    "dataset_info.json",
    "dataset_infos.json",
    "label.json",
    "labels.json",
    "label2id.json",
    "label_list.json",
];

/// A file, a folder that is one data set, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    /// The format, where its folder says which.
    pub(crate) format: Option<Format>,
}

impl Input {
    pub(crate) fn is_standard(&self) -> bool {
        self.path == Path::new(DASH)
    }

    /// As it is called in messages and rows.
    pub(crate) fn name(&self) -> String {
        match self.is_standard() {
            true => STANDARD_INPUT.to_owned(),
            false => self.path.display().to_string(),
        }
    }
}

impl From<PathBuf> for Input {
    fn from(path: PathBuf) -> Self {
        Self { path, format: None }
    }
}

/// What `paths` stand for, in their order; standard input when there is none.
///
/// # Errors
/// When one of them is not there, or stands for nothing.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<Input>> {
    if paths.is_empty() {
        return Ok(vec![PathBuf::from(DASH).into()]);
    }
    let mut inputs = Vec::new();
    for path in paths {
        if path == Path::new(DASH) {
            inputs.push(path.clone().into());
        } else if path.is_dir() {
            inputs.extend(in_folder(path)?);
        } else if path.exists() {
            inputs.push(path.clone().into());
        } else {
            inputs.extend(matching(path)?);
        }
    }
    Ok(inputs)
}

/// The files that a pattern stands for.
fn matching(path: &Path) -> Result<Vec<Input>> {
    let text = path.to_string_lossy();
    if !text.contains(['*', '?', '[']) {
        return Err(missing(path, &text));
    }
    let options = glob::MatchOptions {
        require_literal_leading_dot: true,
        ..glob::MatchOptions::new()
    };
    let found = glob::glob_with(&text, options)
        .map_err(|error| anyhow!("{text}: is no pattern: {error}"))?;
    let mut inputs = Vec::new();
    for path in found {
        let path = path.map_err(|error| at(error.path(), io_error(&error)))?;
        if path.is_file() {
            inputs.push(path.into());
        }
    }
    match inputs.is_empty() {
        true => Err(anyhow!("{text}: matches no file")),
        false => Ok(inputs),
    }
}

fn io_error(error: &glob::GlobError) -> std::io::Error {
    std::io::Error::new(error.error().kind(), error.error().to_string())
}

/// Says that there is no such file, and of text in place of a name where it belongs.
fn missing(path: &Path, text: &str) -> anyhow::Error {
    if text.contains(char::is_whitespace) {
        let message = format!("{text}: no such file");
        let hint = "text itself goes in through standard input: echo 'TEXT' | bert-ner predict --model DIR";
        return Hinted { message, hint }.into();
    }
    match fs::metadata(path) {
        Err(error) => at(path, error),
        Ok(_) => anyhow!("{text}: cannot be read"),
    }
}

/// The data files in a folder, in the order of their names; the folder itself when it is one data set (Arrow). What is left out is said.
fn in_folder(folder: &Path) -> Result<Vec<Input>> {
    let mut files = Vec::new();
    let mut folders = 0;
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
        let path = entry.map_err(|error| at(folder, error))?.path();
        let hidden = path.file_name().is_none_or(is_hidden);
        match (hidden, path.is_dir()) {
            (true, _) => {}
            (false, true) => folders += 1,
            (false, false) => files.push(path),
        }
    }
    files.sort();
    let has = |extension: &str| files.iter().any(|file| extension_of(file) == extension);
    if has("arrow") || folder.join("dataset_dict.json").is_file() {
        Format::detect(folder)?;
        return Ok(vec![folder.to_path_buf().into()]);
    }
    // One document with annotations makes all texts documents of brat.
    let brat = has("ann").then_some(Format::Brat);
    let mut inputs = Vec::new();
    let mut left_out = Vec::new();
    for file in &files {
        let format = match extension_of(file) {
            "txt" => brat,
            "ann" if file.with_extension("txt").is_file() => continue,
            "ann" => brat,
            "conf" if brat.is_some() => continue,
            _ if is_data(file) => None,
            _ => {
                left_out.push(file.file_name().unwrap_or_default().to_string_lossy());
                continue;
            }
        };
        let path = file.clone();
        inputs.push(Input { path, format });
    }
    let name = folder.display();
    if inputs.is_empty() {
        return Err(anyhow!(
            "{name}: holds no file to tag; expected .txt, .conll, .jsonl or another data format"
        ));
    }
    if !left_out.is_empty() {
        warn(format_args!(
            "{name}: left out, because their names are those of no data format: {}",
            left_out.join(", ")
        ));
    }
    if folders > 0 {
        warn(format_args!(
            "{name}: {} inside it not looked into; '{name}/**/*' would",
            counted(folders, "folders")
        ));
    }
    Ok(inputs)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn extension_of(path: &Path) -> &str {
    path.extension().and_then(OsStr::to_str).unwrap_or_default()
}

fn is_data(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    !LABEL_FILES.contains(&name) && Format::from_extension(path).is_some()
}
