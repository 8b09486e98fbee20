//! A sentence's tags and entities.

use std::ops::Range;

use bert_ner_text::{Scheme, Sentence, Span};

/// What the model says of a sentence: exactly one tag and one probability a word. Of a whole text: one label. Of a text whose entities
/// were aggregated from pieces ([`Tagger::tag_texts`](crate::Tagger::tag_texts)): entities alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tagged {
    /// The tag of each word, in IOB2 (see [`Tagged::entities`]).
    ///
    /// A model whose labels are in IOB2 has its most probable tag here as it is, possible after the
    /// tag before or not, as in `transformers`. The entities of a model in another scheme are
    /// spelled in IOB2.
    pub tags: Vec<String>,
    /// The probability of each word's tag: of a linear head by softmax over the model's labels, of a CRF by the sum over all tag
    /// sequences that have it.
    pub probabilities: Vec<f32>,
    /// The most probable labels of each word, best first: as many as the tagger was asked for; empty when none were.
    pub ranked: Vec<Vec<RankedLabel>>,
    /// The probability that each word has the tag `O`; 0 where the model has no such label.
    pub outside: Vec<f32>,
    /// The entities that the tags spell, in order.
    ///
    /// Where the tags are an impossible sequence they are read as conlleval and seqeval read them:
    /// an `I-` after `O` or after another type begins an entity.
    pub entities: Vec<Entity>,
    /// The most probable tag sequences of a CRF, best first: as many as the tagger was asked for. Of a whole text: all labels.
    pub alternatives: Vec<Alternative>,
}

/// A label and its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedLabel {
    /// The label as the model has it, in its own scheme.
    pub label: String,
    /// Its probability.
    pub probability: f32,
}

/// A tag sequence and its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The tag of each word, in IOB2.
    pub tags: Vec<String>,
    /// Its probability among all sequences.
    pub probability: f32,
}

/// An entity in the text of its sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its words.
    pub words: Range<usize>,
    /// Its bytes in [`Sentence::text`].
    pub span: Span,
    /// Its type, such as `PER`.
    pub label: String,
    /// The chance that this is an entity. Of a CRF: the sum over all tag sequences that have an entity of this type with just these
    /// borders. Of a linear head: the product of its words' probabilities, the chance that every one of its tags is right if
    /// words are independent given the sentence, which is what a linear head assumes.
    pub confidence: f32,
}

impl Tagged {
    /// The tags and entities of `sentence` from the labels of its words in the model's `scheme`.
    pub(crate) fn new(
        sentence: &Sentence,
        labels: &[&str],
        probabilities: Vec<f32>,
        scheme: Scheme,
    ) -> Self {
        let found = scheme.entities(labels);
        let tags = match scheme {
            Scheme::Iob2 => labels.iter().map(|&label| label.to_owned()).collect(),
            _ => spell(&found, labels.len()),
        };
        let entities = found
            .into_iter()
            .map(|entity| {
                let words = entity.start..entity.end;
                let product: f64 = probabilities[words.clone()]
                    .iter()
                    .map(|&p| f64::from(p))
                    .product();
                Entity {
                    span: sentence.words[entity.start].start..sentence.words[entity.end - 1].end,
                    words,
                    label: entity.label,
                    confidence: product as f32,
                }
            })
            .collect();
        Self {
            tags,
            probabilities,
            entities,
            ..Self::default()
        }
    }
}

/// The IOB2 tags of `entities` over `len` words.
fn spell(entities: &[bert_ner_text::Entity], len: usize) -> Vec<String> {
    let mut tags = vec!["O".to_owned(); len];
    for entity in entities {
        for (index, tag) in tags[entity.start..entity.end].iter_mut().enumerate() {
            *tag = format!("{}-{}", if index == 0 { 'B' } else { 'I' }, entity.label);
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(labels: &[&str], scheme: Scheme) -> Tagged {
        let words: Vec<String> = (0..labels.len()).map(|word| format!("w{word}")).collect();
        let probabilities = (0..labels.len())
            .map(|word| 1.0 - 0.1 * word as f32)
            .collect();
        Tagged::new(
            &Sentence::from_words(&words, None),
            labels,
            probabilities,
            scheme,
        )
    }

    #[test]
    fn an_entity_is_as_sure_as_all_its_words_together() {
        let tagged = tagged(&["O", "B-PER", "I-PER", "O"], Scheme::Iob2);
        let entity = &tagged.entities[0];
        assert_eq!((entity.words.clone(), entity.span.clone()), (1..3, 3..8));
        assert!((entity.confidence - 0.9 * 0.8).abs() < 1e-6);
    }

    #[test]
    fn impossible_tags_stay_and_are_read_leniently() {
        let tagged = tagged(&["I-PER", "I-LOC", "O", "I-LOC"], Scheme::Iob2);
        assert_eq!(tagged.tags, ["I-PER", "I-LOC", "O", "I-LOC"]);
        let found: Vec<_> = tagged
            .entities
            .iter()
            .map(|entity| (entity.words.clone(), entity.label.as_str()))
            .collect();
        assert_eq!(found, [(0..1, "PER"), (1..2, "LOC"), (3..4, "LOC")]);
    }

    #[test]
    fn other_schemes_are_spelled_in_iob2() {
        let expected = ["B-PER", "I-PER", "B-PER", "O"];
        assert_eq!(
            tagged(&["B-PER", "E-PER", "S-PER", "O"], Scheme::Bioes).tags,
            expected
        );
        assert_eq!(
            tagged(&["I-PER", "I-PER", "B-PER", "O"], Scheme::Iob1).tags,
            expected
        );
        assert_eq!(
            tagged(&["PER", "PER", "O", "LOC"], Scheme::Plain).tags,
            ["B-PER", "I-PER", "O", "B-LOC"]
        );
    }
}
