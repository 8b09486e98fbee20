//! Numbers that tell one content from another: of data in memory and of files.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::path::Path;

use bert_ner_model::split_mix;

/// The hash of the bytes at `path`, a file or all files of a folder with their names.
///
/// # Errors
/// When something there cannot be read.
pub fn fingerprint_of_files(path: &Path) -> io::Result<u64> {
    let mut hasher = Fingerprint(0);
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            let mut entries: Vec<_> = entries.collect::<io::Result<_>>()?;
            entries.sort();
            for entry in &entries {
                entry.file_name().hash(&mut hasher);
            }
            left.extend(entries);
        } else {
            hasher.write_file(&path)?;
        }
    }
    Ok(hasher.finish())
}

/// A hash that stays the same from one version of the compiler to the next.
pub(crate) fn fingerprint(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = Fingerprint(0);
    of.hash(&mut hasher);
    hasher.finish()
}

/// Steele, Lea and Flood's mixing of 64 bits (2014), chained over the bytes, eight at a time.
struct Fingerprint(u64);

impl Fingerprint {
    /// The length and the bytes of a file, a megabyte in memory at a time: as a list of bytes is hashed.
    fn write_file(&mut self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        self.write_usize(file.metadata()?.len() as usize);
        let mut part = Vec::with_capacity(PART as usize);
        while (&file).take(PART).read_to_end(&mut part)? > 0 {
            self.write(&part);
            part.clear();
        }
        Ok(())
    }
}

/// Bytes that are read at once: whole words, so that parts are hashed as the whole is.
const PART: u64 = 1 << 20;

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.0 = split_mix(self.0 ^ u64::from_le_bytes(word)).wrapping_add(part.len() as u64);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_read_in_parts_has_the_hash_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [
            0,
            7,
            PART as usize - 1,
            PART as usize,
            2 * PART as usize + 13,
        ] {
            let bytes: Vec<u8> = (0..length).map(|at| ((at * 31) >> 3) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(fingerprint_of_files(&path).unwrap(), fingerprint(&bytes));
        }
    }
}
