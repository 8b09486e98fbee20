//! What became of every entity.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Kind;
use crate::counted;

/// What became of every entity on the way from documents to tags: [`Accounting::kept`] and what was dropped add up
/// to [`Accounting::entities`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Accounting {
    /// Documents read.
    pub documents: usize,
    /// Of these, documents without an `.ann` file.
    pub unannotated: usize,
    /// Entities read (`T` lines).
    pub entities: usize,
    /// Entities that the tags spell.
    pub kept: usize,
    /// Entities in fragments with nothing but white space between them, as brat cuts them at line ends; they are one.
    pub wrapped: usize,
    /// Entities in fragments with other text between them.
    pub fragmented: usize,
    /// Of these, entities that became one span from the first fragment to the last.
    pub joined: usize,
    /// Of these, entities of which the first fragment alone was taken.
    pub shortened: usize,
    /// Of these, entities that were dropped.
    pub dropped_fragmented: usize,
    /// Entities that share text with another, once the fragmented ones were dealt with.
    pub overlapping: usize,
    /// Of these, entities that were dropped.
    pub dropped_overlapping: usize,
    /// Entities over nothing but white space, dropped.
    pub dropped_wordless: usize,
    /// Words that were cut because an entity begins or ends inside them.
    pub cut_words: usize,
    /// Kept entities that hold the end of a sentence, where a text without annotations would be cut.
    pub across_sentences: usize,
    /// Other annotations, which tags cannot tell: relations, events, ...
    pub others: BTreeMap<&'static str, usize>,
}

impl Accounting {
    /// Entities dropped, whatever the reason.
    pub fn dropped(&self) -> usize {
        self.dropped_fragmented + self.dropped_overlapping + self.dropped_wordless
    }

    /// Counts a line that is no entity.
    pub(crate) fn count_other(&mut self, kind: Kind) {
        let name = match kind {
            Kind::Entity | Kind::Blank => return,
            Kind::Relation => "relations",
            Kind::Equivalence => "equivalences",
            Kind::Event => "events",
            Kind::Attribute => "attributes",
            Kind::Normalization => "normalizations",
            Kind::Note => "notes",
        };
        *self.others.entry(name).or_default() += 1;
    }
}

impl fmt::Display for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.documents, "documents"))?;
        if self.unannotated > 0 {
            write!(f, " ({} without annotations)", self.unannotated)?;
        }
        write!(
            f,
            ", {} = {} kept + {} dropped ({} fragmented, {} overlapping, {} without a word)",
            counted(self.entities, "entities"),
            self.kept,
            self.dropped(),
            self.dropped_fragmented,
            self.dropped_overlapping,
            self.dropped_wordless,
        )?;
        write!(f, "; cut at line ends {}", self.wrapped)?;
        write!(f, "; fragmented {}", self.fragmented)?;
        if self.fragmented > 0 {
            let Self {
                joined,
                shortened,
                dropped_fragmented,
                ..
            } = self;
            write!(
                f,
                " ({joined} joined, {shortened} shortened, {dropped_fragmented} dropped)"
            )?;
        }
        write!(f, "; overlapping {}", self.overlapping)?;
        if self.overlapping > 0 {
            let kept = self.overlapping - self.dropped_overlapping;
            write!(f, " ({kept} kept, {} dropped)", self.dropped_overlapping)?;
        }
        if self.cut_words > 0 {
            write!(f, "; {} words cut at an entity's edge", self.cut_words)?;
        }
        if self.across_sentences > 0 {
            write!(
                f,
                "; {} entities hold a sentence end",
                self.across_sentences
            )?;
        }
        for (name, count) in &self.others {
            write!(f, "; {} not used", counted(*count, name))?;
        }
        Ok(())
    }
}
