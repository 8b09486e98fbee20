//! A whole data set, its scheme found out and its tags in IOB2.

use std::io::BufRead;
use std::path::Path;

use super::{ReadOptions, SentenceReader, Separator, Warning, open, open_stream};
use crate::{Scheme, Sentence, TextError};

/// A data set that has been read whole.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// The sentences, with tags in [`Corpus::scheme`].
    pub sentences: Vec<Sentence>,
    /// The scheme of the tags now: always [`Scheme::Iob2`].
    pub scheme: Scheme,
    /// The scheme that the file is in; `None` when it has no tags.
    pub source_scheme: Option<Scheme>,
    /// What separated the columns, for formats that have columns.
    pub separator: Option<Separator>,
    /// The tag names in the order of their ids, in the file's own scheme, when the file declares
    /// them.
    pub label_names: Option<Vec<String>>,
    /// What was impossible, passed over or repaired, counted.
    pub warnings: Vec<Warning>,
}

impl Corpus {
    /// Number of words in all sentences.
    pub fn words(&self) -> usize {
        self.sentences.iter().map(Sentence::len).sum()
    }

    /// Whether every sentence has tags.
    pub fn is_annotated(&self) -> bool {
        self.sentences.iter().all(|sentence| sentence.tags.is_some())
    }
}

/// Reads all of `path` (as [`open`] does), finds the tag scheme out over the whole of it unless
/// `options` give it, and converts the tags to IOB2.
///
/// The conversion is exact: the entities stay the same, to the word. Where tags are impossible under
/// their scheme they are read as conlleval reads them, and the corpus holds a [`Warning`] that counts
/// and names the places; with [`ReadOptions::strict`] the first is an error instead.
///
/// # Errors
/// When the file cannot be read, has no sentence, or has a tag of no scheme.
pub fn read_corpus(path: &Path, options: &ReadOptions) -> Result<Corpus, TextError> {
    collect(open(path, options)?, path, options)
}

/// The same from a stream, such as standard input; `name` stands for it in messages.
///
/// # Errors
/// As [`read_corpus`] and [`open_stream`].
pub fn read_corpus_stream(
    input: Box<dyn BufRead>,
    name: &Path,
    options: &ReadOptions,
) -> Result<Corpus, TextError> {
    collect(open_stream(input, name, options)?, name, options)
}

fn collect(
    mut reader: Box<dyn SentenceReader>,
    path: &Path,
    options: &ReadOptions,
) -> Result<Corpus, TextError> {
    let mut sentences = Vec::new();
    for sentence in reader.by_ref() {
        sentences.push(sentence?);
    }
    if sentences.is_empty() {
        return Err(TextError::file(path, "has no sentence; expected at least one"));
    }
    let mut corpus = Corpus {
        sentences,
        separator: reader.separator(),
        label_names: reader.label_names(),
        warnings: reader.warnings(),
        ..Corpus::default()
    };
    normalise(&mut corpus, path, options)?;
    Ok(corpus)
}

/// Finds the scheme out and brings every tag to IOB2.
fn normalise(corpus: &mut Corpus, path: &Path, options: &ReadOptions) -> Result<(), TextError> {
    if corpus.sentences.iter().all(|sentence| sentence.tags.is_none()) {
        return Ok(());
    }
    let scheme = match options.scheme {
        Some(scheme) => scheme,
        None => Scheme::detect(corpus.sentences.iter().filter_map(|s| s.tags.as_deref()))
            .map_err(|error| locate(error, path, &corpus.sentences))?,
    };
    let mut impossible = Warning::new(format!("impossible {scheme} sequences"));
    for number in 0..corpus.sentences.len() {
        let sentence = &corpus.sentences[number];
        let Some(tags) = &sentence.tags else { continue };
        let violations = scheme.violations(tags);
        for violation in &violations {
            if options.strict {
                let message = format!("impossible in {scheme}: {violation}");
                return Err(at(path, sentence, number, violation.index, message));
            }
            impossible
                .count(|| format!("{}: {violation}", place(path, sentence, number, violation.index)));
        }
        if scheme != Scheme::Iob2 || !violations.is_empty() {
            let converted = scheme
                .convert(tags, Scheme::Iob2)
                .map_err(|error| locate(error, path, &corpus.sentences))?;
            corpus.sentences[number].tags = Some(converted);
        }
    }
    if impossible.count > 0 {
        corpus.warnings.push(impossible);
    }
    corpus.source_scheme = Some(scheme);
    Ok(())
}

/// Says of an error about a tag where the tag first stands.
fn locate(error: TextError, path: &Path, sentences: &[Sentence]) -> TextError {
    let TextError::Tag { tag, .. } = &error else { return error };
    for (number, sentence) in sentences.iter().enumerate() {
        let tags = sentence.tags.as_deref().unwrap_or_default();
        if let Some(index) = tags.iter().position(|other| other == tag) {
            return at(path, sentence, number, index, error.to_string());
        }
    }
    error
}

/// An error at word `index` of sentence `number`.
fn at(path: &Path, sentence: &Sentence, number: usize, index: usize, message: String) -> TextError {
    match sentence.source.line {
        0 => TextError::file(path, format!("{}: {message}", nth(number, index))),
        line => TextError::syntax(path, line + index, message),
    }
}

/// Where word `index` of sentence `number` stands, for messages.
fn place(path: &Path, sentence: &Sentence, number: usize, index: usize) -> String {
    match sentence.source.line {
        0 => format!("{}: {}", path.display(), nth(number, index)),
        line => format!("{}:{}", path.display(), line + index),
    }
}

fn nth(number: usize, index: usize) -> String {
    format!("sentence {}, word {}", number + 1, index + 1)
}
