//! Text with character spans, as doccano exports it: `{"text": .., "label": [[start, end, type]]}`.
//!
//! Offsets count characters (Unicode code points). The words are those that [`ReadOptions::words`] asks for,
//! cut further where a span begins or ends inside one, so that every span is a run of whole words.
//! Whitespace at the edges of a span belongs to no word and is not kept.

use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use super::columns;
use super::json::{self, kind, scalar};
use super::{Column, ReadOptions, SentenceReader, Warning};
use crate::spans::{self, Overlaps};
use crate::words::cut_words;
use crate::{Entity, Format, Scheme, Sentence, Source, Span, TextError, Words};

/// Names under which spans are found, the first that is there.
const SPANS: &[&str] = &["label", "labels", "entities", "spans"];

pub(super) fn open(
    input: Box<dyn BufRead>,
    name: &Path,
    options: &ReadOptions,
) -> Result<Box<dyn SentenceReader>, TextError> {
    json::open(input, name, Format::Doccano, options)
}

/// Turns objects with text and spans into sentences, and counts the spans that no tags can tell.
pub(super) struct Spans {
    scheme: Scheme,
    strict: bool,
    words: Words,
    /// Whether any sentence was made of text and spans.
    used: bool,
    overlaps: Overlaps,
    text_column: Option<Column>,
    span_column: Option<Column>,
    id_column: Option<Column>,
    overlapping: Warning,
    wordless: Warning,
}

impl Spans {
    pub(super) fn new(options: &ReadOptions) -> Self {
        Self {
            scheme: options.scheme.unwrap_or(Scheme::Iob2),
            strict: options.strict,
            words: options.words.unwrap_or(Words::Unicode),
            used: false,
            overlaps: options.overlaps.unwrap_or(Overlaps::First),
            text_column: options.word_column.clone(),
            span_column: options.tag_column.clone(),
            id_column: options.id_column.clone(),
            overlapping: Warning::new("spans that overlap another, left out"),
            wordless: Warning::new("spans without a word, left out"),
        }
    }

    /// What was taken for a word, once there were any to find.
    pub(super) fn words(&self) -> Option<Words> {
        self.used.then_some(self.words)
    }

    pub(super) fn warnings(&self) -> [&Warning; 2] {
        [&self.overlapping, &self.wordless]
    }

    /// The sentence of one object; `place` names it in warnings.
    pub(super) fn sentence(
        &mut self,
        object: &Map<String, Value>,
        place: impl Fn() -> String,
    ) -> Result<Sentence, String> {
        let names: Vec<&str> = object.keys().map(String::as_str).collect();
        let text_at = columns::find(self.text_column.as_ref(), &names, &["text"])?
            .ok_or_else(|| columns::missing("words or text", columns::WORDS, &names))?;
        let text = object[names[text_at]]
            .as_str()
            .ok_or_else(|| format!("{:?} is no string; expected the text", names[text_at]))?;
        let span_at = columns::find(self.span_column.as_ref(), &names, SPANS)?;
        let id_at = columns::find(self.id_column.as_ref(), &names, &["id"])?;
        let source = Source {
            id: id_at.and_then(|id| scalar(&object[names[id]])),
            ..Source::default()
        };

        let annotated = span_at
            .map(|at| &object[names[at]])
            .filter(|value| !value.is_null());
        let spans = annotated
            .map(|value| parse_spans(text, value))
            .transpose()?;
        let mut cuts: Vec<usize> = spans
            .iter()
            .flatten()
            .flat_map(|(span, _)| [span.start, span.end])
            .collect();
        cuts.sort_unstable();
        let words = cut_words(self.words.split(text), &cuts);
        self.used = true;
        let tags = match spans {
            Some(spans) => {
                let entities = self.entities(text, &words, spans, place)?;
                Some(
                    self.scheme
                        .tags(&entities, words.len())
                        .map_err(|error| error.to_string())?,
                )
            }
            None => None,
        };
        Ok(Sentence {
            text: text.to_owned(),
            words,
            tags,
            source,
        })
    }

    /// The spans as runs of words, those that overlap left to the rule.
    fn entities(
        &mut self,
        text: &str,
        words: &[Span],
        mut spans: Vec<(Span, String)>,
        place: impl Fn() -> String,
    ) -> Result<Vec<Entity>, String> {
        spans.sort_by_key(|(span, _)| (span.start, usize::MAX - span.end));
        let run = |span: &Span| {
            let start = words.partition_point(|word| word.start < span.start);
            start
                ..words
                    .partition_point(|word| word.end <= span.end)
                    .max(start)
        };
        let (filled, empty): (Vec<_>, Vec<_>) = spans
            .into_iter()
            .partition(|(span, _)| !run(span).is_empty());
        for (span, label) in empty {
            let said = format!("span {label:?} over {:?} holds no word", &text[span]);
            if self.strict {
                return Err(said);
            }
            self.wordless.count(|| format!("{}: {said}", place()));
        }
        let runs: Vec<Span> = filled.iter().map(|(span, _)| run(span)).collect();
        let resolved = spans::resolve(&runs, self.overlaps);
        let mut entities = Vec::with_capacity(filled.len());
        for (index, (span, label)) in filled.into_iter().enumerate() {
            if resolved.loses_to[index].is_some() {
                let said = format!(
                    "span {label:?} over {:?} overlaps another, which tags cannot tell",
                    &text[span]
                );
                if self.strict || self.overlaps == Overlaps::Error {
                    return Err(said);
                }
                self.overlapping.count(|| format!("{}: {said}", place()));
                continue;
            }
            let Span { start, end } = runs[index];
            entities.push(Entity { start, end, label });
        }
        Ok(entities)
    }
}

/// The spans in bytes, with their types.
fn parse_spans(text: &str, value: &Value) -> Result<Vec<(Span, String)>, String> {
    let items = value.as_array().ok_or_else(|| {
        format!(
            "the spans are {}; expected a list of [start, end, type]",
            kind(value)
        )
    })?;
    let offsets: Vec<usize> = text
        .char_indices()
        .map(|(offset, _)| offset)
        .chain([text.len()])
        .collect();
    let parse = |(at, item): (usize, &Value)| {
        let (start, end, label) = span_parts(item).ok_or_else(|| {
            format!(
                "span {} is {item}; expected [start, end, type] or an object with start_offset, \
                 end_offset and label",
                at + 1
            )
        })?;
        let byte = |place: u64| {
            usize::try_from(place)
                .ok()
                .and_then(|at| offsets.get(at).copied())
        };
        match (byte(start), byte(end)) {
            (Some(start), Some(end)) if start <= end => Ok((start..end, label.to_owned())),
            (Some(_), Some(_)) => Err(format!("span {} ends before it starts: {item}", at + 1)),
            _ => Err(format!(
                "span {} reaches past the end of the text, which has {} characters: {item}",
                at + 1,
                offsets.len() - 1
            )),
        }
    };
    items.iter().enumerate().map(parse).collect()
}

/// Start, end and type of `[start, end, type]`, or of an object as doccano (with relations),
/// spaCy or Prodigy write it.
fn span_parts(item: &Value) -> Option<(u64, u64, &str)> {
    if let [start, end, label] = item.as_array().map(Vec::as_slice).unwrap_or_default() {
        return Some((start.as_u64()?, end.as_u64()?, label.as_str()?));
    }
    let first = |keys: [&str; 2]| keys.iter().find_map(|&key| item.get(key));
    let start = first(["start_offset", "start"])?.as_u64()?;
    let end = first(["end_offset", "end"])?.as_u64()?;
    Some((start, end, first(["label", "type"])?.as_str()?))
}
