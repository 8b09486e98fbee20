//! A folder of predictions, a file for each input, which an interrupted run has begun and the same command goes on with.
//!
//! A file appears when it is complete, so one that is there is done. `predict.json` beside them says what they were made
//! with: a run with another model or other settings is refused. Several machines may write to one folder, each its share.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;
use bert_ner_infer::output::OutputFormat;
use bert_ner_model::split_mix;
use bert_ner_text::atomic;
use serde_json::{Map, Value, json};

use super::inputs::Input;
use crate::args::{PredictArgs, Shard};
use crate::failure::{Hinted, Usage, at};
use crate::names;

/// What the predictions in a folder were made with.
const MANIFEST: &str = "predict.json";
/// The files of a model folder that decide what it predicts.
const MODEL_FILES: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "vocab.txt",
    "model.safetensors",
    "adapter_config.json",
    "adapter_model.safetensors",
];

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
    pub(crate) fn open(path: &Path, args: &PredictArgs, format: OutputFormat) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| at(path, error))?;
        let manifest = path.join(MANIFEST);
        let own = settings(args, format)?;
        match fs::read(&manifest) {
            Ok(bytes) => {
                let begun = serde_json::from_slice(&bytes).map_err(|error| {
                    let message = format!("{}: {error}", manifest.display());
                    Hinted {
                        message,
                        hint: ANEW,
                    }
                })?;
                compare(&manifest, &begun, &own)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut entries = fs::read_dir(path).map_err(|error| at(path, error))?;
                if entries.next().is_some() {
                    let message = format!(
                        "--output {} holds files and no {MANIFEST}; expected a new or empty folder, or one that predict has begun",
                        path.display()
                    );
                    return Err(Usage(message).into());
                }
                let bytes = serde_json::to_vec_pretty(&own)?;
                atomic::write(&manifest, &bytes).map_err(|error| at(&manifest, error))?;
            }
            Err(error) => return Err(at(&manifest, error)),
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

/// Refuses settings other than those that the folder was begun with.
fn compare(manifest: &Path, begun: &Map<String, Value>, own: &Map<String, Value>) -> Result<()> {
    let keys: std::collections::BTreeSet<&String> = begun.keys().chain(own.keys()).collect();
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
    if said.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{}: the folder was begun otherwise: {}",
        manifest.display(),
        said.join("; ")
    );
    Err(Hinted {
        message,
        hint: ANEW,
    }
    .into())
}

/// Everything that decides what is written.
fn settings(args: &PredictArgs, format: OutputFormat) -> Result<Map<String, Value>> {
    let name = |name: Option<&dyn ToString>| name.map(ToString::to_string);
    let read = &args.format;
    let value = json!({
        "bert-ner": env!("CARGO_PKG_VERSION"),
        "model": model(args)?,
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
    });
    match value {
        Value::Object(settings) => Ok(settings),
        _ => Ok(Map::new()),
    }
}

/// A number that is another for another model.
fn model(args: &PredictArgs) -> Result<String> {
    let folder = names::model(&args.model.model, false)?;
    let mut hash = 0;
    for name in MODEL_FILES {
        let path = folder.join(name);
        match File::open(&path) {
            Ok(file) => hash = digest(hash, file).map_err(|error| at(&path, error))?,
            // Which files there are tells models apart too.
            Err(_) => hash = split_mix(hash),
        }
    }
    Ok(format!("{hash:016x}"))
}

/// `hash` with every byte of `file`.
fn digest(mut hash: u64, mut file: File) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        for word in buffer[..filled].chunks(8) {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            hash = split_mix(hash ^ u64::from_le_bytes(bytes));
        }
        length += filled as u64;
        if filled < buffer.len() {
            return Ok(split_mix(hash ^ length));
        }
    }
}

/// The name of each input's file in a folder.
#[derive(Debug)]
pub(crate) struct Names(BTreeMap<PathBuf, PathBuf>);

impl Names {
    pub(crate) fn of(&self, input: &Input) -> &Path {
        self.0
            .get(&input.path)
            .map_or(Path::new(""), PathBuf::as_path)
    }
}

/// Names after the inputs': below the folder that holds all of them, each its own path and the format's extension; of a share of
/// one input, with which it is.
///
/// # Errors
/// [`Usage`] when an input was given twice.
pub(crate) fn names(inputs: &[Input], format: OutputFormat, shard: Option<Shard>) -> Result<Names> {
    let root = common_folder(inputs);
    let share = shard.map_or_else(String::new, |shard| {
        format!("-{:05}-of-{:05}", shard.index, shard.count)
    });
    let mut names = BTreeMap::new();
    for input in inputs {
        let path = absolute(input);
        let below = match input.is_standard() {
            true => Path::new("stdin"),
            false => path.strip_prefix(&root).unwrap_or(&path),
        };
        let mut name = below.as_os_str().to_owned();
        name.push(format!("{share}.{}", format.extension()));
        if names.insert(input.path.clone(), name.into()).is_some() {
            let message = format!("{} is given twice", input.name());
            return Err(Usage(message).into());
        }
    }
    Ok(Names(names))
}

fn absolute(input: &Input) -> PathBuf {
    std::path::absolute(&input.path).unwrap_or_else(|_| input.path.clone())
}

/// The folder that all files among the inputs lie in, however deep.
fn common_folder(inputs: &[Input]) -> PathBuf {
    let files = inputs.iter().filter(|input| !input.is_standard());
    let folders = files.map(|input| {
        let path = absolute(input);
        path.parent().map_or_else(PathBuf::new, Path::to_path_buf)
    });
    let common = |one: PathBuf, other: PathBuf| {
        let both = one.components().zip(other.components());
        both.take_while(|(one, other)| one == other)
            .map(|(one, _)| one)
            .collect()
    };
    folders.reduce(common).unwrap_or_default()
}

/// Whether the file at `path` is there, and no older than what it was made of.
pub(crate) fn is_done(path: &Path, input: &Input) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    match (time(path), time(&input.path)) {
        (Some(made), Some(read)) => made >= read,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// Makes room for the file at `path`: its folder, without what a run that was killed has left of it.
pub(crate) fn prepare(path: &Path) -> Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
    let begins = format!(".{}.", name.to_string_lossy());
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
        let path = entry.map_err(|error| at(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&begins) && name.ends_with(".tmp") {
            // Gone already when another run has just finished or removed it.
            let _ = fs::remove_file(&path);
        }
    }
    Ok(())
}
