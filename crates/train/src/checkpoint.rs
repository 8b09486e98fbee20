//! Checkpoint files: the folder that holds them, and their bytes.
//!
//! `step-00000123.ckpt` is, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `bnerckp1` |
//! | 8 | length of the header |
//! | 4 | CRC-32C of the header |
//! | | the header, JSON |
//! | 4 each | the arrays of `f32`, whose lengths whoever reads knows |
//! | 4 | CRC-32C of the arrays |
//!
//! What a header says is [`crate::resume`]'s.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bert_ner_text::atomic::AtomicFile;

use crate::TrainError;
use crate::crc32c::{Crc32c, crc32c};
use crate::lock::Lock;

const MAGIC: [u8; 8] = *b"bnerckp1";
const EXTENSION: &str = "ckpt";
/// Elements that are converted at a time.
const BLOCK: usize = 16 * 1024;
/// A longer header is a damaged length: a thousand evaluations take less than 1 MB.
const LONGEST_HEADER: u64 = 1 << 30;

/// The folder of a run's checkpoints.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
    keep: usize,
}

impl Folder {
    pub(crate) fn new(dir: &Path, keep: usize) -> Self {
        let dir = dir.to_owned();
        Self { dir, keep }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The checkpoints, that of the most steps first.
    pub(crate) fn newest_first(&self) -> Result<Vec<PathBuf>, TrainError> {
        let mut found: Vec<(u64, PathBuf)> = self
            .names()?
            .into_iter()
            .filter_map(|name| {
                let step = name.strip_prefix("step-")?.strip_suffix(".ckpt")?;
                Some((step.parse().ok()?, self.dir.join(&name)))
            })
            .collect();
        found.sort_unstable();
        Ok(found.into_iter().rev().map(|(_, path)| path).collect())
    }

    fn names(&self) -> Result<Vec<String>, TrainError> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| self.io(source))?,
        };
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()
            .map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> TrainError {
        let path = self.dir.clone();
        TrainError::Io { path, source }
    }

    /// Makes the folder this run's alone, until what is given back is dropped.
    ///
    /// # Errors
    /// [`TrainError::CheckpointsBusy`], or when the folder cannot be made.
    pub(crate) fn hold(&self) -> Result<Held, TrainError> {
        let created = !self.dir.exists();
        fs::create_dir_all(&self.dir).map_err(|source| self.io(source))?;
        let lock = Lock::take(self.dir.join(".bert-ner-lock"), |lock| {
            let path = self.dir.clone();
            TrainError::CheckpointsBusy { path, lock }
        })?;
        Ok(Held {
            lock,
            empty: created.then(|| self.dir.clone()),
        })
    }

    /// Writes the checkpoint of `step`, whole or not at all, then removes those beyond the newest `keep`: beside the file there is an error
    /// when one of those stays.
    pub(crate) fn write(
        &self,
        step: usize,
        header: &[u8],
        arrays: &[&[f32]],
    ) -> Result<(PathBuf, Option<TrainError>), TrainError> {
        let path = self.dir.join(format!("step-{step:08}.{EXTENSION}"));
        let written = fs::create_dir_all(&self.dir).and_then(|()| {
            let mut file = AtomicFile::create(&path)?;
            write(&mut file, header, arrays)?;
            file.commit()
        });
        written.map_err(|source| TrainError::Io {
            path: path.clone(),
            source,
        })?;
        Ok((path, self.remove_but(self.keep).err()))
    }

    /// Removes all checkpoints but the newest `keep`.
    pub(crate) fn remove_but(&self, keep: usize) -> Result<(), TrainError> {
        for path in self.newest_first()?.into_iter().skip(keep) {
            fs::remove_file(&path).map_err(|source| TrainError::Io { path, source })?;
        }
        Ok(())
    }

    /// Removes what a run that was killed had half written. The folder must be this run's alone.
    pub(crate) fn tidy(&self) -> Result<(), TrainError> {
        for name in self.names()? {
            if name.starts_with(".step-") && name.ends_with(".tmp") {
                let path = self.dir.join(name);
                fs::remove_file(&path).map_err(|source| TrainError::Io { path, source })?;
            }
        }
        Ok(())
    }
}

/// A folder of checkpoints that is one run's alone. A folder that was made for it and is still empty goes with it.
#[derive(Debug)]
pub(crate) struct Held {
    /// `None` where the file system has no locks.
    lock: Option<Lock>,
    empty: Option<PathBuf>,
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.lock.take());
        if let Some(dir) = &self.empty {
            // Refused where something is in it.
            let _ = fs::remove_dir(dir);
        }
    }
}

fn write(out: &mut impl Write, header: &[u8], arrays: &[&[f32]]) -> io::Result<()> {
    out.write_all(&MAGIC)?;
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&crc32c(header).to_le_bytes())?;
    out.write_all(header)?;
    let mut crc = Crc32c::new();
    let mut bytes = Vec::with_capacity(4 * BLOCK);
    for block in arrays.iter().flat_map(|array| array.chunks(BLOCK)) {
        bytes.clear();
        bytes.extend(block.iter().flat_map(|x| x.to_le_bytes()));
        crc.add(&bytes);
        out.write_all(&bytes)?;
    }
    out.write_all(&crc.value().to_le_bytes())
}

/// A checkpoint being read.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    header: Vec<u8>,
    crc: Crc32c,
}

