//! A folder of predictions, a file for each input, which an interrupted run has begun and the same command goes on with.
//!
//! A file appears when it is complete, so one that is there is done. `predict.json` beside them says what they were made
//! with: a run with another model or other settings is refused. Several machines may write to one folder, each its share.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bert_ner_infer::output::OutputFormat;
use bert_ner_model::AdapterConfig;
use bert_ner_text::atomic;
use bert_ner_train::fingerprint_of_files;
use serde_json::{Map, Value, json};

use super::inputs::{Input, Inputs, absolute};
use crate::args::{PredictArgs, Shard};
use crate::failure::{Hinted, Usage, at};
use crate::names;

/// What the predictions in a folder were made with.
const MANIFEST: &str = "predict.json";

/// A folder of predictions that this run may write to.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    format: OutputFormat,
}

impl Folder {
    /// Begins a folder, or goes on with one.
    ///
    /// # Errors
    /// When its files were made with another model or other settings, or are none of ours.
    pub(crate) fn open(
        path: &Path,
        args: &PredictArgs,
        inputs: &Inputs,
        format: OutputFormat,
    ) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| at(path, error))?;
        let manifest = path.join(MANIFEST);
        let own = settings(args, inputs, format)?;
        let begun = match read(&manifest)? {
            // Where another share has begun the folder since, its manifest is there before anything else.
            None if !is_bare(path)? => match read(&manifest)? {
                None => return Err(not_ours(path)),
                begun => begun,
            },
            begun => begun,
        };
        match begun {
            Some(begun) if begun == own => {}
            // A manifest alone is what a run leaves that came to nothing.
            Some(begun) if !is_bare(path)? => return Err(otherwise(&manifest, &begun, &own)),
            _ => {
                let bytes = serde_json::to_vec_pretty(&own)?;
                atomic::write(&manifest, &bytes).map_err(|error| at(&manifest, error))?;
            }
        }
        Ok(Self {
            path: path.to_path_buf(),
            format,
        })
    }

    pub(crate) fn format(&self) -> OutputFormat {
        self.format
    }

    /// Where the file called `name` stands.
    pub(crate) fn place(&self, name: &Path) -> PathBuf {
        self.path.join(name)
    }
}

const ANEW: &str = "give the settings that the folder was begun with, or another --output";

/// The manifest, if there is one.
fn read(manifest: &Path) -> Result<Option<Map<String, Value>>> {
    let bytes = match fs::read(manifest) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(manifest, error)),
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!("{}: {error}", manifest.display());
        let hint = ANEW;
        Hinted { message, hint }.into()
    })
}

