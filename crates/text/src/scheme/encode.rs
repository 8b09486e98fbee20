//! Writing entities as tags, exactly or not at all.

use super::{OUTSIDE, Scheme};
use crate::{Entity, TextError};

impl Scheme {
    /// The tags that spell `entities` over a sentence of `len` words.
    ///
    /// Reading them back with [`Scheme::entities`] gives the same entities in the order of their
    /// first words.
    ///
    /// # Errors
    /// When entities overlap, are empty or leave the sentence, or when [`Scheme::Plain`] cannot
    /// tell them apart: neighbours of one type, or a type that is empty or `O`.
    pub fn tags(self, entities: &[Entity], len: usize) -> Result<Vec<String>, TextError> {
        let mut order: Vec<&Entity> = entities.iter().collect();
        order.sort_by_key(|entity| entity.start);
        let mut tags = vec![OUTSIDE.to_owned(); len];
        let mut previous: Option<&Entity> = None;
        for entity in order {
            let touches =
                previous.is_some_and(|p| p.end == entity.start && p.label == entity.label);
            self.check(entity, previous, touches, len)?;
            for (index, tag) in tags[entity.start..entity.end].iter_mut().enumerate() {
                let last = entity.start + index + 1 == entity.end;
                *tag = self.tag(index == 0, last, touches, &entity.label);
            }
            previous = Some(entity);
        }
        Ok(tags)
    }

    /// The same entities, spelled in the scheme `to`.
    ///
    /// # Errors
    /// When a tag is none of this scheme, or `to` cannot spell the entities.
    pub fn convert(self, tags: &[String], to: Self) -> Result<Vec<String>, TextError> {
        if let Some(tag) = tags.iter().find(|tag| !self.knows(tag)) {
            return Err(TextError::Tag {
                tag: tag.clone(),
                expected: self.expected(),
            });
        }
        to.tags(&self.entities(tags), tags.len())
    }

    /// Every tag that a type has, in the order of the scheme's letters.
    pub(crate) fn tags_of(self, label: &str) -> Vec<String> {
        match self {
            Self::Plain => vec![label.to_owned()],
            _ => self
                .prefixes()
                .chars()
                .map(|prefix| join(prefix, label))
                .collect(),
        }
    }

    fn check(
        self,
        entity: &Entity,
        previous: Option<&Entity>,
        touches: bool,
        len: usize,
    ) -> Result<(), TextError> {
        let message = if entity.start >= entity.end {
            "covers no word"
        } else if entity.end > len {
            "goes past the end of the sentence"
        } else if previous.is_some_and(|previous| previous.end > entity.start) {
            "overlaps another entity; tags hold one entity a word"
        } else if self != Self::Plain {
            return Ok(());
        } else if touches {
            "follows another of its type; plain tags cannot tell the two apart"
        } else if entity.label.is_empty() || entity.label == OUTSIDE {
            "has no type that a plain tag could name"
        } else {
            return Ok(());
        };
        Err(TextError::Entity {
            label: entity.label.clone(),
            start: entity.start,
            end: entity.end,
            message,
        })
    }

    /// The tag of an entity's `first` and/or `last` word; `touches`: it follows one of its type.
    fn tag(self, first: bool, last: bool, touches: bool, label: &str) -> String {
        let prefix = match self {
            Self::Plain => return label.to_owned(),
            Self::Iob1 if first && touches => 'B',
            Self::Iob1 => 'I',
            Self::Iob2 if first => 'B',
            Self::Bioes if first && last => 'S',
            Self::Bilou if first && last => 'U',
            Self::Bioes | Self::Bilou if first => 'B',
            Self::Bioes if last => 'E',
            Self::Bilou if last => 'L',
            Self::Iob2 | Self::Bioes | Self::Bilou => 'I',
        };
        join(prefix, label)
    }
}

fn join(prefix: char, label: &str) -> String {
    if label.is_empty() {
        prefix.to_string()
    } else {
        format!("{prefix}-{label}")
    }
}
