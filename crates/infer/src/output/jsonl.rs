//! A JSON object a sentence; `tokens` and `ner_tags` are called as in data sets, so that
//! predictions can be read again.

use bert_ner_text::Sentence;
use serde::Serialize;

use super::{At, Layout};
use crate::offset::{OffsetUnit, Offsets};
use crate::tagged::{Alternative, RankedLabel, Tagged};

pub(super) struct Jsonl {
    pub(super) unit: OffsetUnit,
    /// Whether there are entities alone.
    pub(super) aggregated: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// Where in its file a running text begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    text: &'a str,
    #[serde(flatten)]
    words: Option<WordFields<'a>>,
    entities: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    k_best: Vec<Sequence<'a>>,
    offset_unit: &'static str,
}

/// What is said of each word.
#[derive(Serialize)]
struct WordFields<'a> {
    tokens: Vec<&'a str>,
    ner_tags: &'a [String],
    /// The probability of each word's tag.
    ner_scores: Vec<f64>,
    /// The most probable labels of each word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ner_top: Vec<Vec<Ranked<'a>>>,
}

#[derive(Serialize)]
struct Ranked<'a> {
    label: &'a str,
    score: f64,
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
    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        let mut offsets = Offsets::new(&sentence.text, self.unit);
        let entities = tagged.entities.iter().map(|entity| Item {
            start: offsets.at(entity.span.start),
            end: offsets.at(entity.span.end),
            label: &entity.label,
            score: rounded(entity.confidence),
            text: &sentence.text[entity.span.clone()],
        });
        let start = sentence.source.start;
        let line = Line {
            file: at.file,
            id: sentence.source.id.as_deref(),
            start: start.map(|start| self.unit.of(start)),
            text: &sentence.text,
            words: (!self.aggregated).then(|| words(sentence, tagged)),
            entities: entities.collect(),
            k_best: tagged.alternatives.iter().map(sequence).collect(),
            offset_unit: self.unit.name(),
        };
        out.push_str(&serde_json::to_string(&line).expect("strings and finite numbers serialize"));
        out.push('\n');
    }
}

fn words<'a>(sentence: &'a Sentence, tagged: &'a Tagged) -> WordFields<'a> {
    let ranked = |ranked: &'a Vec<RankedLabel>| {
        let label = |it: &'a RankedLabel| Ranked {
            label: &it.label,
            score: rounded(it.probability),
        };
        ranked.iter().map(label).collect()
    };
    WordFields {
        tokens: sentence.words().collect(),
        ner_tags: &tagged.tags,
        ner_scores: tagged.probabilities.iter().map(|&p| rounded(p)).collect(),
        ner_top: tagged.ranked.iter().map(ranked).collect(),
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
