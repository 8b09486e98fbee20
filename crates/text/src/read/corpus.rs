//! A whole data set, its scheme found out and its tags in IOB2.

use std::io::BufRead;
use std::path::Path;

use super::{ReadOptions, SentenceReader, Separator, Warning, open, open_stream};
use crate::brat::Accounting;
use crate::{Scheme, Sentence, Source, TextError, Words};

/// A data set that has been read whole.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// The sentences, with tags in [`Corpus::scheme`].
    pub sentences: Vec<Sentence>,
    /// The scheme of the tags now: [`Scheme::Iob2`] as [`read_corpus`] gives it.
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
    /// What the reader took for a word, when it had to find the words itself.
    pub split: Option<Words>,
    /// Whether the sentences are whole texts and their tags labels, which have no scheme.
    pub whole_texts: bool,
    /// What became of every entity, for formats whose entities tags cannot always tell.
    pub accounting: Option<Accounting>,
}

impl Corpus {
    /// Number of words in all sentences.
    pub fn words(&self) -> usize {
        self.sentences.iter().map(Sentence::len).sum()
    }

    /// Whether every sentence has tags.
    pub fn is_annotated(&self) -> bool {
        self.sentences
            .iter()
            .all(|sentence| sentence.tags.is_some())
    }

    /// The same corpus with its tags in the scheme `to`; `path` stands for it in messages.
    ///
    /// Impossible sequences become possible ones that conlleval reads alike, also where `to` is the
    /// scheme that the tags are in.
    ///
    /// # Errors
    /// When `to` cannot spell the entities (only [`Scheme::Plain`] cannot).
    pub fn into_scheme(mut self, to: Scheme, path: &Path) -> Result<Self, TextError> {
        if self.whole_texts {
            return Ok(self);
        }
        for (number, sentence) in self.sentences.iter_mut().enumerate() {
            let Some(tags) = &sentence.tags else { continue };
            if self.scheme == to && self.scheme.violations(tags).is_empty() {
                continue;
            }
            let converted = self.scheme.convert(tags, to).map_err(|error| {
                let index = match &error {
                    TextError::Entity { start, .. } => *start,
                    _ => 0,
                };
                at(path, sentence, number, index, error.to_string())
            })?;
            sentence.tags = Some(converted);
        }
        self.scheme = to;
        Ok(self)
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
    load(open(path, options)?, path, options)?.into_scheme(Scheme::Iob2, path)
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
    load(open_stream(input, name, options)?, name, options)?.into_scheme(Scheme::Iob2, name)
}

/// Reads everything, finds the scheme out and checks the tags, which stay as they are.
pub(crate) fn load(
    mut reader: Box<dyn SentenceReader>,
    path: &Path,
    options: &ReadOptions,
) -> Result<Corpus, TextError> {
    let mut sentences = Vec::new();
    for sentence in reader.by_ref() {
        sentences.push(sentence?);
    }
    if sentences.is_empty() {
        return Err(TextError::file(
            path,
            "has no sentence; expected at least one",
        ));
    }
    let mut corpus = Corpus {
        sentences,
        separator: reader.separator(),
        label_names: reader.label_names(),
        warnings: reader.warnings(),
        split: reader.words(),
        whole_texts: options.whole_texts,
        accounting: reader.accounting(),
        ..Corpus::default()
    };
    let tagged = |sentence: &Sentence| sentence.tags.is_some();
    if !options.whole_texts && corpus.sentences.iter().any(tagged) {
        let scheme = match options.scheme {
            Some(scheme) => scheme,
            None => Scheme::detect(corpus.sentences.iter().filter_map(|s| s.tags.as_deref()))
                .map_err(|error| locate(error, path, &corpus.sentences))?,
        };
        let impossible = check(&corpus.sentences, scheme, path, options.strict)?;
        corpus.warnings.extend(impossible);
        corpus.scheme = scheme;
        corpus.source_scheme = Some(scheme);
    }
    Ok(corpus)
}

/// Counts and names what is impossible in `scheme`; the first is an error when `strict`, and so is a
/// tag that the scheme does not know.
fn check(
    sentences: &[Sentence],
    scheme: Scheme,
    path: &Path,
    strict: bool,
) -> Result<Option<Warning>, TextError> {
    let mut impossible = Warning::new(format!("sequences impossible in {scheme}"));
    for (number, sentence) in sentences.iter().enumerate() {
        let tags = sentence.tags.as_deref().unwrap_or_default();
        if let Some(index) = tags.iter().position(|tag| !scheme.knows(tag)) {
            let message = format!("tag {:?} is not {}", tags[index], scheme.expected());
            return Err(at(path, sentence, number, index, message));
        }
        for violation in scheme.violations(tags) {
            if strict {
                let message = format!("impossible in {scheme}: {violation}");
                return Err(at(path, sentence, number, violation.index, message));
            }
            let index = violation.index;
            impossible
                .count(|| at(path, sentence, number, index, violation.to_string()).to_string());
        }
    }
    Ok((impossible.count > 0).then_some(impossible))
}

/// Says of an error about a tag where the tag first stands.
fn locate(error: TextError, path: &Path, sentences: &[Sentence]) -> TextError {
    let TextError::Tag { tag, .. } = &error else {
        return error;
    };
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
    let Source { line, lines, .. } = &sentence.source;
    match (lines.get(index), line) {
        (Some(&line), _) => TextError::syntax(path, line, message),
        (None, 0) => {
            let place = format!("sentence {}, word {}", number + 1, index + 1);
            TextError::file(path, format!("{place}: {message}"))
        }
        (None, &line) => TextError::syntax(path, line, format!("word {}: {message}", index + 1)),
    }
}
