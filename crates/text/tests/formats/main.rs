//! The formats that other programs write: what they wrote is read as they meant it, what we write
//! is read back as it was, and what is wrong is named with its place.

mod damage;
mod datasets;
mod doccano;
mod json;
mod round_trips;
mod tables;
mod text;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use bert_ner_text::{
    Format, Losses, ReadOptions, Sentence, TextError, Warning, WriteOptions, create_file, open,
    open_stream,
};

/// Where the fixtures stand that `datasets` wrote.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/datasets")
        .join(name)
}

fn read_file(path: &Path, options: &ReadOptions) -> Result<Vec<Sentence>, TextError> {
    open(path, options)?.collect()
}

/// Reads `text` as if it stood in `input`; the error as a person sees it.
fn read_text(text: &str, options: &ReadOptions) -> Result<Vec<Sentence>, String> {
    read_bytes(text.as_bytes(), options)
}

fn read_bytes(bytes: &[u8], options: &ReadOptions) -> Result<Vec<Sentence>, String> {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let reader = open_stream(input, Path::new("input"), options);
    reader
        .and_then(Iterator::collect)
        .map_err(|error| error.to_string())
}

/// What is read, with what was passed over.
fn read_with_warnings(text: &str, options: &ReadOptions) -> (Vec<Sentence>, Vec<Warning>) {
    let input = Box::new(Cursor::new(text.as_bytes().to_vec()));
    let mut reader = open_stream(input, Path::new("input"), options).expect("a reader");
    let sentences = reader
        .by_ref()
        .collect::<Result<_, _>>()
        .expect("sentences");
    (sentences, reader.warnings())
}

fn format(format: Format) -> ReadOptions {
    ReadOptions {
        format: Some(format),
        ..ReadOptions::default()
    }
}

/// Writes the sentences to `path`; what was lost, or why it could not be.
fn write_file(
    path: &Path,
    format: Format,
    sentences: &[Sentence],
    options: &WriteOptions,
) -> Result<Losses, TextError> {
    let mut writer = create_file(path, format, options)?;
    for sentence in sentences {
        writer.write(sentence)?;
    }
    let losses = writer.losses();
    writer.finish()?;
    Ok(losses)
}

/// The sentences written and read again, with what was lost.
fn round_trip(
    format: Format,
    sentences: &[Sentence],
    options: &WriteOptions,
) -> Result<(Vec<Sentence>, Losses), TextError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(format!("data.{format}"));
    let losses = write_file(&path, format, sentences, options)?;
    let options = ReadOptions {
        format: Some(format),
        ..ReadOptions::default()
    };
    Ok((read_file(&path, &options)?, losses))
}

/// A sentence of words and IOB2 tags, from `word/tag word/tag ..`.
fn sentence(tagged: &str) -> Sentence {
    let (words, tags): (Vec<&str>, Vec<String>) = tagged
        .split_whitespace()
        .map(|pair| pair.rsplit_once('/').expect("word/tag"))
        .map(|(word, tag)| (word, tag.to_owned()))
        .unzip();
    Sentence::from_words(&words, Some(tags))
}

/// `word/tag word/tag ..` of a sentence.
fn tagged(sentence: &Sentence) -> String {
    let tags = sentence.tags.as_deref().expect("tags");
    let pairs = sentence
        .words()
        .zip(tags)
        .map(|(word, tag)| format!("{word}/{tag}"));
    pairs.collect::<Vec<_>>().join(" ")
}
