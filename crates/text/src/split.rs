//! Train, dev and test out of one data set, by document, the entity types spread evenly.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use crate::atomic::AtomicFolder;
use crate::brat::{Document, DocumentFiles, document_files};
use crate::convert::write_options;
use crate::read::{Corpus, load};
use crate::stratify::stratify;
use crate::{
    Format, ReadOptions, Scheme, Sentence, TextError, Warning, WriteOptions, create_file, open,
};

/// The names of the parts, in order.
const NAMES: [&str; 3] = ["train", "dev", "test"];

/// The shares of train, dev and, when there are three, test.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratios(Vec<f64>);

impl Ratios {
    /// Each part's share of 1.
    pub fn shares(&self) -> &[f64] {
        &self.0
    }
}

impl FromStr for Ratios {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let numbers: Vec<f64> = text
            .split(',')
            .map_while(|part| part.trim().parse().ok())
            .collect();
        let all = text.split(',').count();
        let sum: f64 = numbers.iter().sum();
        let usable = numbers.iter().all(|&number| number > 0.0) && sum.is_finite();
        if numbers.len() != all || !(2..=NAMES.len()).contains(&all) || !usable {
            return Err(TextError::Name {
                what: "ratios",
                name: text.to_owned(),
                expected: "two or three numbers above 0 for train, dev and test, such as 80,10,10"
                    .to_owned(),
            });
        }
        Ok(Self(
            numbers.into_iter().map(|number| number / sum).collect(),
        ))
    }
}

/// A part of a data set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// `train`, `dev` or `test`.
    pub name: String,
    /// Its documents.
    pub documents: usize,
    /// Its entities, by type.
    pub entities: BTreeMap<String, usize>,
}

/// What [`split`] made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The parts, train first.
    pub parts: Vec<Part>,
    /// Whether the data marks no documents, so that each sentence was taken for one.
    pub by_sentence: bool,
    /// What was passed over or repaired in the input, counted.
    pub warnings: Vec<Warning>,
}

/// Splits the data set `input` by document into parts in the new folder `output`, which appears whole or not at all.
///
/// brat folders become brat folders, their files copied to the byte; other formats files of the same format, in which
/// documents are those that the format marks, else sentences. The parts are those of [`stratify`].
///
/// # Errors
/// When the input cannot be read, has fewer documents than there are parts, or the output cannot be written.
pub fn split(
    input: &Path,
    output: &Path,
    (ratios, seed): (&Ratios, u64),
    options: &ReadOptions,
) -> Result<Parts, TextError> {
    let format = match options.format {
        Some(format) => format,
        None => Format::detect(input)?,
    };
    let folder = AtomicFolder::create(output).map_err(|source| TextError::io(output, source))?;
    let parts = match format {
        Format::Brat => split_brat(input, folder.path(), (ratios, seed), options.strict)?,
        _ => split_sentences(input, (folder.path(), format), (ratios, seed), options)?,
    };
    folder
        .commit()
        .map_err(|source| TextError::io(output, source))?;
    Ok(parts)
}

/// The part of each document, and what each part will hold.
fn plan(
    input: &Path,
    documents: &[BTreeMap<String, usize>],
    (ratios, seed): (&Ratios, u64),
) -> Result<(Vec<usize>, Vec<Part>), TextError> {
    let chosen = stratify(documents, ratios.shares(), seed);
    let names = NAMES.iter().take(ratios.shares().len());
    let mut parts: Vec<Part> = names
        .map(|&name| Part {
            name: name.to_owned(),
            ..Part::default()
        })
        .collect();
    for (document, &part) in documents.iter().zip(&chosen) {
        parts[part].documents += 1;
        for (label, count) in document {
            *parts[part].entities.entry(label.clone()).or_default() += count;
        }
    }
    if let Some(empty) = parts.iter().find(|part| part.documents == 0) {
        let message = format!(
            "has {} documents, too few for these ratios: none is left for {}",
            documents.len(),
            empty.name
        );
        return Err(TextError::file(input, message));
    }
    Ok((chosen, parts))
}

