//! A model repository to a model folder.

use std::path::{Path, PathBuf};

use hf_hub::RepoType;
use hf_hub::api::sync::ApiRepo;

use crate::{Hub, HubError, RepoName};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Either tells how words split; the first wins.
const VOCABULARIES: [&str; 2] = ["tokenizer.json", "vocab.txt"];
/// Fetched where they exist.
const EXTRAS: [&str; 3] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];
/// Weights that other tools wrote and that are not read.
const FOREIGN_WEIGHTS: [&str; 4] = [
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "flax_model.msgpack",
];

impl Hub {
    /// The local folder of the model `name`, fetched unless the cache has it whole.
    ///
    /// What is in the cache is used as it is, without a question to the Hub.
    ///
    /// # Errors
    /// [`HubError`], which says whether the network, the name or the repository is to blame.
    pub fn model(&self, name: &RepoName) -> Result<PathBuf, HubError> {
        let cached = self.cached(RepoType::Model, name, name.revision());
        if let Some(folder) = cached.snapshot().filter(|folder| is_whole(folder)) {
            return Ok(folder);
        }
        let listing = self.listing(RepoType::Model, name, name.revision())?;
        let has = |file: &str| listing.files.iter().any(|listed| listed == file);
        if !has(CONFIG) {
            return Err(HubError::NoFile {
                name: name.to_string(),
                file: CONFIG,
            });
        }
        if !has(WEIGHTS) && !has(INDEX) {
            let found = FOREIGN_WEIGHTS
                .into_iter()
                .find(|file| has(file))
                .map(str::to_owned);
            return Err(HubError::NoSafetensors {
                name: name.to_string(),
                found,
            });
        }
        if !VOCABULARIES.into_iter().any(has) {
            let file = "tokenizer.json or vocab.txt";
            return Err(HubError::NoFile {
                name: name.to_string(),
                file,
            });
        }
        let repo = self.at_commit(RepoType::Model, name, &listing.commit);
        let config = self.fetch(&repo, name, CONFIG)?;
        // The weights come last: a folder with weights is a whole one.
        for file in VOCABULARIES
            .into_iter()
            .chain(EXTRAS)
            .filter(|file| has(file))
        {
            self.fetch(&repo, name, file)?;
        }
        match has(WEIGHTS) {
            true => drop(self.fetch(&repo, name, WEIGHTS)?),
            false => self.fetch_shards(&repo, name)?,
        }
        cached.remember(&listing.commit)?;
        Ok(config.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    fn fetch_shards(&self, repo: &ApiRepo, name: &RepoName) -> Result<(), HubError> {
        let index = self.fetch(repo, name, INDEX)?;
        for shard in shards(&index)? {
            self.fetch(repo, name, &shard)?;
        }
        Ok(())
    }
}

/// Whether `folder` has everything that a model needs.
fn is_whole(folder: &Path) -> bool {
    let has = |file: &str| folder.join(file).exists();
    let weights = has(WEIGHTS)
        || shards(&folder.join(INDEX)).is_ok_and(|shards| shards.iter().all(|shard| has(shard)));
    weights && has(CONFIG) && VOCABULARIES.into_iter().any(has)
}

/// The files that an index of sharded weights names, each once, in order.
fn shards(index: &Path) -> Result<Vec<String>, HubError> {
    let text = std::fs::read_to_string(index).map_err(|source| HubError::Io {
        path: index.to_path_buf(),
        source,
    })?;
    let bad = |message: String| HubError::BadIndex {
        path: index.to_path_buf(),
        message,
    };
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    let map = json.get("weight_map").and_then(|map| map.as_object());
    let map = map.ok_or_else(|| bad("it has no \"weight_map\"".to_owned()))?;
    let files = map.values().map(|file| {
        let file = file
            .as_str()
            .ok_or_else(|| bad(format!("{file} is no file name")))?;
        Ok(file.to_owned())
    });
    let mut files = files.collect::<Result<Vec<_>, HubError>>()?;
    files.sort();
    files.dedup();
    Ok(files)
}
