//! Names of models and data sets to local files.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use bert_ner_hub::{Hub, HubOptions, Place, RepoName};
use bert_ner_text::Splits;
use bert_ner_train::{Options, Places};

use crate::failure::Usage;

/// The local folder of the model that was typed as `name`.
pub(crate) fn model(name: &str, quiet: bool) -> Result<PathBuf> {
    match Place::parse(name)? {
        Place::Folder(folder) if folder.is_dir() => Ok(folder),
        Place::Folder(file) if file.exists() => Err(anyhow!(
            "{}: is a file; a model is a folder with config.json",
            file.display()
        )),
        Place::Folder(folder) => Err(anyhow!("{}: no such folder", folder.display())),
        Place::Repo(name) => Ok(hub(quiet)?.model(&name)?),
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
    let split = |chosen: &Option<PathBuf>, found: Option<PathBuf>, name: &str, usual: &str| {
        chosen.clone().or(found).ok_or_else(|| {
            let data = options.data.as_deref().unwrap_or_default();
            anyhow!("{data}: has no {name} split; its file should be called {usual}, or be given with --{name}")
        })
    };
    Ok(Places {
        train: split(&options.train, splits.train, "train", "train")?,
        dev: split(
            &options.dev,
            splits.dev,
            "dev",
            "dev, valid, validation or testa",
        )?,
        test: options.test.clone().or(splits.test),
        model_dir: model(name, quiet)?,
    })
}

fn data_set(name: &str, quiet: bool) -> Result<Splits> {
    match Place::parse(name)? {
        Place::Folder(folder) => Ok(bert_ner_text::splits(Path::new(&folder))?),
        Place::Repo(name) => fetch_data_set(&name, quiet),
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
