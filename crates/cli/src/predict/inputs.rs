//! What is to be tagged: what was typed, folders and patterns resolved to files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use bert_ner_text::{Format, counted};

use super::pattern::Pattern;
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

/// All that is to be tagged. Where it lies, and whether it may be several inputs, is decided by what was typed, not by which files
/// there happen to be.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) list: Vec<Input>,
    /// The folder that all files lie in, however deep; empty when there is but standard input.
    pub(crate) folder: PathBuf,
    /// Whether a folder, a pattern or several paths were given.
    pub(crate) several: bool,
}

impl Inputs {
    fn add(&mut self, folder: &Path, inputs: Vec<Input>) {
        let folder = absolute(folder);
        self.folder = match self.list.iter().all(Input::is_standard) {
            true => folder,
            false => common(&self.folder, &folder),
        };
        self.list.extend(inputs);
    }
}

/// What `paths` stand for, in their order; standard input when there is none.
///
/// # Errors
/// When one of them is not there, or stands for nothing.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Inputs> {
    let mut found = Inputs {
        several: paths.len() > 1,
        ..Inputs::default()
    };
    if paths.is_empty() {
        found.list.push(PathBuf::from(DASH).into());
    }
    for path in paths {
        if path == Path::new(DASH) {
            found.list.push(path.clone().into());
        } else if path.is_dir() {
            let inputs = in_folder(path)?;
            match inputs.as_slice() {
                // A data set.
                [one] if one.path == *path => found.add(beside(path), inputs),
                _ => {
                    found.several = true;
                    found.add(path, inputs);
                }
            }
        } else if path.exists() {
            found.add(beside(path), vec![path.clone().into()]);
        } else if let Some(pattern) = Pattern::parse(path)? {
            found.several = true;
            found.add(pattern.folder(), matching(&pattern, path)?);
        } else {
            return Err(missing(path));
        }
    }
    Ok(found)
}

/// `path` from the root on.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn beside(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// The deepest folder that both lie in.
fn common(one: &Path, other: &Path) -> PathBuf {
    let both = one.components().zip(other.components());
    both.take_while(|(one, other)| one == other)
        .map(|(one, _)| one)
        .collect()
}

/// The data files that a pattern stands for, those of each folder as if it held no others.
fn matching(pattern: &Pattern, typed: &Path) -> Result<Vec<Input>> {
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in pattern.files()? {
        let folder = beside(&file).to_path_buf();
        folders.entry(folder).or_default().push(file);
    }
    let none = folders.is_empty();
    let mut inputs = Vec::new();
    for (folder, files) in &folders {
        inputs.extend(data_files(folder, files, pattern.has_extension));
    }
    let typed = typed.display();
    match (inputs.is_empty(), none) {
        (false, _) => Ok(inputs),
        (true, true) => Err(anyhow!("{typed}: matches no file")),
        (true, false) => Err(anyhow!("{typed}: matches no file of a data format")),
    }
}

/// Says that there is no such file, and of text in place of a name where it belongs.
fn missing(path: &Path) -> anyhow::Error {
    let text = path.to_string_lossy();
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
    if holds(&files, "arrow") || folder.join("dataset_dict.json").is_file() {
        Format::detect(folder)?;
        return Ok(vec![folder.to_path_buf().into()]);
    }
    let inputs = data_files(folder, &files, false);
    let name = folder.display();
    if inputs.is_empty() {
        return Err(anyhow!(
            "{name}: holds no file to tag; expected .txt, .conll, .jsonl or another data format"
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

fn holds(files: &[PathBuf], extension: &str) -> bool {
    files.iter().any(|file| extension_of(file) == extension)
}

/// Those of the `files` in `folder`, in order, that hold data: by their extension unless `any`. What is left out is said.
fn data_files(folder: &Path, files: &[PathBuf], any: bool) -> Vec<Input> {
    if holds(files, "arrow") && files.iter().any(|file| file.ends_with("state.json")) {
        return vec![folder.to_path_buf().into()];
    }
    // One document with annotations makes all texts documents of brat.
    let brat = holds(files, "ann").then_some(Format::Brat);
    let has = |file: &PathBuf| files.binary_search(file).is_ok();
    let mut inputs = Vec::new();
    let mut left_out = Vec::new();
    for file in files {
        let format = match extension_of(file) {
            "txt" => brat,
            "ann" if has(&file.with_extension("txt")) => continue,
            "ann" => brat,
            "conf" if brat.is_some() => continue,
            _ if is_data(file, any) => None,
            _ => {
                left_out.push(file.file_name().unwrap_or_default().to_string_lossy());
                continue;
            }
        };
        let path = file.clone();
        inputs.push(Input { path, format });
    }
    if !left_out.is_empty() {
        let name = folder.display();
        warn(format_args!(
            "{name}: left out, because their names are those of no data format: {}",
            left_out.join(", ")
        ));
    }
    inputs
}

pub(crate) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn extension_of(path: &Path) -> &str {
    path.extension().and_then(OsStr::to_str).unwrap_or_default()
}

fn is_data(path: &Path, any: bool) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    !LABEL_FILES.contains(&name) && (any || Format::from_extension(path).is_some())
}
