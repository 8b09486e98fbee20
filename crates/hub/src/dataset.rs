//! A data set repository to the files of its splits.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hf_hub::RepoType;

use crate::cache::files_below;
use crate::{Hub, HubError, RepoName};

/// Branch on which the Hub keeps every data set that it could convert, as Parquet.
const CONVERTED: &str = "refs/convert/parquet";

/// Extensions of files that can hold sentences, best first: what carries its own types goes before
/// what must be guessed at.
const EXTENSIONS: [&[&str]; 5] = [
    &["parquet"],
    &["jsonl", "ndjson"],
    &["json"],
    &["conll", "bio", "iob", "iob2", "txt"],
    &["tsv", "csv"],
];

const TRAIN: &[&str] = &["train", "training"];
const DEV: &[&str] = &["dev", "valid", "validation", "val", "testa", "eval"];
const TEST: &[&str] = &["test", "testb"];

/// The local files of a data set's splits; where one is cut into shards, the path that stands for
/// all of them has one `*` in its file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFiles {
    /// Sentences to train on.
    pub train: PathBuf,
    /// Sentences to choose a model by.
    pub dev: PathBuf,
    /// Sentences to score at the end.
    pub test: Option<PathBuf>,
}

/// Paths within a repository.
#[derive(Debug, Default)]
struct Layout {
    train: Vec<String>,
    dev: Vec<String>,
    test: Vec<String>,
}

impl Hub {
    /// The local files of the data set `name`, fetched unless the cache has them.
    ///
    /// Where the repository has no usable files of its own, those of the Hub's automatic
    /// conversion to Parquet serve.
    ///
    /// # Errors
    /// [`HubError`], which says whether the network, the name or the data set is to blame.
    pub fn dataset(&self, name: &RepoName) -> Result<DatasetFiles, HubError> {
        let revisions = match &name.revision {
            Some(revision) => vec![revision.as_str()],
            None => vec!["main", CONVERTED],
        };
        for revision in &revisions {
            let snapshot = self.cached(RepoType::Dataset, name, revision).snapshot();
            if let Some(files) = snapshot.and_then(|folder| cached_files(&folder, name)) {
                return Ok(files);
            }
        }
        let mut seen = Vec::new();
        for (index, revision) in revisions.iter().enumerate() {
            let listing = match self.listing(RepoType::Dataset, name, revision) {
                // Not every data set has been converted.
                Err(HubError::NotFound { .. }) if index > 0 => break,
                listing => listing?,
            };
            if let Some(layout) = layout(&listing.files, name)? {
                return self.fetch_splits(name, revision, &listing.commit, &layout);
            }
            seen.extend(listing.files);
        }
        Err(HubError::NoSplits {
            name: name.to_string(),
            files: seen,
        })
    }

    fn fetch_splits(
        &self,
        name: &RepoName,
        revision: &str,
        commit: &str,
        layout: &Layout,
    ) -> Result<DatasetFiles, HubError> {
        let repo = self.at_commit(RepoType::Dataset, name, commit);
        let fetch = |split, files: &[String]| {
            let pattern = pattern(name, split, files)?;
            let mut folder = None;
            for file in files {
                let local = self.fetch(&repo, name, file)?;
                folder = local
                    .ancestors()
                    .nth(file.split('/').count())
                    .map(Path::to_path_buf);
            }
            Ok::<_, HubError>(folder.unwrap_or_default().join(pattern))
        };
        // Test goes first: the cache holds the whole set when it holds train.
        let test = match layout.test.is_empty() {
            true => None,
            false => Some(fetch("test", &layout.test)?),
        };
        let dev = fetch("dev", &layout.dev)?;
        let train = fetch("train", &layout.train)?;
        self.cached(RepoType::Dataset, name, revision)
            .remember(commit)?;
        Ok(DatasetFiles { train, dev, test })
    }
}

/// One path for the files of a split: the file itself, or with `*` for the part of the name in which
/// the shards of one folder differ.
fn pattern(name: &RepoName, split: &'static str, files: &[String]) -> Result<String, HubError> {
    let (Some(first), Some(last)) = (files.iter().min(), files.iter().max()) else {
        return Ok(String::new());
    };
    if files.len() == 1 {
        return Ok(first.clone());
    }
    // Names in order: what the first and the last share, all share at the start.
    let same = |(a, b): &(char, char)| a == b;
    let start: usize = first
        .chars()
        .zip(last.chars())
        .take_while(same)
        .map(|(c, _)| c.len_utf8())
        .sum();
    let end = files.iter().fold(first.as_str(), |end, file| {
        let shared = end.chars().rev().zip(file.chars().rev()).take_while(same);
        &end[end.len() - shared.map(|(c, _)| c.len_utf8()).sum::<usize>()..]
    });
    let end = &end[end.len().saturating_sub(first.len() - start)..];
    if first[start..].contains('/') || last[start..].contains('/') {
        let count = files.len();
        return Err(HubError::SeveralFiles {
            name: name.to_string(),
            split,
            count,
        });
    }
    Ok(format!("{}*{end}", &first[..start]))
}

/// The splits in a folder of the cache, when all is there.
fn cached_files(folder: &Path, name: &RepoName) -> Option<DatasetFiles> {
    let layout = layout(&files_below(folder), name).ok()??;
    let file = |files: &[String]| match files {
        [] => None,
        _ => pattern(name, "", files)
            .ok()
            .map(|pattern| folder.join(pattern)),
    };
    Some(DatasetFiles {
        train: file(&layout.train)?,
        dev: file(&layout.dev)?,
        test: file(&layout.test),
    })
}

