//! What several tests need.

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bert_ner_text::{
    Format, Losses, ReadOptions, Sentence, TextError, WriteOptions, create, open_stream,
};

/// The sentences of a CoNLL file with this content, under the name `in.conll`.
pub(crate) fn conll(content: &[u8]) -> Result<Vec<Sentence>, TextError> {
    conll_with(content, &ReadOptions::default())
}

/// The same with options.
pub(crate) fn conll_with(
    content: &[u8],
    options: &ReadOptions,
) -> Result<Vec<Sentence>, TextError> {
    let options = ReadOptions {
        format: Some(Format::Conll),
        ..options.clone()
    };
    let input = Box::new(Cursor::new(content.to_vec()));
    open_stream(input, Path::new("in.conll"), &options)?.collect()
}

/// The sentences written in `format`, and what it could not hold.
pub(crate) fn written(
    sentences: &[Sentence],
    format: Format,
    options: &WriteOptions,
) -> Result<(Vec<u8>, Losses), TextError> {
    let shared = Shared::default();
    let mut writer = create(Box::new(shared.clone()), Path::new("out"), format, options)?;
    for sentence in sentences {
        writer.write(sentence)?;
    }
    let losses = writer.losses();
    writer.finish()?;
    let bytes = shared.0.lock().unwrap().clone();
    Ok((bytes, losses))
}

/// The words of each sentence.
pub(crate) fn words(sentences: &[Sentence]) -> Vec<Vec<&str>> {
    sentences
        .iter()
        .map(|sentence| sentence.words().collect())
        .collect()
}

/// The tags of each sentence.
pub(crate) fn tags(sentences: &[Sentence]) -> Vec<Vec<&str>> {
    sentences
        .iter()
        .map(|sentence| sentence.tags.iter().flatten().map(String::as_str).collect())
        .collect()
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
