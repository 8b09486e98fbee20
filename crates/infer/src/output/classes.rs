//! Whole texts with their labels.

use std::fmt::Write;

use bert_ner_text::Sentence;
use serde::Serialize;
use serde_json::{Map, Value};

use super::jsonl::rounded;
use super::terminal::push_shown;
use super::{At, Layout};
use crate::tagged::{Alternative, Tagged};

/// A JSON object a text; `text` and `label` are called as in data sets, so that predictions can be read again.
pub(super) struct Jsonl;

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    text: &'a str,
    label: &'a str,
    score: f64,
    /// The gold label, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    gold: Option<&'a str>,
    /// Of every label, the most probable first.
    probabilities: Map<String, Value>,
}

impl Layout for Jsonl {
    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        let probability = |label: &Alternative| {
            let value = Value::from(rounded(label.probability));
            (label.tags.concat(), value)
        };
        let line = Line {
            file: at.file,
            id: sentence.source.id.as_deref(),
            text: &sentence.text,
            label: label(tagged),
            score: tagged.probabilities.first().map_or(0.0, |&p| rounded(p)),
            gold: sentence.tags.iter().flatten().next().map(String::as_str),
            probabilities: tagged.alternatives.iter().map(probability).collect(),
        };
        out.push_str(&serde_json::to_string(&line).expect("strings and finite numbers serialize"));
        out.push('\n');
    }
}

/// A line a text: its label, the probability of that, the text; below it the next labels that have a say.
pub(super) struct Terminal;

/// Labels below this probability are not shown on a terminal.
const SHOWN: f32 = 0.005;

impl Layout for Terminal {
    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        if at.number > 1 {
            out.push('\n');
        }
        push_shown(out, sentence.text.trim_end());
        out.push('\n');
        let best = label(tagged);
        let others = tagged.alternatives.iter();
        let shown: Vec<(&str, f32)> = others
            .map(|other| {
                (
                    other.tags.first().map_or("", String::as_str),
                    other.probability,
                )
            })
            .filter(|&(name, p)| name == best || p >= SHOWN)
            .collect();
        let width = shown.iter().map(|(name, _)| name.chars().count()).max();
        let width = width.unwrap_or(0);
        for (name, p) in shown {
            let _ = writeln!(out, "  {name:width$}  {:5.1} %", 100.0 * p);
        }
    }
}

fn label(tagged: &Tagged) -> &str {
    tagged.tags.first().map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(layout: &mut dyn Layout) -> String {
        let alternative = |label: &str, probability| Alternative {
            tags: vec![label.to_owned()],
            probability,
        };
        let tagged = Tagged {
            tags: vec!["joy".to_owned()],
            probabilities: vec![0.75],
            alternatives: vec![
                alternative("joy", 0.75),
                alternative("fear", 0.249),
                alternative("love", 0.001),
            ],
            ..Tagged::default()
        };
        let mut sentence = Sentence::from_words(&["so \"good\""], Some(vec!["fear".to_owned()]));
        sentence.source.id = Some("7".to_owned());
        let mut out = String::new();
        let at = At {
            number: 1,
            file: None,
        };
        layout.sentence(at, &sentence, &tagged, &mut out);
        out
    }

    #[test]
    fn every_label_has_its_probability_and_the_best_stands_first() {
        assert_eq!(
            shown(&mut Jsonl),
            concat!(
                r#"{"id":"7","text":"so \"good\"","label":"joy","score":0.75,"gold":"fear","#,
                r#""probabilities":{"joy":0.75,"fear":0.249,"love":0.001}}"#,
                "\n"
            )
        );
        assert_eq!(
            shown(&mut Terminal),
            "so \"good\"\n  joy    75.0 %\n  fear   24.9 %\n"
        );
    }
}