/// Whether nothing is in a folder but manifests: written, being written, or left so when their run was killed.
fn is_bare(folder: &Path) -> Result<bool> {
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
        let name = entry.map_err(|error| at(folder, error))?.file_name();
        if name != MANIFEST && unfinished(&name).as_deref() != Some(MANIFEST) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The name that a file will have which is being written as `.NAME.PROCESS-NUMBER.tmp` (see [`atomic`]).
fn unfinished(name: &OsStr) -> Option<String> {
    let name = name.to_string_lossy();
    let inner = name.strip_prefix('.')?.strip_suffix(".tmp")?;
    inner.rsplit_once('.').map(|(name, _)| name.to_owned())
}

fn not_ours(folder: &Path) -> anyhow::Error {
    let message = format!(
        "--output {} holds files and no {MANIFEST}; expected a new or empty folder, or one that predict has begun",
        folder.display()
    );
    Usage(message).into()
}

/// Names the settings that differ from those that the folder was begun with.
fn otherwise(
    manifest: &Path,
    begun: &Map<String, Value>,
    own: &Map<String, Value>,
) -> anyhow::Error {
    let keys: BTreeSet<&String> = begun.keys().chain(own.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|&key| begun.get(key) != own.get(key));
    let said: Vec<String> = differ
        .map(|key| match key.as_str() {
            "model" => "the model is another".to_owned(),
            key => {
                let shown = |of: &Map<String, Value>| match of.get(key) {
                    None | Some(Value::Null) => "not given".to_owned(),
                    Some(value) => value.to_string(),
                };
                format!("{key} was {}, not {}", shown(begun), shown(own))
            }
        })
        .collect();
    let message = format!(
        "{}: the folder was begun otherwise: {}",
        manifest.display(),
        said.join("; ")
    );
    Hinted {
        message,
        hint: ANEW,
    }
    .into()
}

/// Everything that decides what is written, and where.
fn settings(
    args: &PredictArgs,
    inputs: &Inputs,
    format: OutputFormat,
) -> Result<Map<String, Value>> {
    let name = |name: Option<&dyn ToString>| name.map(ToString::to_string);
    let read = &args.format;
    let value = json!({
        "bert-ner": env!("CARGO_PKG_VERSION"),
        "model": model(args)?,
        // Names in the folder go on from here.
        "the inputs' folder": inputs.folder.to_string_lossy(),
        "several inputs": inputs.several,
        "--output-format": format.name(),
        "--offset-unit": args.offset_unit.unwrap_or_default().name(),
        "--aggregation": args.aggregation.map(|it| it.name()),
        "--threshold": args.threshold,
        "--ignore-labels": args.ignore_labels,
        "--top-k": args.top_k,
        "--k-best": args.k_best,
        "--max-length": args.model.max_length,
        // The shares have one folder; that they are of so many is what they must agree on.
        "--shard": args.shard.map(|shard| format!("of {}", shard.count)),
        "--input-format": read.input_format.map(|it| it.name()),
        "--words": read.words.map(|it| it.name()),
        "--scheme": name(read.scheme.as_ref().map(|it| it as &dyn ToString)),
        "--tag-column": name(read.tag_column.as_ref().map(|it| it as &dyn ToString)),
        "--word-column": name(read.word_column.as_ref().map(|it| it as &dyn ToString)),
        "--id-column": name(read.id_column.as_ref().map(|it| it as &dyn ToString)),
        "--labels": read.labels,
        "--overlaps": read.overlaps,
        "--fragments": read.fragments,
        "--strict": read.strict.unwrap_or(false),
    });
    match value {
        Value::Object(settings) => Ok(settings),
        _ => Ok(Map::new()),
    }
}

/// The files that decide what the model says, its own and those of the model that an adapter goes into, each with a number that is
/// another for other content.
fn model(args: &PredictArgs) -> Result<BTreeMap<String, String>> {
    let folder = names::model(&args.model.model, false)?;
    let mut files = model_files(&folder)?;
    if AdapterConfig::is_in(&folder)
        && let Some(base) = names::base_of(&folder, false)?
    {
        let of_base = |(name, number)| (format!("base/{name}"), number);
        files.extend(model_files(&base)?.into_iter().map(of_base));
    }
    Ok(files)
}

fn model_files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
        let path = entry.map_err(|error| at(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let decides = [".json", ".safetensors"]
            .iter()
            .any(|end| name.ends_with(end));
        if decides || name == "vocab.txt" {
            let number = fingerprint_of_files(&path).map_err(|error| at(&path, error))?;
            files.insert(name.into_owned(), format!("{number:016x}"));
        }
    }
    Ok(files)
}

/// The name of each input's file in a folder.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<PathBuf, PathBuf>);

impl Names {
    pub(crate) fn of(&self, input: &Input) -> &Path {
        self.0
            .get(&input.path)
            .map_or(Path::new(""), PathBuf::as_path)
    }
}

/// Names after the inputs': below [`Inputs::folder`], each its own path and the format's extension; of a share of
/// one input, with which it is.
///
/// # Errors
/// [`Usage`] when an input was given twice.
pub(crate) fn names(inputs: &Inputs, format: OutputFormat, shard: Option<Shard>) -> Result<Names> {
    let share = shard.map_or_else(String::new, |shard| {
        format!("-{:05}-of-{:05}", shard.index, shard.count)
    });
    let mut names = BTreeMap::new();
    for input in &inputs.list {
        let path = absolute(&input.path);
        let below = path.strip_prefix(&inputs.folder).unwrap_or(&path);
        let mut name = below.as_os_str().to_owned();
        name.push(format!("{share}.{}", format.extension()));
        if names.insert(input.path.clone(), name.into()).is_some() {
            let message = format!("{} is given twice", input.name());
            return Err(Usage(message).into());
        }
    }
    Ok(Names(names))
}

/// Whether the file at `path` is there, and no older than what it was made of.
pub(crate) fn is_done(path: &Path, input: &Input) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|it| it.modified());
    matches!((time(path), time(&input.path)), (Ok(made), Ok(read)) if made >= read)
}

/// Makes room for files: their folders, without what a run that was killed has left of these very files.
pub(crate) fn prepare<'p>(files: impl Iterator<Item = &'p Path>) -> Result<()> {
    let mut folders: BTreeMap<&Path, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        if let (Some(folder), Some(name)) = (file.parent(), file.file_name()) {
            let names = folders.entry(folder).or_default();
            names.insert(name.to_string_lossy().into_owned());
        }
    }
    for (folder, names) in folders {
        fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
        for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
            let entry = entry.map_err(|error| at(folder, error))?;
            if unfinished(&entry.file_name()).is_some_and(|name| names.contains(&name)) {
                // Gone already when another run has just finished or removed it.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}
