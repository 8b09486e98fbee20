//! A stream, or a file that appears when it is complete.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bert_ner_text::atomic::AtomicFile;
use bert_ner_text::{Output, TextError};

/// Where predictions go.
pub(super) struct Target {
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    Stream(Output),
    File(AtomicFile),
}

impl Target {
    pub(super) fn stream(output: Output, name: &Path) -> Self {
        Self {
            path: name.into(),
            kind: Kind::Stream(output),
        }
    }

    pub(super) fn file(path: &Path) -> Result<Self, TextError> {
        let file = named(path, AtomicFile::create(path))?;
        Ok(Self {
            path: path.into(),
            kind: Kind::File(file),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), TextError> {
        let written = self.write_all(bytes);
        named(&self.path, written)
    }

    pub(super) fn finish(self) -> Result<(), TextError> {
        let finished = match self.kind {
            Kind::Stream(mut stream) => stream.flush(),
            Kind::File(file) => file.commit(),
        };
        named(&self.path, finished)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Stream(stream) => stream.write(bytes),
            Kind::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Stream(stream) => stream.flush(),
            Kind::File(file) => file.flush(),
        }
    }
}

/// The result with the file's name in its error.
fn named<T>(path: &Path, result: io::Result<T>) -> Result<T, TextError> {
    result.map_err(|source| TextError::Io {
        path: path.into(),
        source,
    })
}
