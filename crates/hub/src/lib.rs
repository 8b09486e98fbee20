//! Hugging Face Hub names to local files.
//!
//! This crate owns the question "what does this name stand for": a local folder, or a repository of
//! the Hub, whose files it fetches once into the cache that the Python tools use too. What is in
//! those files is the business of other crates.
//!
//! ```no_run
//! use bert_ner_hub::{Hub, HubOptions, Place};
//!
//! # fn main() -> Result<(), bert_ner_hub::HubError> {
//! let folder = match Place::parse("google-bert/bert-base-uncased@main")? {
//!     Place::Folder(folder) => folder,
//!     Place::Repo(name) => Hub::new(HubOptions::from_env())?.model(&name)?,
//! };
//! # Ok(())
//! # }
//! ```

mod cache;
mod dataset;
mod error;
mod model;
mod name;

use std::path::{Path, PathBuf};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use cache::Cached;
pub use dataset::DatasetFiles;
pub use error::HubError;
pub use name::{Place, RepoName};

/// Where the Hub is, where its files are kept, and who asks.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Base address of the Hub.
    pub endpoint: String,
    /// Folder that keeps the files, laid out as `huggingface_hub` lays it out.
    /// `None` when the system names no home folder.
    pub cache: Option<PathBuf>,
    /// Token for private and gated repositories.
    pub token: Option<String>,
    /// Whether only the cache may be used.
    pub offline: bool,
    /// Whether downloads show a progress bar on standard error.
    pub progress: bool,
}

impl HubOptions {
    /// As the environment says, with the variables of `huggingface_hub`: `HF_ENDPOINT`, `HF_HOME`,
    /// `HF_HUB_CACHE`, `HF_TOKEN` and `HF_HUB_OFFLINE`. Without `HF_TOKEN`, the token that
    /// `hf auth login` stored is used.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = variable("HF_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cache").join("huggingface")));
        let cache = variable("HF_HUB_CACHE").map(PathBuf::from);
        let cache = cache.or_else(|| home.as_ref().map(|home| home.join("hub")));
        let token = variable("HF_TOKEN").or_else(|| {
            let stored = std::fs::read_to_string(home?.join("token")).ok()?;
            Some(stored.trim().to_owned()).filter(|token| !token.is_empty())
        });
        let offline = variable("HF_HUB_OFFLINE").is_some_and(|value| {
            ["1", "true", "yes", "on"].contains(&value.to_ascii_lowercase().as_str())
        });
        Self {
            endpoint: variable("HF_ENDPOINT")
                .unwrap_or_else(|| "https://huggingface.co".to_owned())
                .trim_end_matches('/')
                .to_owned(),
            cache,
            token,
            offline,
            progress: false,
        }
    }
}

/// The Hub and its cache.
#[derive(Debug)]
pub struct Hub {
    api: Api,
    cache: Cache,
    options: HubOptions,
}

impl Hub {
    /// A Hub reached as `options` say. Nothing is sent yet.
    ///
    /// # Errors
    /// [`HubError::NoCache`] when there is no folder to keep files in.
    pub fn new(options: HubOptions) -> Result<Self, HubError> {
        let folder = options.cache.as_ref().ok_or(HubError::NoCache)?;
        // hf-hub links within the cache and asks for absolute paths there.
        let folder = std::path::absolute(folder).map_err(|source| HubError::Io {
            path: folder.clone(),
            source,
        })?;
        let cache = Cache::new(folder);
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(options.endpoint.clone())
            .with_token(options.token.clone())
            .with_progress(options.progress)
            .with_user_agent("bert-ner", env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|source| HubError::Api {
                name: options.endpoint.clone(),
                source,
            })?;
        Ok(Self {
            api,
            cache,
            options,
        })
    }

    /// What the Hub lists for `name` at `revision`: the commit and the paths of its files.
    fn listing(
        &self,
        kind: RepoType,
        name: &RepoName,
        revision: &str,
    ) -> Result<Listing, HubError> {
        if self.options.offline {
            return Err(HubError::Offline {
                name: name.to_string(),
            });
        }
        let repo = Repo::with_revision(name.repo.clone(), kind, revision.to_owned());
        let info = self
            .api
            .repo(repo)
            .info()
            .map_err(|error| self.explain(name, revision, error))?;
        let files = info
            .siblings
            .into_iter()
            .map(|file| file.rfilename)
            .collect();
        Ok(Listing {
            commit: info.sha,
            files,
        })
    }

    /// The repository at exactly this commit, so that all files belong together even when a branch
    /// moves between two downloads.
    fn at_commit(&self, kind: RepoType, name: &RepoName, commit: &str) -> ApiRepo {
        self.api.repo(Repo::with_revision(
            name.repo.clone(),
            kind,
            commit.to_owned(),
        ))
    }

    /// Fetches one file unless the cache has it.
    fn fetch(&self, repo: &ApiRepo, name: &RepoName, file: &str) -> Result<PathBuf, HubError> {
        // The Hub's own paths never climb; whoever else answers must not write outside the cache.
        if Path::new(file)
            .components()
            .any(|part| !matches!(part, std::path::Component::Normal(_)))
        {
            return Err(HubError::BadPath {
                name: name.to_string(),
                file: file.to_owned(),
            });
        }
        repo.get(file)
            .map_err(|error| self.explain(name, name.revision(), error))
    }

    /// What of `name` is in the cache.
    fn cached(&self, kind: RepoType, name: &RepoName, revision: &str) -> Cached {
        Cached::new(&self.cache, kind, name, revision)
    }

    /// An error as a person who typed `name` should read it.
    fn explain(&self, name: &RepoName, revision: &str, error: ApiError) -> HubError {
        let endpoint = self.options.endpoint.clone();
        let (name, revision) = (name.repo.clone(), revision.to_owned());
        let ApiError::RequestError(request) = &error else {
            return HubError::Api {
                name,
                source: error,
            };
        };
        match request.as_ref() {
            ureq::Error::StatusCode(404) => HubError::NotFound {
                name,
                revision,
                endpoint,
            },
            ureq::Error::StatusCode(401) => HubError::Unauthorized {
                name,
                endpoint,
                with_token: self.options.token.is_some(),
            },
            ureq::Error::StatusCode(403) => HubError::Gated {
                name,
                endpoint,
                with_token: self.options.token.is_some(),
            },
            ureq::Error::StatusCode(status) => HubError::Status {
                name,
                endpoint,
                status: *status,
            },
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Io(_)
            | ureq::Error::Timeout(_) => HubError::Unreachable {
                name,
                endpoint,
                source: error,
            },
            _ => HubError::Api {
                name,
                source: error,
            },
        }
    }
}

/// What the Hub lists for a repository.
struct Listing {
    /// The commit that the revision stands for.
    commit: String,
    /// Paths within the repository.
    files: Vec<String>,
}
