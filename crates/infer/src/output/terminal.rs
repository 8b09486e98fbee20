//! The text, and below it a line an entity: type, confidence, words.

use std::fmt::Write;

use bert_ner_text::Sentence;

use super::{At, Layout};
use crate::tagged::{Entity, Tagged};

pub(super) struct Terminal {
    pub(super) colours: bool,
}

/// ANSI colours that read well on dark and on light ground.
const COLOURS: [&str; 6] = [
    "\x1b[1;36m",
    "\x1b[1;33m",
    "\x1b[1;32m",
    "\x1b[1;35m",
    "\x1b[1;34m",
    "\x1b[1;31m",
];
const PLAIN: &str = "\x1b[0m";

impl Layout for Terminal {
    fn sentence(&mut self, at: At<'_>, sentence: &Sentence, tagged: &Tagged, out: &mut String) {
        if at.number > 1 {
            out.push('\n');
        }
        let text = &sentence.text;
        let mut shown = 0;
        for entity in apart(&tagged.entities) {
            push_shown(out, &text[shown..entity.span.start]);
            self.paint(out, entity, &text[entity.span.clone()]);
            shown = entity.span.end;
        }
        push_shown(out, text[shown..].trim_end());
        out.push('\n');
        let width = tagged
            .entities
            .iter()
            .map(|entity| entity.label.chars().count())
            .max();
        for entity in &tagged.entities {
            let (width, confidence) = (width.unwrap_or(0), 100.0 * entity.confidence);
            out.push_str("  ");
            self.paint(out, entity, &format!("{:width$}", entity.label));
            let _ = write!(out, "  {confidence:5.1} %  ");
            push_shown(out, &sentence.text[entity.span.clone()]);
            out.push('\n');
        }
    }
}

impl Terminal {
    /// Appends `text` in the colour of the entity's type.
    fn paint(&self, out: &mut String, entity: &Entity, text: &str) {
        if self.colours {
            // A type has the same colour in every sentence and every run.
            let sum: usize = entity.label.bytes().map(usize::from).sum();
            out.push_str(COLOURS[sum % COLOURS.len()]);
        }
        push_shown(out, text);
        if self.colours {
            out.push_str(PLAIN);
        }
    }
}

/// The entities that begin where the one before has ended: pieces that are entities of their own may share a character.
pub(super) fn apart(entities: &[Entity]) -> impl Iterator<Item = &Entity> {
    let mut end = 0;
    entities.iter().filter(move |entity| {
        let is_apart = entity.span.start >= end;
        end = end.max(entity.span.end);
        is_apart
    })
}

/// Appends `text` with a space for every control character, which could move the cursor or worse.
pub(super) fn push_shown(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
}
