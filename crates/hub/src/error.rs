//! The one error type of this crate.

use std::path::PathBuf;

use hf_hub::api::sync::ApiError;

/// Why a name did not become local files.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Neither a path nor a name that the Hub could have.
    #[error(
        "{name:?} is neither a file or folder here nor a Hub name (name, org/name or org/name@revision)"
    )]
    BadName {
        /// What was typed.
        name: String,
    },
    /// There is no folder to keep files in.
    #[error("no home folder is known to keep downloaded files in; set HF_HOME")]
    NoCache,
    /// The cache lacks something and the network may not be used.
    #[error("{name} is not in the local cache, and HF_HUB_OFFLINE forbids to download it")]
    Offline {
        /// The repository.
        name: String,
    },
    /// The Hub did not answer, or not as a Hub does.
    #[error(
        "{name} is neither a folder here nor in the local cache, and {endpoint} cannot be reached"
    )]
    Unreachable {
        /// The repository.
        name: String,
        /// The Hub's address.
        endpoint: String,
        /// What happened on the way.
        source: ApiError,
    },
    /// The Hub knows no such repository, revision or file.
    #[error(
        "{name} is no folder here, and {endpoint} has no repository of that name at revision {revision}"
    )]
    NotFound {
        /// The repository.
        name: String,
        /// Branch, tag or commit.
        revision: String,
        /// The Hub's address.
        endpoint: String,
    },
    /// The Hub asks who is there: what it also says of repositories that do not exist.
    #[error(
        "{endpoint} does not show {name}: it does not exist, or it is private or gated; {}",
        token_note(*with_token)
    )]
    Unauthorized {
        /// The repository.
        name: String,
        /// The Hub's address.
        endpoint: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The repository exists, for those who accepted its terms.
    #[error(
        "{name} is gated: accept its terms on its page at {endpoint}; {}",
        token_note(*with_token)
    )]
    Gated {
        /// The repository.
        name: String,
        /// The Hub's address.
        endpoint: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The Hub answered with another error.
    #[error("{endpoint} answered {name} with HTTP status {status}")]
    Status {
        /// The repository.
        name: String,
        /// The Hub's address.
        endpoint: String,
        /// The HTTP status code.
        status: u16,
    },
    /// The repository has weights in a form that is not read.
    #[error("{name} has no model.safetensors{}", found.as_ref().map(|file| format!(
        ", only {file}, which is not read: convert it with transformers \
         (AutoModel.from_pretrained(...).save_pretrained(...))"
    )).unwrap_or_default())]
    NoSafetensors {
        /// The repository.
        name: String,
        /// The weights that it has instead.
        found: Option<String>,
    },
    /// The repository lacks a file that every model needs.
    #[error("{name} has no {file}: it is not a Hugging Face BERT model")]
    NoFile {
        /// The repository.
        name: String,
        /// What it lacks.
        file: &'static str,
    },
    /// The index of sharded weights cannot be read.
    #[error("{}: {message}", path.display())]
    BadIndex {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The repository names a file outside of itself.
    #[error("{name} names a file outside of itself: {file:?}")]
    BadPath {
        /// The repository.
        name: String,
        /// The path.
        file: String,
    },
    /// The data set has no train and dev splits in a format that is read.
    #[error(
        "{name} has no train and dev splits in Parquet, JSON lines, CoNLL or CSV; its files: {}",
        listed(files)
    )]
    NoSplits {
        /// The data set.
        name: String,
        /// The files that it has.
        files: Vec<String>,
    },
    /// The data set has several parts and none was chosen.
    #[error("{name} has several parts; choose one: {}", configs.iter().map(|config| format!("{name}:{config}")).collect::<Vec<_>>().join(", "))]
    ChooseConfig {
        /// The data set.
        name: String,
        /// Its parts.
        configs: Vec<String>,
    },
    /// A split is spread over several folders.
    #[error(
        "the {split} split of {name} is spread over {count} files in several folders; download them and join them with `bert-ner convert`"
    )]
    SeveralFiles {
        /// The data set.
        name: String,
        /// The split.
        split: &'static str,
        /// How many files it has.
        count: usize,
    },
    /// The cache could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Anything else between here and the Hub.
    #[error("{name} could not be downloaded")]
    Api {
        /// The repository.
        name: String,
        /// What happened.
        source: ApiError,
    },
}

fn token_note(with_token: bool) -> &'static str {
    match with_token {
        true => "the token that was sent does not give access",
        false => "to show who you are, set HF_TOKEN",
    }
}

/// The first files of a listing.
fn listed(files: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text = files
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if files.len() > SHOWN {
        text.push_str(&format!(" and {} more", files.len() - SHOWN));
    }
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}
