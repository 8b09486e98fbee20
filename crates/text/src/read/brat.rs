//! brat folders: documents to sentences.
//!
//! The words are those that [`ReadOptions::words`] asks for, cut further where an entity begins or ends inside one, so
//! that every entity that is kept is a run of whole words. White space at the edges of an entity belongs to no word
//! and is not kept. A document without words is one empty sentence.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{ReadOptions, SentenceReader, Warning};
use crate::brat::{Accounting, Document, DocumentFiles, TextBound, document_files, trimmed};
use crate::sentences::{holds_an_end, sentences};
use crate::spans::{self, Fragments, Overlaps};
use crate::words::cut_words;
use crate::{Entity, Place, Scheme, Sentence, Source, Span, TextError, TextOffset, Words};

pub(super) fn open(
    path: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    Ok(Box::new(BratReader {
        files: document_files(path)?.into_iter(),
        ready: VecDeque::new(),
        words: options.words.unwrap_or(Words::Unicode),
        overlaps: options.overlaps.unwrap_or(Overlaps::Longest),
        fragments: options.fragments.unwrap_or(Fragments::Join),
        scheme: options.scheme.unwrap_or(Scheme::Iob2),
        options: options.clone(),
        accounting: Accounting::default(),
        mismatches: Warning::new(
            "entities whose text differs from the text at their offsets, which are believed",
        ),
        dropped: Warning::new("entities left out"),
    }))
}

struct BratReader {
    files: std::vec::IntoIter<DocumentFiles>,
    /// The sentences of the document that was read last.
    ready: VecDeque<Sentence>,
    words: Words,
    overlaps: Overlaps,
    fragments: Fragments,
    scheme: Scheme,
    options: ReadOptions,
    accounting: Accounting,
    mismatches: Warning,
    dropped: Warning,
}

/// An entity on its way to tags.
struct Candidate<'d> {
    /// Its line in the `.ann` file.
    line: usize,
    entity: &'d TextBound,
    /// What is to be tagged: no white space at the edges, not empty.
    span: Span,
}

impl Candidate<'_> {
    fn at(&self, path: &Path, message: &str) -> TextError {
        TextError::syntax(path, self.line, format!("{} {message}", self.entity.id))
    }
}

impl BratReader {
    fn read(&mut self, files: &DocumentFiles) -> Result<(), TextError> {
        let how = (self.options.text_only, self.options.strict);
        let document = Arc::new(Document::read(files, how, &mut self.mismatches)?);
        self.accounting.documents += 1;
        let path = files.annotations.as_ref().unwrap_or(&files.text);
        let entities = match &document.annotations {
            Some(lines) => {
                lines
                    .iter()
                    .for_each(|line| self.accounting.count_other(line.kind()));
                Some(self.entities(&document, path)?)
            }
            None => {
                self.accounting.unannotated += 1;
                None
            }
        };
        self.cut(&document, entities, path)
    }

    /// The entities that stay, by their bytes in the text, ascending.
    fn entities(
        &mut self,
        document: &Document,
        path: &Path,
    ) -> Result<Vec<(Span, String)>, TextError> {
        let mut candidates = Vec::new();
        for (line, entity) in document.entities() {
            self.accounting.entities += 1;
            let Some(span) = self.span(&document.text, (line, entity), path)? else {
                continue;
            };
            let span = trimmed(&document.text, &span);
            if span.is_empty() {
                self.accounting.dropped_wordless += 1;
                self.drop_entity(path, (line, entity), "holds no character but white space");
                continue;
            }
            candidates.push(Candidate { line, entity, span });
        }
        self.without_overlaps(candidates, path)
    }

    /// One span for an entity, by the rule for fragments; `None` when it is dropped.
    fn span(
        &mut self,
        text: &str,
        (line, entity): (usize, &TextBound),
        path: &Path,
    ) -> Result<Option<Span>, TextError> {
        let whole = entity.extent();
        if !entity.is_fragmented(text) {
            self.accounting.wrapped += usize::from(entity.fragments.len() > 1);
            return Ok(Some(whole));
        }
        self.accounting.fragmented += 1;
        match self.fragments {
            Fragments::Join => {
                self.accounting.joined += 1;
                Ok(Some(whole))
            }
            Fragments::First => {
                self.accounting.shortened += 1;
                Ok(entity.fragments.first().cloned())
            }
            Fragments::Skip => {
                self.accounting.dropped_fragmented += 1;
                self.drop_entity(path, (line, entity), "is in fragments");
                Ok(None)
            }
            Fragments::Error => {
                let message =
                    "is in fragments with other text between them, which tags cannot tell";
                Err(TextError::syntax(
                    path,
                    line,
                    format!("{} {message}", entity.id),
                ))
            }
        }
    }

