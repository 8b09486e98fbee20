//! What `/predict` and `/tag` take and give.

use bert_ner_infer::{Aggregation, OffsetUnit, Selection};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::{self, Object, OneOrMany};
use crate::reply::Refusal;
use crate::work::{Found, Method};

/// Texts, and how their entities are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictRequest {
    /// A text, or a list of texts.
    #[schema(value_type = Inputs, example = "Ada Lovelace was born in London.")]
    pub(crate) inputs: OneOrMany<String>,
    /// How the entities are wanted.
    #[schema(value_type = Option<Parameters>)]
    pub(crate) parameters: Option<Object<Parameters>>,
}

/// A text, or a list of texts.
#[derive(ToSchema)]
#[schema(as = Inputs)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes OneOrMany<String> to OpenAPI")]
pub(crate) enum Inputs {
    /// Gives a list of entities.
    #[schema(title = "Text")]
    Text(String),
    /// Gives a list of entities for each.
    #[schema(title = "Texts")]
    Texts(Vec<String>),
}

/// How entities are wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// As in transformers' pipeline. Without it entities are found by words, under the model's tag scheme.
    pub(crate) aggregation_strategy: Option<Strategy>,
    /// What is left out by its `entity_group` or `entity`, the whole of it; `["O"]` unless given.
    pub(crate) ignore_labels: Option<Vec<String>>,
    /// Pieces that neighbouring windows share, as in transformers, instead of the windows of this server. Needs an
    /// `aggregation_strategy` other than none.
    #[serde(default, deserialize_with = "body::whole")]
    pub(crate) stride: Option<u32>,
    /// What `start` and `end` count.
    pub(crate) offset_unit: Option<Unit>,
    /// Entities with a lower score are left out.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub(crate) threshold: Option<f32>,
}

/// How pieces become entities.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Strategy {
    /// Every piece for itself.
    None,
    /// Neighbouring pieces of the same type.
    Simple,
    /// A word has the label of its first piece.
    First,
    /// A word has the label of the highest mean probability.
    Average,
    /// A word has the label of its surest piece.
    Max,
}

/// What an offset counts.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    /// Unicode characters, as Python counts.
    Char,
    /// UTF-8 bytes.
    Byte,
    /// UTF-16 units, as JavaScript counts.
    Utf16,
}

/// An entity, or with `aggregation_strategy` none a piece.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntityAnswer {
    /// The type, such as `PER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_group: Option<String>,
    /// The label of a piece, such as `B-PER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    /// How sure the model is, from 0 to 1.
    score: f32,
    /// The place of a piece, counted with `[CLS]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    /// The text; with an `aggregation_strategy`, as the tokenizer spells it.
    word: String,
    /// Where it begins.
    start: usize,
    /// Where it ends.
    end: usize,
}

/// Entities of one text, or of each of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PredictAnswer {
    /// Of a text.
    One(Vec<EntityAnswer>),
    /// Of each text of a list.
    Many(Vec<Vec<EntityAnswer>>),
}

/// Sentences that are split into words already.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TagRequest {
    /// The words of each sentence.
    #[schema(min_items = 1, example = json!([["EU", "rejects", "German", "call"]]))]
    pub(crate) tokens: Vec<Vec<String>>,
}

/// A word and its tag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WordAnswer {
    /// The word as it was sent.
    word: String,
    /// Its tag in IOB2, such as `B-PER` or `O`.
    tag: String,
    /// The probability of the tag.
    score: f32,
}

impl Parameters {
    /// How the entities are found.
    pub(crate) fn method(&self) -> Method {
        Method {
            aggregation: self.aggregation_strategy.map(|strategy| match strategy {
                Strategy::None => Aggregation::None,
                Strategy::Simple => Aggregation::Simple,
                Strategy::First => Aggregation::First,
                Strategy::Average => Aggregation::Average,
                Strategy::Max => Aggregation::Max,
            }),
            stride: self.stride.map(|stride| stride as usize),
            ignored: self.selection().ignored,
        }
    }

    /// Refuses what is of the right type but makes no sense.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self
            .threshold
            .is_some_and(|threshold| !(0.0..=1.0).contains(&threshold))
        {
            return Err(Refusal::validation(
                "parameters: threshold is not between 0 and 1",
            ));
        }
        if self.stride.is_some() && self.aggregation_strategy.is_none() {
            let message = "parameters: stride needs an aggregation_strategy other than none";
            return Err(Refusal::validation(message));
        }
        Ok(())
    }

    fn unit(&self) -> OffsetUnit {
        match self.offset_unit {
            None | Some(Unit::Char) => OffsetUnit::Char,
            Some(Unit::Byte) => OffsetUnit::Byte,
            Some(Unit::Utf16) => OffsetUnit::Utf16,
        }
    }

    /// What is found in a text, as it was wanted.
    pub(crate) fn answer(&self, found: Found) -> Vec<EntityAnswer> {
        let (text, mut entities) = entities(found);
        let selection = self.selection();
        entities.retain(|(_, entity)| {
            let label = entity.entity_group.as_ref().or(entity.entity.as_ref());
            selection.keeps(label.map_or("", String::as_str), entity.score)
        });
        let bytes: Vec<usize> = entities
            .iter()
            .flat_map(|(span, _)| [span.start, span.end])
            .collect();
        let offsets = self.unit().offsets(&text, &bytes);
        for ((_, entity), offsets) in entities.iter_mut().zip(offsets.chunks_exact(2)) {
            (entity.start, entity.end) = (offsets[0], offsets[1]);
        }
        entities.into_iter().map(|(_, entity)| entity).collect()
    }

    fn selection(&self) -> Selection {
        let ignored = self.ignore_labels.clone();
        Selection {
            threshold: self.threshold.unwrap_or(0.0),
            ignored: ignored.unwrap_or_else(|| vec!["O".to_owned()]),
        }
    }
}

/// A text and its entities with their bytes; offsets are not filled in yet.
fn entities(found: Found) -> (String, Vec<(bert_ner_text::Span, EntityAnswer)>) {
    match found {
        Found::Words(words) => {
            let (sentence, tagged) = *words;
            let entity = |entity: bert_ner_infer::Entity| {
                let answer = EntityAnswer {
                    word: sentence.text[entity.span.clone()].to_owned(),
                    entity_group: Some(entity.label),
                    entity: None,
                    score: entity.confidence,
                    index: None,
                    start: 0,
                    end: 0,
                };
                (entity.span, answer)
            };
            let entities = tagged.entities.into_iter().map(entity).collect();
            (sentence.text, entities)
        }
        Found::Text(text, mentions) => {
            let entity = |mention: bert_ner_infer::Mention| {
                let single = mention.index.is_some();
                let answer = EntityAnswer {
                    entity: single.then(|| mention.label.clone()),
                    entity_group: (!single).then_some(mention.label),
                    score: mention.score,
                    index: mention.index,
                    word: mention.word,
                    start: 0,
                    end: 0,
                };
                (mention.span, answer)
            };
            (text, mentions.into_iter().map(entity).collect())
        }
    }
}

/// The words of a sentence with their tags.
pub(crate) fn words(found: Found) -> Vec<WordAnswer> {
    let Found::Words(words) = found else {
        return Vec::new();
    };
    let (sentence, tagged) = *words;
    let tags = tagged.tags.into_iter().zip(tagged.probabilities);
    let word = |(word, (tag, score)): (&str, (String, f32))| WordAnswer {
        word: word.to_owned(),
        tag,
        score,
    };
    sentence.words().zip(tags).map(word).collect()
}
