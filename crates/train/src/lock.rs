//! A file that one process at a time holds.

use crate::TrainError;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A locked file that goes when its holder does.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Locked as long as it is open.
    _file: File,
}

impl Lock {
    /// Locks the file at `path`; `None` where the file system has no locks.
    ///
    /// # Errors
    /// That of `busy`, which is given the path, when another process holds it; or when the file cannot be made.
    pub(crate) fn take(
        path: PathBuf,
        busy: impl Fn(PathBuf) -> TrainError,
    ) -> Result<Option<Self>, TrainError> {
        loop {
            let io = |source| TrainError::Io {
                path: path.clone(),
                source,
            };
            let mut options = File::options();
            let file = options.write(true).create(true).truncate(false);
            let file = file.open(&path).map_err(io)?;
            match file.try_lock() {
                Ok(()) if stands_at(&file, &path) => return Ok(Some(Self { path, _file: file })),
                // Its holder removed it between our opening and our locking.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(busy(path)),
                Err(TryLockError::Error(error)) if has_no_locks(&error) => {
                    let _ = fs::remove_file(&path);
                    return Ok(None);
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while still locked, so that nobody else's is. One that stays behind blocks nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the file system has no locks: it does not know the call, or (NFS) has nobody to ask.
fn has_no_locks(error: &io::Error) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    let nobody = error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error());
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    let nobody = false;
    nobody || error.kind() == io::ErrorKind::Unsupported
}

/// Whether `path` still names the open file.
#[cfg(unix)]
fn stands_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let key = |known: &fs::Metadata| (known.dev(), known.ino());
    matches!((&file.metadata(), &fs::metadata(path)), (Ok(open), Ok(there)) if key(open) == key(there))
}

/// An open file cannot be replaced here.
#[cfg(not(unix))]
fn stands_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
