//! Train, dev and test in a folder, under the names that people give them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Format, TextError, brat};

/// The splits of a data set; each is a path that [`crate::open`] takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Splits {
    /// `train`.
    pub train: Option<PathBuf>,
    /// `dev`, `devel`, `development`, `val`, `valid`, `validation` or `testa`.
    pub dev: Option<PathBuf>,
    /// `test` or `testb`.
    pub test: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Split {
    Train,
    Dev,
    Test,
}

/// Something in a folder that could be a split.
#[derive(Debug)]
struct Candidate {
    split: Split,
    /// How far the name is from being the split's own: the nearest wins.
    distance: u8,
    path: PathBuf,
}

/// Finds the splits in `dir`: files in any format (`train.conll`, `eng.testa`, `en-ud-dev.iob2`),
/// folders of `datasets.save_to_disk`, and the Hub's layouts (`data/train-00000-of-00001.parquet`,
/// `default/train/0000.parquet`). Several shards become one path with a `*`.
///
/// A name that is the split's own wins over one that holds it (`train.conll` over
/// `small-train.conll`); otherwise two files for one split are an error, never a choice.
///
/// # Errors
/// When the folder cannot be read, holds no split, two for one name, or not all shards of one.
pub fn splits(dir: &Path) -> Result<Splits, TextError> {
    let found = choose(dir, candidates(dir)?)?;
    if found != Splits::default() {
        return Ok(found);
    }
    let mut inside = Vec::new();
    for folder in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
        let found = choose(&folder, candidates(&folder)?)?;
        if found != Splits::default() {
            inside.push((folder, found));
        }
    }
    match inside.as_slice() {
        [(_, found)] => Ok(found.clone()),
        [] => Err(TextError::file(
            dir,
            "holds no split; expected files or folders named train, dev (or valid, validation, \
             testa) and test (or testb)",
        )),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|(folder, _)| file_name(folder))
                .collect();
            let message = format!("holds several data sets ({}); give one", names.join(", "));
            Err(TextError::file(dir, message))
        }
    }
}

/// What lies in a folder, hidden files aside, in the order of names.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, TextError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(|source| TextError::io(dir, source))? {
        let path = entry.map_err(|source| TextError::io(dir, source))?.path();
        if !file_name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn candidates(dir: &Path) -> Result<Vec<Candidate>, TextError> {
    let mut found = Vec::new();
    let mut shards: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for path in entries(dir)? {
        let name = file_name(&path);
        if path.is_dir() {
            if let (Some(split), Some(path)) = (Split::of(&name), folder_data(&path)?) {
                found.push(Candidate {
                    split,
                    distance: 0,
                    path,
                });
            }
        } else if let Some((start, index, end)) = shard(&name) {
            shards.entry((start, end)).or_default().push(index);
        } else if let Some((split, distance)) = named(&name) {
            found.push(Candidate {
                split,
                distance,
                path,
            });
        }
    }
    for ((start, end), indices) in shards {
        let Some((split, distance)) = named(&format!("{}{end}", start.trim_end_matches('-')))
        else {
            continue;
        };
        let path = whole(dir, &start, &end, &indices)?;
        found.push(Candidate {
            split,
            distance,
            path,
        });
    }
    Ok(found)
}

/// The data in a folder named after a split: the folder itself when it is one of brat or of
/// `datasets.save_to_disk`, else its Parquet files.
fn folder_data(dir: &Path) -> Result<Option<PathBuf>, TextError> {
    let entries = entries(dir)?;
    let with = |wanted: &str| {
        let matches = |path: &&PathBuf| path.extension().is_some_and(|found| found == wanted);
        entries.iter().filter(matches).collect::<Vec<_>>()
    };
    if !with("arrow").is_empty() || brat::is_folder(dir) {
        return Ok(Some(dir.to_path_buf()));
    }
    Ok(match with("parquet").as_slice() {
        [] => None,
        [one] => Some((*one).clone()),
        _ => Some(dir.join("*.parquet")),
    })
}

/// `train-`, 0 and `-of-00002.parquet` of `train-00000-of-00002.parquet`.
fn shard(name: &str) -> Option<(String, usize, String)> {
    let (before, after) = name.split_once("-of-")?;
    let (start, index) = before.rsplit_once('-')?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let is_index = index.len() == digits && index.bytes().all(|byte| byte.is_ascii_digit());
    let index = index.parse().ok().filter(|_| is_index)?;
    Some((format!("{start}-"), index, format!("-of-{after}")))
}

/// The path of all shards, when none is missing.
fn whole(dir: &Path, start: &str, end: &str, found: &[usize]) -> Result<PathBuf, TextError> {
    let digits: String = end
        .chars()
        .skip("-of-".len())
        .take_while(char::is_ascii_digit)
        .collect();
    let total: usize = digits.parse().unwrap_or(0);
    let name = |index: usize| format!("{start}{index:0width$}{end}", width = digits.len());
    if let Some(missing) = (0..total).find(|index| !found.contains(index)) {
        let message = format!("lacks {}, one of {total} shards", name(missing));
        return Err(TextError::file(dir, message));
    }
    Ok(dir.join(if total == 1 {
        name(0)
    } else {
        format!("{start}*{end}")
    }))
}

impl Split {
    /// The split that goes by exactly this name.
    fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "dev" | "devel" | "development" | "val" | "valid" | "validation" | "testa" => {
                Some(Self::Dev)
            }
            "test" | "testb" => Some(Self::Test),
            _ => None,
        }
    }
}

/// The split that a file's name speaks of, and how far the name is from being the split's own.
fn named(name: &str) -> Option<(Split, u8)> {
    let path = Path::new(name);
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or("");
    let is_data = Format::from_extension(path).is_some()
        || extension.is_empty()
        || extension.eq_ignore_ascii_case("txt");
    let stem = if is_data {
        path.file_stem()?.to_str()?
    } else if Split::of(extension).is_some() {
        name
    } else {
        return None;
    };
    // `-of-00001` is left of a shard's name once its number is gone.
    let stem = stem.split_once("-of-").map_or(stem, |(stem, _)| stem);
    let parts: Vec<&str> = stem.split(['.', '-', '_']).collect();
    let splits: Vec<Split> = parts.iter().filter_map(|part| Split::of(part)).collect();
    match splits.as_slice() {
        [split] if parts.len() == 1 => Some((*split, 0)),
        [split] if parts.last().is_some_and(|part| Split::of(part).is_some()) => Some((*split, 1)),
        [split] => Some((*split, 2)),
        _ => None,
    }
}

/// The nearest candidate for each split.
fn choose(dir: &Path, candidates: Vec<Candidate>) -> Result<Splits, TextError> {
    let best = |split: Split| {
        let of_split: Vec<&Candidate> = candidates.iter().filter(|c| c.split == split).collect();
        let Some(least) = of_split.iter().map(|c| c.distance).min() else {
            return Ok(None);
        };
        let nearest: Vec<_> = of_split.iter().filter(|c| c.distance == least).collect();
        match nearest.as_slice() {
            [one] => Ok(Some(one.path.clone())),
            several => {
                let names: Vec<_> = several.iter().map(|c| file_name(&c.path)).collect();
                let message = format!(
                    "holds more than one {} split ({}); name the one to use",
                    format!("{split:?}").to_lowercase(),
                    names.join(", ")
                );
                Err(TextError::file(dir, message))
            }
        }
    };
    Ok(Splits {
        train: best(Split::Train)?,
        dev: best(Split::Dev)?,
        test: best(Split::Test)?,
    })
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
