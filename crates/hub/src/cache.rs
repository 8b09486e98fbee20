//! What an earlier run, or a Python tool, has fetched already.

use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use crate::{HubError, RepoName};

/// One revision of one repository in the cache.
pub(crate) struct Cached {
    repo: CacheRepo,
    folder: PathBuf,
    revision: String,
}

impl Cached {
    pub(crate) fn new(cache: &Cache, kind: RepoType, name: &RepoName, revision: &str) -> Self {
        let repo = Repo::with_revision(name.repo.clone(), kind, revision.to_owned());
        let folder = cache.path().join(repo.folder_name());
        Self {
            repo: cache.repo(repo),
            folder,
            revision: revision.to_owned(),
        }
    }

    /// The folder of this revision's files, when any is there.
    ///
    /// A branch or tag is looked up in `refs`; a commit names its own folder.
    pub(crate) fn snapshot(&self) -> Option<PathBuf> {
        let commit = std::fs::read_to_string(self.folder.join("refs").join(&self.revision));
        let commit = commit.map_or_else(|_| self.revision.clone(), |text| text.trim().to_owned());
        Some(self.folder.join("snapshots").join(commit)).filter(|folder| folder.is_dir())
    }

    /// Remembers that this revision is `commit`, once all of its files are there.
    pub(crate) fn remember(&self, commit: &str) -> Result<(), HubError> {
        self.repo.create_ref(commit).map_err(|source| HubError::Io {
            path: self.folder.join("refs"),
            source,
        })
    }
}

/// Every file under `folder`, as paths relative to it with `/`, in order.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            // Files are links into `blobs`: ask what the link leads to.
            match entry.path().is_dir() {
                true => folders.push((entry.path(), format!("{name}/"))),
                false => files.push(name),
            }
        }
    }
    files.sort();
    files
}
