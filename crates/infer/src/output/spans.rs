//! Text with character spans, for annotation tools: doccano's and Prodigy's JSON lines.

use bert_ner_text::{Sentence, Span, cut_words};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::jsonl::rounded;
use super::{At, Layout};
use crate::offset::OffsetUnit;
use crate::tagged::{Entity, Tagged};

/// What doccano imports: `{"text": .., "label": [[start, end, type]]}`, offsets in characters. Further keys become its metadata.
pub(super) struct Doccano;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    text: &'a str,
    label: Vec<(usize, usize, &'a str)>,
}

impl Layout for Doccano {
    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        let offsets = characters(&sentence.text, spans(&tagged.entities));
        let label = tagged.entities.iter().zip(offsets);
        push_line(
            &Document {
                file: at.file,
                // doccano numbers its documents.
                id: sentence.source.id.as_ref().map(|id| numbered(id)),
                text: &sentence.text,
                label: label
                    .map(|(entity, (start, end))| (start, end, entity.label.as_str()))
                    .collect(),
            },
            out,
        );
    }
}

/// What Prodigy reads (<https://prodi.gy/docs/api-interfaces#ner_manual>): offsets in characters, `token_end` the last token itself,
/// `ws` whether white space follows. The scores stand in `meta`, which its page shows.
pub(super) struct Prodigy;

#[derive(Serialize)]
struct Task<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    spans: Vec<TokenSpan<'a>>,
    meta: Map<String, Value>,
}

#[derive(Serialize)]
struct Token<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    id: usize,
    ws: bool,
}

#[derive(Serialize)]
struct TokenSpan<'a> {
    start: usize,
    end: usize,
    token_start: usize,
    token_end: usize,
    label: &'a str,
}

impl Layout for Prodigy {
    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        let text = &sentence.text;
        // Entities that were aggregated from pieces may begin and end inside words.
        let mut cuts: Vec<usize> = spans(&tagged.entities)
            .flat_map(|span| [span.start, span.end])
            .collect();
        cuts.sort_unstable();
        let words = cut_words(sentence.words.clone(), &cuts);
        let tokens = words.iter().zip(characters(text, words.iter()));
        let token = |(id, (word, (start, end))): (usize, (&Span, (usize, usize)))| Token {
            text: &text[word.clone()],
            start,
            end,
            id,
            ws: text[word.end..].starts_with(char::is_whitespace),
        };
        let offsets = characters(text, spans(&tagged.entities));
        let entities = tagged.entities.iter().zip(offsets);
        let before = |byte: usize| words.partition_point(|word| word.start < byte);
        let spans = entities.map(|(entity, (start, end))| TokenSpan {
            start,
            end,
            token_start: words.partition_point(|word| word.end <= entity.span.start),
            token_end: before(entity.span.end).saturating_sub(1),
            label: &entity.label,
        });
        push_line(
            &Task {
                text,
                tokens: tokens.enumerate().map(token).collect(),
                spans: spans.collect(),
                meta: meta(at, sentence, tagged),
            },
            out,
        );
    }
}

fn meta(at: At<'_>, sentence: &Sentence, tagged: &Tagged) -> Map<String, Value> {
    let mut meta = Map::new();
    if let Some(file) = at.file {
        meta.insert("file".to_owned(), file.into());
    }
    if let Some(id) = &sentence.source.id {
        meta.insert("id".to_owned(), id.as_str().into());
    }
    let scores = tagged.entities.iter();
    let scores: Vec<f64> = scores.map(|entity| rounded(entity.confidence)).collect();
    if !scores.is_empty() {
        meta.insert("scores".to_owned(), scores.into());
    }
    meta
}

/// A number where the identifier is one, as written.
fn numbered(id: &str) -> Value {
    match id.parse::<u64>() {
        Ok(number) if number.to_string() == id => json!(number),
        _ => json!(id),
    }
}

fn spans(entities: &[Entity]) -> impl Iterator<Item = &Span> {
    entities.iter().map(|entity| &entity.span)
}

/// Start and end of each span in characters.
fn characters<'a>(text: &str, spans: impl Iterator<Item = &'a Span>) -> Vec<(usize, usize)> {
    let bytes: Vec<usize> = spans.flat_map(|span| [span.start, span.end]).collect();
    let offsets = OffsetUnit::Char.offsets(text, &bytes);
    offsets.chunks_exact(2).map(|it| (it[0], it[1])).collect()
}

fn push_line(value: &impl Serialize, out: &mut String) {
    out.push_str(&serde_json::to_string(value).expect("strings and finite numbers serialize"));
    out.push('\n');
}