/// The splits among `files`, in the best format that has both train and dev.
fn layout(files: &[String], name: &RepoName) -> Result<Option<Layout>, HubError> {
    for extensions in EXTENSIONS {
        let mut files: Vec<&String> = files
            .iter()
            .filter(|file| has_extension(file, extensions))
            .collect();
        if let Some(config) = &name.config {
            files.retain(|file| parts(file).any(|part| part == config));
        }
        let found = splits(&files);
        if found.train.is_empty() || found.dev.is_empty() {
            continue;
        }
        let configs: BTreeSet<&str> = found.train.iter().map(|file| config_of(file)).collect();
        if configs.len() > 1 {
            if configs.contains("default") {
                files.retain(|file| config_of(file) == "default");
                return Ok(Some(splits(&files)));
            }
            let configs = configs.into_iter().filter(|config| !config.is_empty());
            let configs = configs.map(str::to_owned).collect();
            return Err(HubError::ChooseConfig {
                name: name.repo.clone(),
                configs,
            });
        }
        return Ok(Some(found));
    }
    Ok(None)
}

fn has_extension(file: &str, extensions: &[&str]) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, extension)| extensions.contains(&extension))
}

/// The folders of `file`.
fn parts(file: &str) -> impl Iterator<Item = &str> {
    file.split('/').rev().skip(1)
}

/// The part of the data set that `file` belongs to: its outermost folder, unless that is only a
/// place to keep data in or the split itself.
fn config_of(file: &str) -> &str {
    let folders: Vec<&str> = parts(file).collect();
    let is_part = |folder: &&&str| **folder != "data" && split_of(folder).is_none();
    folders.iter().rev().find(is_part).copied().unwrap_or("")
}

/// The split that a name speaks of: one of its words, taken letter by letter.
fn split_of(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .find_map(|word| match word {
            _ if TRAIN.contains(&word) => Some("train"),
            _ if DEV.contains(&word) => Some("dev"),
            _ if TEST.contains(&word) => Some("test"),
            _ => None,
        })
}

fn splits(files: &[&String]) -> Layout {
    let mut layout = Layout::default();
    for file in files {
        // The file's own name decides, then the folders from the inside out.
        match file.split('/').rev().find_map(split_of) {
            Some("train") => layout.train.push((*file).clone()),
            Some("dev") => layout.dev.push((*file).clone()),
            Some("test") => layout.test.push((*file).clone()),
            _ => {}
        }
    }
    layout
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str], name: &str) -> Result<Option<[Vec<String>; 3]>, HubError> {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        let layout = layout(&files, &name.parse().unwrap())?;
        Ok(layout.map(|layout| [layout.train, layout.dev, layout.test]))
    }

    #[test]
    fn the_usual_layouts_are_understood() {
        let cases: [&[&str]; 5] = [
            &[
                "data/train-00000-of-00001.parquet",
                "data/validation-00000-of-00001.parquet",
                "data/test-00000-of-00001.parquet",
            ],
            &["train.jsonl", "dev.jsonl", "test.jsonl"],
            &[
                "default/train/0000.parquet",
                "default/validation/0000.parquet",
                "default/test/0000.parquet",
            ],
            &["eng.train.txt", "eng.testa.txt", "eng.testb.txt"],
            &["en/train.conll", "en/valid.conll", "en/test.conll"],
        ];
        for files in cases {
            let expected: Vec<Vec<String>> =
                files.iter().map(|file| vec![(*file).to_owned()]).collect();
            assert_eq!(found(files, "a/b").unwrap().unwrap().to_vec(), expected);
        }
    }

    #[test]
    fn a_set_of_several_parts_asks_which() {
        let files = [
            "en/train.conll",
            "en/dev.conll",
            "de/train.conll",
            "de/dev.conll",
        ];
        let message = found(&files, "a/b").unwrap_err().to_string();
        assert_eq!(message, "a/b has several parts; choose one: a/b:de, a/b:en");
        let [train, ..] = found(&files, "a/b:de").unwrap().unwrap();
        assert_eq!(train, ["de/train.conll"]);
    }

    #[test]
    fn shards_become_one_path() {
        let name = "a/b".parse().unwrap();
        let joined = |files: &[&str]| {
            let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
            pattern(&name, "train", &files).map_err(|error| error.to_string())
        };
        let shards = [
            "data/train-00000-of-00002.parquet",
            "data/train-00001-of-00002.parquet",
        ];
        assert_eq!(
            joined(&shards).unwrap(),
            "data/train-0000*-of-00002.parquet"
        );
        assert_eq!(
            joined(&["train/1.jsonl", "train/11.jsonl"]).unwrap(),
            "train/1*.jsonl"
        );
        assert_eq!(joined(&["train.jsonl"]).unwrap(), "train.jsonl");
        assert!(
            joined(&["a/train.jsonl", "b/train.jsonl"])
                .unwrap_err()
                .contains("2 files")
        );
    }

    #[test]
    fn what_has_no_dev_split_is_not_taken() {
        assert!(
            found(&["train.parquet", "README.md"], "a/b")
                .unwrap()
                .is_none()
        );
    }
}