impl Reader {
    /// Reads the header.
    ///
    /// # Errors
    /// [`TrainError::CheckpointDamaged`] when it is not one, or not whole.
    pub(crate) fn open(path: &Path) -> Result<Self, TrainError> {
        let file = File::open(path).map_err(|source| TrainError::Io {
            path: path.to_owned(),
            source,
        })?;
        let mut reader = Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            header: Vec::new(),
            crc: Crc32c::new(),
        };
        if reader.bytes::<8>()? != MAGIC {
            return Err(reader.damaged("is not a checkpoint of this version"));
        }
        let length = u64::from_le_bytes(reader.bytes()?);
        let crc = u32::from_le_bytes(reader.bytes()?);
        if length > LONGEST_HEADER {
            return Err(reader.damaged("its header is damaged"));
        }
        let mut header = Vec::new();
        let read = (&mut reader.file).take(length).read_to_end(&mut header);
        read.map_err(|error| reader.failed(error))?;
        if header.len() as u64 != length {
            return Err(reader.damaged("is cut short"));
        }
        if crc32c(&header) != crc {
            return Err(reader.damaged("its header is damaged"));
        }
        reader.header = header;
        Ok(reader)
    }

    pub(crate) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Fills the next array.
    pub(crate) fn fill(&mut self, array: &mut [f32]) -> Result<(), TrainError> {
        let mut bytes = vec![0; 4 * BLOCK];
        for block in array.chunks_mut(BLOCK) {
            let bytes = &mut bytes[..4 * block.len()];
            let read = self.file.read_exact(bytes);
            read.map_err(|error| self.failed(error))?;
            self.crc.add(bytes);
            for (x, bytes) in block.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *x = f32::from_le_bytes(*bytes);
            }
        }
        Ok(())
    }

    /// Checks, after the last array, that all was read as it was written.
    pub(crate) fn finish(mut self) -> Result<(), TrainError> {
        let crc = u32::from_le_bytes(self.bytes()?);
        if crc != self.crc.value() {
            return Err(self.damaged("its numbers are damaged"));
        }
        match self.file.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("is longer than its content")),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], TrainError> {
        let mut bytes = [0; N];
        let read = self.file.read_exact(&mut bytes);
        read.map_err(|error| self.failed(error))?;
        Ok(bytes)
    }

    /// The error of a checkpoint that is not whole.
    pub(crate) fn damaged(&self, message: impl Into<String>) -> TrainError {
        TrainError::CheckpointDamaged {
            path: self.path.clone(),
            message: message.into(),
        }
    }

    fn failed(&self, error: io::Error) -> TrainError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("is cut short"),
            _ => self.damaged(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<(Vec<u8>, Vec<f32>), TrainError> {
        let mut reader = Reader::open(path)?;
        let header = reader.header().to_vec();
        let mut array = vec![0.0; 40_000];
        reader.fill(&mut array)?;
        reader.finish()?;
        Ok((header, array))
    }

    #[test]
    fn what_is_written_reads_back_and_any_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(&dir.path().join("deep/checkpoints"), 2);
        let array: Vec<f32> = (0..40_000).map(|i| (i as f32).sin()).collect();
        let parts = [&array[..17], &array[17..]];
        let (path, left) = folder.write(5, b"{\"step\":5}", &parts).unwrap();
        assert!(left.is_none());
        assert_eq!(
            read(&path).unwrap(),
            (b"{\"step\":5}".to_vec(), array.clone())
        );
        let whole = fs::read(&path).unwrap();
        for cut in [0, 7, 8, 19, 20, 25, 30, 31, 5_000, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("is cut short"), "{cut}: {error}");
        }
        for flipped in [0, 9, 17, 22, 40, 100_000, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[flipped] ^= 4;
            fs::write(&path, bytes).unwrap();
            assert!(
                matches!(read(&path), Err(TrainError::CheckpointDamaged { .. })),
                "bit {flipped}"
            );
        }
        fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(read(&path).is_err());
    }

    #[test]
    fn an_older_one_that_cannot_be_removed_does_not_undo_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), 1);
        // A folder is no file that could be removed.
        fs::create_dir(dir.path().join("step-00000001.ckpt")).unwrap();
        let (path, left) = folder.write(2, b"{}", &[]).unwrap();
        assert!(path.is_file());
        let message = left.unwrap().to_string();
        assert!(message.contains("step-00000001.ckpt"), "{message}");
    }

    #[test]
    fn one_run_at_a_time_has_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(&dir.path().join("checkpoints"), 1);
        let held = folder.hold().unwrap();
        let error = folder.hold().unwrap_err();
        assert!(
            matches!(&error, TrainError::CheckpointsBusy { lock, .. } if lock.is_file()),
            "{error}"
        );
        drop(held);
        assert!(!folder.dir.exists(), "an empty folder is left behind");
        let held = folder.hold().unwrap();
        folder.write(2, b"{}", &[]).unwrap();
        drop(held);
        assert_eq!(folder.names().unwrap(), ["step-00000002.ckpt"]);
    }

    #[test]
    fn the_newest_are_kept_and_other_files_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), 2);
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        fs::write(dir.path().join(".step-00000009.ckpt.77-0.tmp"), "half").unwrap();
        for step in [9, 10, 100_000_000, 11] {
            folder.write(step, b"{}", &[]).unwrap();
        }
        folder.tidy().unwrap();
        let mut names = folder.names().unwrap();
        names.sort();
        assert_eq!(
            names,
            ["notes.txt", "step-00000011.ckpt", "step-100000000.ckpt"]
        );
        assert!(folder.newest_first().unwrap()[0].ends_with("step-100000000.ckpt"));
    }
}
