//! The output folder: whole or not at all.

use crate::TrainError;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A folder that is written beside its place and then put there in one move.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    target: PathBuf,
}

impl Staging {
    /// Refuses a target that exists, unless `overwrite` and it is empty or a model folder.
    ///
    /// # Errors
    /// [`TrainError::OutputExists`], [`TrainError::NotAModelFolder`].
    pub(crate) fn check(target: &Path, overwrite: bool) -> Result<(), TrainError> {
        let path = || target.to_owned();
        if target.file_name().is_none() {
            return Err(TrainError::setting(
                "output",
                format!(
                    "is {}, expected a folder with a name of its own",
                    target.display()
                ),
            ));
        }
        match fs::read_dir(target) {
            Ok(mut entries) => {
                if entries.next().is_none() {
                    Ok(())
                } else if !overwrite {
                    Err(TrainError::OutputExists { path: path() })
                } else if !target.join("config.json").is_file() {
                    Err(TrainError::NotAModelFolder { path: path() })
                } else {
                    Ok(())
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(TrainError::Io {
                path: path(),
                source,
            }),
        }
    }

    /// An empty folder beside `target`, whose parents are made when missing.
    pub(crate) fn new(target: &Path) -> Result<Self, TrainError> {
        let path = sibling(target, "partial");
        let io = |source| TrainError::Io {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&path).map_err(io)?;
        Ok(Self {
            path,
            target: target.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the folder in its place, in place of what is there.
    pub(crate) fn publish(self) -> Result<(), TrainError> {
        let io = |source| TrainError::Io {
            path: self.target.clone(),
            source,
        };
        for entry in fs::read_dir(&self.path).map_err(io)? {
            let file = entry
                .and_then(|entry| File::open(entry.path()))
                .map_err(io)?;
            file.sync_all().map_err(io)?;
        }
        let old = sibling(&self.target, "old");
        let replaced = match fs::rename(&self.target, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(io(error)),
        };
        if let Err(error) = fs::rename(&self.path, &self.target) {
            if replaced {
                fs::rename(&old, &self.target).map_err(io)?;
            }
            return Err(io(error));
        }
        if replaced {
            fs::remove_dir_all(&old).map_err(io)?;
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Published, it is no longer there; a folder that cannot be removed is named like what it is.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `.NAME.KIND-PID` beside `target`, with a number behind it while that is taken.
fn sibling(target: &Path, kind: &str) -> PathBuf {
    let name = target
        .file_name()
        .map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let base = format!(".{name}.{kind}-{}", std::process::id());
    let path = |n: usize| {
        target.with_file_name(if n == 0 {
            base.clone()
        } else {
            format!("{base}-{n}")
        })
    };
    (0..)
        .map(path)
        .find(|path| !path.exists())
        .unwrap_or_else(|| path(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_folder_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("deep/model");
        for text in ["first", "second"] {
            let staging = Staging::new(&target).unwrap();
            fs::write(staging.path().join("config.json"), text).unwrap();
            staging.publish().unwrap();
            assert_eq!(
                fs::read_to_string(target.join("config.json")).unwrap(),
                text
            );
        }
        assert_eq!(fs::read_dir(dir.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn a_staging_folder_that_is_dropped_leaves_the_target_alone() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("model");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("config.json"), "kept").unwrap();
        drop(Staging::new(&target).unwrap());
        assert_eq!(
            fs::read_to_string(target.join("config.json")).unwrap(),
            "kept"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_model_folders_may_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        Staging::check(&target, false).unwrap();
        fs::create_dir(&target).unwrap();
        Staging::check(&target, false).unwrap();
        fs::write(target.join("thesis.tex"), "").unwrap();
        assert!(matches!(
            Staging::check(&target, false),
            Err(TrainError::OutputExists { .. })
        ));
        assert!(matches!(
            Staging::check(&target, true),
            Err(TrainError::NotAModelFolder { .. })
        ));
        fs::write(target.join("config.json"), "{}").unwrap();
        Staging::check(&target, true).unwrap();
    }
}
