//! A JSON object a sentence; `tokens` and `ner_tags` are called as in data sets, so that
//! predictions can be read again.

use bert_ner_text::Sentence;
use serde::Serialize;

use super::Layout;
use crate::offset::{OffsetUnit, Offsets};
use crate::tagged::{Alternative, Tagged};

pub(super) struct Jsonl {
    pub(super) unit: OffsetUnit,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    text: &'a str,
    tokens: Vec<&'a str>,
    ner_tags: &'a [String],
    /// The probability of each word's tag.
    ner_scores: Vec<f64>,
    entities: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    k_best: Vec<Sequence<'a>>,
    offset_unit: &'static str,
}

#[derive(Serialize)]
struct Item<'a> {
    start: usize,
    end: usize,
    label: &'a str,
    score: f64,
    text: &'a str,
}

#[derive(Serialize)]
struct Sequence<'a> {
    ner_tags: &'a [String],
    score: f64,
}

impl Layout for Jsonl {
    fn sentence(&self, _number: usize, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        let mut offsets = Offsets::new(&sentence.text, self.unit);
        let entities = tagged.entities.iter().map(|entity| Item {
            start: offsets.at(entity.span.start),
            end: offsets.at(entity.span.end),
            label: &entity.label,
            score: rounded(entity.confidence),
            text: &sentence.text[entity.span.clone()],
        });
        let line = Line {
            id: sentence.source.id.as_deref(),
            text: &sentence.text,
            entities: entities.collect(),
            tokens: sentence.words().collect(),
            ner_tags: &tagged.tags,
            ner_scores: tagged.probabilities.iter().map(|&p| rounded(p)).collect(),
            k_best: tagged.alternatives.iter().map(sequence).collect(),
            offset_unit: self.unit.name(),
        };
        out.push_str(&serde_json::to_string(&line).expect("strings and finite numbers serialize"));
        out.push('\n');
    }
}

fn sequence(alternative: &Alternative) -> Sequence<'_> {
    Sequence {
        ner_tags: &alternative.tags,
        score: rounded(alternative.probability),
    }
}

/// Four decimals: what lies behind them is noise.
pub(super) fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 1e4).round() / 1e4
}
