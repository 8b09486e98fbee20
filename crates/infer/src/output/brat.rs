//! A folder that brat opens: each text as it was, and its entities beside it.

use std::path::Path;

use bert_ner_text::brat::{DocumentWriter, FolderWriter};
use bert_ner_text::{Sentence, TextError};

use super::PredictionWriter;
use crate::tagged::Tagged;

pub(super) fn create(
    path: &Path,
    types: impl IntoIterator<Item = String>,
) -> Result<Box<dyn PredictionWriter>, TextError> {
    let folder = FolderWriter::create(path, types)?;
    Ok(Box::new(Brat(DocumentWriter::new(folder))))
}

struct Brat(DocumentWriter);

impl PredictionWriter for Brat {
    fn begin(&mut self, file: &str) -> Result<(), TextError> {
        let stem = Path::new(file).file_stem();
        let stem = stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        self.0.begin(&stem)
    }

    fn write(&mut self, sentence: &Sentence, tagged: &Tagged) -> Result<(), TextError> {
        let entities = tagged.entities.iter();
        self.0.push(
            sentence,
            entities.map(|entity| (entity.span.clone(), entity.label.clone())),
        )
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.0.finish()
    }
}
