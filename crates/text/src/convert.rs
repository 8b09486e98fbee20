//! From one format and scheme to another, every loss counted.

use std::path::Path;

use crate::brat::Accounting;
use crate::read::{Corpus, load};
use crate::scheme::OUTSIDE;
use crate::{
    Format, LabelSet, Losses, ReadOptions, Scheme, SentenceReader, SentenceWriter, TextError,
    Warning, WriteOptions, create_file, open, split_tag,
};

/// How to convert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConvertOptions {
    /// How to read.
    pub read: ReadOptions,
    /// The format to write; the one that the output's name stands for when `None`.
    pub to: Option<Format>,
    /// The scheme to write; when `None` the tags stay as they are.
    pub scheme: Option<Scheme>,
    /// How to write. Its scheme is set by the conversion; its separator and its label list are those
    /// of the input unless they are given.
    pub write: WriteOptions,
}

/// What a conversion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Converted {
    /// Sentences written.
    pub sentences: usize,
    /// Words written.
    pub words: usize,
    /// The scheme that was read and the one that was written; `None` when there are no tags.
    pub schemes: Option<(Scheme, Scheme)>,
    /// What was impossible, passed over or repaired in the input.
    pub warnings: Vec<Warning>,
    /// What became of every entity, for formats whose entities tags cannot always tell.
    pub accounting: Option<Accounting>,
    /// What the format that was written could not hold.
    pub losses: Losses,
    /// As [`SentenceWriter::documents_made`].
    pub documents_made: Option<usize>,
}

/// Reads `input`, brings its tags to the scheme asked for, and writes `output`, which appears whole
/// or not at all.
///
/// Without a scheme asked for, the tags are written as they were read, impossible sequences
/// included. With one, an impossible sequence is read as conlleval reads it.
///
/// # Errors
/// When the input cannot be read, is also the output, or has words or entities that the output cannot
/// hold.
pub fn convert_file(
    input: &Path,
    output: &Path,
    options: &ConvertOptions,
) -> Result<Converted, TextError> {
    let Some(format) = options.to.or_else(|| Format::from_extension(output)) else {
        let message = "has a name that stands for no format to write; name the format (--to), or end the \
                       name in .conll, .jsonl, .json, .csv, .tsv, .parquet or .arrow";
        return Err(TextError::file(output, message));
    };
    if is_same_file(input, output) {
        let message = format!(
            "is {} itself, which would be lost; expected another file to write",
            input.display()
        );
        return Err(TextError::file(output, message));
    }
    convert(open(input, &options.read)?, input, options, |write| {
        create_file(output, format, write)
    })
}

/// Whether two paths lead to one file or folder that exists, by whatever links.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let places = (one.canonicalize(), other.canonicalize());
    matches!(places, (Ok(one), Ok(other)) if one == other)
}

/// The same between any reader and writer, such as standard input and output; `name` stands for the
/// input in messages, and `create` makes the writer once it is known what is to be written.
///
/// # Errors
/// As [`convert_file`].
pub fn convert(
    reader: Box<dyn SentenceReader>,
    name: &Path,
    options: &ConvertOptions,
    create: impl FnOnce(&WriteOptions) -> Result<Box<dyn SentenceWriter>, TextError>,
) -> Result<Converted, TextError> {
    let mut corpus = load(reader, name, &options.read)?;
    if let Some(scheme) = options.scheme {
        if corpus.source_scheme.is_none() {
            let message = format!("has no tags; there is nothing to convert to {scheme}");
            return Err(TextError::file(name, message));
        }
        corpus = corpus.into_scheme(scheme, name)?;
    }
    let mut writer = create(&write_options(&corpus, &options.write))?;
    for sentence in &corpus.sentences {
        writer.write(sentence)?;
    }
    let losses = writer.losses();
    let documents_made = writer.documents_made();
    writer.finish()?;
    Ok(Converted {
        sentences: corpus.sentences.len(),
        words: corpus.words(),
        schemes: corpus.source_scheme.map(|source| (source, corpus.scheme)),
        warnings: corpus.warnings,
        accounting: corpus.accounting,
        losses,
        documents_made,
    })
}

/// The options given, with what the corpus itself says where they say nothing.
pub(crate) fn write_options(corpus: &Corpus, given: &WriteOptions) -> WriteOptions {
    let label_list = given.label_list.clone().or_else(|| {
        let names = corpus.label_names.as_ref()?;
        let same = corpus
            .source_scheme
            .is_none_or(|source| source == corpus.scheme);
        Some(if same {
            names.clone()
        } else {
            label_list(corpus, names)
        })
    });
    WriteOptions {
        scheme: Some(corpus.scheme),
        separator: given.separator.or(corpus.separator),
        label_list,
    }
}

/// The tag names of the corpus's present scheme, its types in the order of `names`, which are of
/// another scheme.
fn label_list(corpus: &Corpus, names: &[String]) -> Vec<String> {
    let was_plain = corpus.source_scheme == Some(Scheme::Plain);
    let mut types = LabelSet::default();
    for name in names.iter().filter(|name| *name != OUTSIDE) {
        types.insert(if was_plain {
            name.clone()
        } else {
            split_tag(name).1.to_owned()
        });
    }
    let tags = types
        .names()
        .iter()
        .flat_map(|label| corpus.scheme.tags_of(label));
    std::iter::once(OUTSIDE.to_owned()).chain(tags).collect()
}
