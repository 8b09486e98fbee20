//! Files and folders that appear whole or not at all.
//!
//! The bytes go to a temporary file beside the target, which [`AtomicFile::commit`] makes durable
//! and renames. Whatever happens before leaves the target as it was. [`AtomicFolder`] does the same for a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file being written. Dropped without [`AtomicFile::commit`], it leaves no trace.
#[derive(Debug)]
pub struct AtomicFile {
    writer: Option<BufWriter<File>>,
    target: PathBuf,
    /// `None` when the target is no regular file (`/dev/stdout`, a pipe) and is written directly.
    temporary: Option<PathBuf>,
}

impl AtomicFile {
    /// Starts to write what will stand at `path`. A symbolic link keeps pointing where it points, and
    /// a file that is replaced keeps its permissions.
    ///
    /// # Errors
    /// When no file can be made in the folder of `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let known = fs::metadata(&target).ok();
        if known.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
        }
        if known.as_ref().is_some_and(|known| !known.is_file()) {
            let file = OpenOptions::new().write(true).open(&target)?;
            return Ok(Self {
                writer: Some(BufWriter::new(file)),
                target,
                temporary: None,
            });
        }
        let (file, temporary) = create_beside(&target)?;
        let created = Self {
            writer: Some(BufWriter::new(file)),
            target,
            temporary: Some(temporary),
        };
        if let (Some(known), Some(temporary)) = (known, &created.temporary) {
            fs::set_permissions(temporary, known.permissions())?;
        }
        Ok(created)
    }

    /// Makes the bytes durable and puts the file in its place.
    ///
    /// # Errors
    /// When the disk refuses; the target is then as it was.
    pub fn commit(mut self) -> io::Result<()> {
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let file = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        if let Some(temporary) = &self.temporary {
            file.sync_all()?;
            drop(file);
            fs::rename(temporary, &self.target)?;
            self.temporary = None;
        }
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => Err(io::Error::other("the file is committed")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Unwritten bytes are of no use to anyone: do not flush them on the way out.
            if let Some(writer) = self.writer.take() {
                drop(writer.into_parts());
            }
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Writes `bytes` to `path`, whole or not at all.
///
/// # Errors
/// When the folder or the disk refuses; the target is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

/// A folder being filled, beside the place where it will stand. Dropped without [`AtomicFolder::commit`], it leaves no trace.
#[derive(Debug)]
pub struct AtomicFolder {
    target: PathBuf,
    temporary: PathBuf,
}

impl AtomicFolder {
    /// Starts a folder that will stand at `path`, where nothing or an empty folder stands now.
    ///
    /// # Errors
    /// When something stands there, or no folder can be made beside it.
    pub fn create(path: &Path) -> io::Result<Self> {
        let taken = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => path.exists(),
        };
        if taken {
            let message = "exists; expected the name of a folder to be made";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "has no folder name"))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".partial-{}", std::process::id()));
        Self::beside(path, path.with_file_name(hidden))
    }

    /// Starts a folder that will stand at `path`, for which whoever calls cares; what a killed process left at `temporary`, where it is
    /// filled, is cleared away.
    ///
    /// # Errors
    /// When no folder can be made there.
    pub fn beside(path: &Path, temporary: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(parent) = temporary.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::create_dir(&temporary)?;
        Ok(Self {
            target: path.to_path_buf(),
            temporary,
        })
    }

    /// Where to put the files meanwhile.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Where the folder will stand.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Leaves the folder where it is, and says where.
    pub fn leave(self) -> PathBuf {
        std::mem::ManuallyDrop::new(self).temporary.clone()
    }

    /// Makes all that is in the folder durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        sync_all(&self.temporary)
    }

    /// Makes all that is in the folder durable and puts the folder in its place.
    ///
    /// # Errors
    /// When something came to stand there meanwhile, or the disk refuses.
    pub fn commit(self) -> io::Result<()> {
        self.sync()?;
        // A rename takes the place of an empty folder on Unix alone.
        let _ = fs::remove_dir(&self.target);
        fs::rename(&self.temporary, &self.target)
    }
}

impl Drop for AtomicFolder {
    fn drop(&mut self) {
        // Nothing stands here once it has taken its place, or what it took the place of.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

/// Makes a folder durable, with the files and folders in it.
fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_all(&entry.path())?,
            false => File::open(entry.path())?.sync_all()?,
        }
    }
    // Its names; other systems open no folder as a file.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// A new, hidden file in the folder of `target`, so that the rename stays on one file system.
fn create_beside(target: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "has no file name"))?;
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{count}.tmp", std::process::id()));
        let temporary = target.with_file_name(hidden);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
        {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
