//! The output folder: whole or not at all, and one run's at a time.
//!
//! Beside the folder `NAME` stand, while a run works on it, `.NAME.bert-ner-lock` (held locked, so that a second run refuses; the
//! lock of a run that was killed is free) and `.NAME.bert-ner-partial`, the model being written. Where the file system can
//! exchange two folders in one step, there is a whole model at `NAME` at every moment; where it cannot, the old one waits as
//! `.NAME.bert-ner-old` for the length of two renames, and the next run puts it back if it was left there.

use crate::TrainError;
use crate::lock::Lock;
use bert_ner_text::atomic::AtomicFolder;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The output folder of a run, which no other run can take until this is dropped.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    target: PathBuf,
    /// `None` where the file system has no locks.
    lock: Option<Lock>,
}

/// A folder that is written beside its place and then put there in one move.
#[derive(Debug)]
pub(crate) struct Staging<'a> {
    folder: AtomicFolder,
    target: &'a Path,
}

impl OutputFolder {
    /// Takes `target` for this run. Refuses one that exists, unless `overwrite` and it is empty or a model folder.
    ///
    /// # Errors
    /// [`TrainError::OutputExists`], [`TrainError::NotAModelFolder`], [`TrainError::OutputBusy`], or when its place cannot be
    /// written.
    pub(crate) fn take(target: &Path, overwrite: bool) -> Result<Self, TrainError> {
        check(target, overwrite)?;
        let io = |path: &Path, source| TrainError::Io {
            path: path.to_owned(),
            source,
        };
        // A symbolic link keeps pointing where it points: the folder behind it is replaced.
        let target = match target.is_symlink() {
            true => fs::canonicalize(target).map_err(|source| io(target, source))?,
            false => target.to_owned(),
        };
        let parent = parent(&target);
        fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
        let folder = Self {
            lock: Lock::take(sibling(&target, "lock"), |lock| TrainError::OutputBusy {
                path: target.clone(),
                lock,
            })?,
            target,
        };
        folder.tidy().map_err(|source| io(&folder.target, source))?;
        // The run that had the lock before may have written a model since.
        check(&folder.target, overwrite)?;
        // A place that cannot be written is said now, not after an epoch.
        drop(folder.stage()?);
        Ok(folder)
    }

    /// Clears away what a killed run left behind.
    fn tidy(&self) -> io::Result<()> {
        if self.lock.is_none() {
            // It may be another run's that is alive.
            return Ok(());
        }
        let old = sibling(&self.target, "old");
        if old.exists() && !self.target.exists() {
            fs::rename(&old, &self.target)?;
        }
        remove(&old)?;
        remove(&sibling(&self.target, "partial"))
    }

    /// An empty folder beside the target.
    pub(crate) fn stage(&self) -> Result<Staging<'_>, TrainError> {
        let kind = match self.lock {
            Some(_) => "partial".to_owned(),
            None => format!("partial-{}", std::process::id()),
        };
        let path = sibling(&self.target, &kind);
        let folder = AtomicFolder::beside(&self.target, path.clone());
        Ok(Staging {
            folder: folder.map_err(|source| TrainError::Io { path, source })?,
            target: &self.target,
        })
    }
}

impl Staging<'_> {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the folder in its place, in place of what is there.
    ///
    /// # Errors
    /// [`TrainError::Unpublished`]: the folder is then kept under the hidden name in the message.
    pub(crate) fn publish(self) -> Result<(), TrainError> {
        self.publish_by(exchange)
    }

    fn publish_by(self, exchange: Exchange) -> Result<(), TrainError> {
        self.folder.sync().map_err(|source| TrainError::Io {
            path: self.path().to_owned(),
            source,
        })?;
        let Err(source) = self.replace_target(exchange) else {
            return Ok(());
        };
        // Under a name that the next run does not clear away.
        let kept = free_sibling(self.target, "kept");
        let path = self.target.to_owned();
        let kept = match fs::rename(self.path(), &kept) {
            Ok(()) => kept,
            Err(_) => self.folder.leave(),
        };
        Err(TrainError::Unpublished { path, kept, source })
    }

    fn replace_target(&self, exchange: Exchange) -> io::Result<()> {
        match fs::symlink_metadata(self.target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return fs::rename(self.path(), self.target);
            }
            Err(error) => return Err(error),
            Ok(known) if !known.is_dir() => {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    "is not a folder",
                ));
            }
            Ok(_) => {}
        }
        match exchange(self.path(), self.target) {
            // What is staged now is what was replaced: dropping it removes it.
            Ok(()) => Ok(()),
            Err(error) if is_unknown(&error) => self.rename_twice(),
            Err(error) => Err(error),
        }
    }

    /// For file systems that cannot exchange: `tidy` mends what a kill between the two renames leaves.
    fn rename_twice(&self) -> io::Result<()> {
        let old = sibling(self.target, "old");
        remove(&old)?;
        fs::rename(self.target, &old)?;
        if let Err(error) = fs::rename(self.path(), self.target) {
            fs::rename(&old, self.target)?;
            return Err(error);
        }
        remove(&old)
    }
}

type Exchange = fn(&Path, &Path) -> io::Result<()>;

/// Two folders take each other's name in one step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the file system, or the kernel, does not know the exchange: EINVAL, ENOSYS, EOPNOTSUPP.
fn is_unknown(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, Unsupported};
    matches!(error.kind(), InvalidInput | Unsupported)
}

/// Whether a run may write its model to `target`.
fn check(target: &Path, overwrite: bool) -> Result<(), TrainError> {
    let path = || target.to_owned();
    let setting = |message| Err(TrainError::setting("output", message));
    if target.file_name().is_none() {
        return setting(format!(
            "is {}, expected a folder with a name of its own",
            target.display()
        ));
    }
    match fs::read_dir(target) {
        Ok(_) if is_mount_point(target) => setting(format!(
            "is {0}, a mount point, which no finished folder can replace; expected a folder inside it, such as {0}/model",
            target.display()
        )),
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
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(TrainError::Io {
            path: path(),
            source,
        }),
    }
}

/// Whether a folder lies on another device than its parent. (A bind mount of the same device is found out by publishing.)
#[cfg(unix)]
fn is_mount_point(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|known| known.dev()).ok();
    !folder.is_symlink() && device(folder) != device(parent(folder))
}

#[cfg(not(unix))]
fn is_mount_point(_folder: &Path) -> bool {
    false
}

/// The folder that `path` lies in.
fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Removes a folder with all it holds, if it is there.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `.NAME.bert-ner-KIND` beside `target`.
fn sibling(target: &Path, kind: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".bert-ner-{kind}"));
    target.with_file_name(name)
}

/// [`sibling`] with a number behind it that is not taken.
fn free_sibling(target: &Path, kind: &str) -> PathBuf {
    (1..)
        .map(|n: u64| sibling(target, &format!("{kind}-{n}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| sibling(target, kind))
}

#[cfg(test)]
mod tests;