    /// Leaves the entities that share text to the rule.
    fn without_overlaps(
        &mut self,
        candidates: Vec<Candidate<'_>>,
        path: &Path,
    ) -> Result<Vec<(Span, String)>, TextError> {
        let spans: Vec<Span> = candidates
            .iter()
            .map(|candidate| candidate.span.clone())
            .collect();
        let resolved = spans::resolve(&spans, self.overlaps);
        let mut kept = Vec::with_capacity(spans.len());
        for (index, candidate) in candidates.iter().enumerate() {
            let said = |other: usize| format!("overlaps {}", candidates[other].entity.id);
            if let Some(rival) = resolved.rival[index] {
                self.accounting.overlapping += 1;
                if self.overlaps == Overlaps::Error {
                    let message = format!("{}, which tags cannot tell", said(rival));
                    return Err(candidate.at(path, &message));
                }
            }
            match resolved.loses_to[index] {
                Some(winner) => {
                    self.accounting.dropped_overlapping += 1;
                    self.drop_entity(path, (candidate.line, candidate.entity), &said(winner));
                }
                None => kept.push((candidate.span.clone(), candidate.entity.label.clone())),
            }
        }
        self.accounting.kept += kept.len();
        kept.sort_by_key(|(span, _)| span.start);
        Ok(kept)
    }

    fn drop_entity(&mut self, path: &Path, (line, entity): (usize, &TextBound), why: &str) {
        self.dropped.count(|| {
            format!(
                "{}:{line}: {} ({}) {why}",
                path.display(),
                entity.id,
                entity.label
            )
        });
    }

    /// Cuts a document into sentences.
    fn cut(
        &mut self,
        document: &Arc<Document>,
        entities: Option<Vec<(Span, String)>>,
        path: &Path,
    ) -> Result<(), TextError> {
        let is_annotated = entities.is_some();
        let text = &document.text;
        let entities = entities.unwrap_or_default();
        let words = self.words_of(text, &entities);
        let at = |byte: usize| words.partition_point(|word| word.start < byte);
        let run = |(span, label): (Span, String)| Entity {
            start: at(span.start),
            end: at(span.end),
            label,
        };
        let entities: Vec<Entity> = entities.into_iter().map(run).collect();
        let runs: Vec<_> = entities
            .iter()
            .map(|entity| entity.start..entity.end)
            .collect();
        let ends: Vec<usize> = sentences(text, &words, &[], None)
            .iter()
            .map(|sentence| sentence.end)
            .collect();
        self.accounting.across_sentences +=
            runs.iter().filter(|run| holds_an_end(&ends, run)).count();

        let mut found = sentences(text, &words, &runs, self.options.sentence_words);
        if found.is_empty() {
            found.push(0..0);
        }
        let mut start = TextOffset::default();
        for (number, run) in found.into_iter().enumerate() {
            let mut sentence = sentence(document, &words[run.clone()], number);
            if let Some(place) = &sentence.source.place {
                start = start.after(&text[start.byte..place.start]);
                sentence.source.start = Some(start);
            }
            if is_annotated {
                let tags = self.scheme.tags(&inside(&entities, &run), sentence.len());
                sentence.tags =
                    Some(tags.map_err(|error| TextError::file(path, error.to_string()))?);
            }
            self.ready.push_back(sentence);
        }
        Ok(())
    }

    /// The words of a text, cut where entities begin and end. A byte order mark is none.
    fn words_of(&mut self, text: &str, entities: &[(Span, String)]) -> Vec<Span> {
        let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
        let words = self.words.split(&text[mark..]);
        let words: Vec<Span> = words
            .into_iter()
            .map(|word| word.start + mark..word.end + mark)
            .collect();
        let cuts: Vec<usize> = entities
            .iter()
            .flat_map(|(span, _)| [span.start, span.end])
            .collect();
        let whole = words.len();
        let words = cut_words(words, &cuts);
        self.accounting.cut_words += words.len() - whole;
        words
    }
}

/// The entities in a run of words, which holds each of them whole or not at all, counted from its first word.
fn inside(entities: &[Entity], run: &Range<usize>) -> Vec<Entity> {
    let first = entities.partition_point(|entity| entity.start < run.start);
    let inside = entities[first..]
        .iter()
        .take_while(|entity| entity.end <= run.end);
    let moved = |entity: &Entity| Entity {
        start: entity.start - run.start,
        end: entity.end - run.start,
        label: entity.label.clone(),
    };
    inside.map(moved).collect()
}

/// A sentence of a document, without tags.
fn sentence(document: &Arc<Document>, words: &[Span], number: usize) -> Sentence {
    let start = words.first().map_or(0, |word| word.start);
    let end = words.last().map_or(start, |word| word.end);
    let moved = |word: &Span| word.start - start..word.end - start;
    Sentence {
        text: document.text[start..end].to_owned(),
        words: words.iter().map(moved).collect(),
        tags: None,
        source: Source {
            id: Some(format!("{}-{}", document.name, number + 1)),
            starts_document: number == 0,
            place: Some(Place {
                document: Arc::clone(document),
                start,
            }),
            ..Source::default()
        },
    }
}

impl Iterator for BratReader {
    type Item = Result<Sentence, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(sentence) = self.ready.pop_front() {
                return Some(Ok(sentence));
            }
            let files = self.files.next()?;
            if let Err(error) = self.read(&files) {
                self.files = Vec::new().into_iter();
                return Some(Err(error));
            }
        }
    }
}

impl SentenceReader for BratReader {
    fn warnings(&self) -> Vec<Warning> {
        let all = [&self.mismatches, &self.dropped];
        all.into_iter()
            .filter(|warning| warning.count > 0)
            .cloned()
            .collect()
    }

    fn words(&self) -> Option<Words> {
        Some(self.words)
    }

    fn accounting(&self) -> Option<Accounting> {
        Some(self.accounting.clone())
    }
}
