//! Names of models and data sets to local files.

use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use bert_ner_hub::{Hub, HubError, HubOptions, Place, RepoName};
use bert_ner_model::AdapterConfig;
use bert_ner_text::{Format, Splits};
use bert_ner_train::{Options, Places};

use crate::args::SplitName;
use crate::failure::{Hinted, Usage};

/// The local folder of the model that was typed as `name`.
pub(crate) fn model(name: &str, quiet: bool) -> Result<PathBuf> {
    match Place::parse(name)? {
        Place::Folder(folder) if folder.is_dir() => Ok(folder),
        Place::Folder(file) if file.exists() => Err(anyhow!(
            "{}: is a file; a model is a folder with config.json",
            file.display()
        )),
        Place::Folder(folder) => Err(no_folder(folder.display(), A_HUB_NAME)),
        Place::Repo(repo) => {
            let fetched = hub(quiet)?.model(&repo).map_err(anyhow::Error::new);
            fetched.map_err(|error| unless_mistyped(error, name))
        }
    }
}

/// The local folder of the base model that the adapter in `folder` names, if it names one.
pub(crate) fn base_of(folder: &Path, quiet: bool) -> Result<Option<PathBuf>> {
    let Some(base) = AdapterConfig::load(folder)?.base() else {
        return Ok(None);
    };
    let name = match &base.revision {
        Some(revision) if !Path::new(&base.name).exists() => format!("{}@{revision}", base.name),
        _ => base.name,
    };
    let found = model(&name, quiet);
    found.map(Some).map_err(|error| {
        let message = format!(
            "{}: its base model cannot be had: {error}",
            folder.join("adapter_config.json").display()
        );
        let hint = "bert-ner merge --model BASE --adapter DIR makes a whole model of it from the base model where it is now";
        Hinted { message, hint }.into()
    })
}

const A_HUB_NAME: &str =
    "a model of the Hugging Face Hub is named name, org/name or org/name@revision, without ./";

const A_HUB_DATA_SET: &str =
    "a data set of the Hugging Face Hub is named name, org/name or org/name@revision, without ./";

fn no_folder(path: impl Display, hint: &'static str) -> anyhow::Error {
    let message = format!("{path}: no such folder");
    Hinted { message, hint }.into()
}

/// What the Hub said of a name that may have been meant as a folder: `models/bret` beside `models/bert`.
fn unless_mistyped(error: anyhow::Error, name: &str) -> anyhow::Error {
    let parent = Path::new(name).parent();
    let local = parent.is_some_and(|parent| !parent.as_os_str().is_empty() && parent.is_dir());
    match error.downcast_ref() {
        Some(
            HubError::Unreachable { .. }
            | HubError::Offline { .. }
            | HubError::NotFound { .. }
            | HubError::Unauthorized { .. },
        ) if local => {
            let message = format!("{name}: no such folder; as a name on the Hub: {error}");
            let hint = "the folder that it would lie in is there: is its name mistyped?";
            Hinted { message, hint }.into()
        }
        _ => error,
    }
}

/// Every name in `options` that stands for local files.
pub(crate) fn places(options: &Options, quiet: bool) -> Result<Places> {
    let name = options.model.as_deref().unwrap_or_default();
    if options.data.is_none() && (options.train.is_none() || options.dev.is_none()) {
        let missing = if options.train.is_none() {
            "train"
        } else {
            "dev"
        };
        return Err(Usage(format!("--{missing} is required, or --data")).into());
    }
    let splits = match &options.data {
        Some(data) => data_set(data, quiet)?,
        None => Splits::default(),
    };
    let split = |chosen: &Option<PathBuf>, found: Option<PathBuf>, split: SplitName| {
        chosen.clone().or(found).ok_or_else(|| {
            let data = options.data.as_deref().unwrap_or_default();
            anyhow!("{}, or be given with --{split}", no_split(data, split))
        })
    };
    Ok(Places {
        train: split(&options.train, splits.train, SplitName::Train)?,
        dev: split(&options.dev, splits.dev, SplitName::Dev)?,
        test: options.test.clone().or(splits.test),
        model_dir: model(name, quiet)?,
    })
}

/// The file to score a model on: `name` itself, or a split of the folder or Hub data set that it names.
pub(crate) fn evaluated(name: &str, split: Option<SplitName>, quiet: bool) -> Result<PathBuf> {
    let path = Path::new(name);
    // A name that ends as data files do, or holds a pattern, is one of files even when there is none.
    let pattern = name.contains('*') || Format::from_extension(path).is_some();
    let one = match path.is_dir() {
        // A folder of `datasets.save_to_disk`.
        true => split.is_none() && Format::detect(path).is_ok(),
        false => path.exists() || pattern,
    };
    if one {
        return match split {
            None => Ok(path.to_owned()),
            Some(split) => Err(Usage(format!(
                "--split {split} chooses from a folder of splits or a Hub data set, and {name} is one file"
            ))
            .into()),
        };
    }
    let splits = data_set(name, quiet)?;
    let split = split.unwrap_or(SplitName::Dev);
    let found = match split {
        SplitName::Train => splits.train,
        SplitName::Dev => splits.dev,
        SplitName::Test => splits.test,
    };
    found.ok_or_else(|| anyhow!("{}", no_split(name, split)))
}

fn no_split(data: &str, split: SplitName) -> String {
    let usual = match split {
        SplitName::Train => "train",
        SplitName::Dev => "dev, valid, validation or testa",
        SplitName::Test => "test or testb",
    };
    format!("{data}: has no {split} split; its file should be called {usual}")
}

fn data_set(name: &str, quiet: bool) -> Result<Splits> {
    match Place::parse(name)? {
        Place::Folder(folder) if folder.exists() => Ok(bert_ner_text::splits(&folder)?),
        Place::Folder(folder) => Err(no_folder(folder.display(), A_HUB_DATA_SET)),
        Place::Repo(repo) => {
            let fetched = fetch_data_set(&repo, quiet);
            fetched.map_err(|error| unless_mistyped(error, name))
        }
    }
}

fn fetch_data_set(name: &RepoName, quiet: bool) -> Result<Splits> {
    let files = hub(quiet)?.dataset(name)?;
    Ok(Splits {
        train: Some(files.train),
        dev: Some(files.dev),
        test: files.test,
    })
}

fn hub(quiet: bool) -> Result<Hub> {
    let progress = !quiet && stderr().is_terminal();
    Ok(Hub::new(HubOptions {
        progress,
        ..HubOptions::from_env()
    })?)
}