fn split_brat(
    input: &Path,
    output: &Path,
    how: (&Ratios, u64),
    strict: bool,
) -> Result<Parts, TextError> {
    let files = document_files(input)?;
    let mut mismatches = Warning::new("entities whose text differs from the text at their offsets");
    let mut documents = Vec::with_capacity(files.len());
    for file in &files {
        let document = Document::read(file, (false, strict), &mut mismatches)?;
        let mut counts = BTreeMap::new();
        for (_, entity) in document.entities() {
            *counts.entry(entity.label.clone()).or_default() += 1;
        }
        documents.push(counts);
    }
    let (chosen, parts) = plan(input, &documents, how)?;
    for part in &parts {
        let folder = output.join(&part.name);
        std::fs::create_dir_all(&folder).map_err(|source| TextError::io(&folder, source))?;
        copy_configuration(input, &folder)?;
    }
    for (file, &part) in files.iter().zip(&chosen) {
        let DocumentFiles {
            text, annotations, ..
        } = file;
        for from in std::iter::once(text).chain(annotations) {
            copy(from, &output.join(&parts[part].name))?;
        }
    }
    let warnings = if mismatches.count > 0 {
        vec![mismatches]
    } else {
        Vec::new()
    };
    Ok(Parts {
        parts,
        by_sentence: false,
        warnings,
    })
}

/// Copies brat's own files: `annotation.conf`, `visual.conf` and the like.
fn copy_configuration(input: &Path, output: &Path) -> Result<(), TextError> {
    for entry in std::fs::read_dir(input).map_err(|source| TextError::io(input, source))? {
        let path = entry.map_err(|source| TextError::io(input, source))?.path();
        if path.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension == "conf")
        {
            copy(&path, output)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, folder: &Path) -> Result<(), TextError> {
    let to = folder.join(from.file_name().unwrap_or_default());
    match std::fs::copy(from, &to) {
        Ok(_) => Ok(()),
        Err(source) => Err(TextError::io(from, source)),
    }
}

fn split_sentences(
    input: &Path,
    (output, format): (&Path, Format),
    how: (&Ratios, u64),
    options: &ReadOptions,
) -> Result<Parts, TextError> {
    let corpus = load(open(input, options)?, input, options)?;
    let by_sentence = !corpus
        .sentences
        .iter()
        .any(|sentence| sentence.source.starts_document);
    let mut documents: Vec<&[Sentence]> = Vec::new();
    let mut start = 0;
    for end in 1..=corpus.sentences.len() {
        let next = corpus.sentences.get(end);
        if next.is_none_or(|sentence| by_sentence || sentence.source.starts_document) {
            documents.push(&corpus.sentences[start..end]);
            start = end;
        }
    }
    let counts: Vec<_> = documents
        .iter()
        .map(|document| counts(document, corpus.scheme))
        .collect();
    let (chosen, parts) = plan(input, &counts, how)?;
    for (index, part) in parts.iter().enumerate() {
        let members = documents
            .iter()
            .zip(&chosen)
            .filter(|&(_, &chosen)| chosen == index);
        let path = output.join(&part.name).with_extension(format.extension());
        write(
            &path,
            format,
            &corpus,
            members.flat_map(|(document, _)| *document),
        )?;
    }
    Ok(Parts {
        parts,
        by_sentence,
        warnings: corpus.warnings,
    })
}

/// The entities of a document by type.
fn counts(document: &[Sentence], scheme: Scheme) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for tags in document
        .iter()
        .filter_map(|sentence| sentence.tags.as_ref())
    {
        for entity in scheme.entities(tags) {
            *counts.entry(entity.label).or_default() += 1;
        }
    }
    counts
}

fn write<'s>(
    path: &Path,
    format: Format,
    corpus: &Corpus,
    sentences: impl Iterator<Item = &'s Sentence>,
) -> Result<(), TextError> {
    let mut writer = create_file(
        path,
        format,
        &write_options(corpus, &WriteOptions::default()),
    )?;
    for sentence in sentences {
        writer.write(sentence)?;
    }
    writer.finish()
}
