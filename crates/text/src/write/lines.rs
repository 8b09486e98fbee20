//! What the formats of lines of text share: the output, its name and what is counted.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Losses, Output, SentenceWriter};
use crate::{Sentence, TextError};

/// How a format writes a sentence.
pub(super) trait Layout {
    /// The lines of a sentence, what they leave out counted in `losses`; or what in it no line can hold.
    fn lines(&mut self, sentence: &Sentence, losses: &mut Losses) -> Result<String, String>;
}

/// Makes a writer of a format's layout.
pub(super) fn writer(
    layout: impl Layout + 'static,
    output: Output,
    name: &Path,
) -> Box<dyn SentenceWriter> {
    Box::new(LineWriter {
        layout,
        output,
        name: name.to_path_buf(),
        sentences: 0,
        losses: Losses::default(),
    })
}

struct LineWriter<L> {
    layout: L,
    output: Output,
    name: PathBuf,
    sentences: usize,
    losses: Losses,
}

impl<L: Layout> SentenceWriter for LineWriter<L> {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.sentences += 1;
        let lines = self.layout.lines(sentence, &mut self.losses);
        let lines = lines.map_err(|why| TextError::unwritable(&self.name, self.sentences, why))?;
        self.output
            .write_all(lines.as_bytes())
            .map_err(|source| TextError::io(&self.name, source))
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn finish(mut self: Box<Self>) -> Result<(), TextError> {
        self.output
            .flush()
            .map_err(|source| TextError::io(&self.name, source))
    }
}
