//! What was typed: a local folder or the name of a repository.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::HubError;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A path of this machine; it may be missing when it cannot be anything else.
    Folder(PathBuf),
    /// A repository of the Hub.
    Repo(RepoName),
}

impl Place {
    /// What `typed` stands for: a path when something is there or when it reads like one
    /// (`./x`, `../x`, `/x`, `~/x`, `x/`, `a/b/c`), the name of a repository otherwise.
    ///
    /// # Errors
    /// [`HubError::BadName`] when it is neither.
    pub fn parse(typed: &str) -> Result<Self, HubError> {
        let path = Path::new(typed);
        if path.exists() || reads_like_a_path(typed) {
            return Ok(Self::Folder(path.to_path_buf()));
        }
        typed.parse().map(Self::Repo)
    }
}

fn reads_like_a_path(typed: &str) -> bool {
    typed.starts_with(['.', '/', '~'])
        || typed.ends_with('/')
        || typed.contains('\\')
        || typed
            .split('@')
            .next()
            .is_some_and(|name| name.matches('/').count() > 1)
}

/// The name of a repository: `name` or `org/name`, with `:config` for a part of a data set and
/// `@revision` for a branch, tag or commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoName {
    /// `name` or `org/name`.
    pub repo: String,
    /// Part of a data set that has several.
    pub config: Option<String>,
    /// Branch, tag or commit.
    pub revision: Option<String>,
}

impl RepoName {
    /// The revision asked for; the Hub calls the usual one `main`.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }
}

impl FromStr for RepoName {
    type Err = HubError;

    fn from_str(typed: &str) -> Result<Self, HubError> {
        let bad = || HubError::BadName {
            name: typed.to_owned(),
        };
        let (rest, revision) = match typed.split_once('@') {
            Some((rest, revision)) => (rest, Some(revision)),
            None => (typed, None),
        };
        let (repo, config) = match rest.split_once(':') {
            Some((repo, config)) => (repo, Some(config)),
            None => (rest, None),
        };
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let whole = repo.split('/').count() <= 2 && repo.split('/').all(plain);
        // A revision goes into paths of the cache: it may hold slashes (refs/pr/1) but not climb.
        let revision_fits = revision.is_none_or(|revision| revision.split('/').all(plain));
        if !whole || !config.is_none_or(plain) || !revision_fits {
            return Err(bad());
        }
        Ok(Self {
            repo: repo.to_owned(),
            config: config.map(str::to_owned),
            revision: revision.map(str::to_owned),
        })
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.repo)?;
        if let Some(config) = &self.config {
            write!(out, ":{config}")?;
        }
        match &self.revision {
            Some(revision) => write!(out, "@{revision}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(typed: &str) -> (String, Option<String>, Option<String>) {
        match Place::parse(typed) {
            Ok(Place::Repo(name)) => (name.repo, name.config, name.revision),
            other => panic!("{typed}: {other:?}"),
        }
    }

    #[test]
    fn a_name_may_have_an_owner_a_config_and_a_revision() {
        assert_eq!(
            repo("bert-base-uncased"),
            ("bert-base-uncased".into(), None, None)
        );
        assert_eq!(repo("a/b@v1.0"), ("a/b".into(), None, Some("v1.0".into())));
        assert_eq!(
            repo("a/b@refs/pr/1"),
            ("a/b".into(), None, Some("refs/pr/1".into()))
        );
        assert_eq!(
            repo("a/b:en@x"),
            ("a/b".into(), Some("en".into()), Some("x".into()))
        );
    }

    #[test]
    fn what_reads_like_a_path_never_becomes_a_name() {
        for typed in [
            "./bert", "../bert", "/bert", "~/bert", "bert/", "a/b/c", "a\\b",
        ] {
            assert!(
                matches!(Place::parse(typed), Ok(Place::Folder(_))),
                "{typed}"
            );
        }
    }

    #[test]
    fn a_folder_that_exists_wins_over_a_name() {
        assert_eq!(Place::parse("src").unwrap(), Place::Folder("src".into()));
    }

    #[test]
    fn a_name_that_the_hub_cannot_have_is_refused() {
        for typed in ["", "a b", "a/b@", "a@../x", "ä", "a/.b", "a:", "a@x:y"] {
            let refused = match Place::parse(typed) {
                Err(HubError::BadName { .. }) => true,
                Ok(Place::Folder(_)) => typed.is_empty(),
                _ => false,
            };
            assert!(refused, "{typed}: {:?}", Place::parse(typed));
        }
    }
}
