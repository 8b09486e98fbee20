//! A folder of brat documents.

use std::path::{Path, PathBuf};

use super::{Losses, SentenceWriter, WriteOptions};
use crate::brat::{DocumentWriter, FolderWriter};
use crate::{Scheme, Sentence, TextError};

pub(super) fn create_folder(
    path: &Path,
    options: &WriteOptions,
) -> Result<Box<dyn SentenceWriter>, TextError> {
    Ok(Box::new(BratWriter {
        documents: DocumentWriter::new(FolderWriter::create(path, [])?),
        name: path.to_path_buf(),
        scheme: options.scheme.unwrap_or_default(),
        sentences: 0,
        losses: Losses::default(),
    }))
}

struct BratWriter {
    documents: DocumentWriter,
    name: PathBuf,
    scheme: Scheme,
    sentences: usize,
    losses: Losses,
}

impl SentenceWriter for BratWriter {
    fn write(&mut self, sentence: &Sentence) -> Result<(), TextError> {
        self.sentences += 1;
        let mut spans = Vec::new();
        for entity in self
            .scheme
            .entities(sentence.tags.as_deref().unwrap_or_default())
        {
            let span = sentence.words[entity.start].start..sentence.words[entity.end - 1].end;
            if sentence.text[span.clone()].trim().is_empty() {
                let message = format!("entity {:?} holds no character", entity.label);
                return Err(TextError::unwritable(&self.name, self.sentences, message));
            }
            spans.push((span, entity.label));
        }
        let source = &sentence.source;
        self.losses.add("comments", source.comments.len());
        self.losses
            .add("extra columns", source.columns.first().map_or(0, Vec::len));
        if source.place.is_none() {
            self.losses
                .add("sentence ids", usize::from(source.id.is_some()));
        }
        self.documents.push(sentence, spans)
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }

    fn documents_made(&self) -> Option<usize> {
        Some(self.documents.made())
    }

    fn finish(self: Box<Self>) -> Result<(), TextError> {
        self.documents.finish()
    }
}
