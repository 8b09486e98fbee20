//! What the targets share: reading bytes in a format, and writing sentences back.

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bert_ner_text::{Format, ReadOptions, Sentence, TextError, WriteOptions, create, open_stream};

/// Every sentence of `bytes` up to the first error; each must be well formed.
pub fn read(bytes: &[u8], format: Option<Format>) -> (Vec<Sentence>, Option<TextError>) {
    let options = ReadOptions {
        format,
        ..ReadOptions::default()
    };
    read_with(bytes, &options)
}

/// The same with options.
pub fn read_with(bytes: &[u8], options: &ReadOptions) -> (Vec<Sentence>, Option<TextError>) {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let reader = match open_stream(input, Path::new("fuzz"), options) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut sentences = Vec::new();
    for item in reader {
        match item {
            Ok(sentence) => sentences.push(checked(sentence)),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (sentences, Some(error));
            }
        }
    }
    (sentences, None)
}

/// The sentence, whose words lie in its text in order and have one tag and one row of columns each.
fn checked(sentence: Sentence) -> Sentence {
    let mut end = 0;
    for (index, span) in sentence.words.iter().enumerate() {
        assert!(end <= span.start && span.start <= span.end, "{sentence:?}");
        let _ = sentence.word(index);
        end = span.end;
    }
    if let Some(tags) = &sentence.tags {
        assert_eq!(tags.len(), sentence.len(), "{sentence:?}");
    }
    let columns = &sentence.source.columns;
    assert!(
        columns.is_empty() || columns.len() == sentence.len(),
        "{sentence:?}"
    );
    sentence
}

/// The sentences in `format`, or why it cannot hold them.
#[allow(dead_code)] // Not every target writes.
pub fn write(sentences: &[Sentence], format: Format) -> Result<Vec<u8>, TextError> {
    let output = Shared::default();
    let options = WriteOptions::default();
    let mut writer = create(
        Box::new(output.clone()),
        Path::new("fuzz"),
        format,
        &options,
    )?;
    for sentence in sentences {
        writer.write(sentence)?;
    }
    writer.finish()?;
    let bytes = output
        .0
        .lock()
        .map(|bytes| bytes.clone())
        .unwrap_or_default();
    Ok(bytes)
}

/// Words and tags of every sentence that has words: what no format may change.
#[allow(dead_code)] // Not every target writes.
pub fn content(sentences: &[Sentence]) -> Vec<(Vec<String>, Option<Vec<String>>)> {
    let words = |sentence: &Sentence| sentence.words().map(str::to_owned).collect();
    let kept = sentences.iter().filter(|sentence| !sentence.is_empty());
    kept.map(|sentence| (words(sentence), sentence.tags.clone()))
        .collect()
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Ok(mut buffer) = self.0.lock() {
            buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
