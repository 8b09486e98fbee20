//! Tag schemes: how a run of tags spells entities.
//!
//! Reading a run of tags ([`Scheme::entities`]) never fails: an impossible sequence is read as
//! seqeval's default mode reads it, which for `B-` and `I-` is conlleval's reading too. [`Scheme::violations`] says where a run is
//! impossible, and [`Scheme::tags`] and [`Scheme::convert`] write exactly or not at all.

mod detect;
mod encode;
mod violations;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Entity, TextError};

pub use violations::Violation;

/// How tags spell entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `B-` only where an entity follows another of its type (CoNLL-2003 as distributed).
    Iob1,
    /// Every entity starts with `B-` (also called BIO).
    #[default]
    Iob2,
    /// `B-` begin, `I-` inside, `E-` end, `S-` single (also called IOBES).
    Bioes,
    /// `B-` begin, `I-` inside, `L-` last, `U-` unit (also called BILUO).
    Bilou,
    /// The bare type, or `O`: neighbouring words of one type are one entity.
    Plain,
}

/// The tag of a word outside every entity.
pub(crate) const OUTSIDE: &str = "O";

/// Splits a tag into the letter of its place in the entity and the entity's type.
///
/// `B-PER` gives `(Some('B'), "PER")`, whatever the letter before the hyphen. A single letter that is
/// a prefix of some scheme is a tag without a type, as in corpora of one type: `B` gives
/// `(Some('B'), "")`. `O` gives `(None, "")`, and anything else is a bare type: `PER` gives
/// `(None, "PER")`, `GEO-POL` gives `(None, "GEO-POL")`.
pub fn split_tag(tag: &str) -> (Option<char>, &str) {
    if tag == OUTSIDE {
        return (None, "");
    }
    let mut characters = tag.chars();
    let Some(first) = characters.next() else {
        return (None, "");
    };
    match characters.as_str() {
        "" if "BIESLU".contains(first) => (Some(first), ""),
        rest => match rest.strip_prefix('-') {
            Some(label) => (Some(first), label),
            None => (None, tag),
        },
    }
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 5] = [
        Self::Iob1,
        Self::Iob2,
        Self::Bioes,
        Self::Bilou,
        Self::Plain,
    ];

    /// The name, as on the command line and in a model's configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iob1 => "iob1",
            Self::Iob2 => "iob2",
            Self::Bioes => "bioes",
            Self::Bilou => "bilou",
            Self::Plain => "plain",
        }
    }

    /// The letters that may stand before the hyphen.
    pub(crate) fn prefixes(self) -> &'static str {
        match self {
            Self::Iob1 | Self::Iob2 => "BI",
            Self::Bioes => "BIES",
            Self::Bilou => "BILU",
            Self::Plain => "",
        }
    }

    /// What a tag of this scheme looks like, for messages.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Iob1 => "an iob1 tag (O, B-TYPE or I-TYPE)",
            Self::Iob2 => "an iob2 tag (O, B-TYPE or I-TYPE)",
            Self::Bioes => "a bioes tag (O, B-TYPE, I-TYPE, E-TYPE or S-TYPE)",
            Self::Bilou => "a bilou tag (O, B-TYPE, I-TYPE, L-TYPE or U-TYPE)",
            Self::Plain => "a plain tag (O or an entity type)",
        }
    }

    /// Whether `tag` is a tag of this scheme, wherever it may stand.
    pub(crate) fn knows(self, tag: &str) -> bool {
        match (self, split_tag(tag)) {
            _ if tag == OUTSIDE => true,
            (Self::Plain, _) => !tag.is_empty(),
            (_, (Some(prefix), _)) => self.prefixes().contains(prefix),
            (_, (None, _)) => false,
        }
    }

    /// The place and type that `tag` speaks of under this scheme.
    fn parse(self, tag: &str) -> (Place, &str) {
        if tag == OUTSIDE {
            return (Place::Outside, "");
        }
        if self == Self::Plain {
            return (Place::Inside, tag);
        }
        let (prefix, label) = split_tag(tag);
        let place = match prefix {
            Some('B') => Place::Begin,
            Some('E' | 'L') => Place::End,
            Some('S' | 'U') => Place::Single,
            _ => Place::Inside,
        };
        (place, label)
    }

    /// The entities that `tags` spell, in order.
    ///
    /// Never fails: what the scheme forbids is read as seqeval without its strict mode reads it, and
    /// as conlleval does when there are but `B-` and `I-`. An inside tag after `O` or after another
    /// type starts an entity, a change of type ends one, and an unknown prefix or a bare type counts
    /// as inside. (For `L-` and `U-`, which neither knows, the rules are those of `E-` and `S-`.)
    pub fn entities<S: AsRef<str>>(self, tags: &[S]) -> Vec<Entity> {
        let mut entities = Vec::new();
        let mut open: Option<(usize, &str)> = None;
        let mut previous = (Place::Outside, "");
        for (index, tag) in tags.iter().enumerate() {
            let current = self.parse(tag.as_ref());
            if breaks(previous, current) {
                close(&mut entities, open.take(), index);
                if current.0 != Place::Outside {
                    open = Some((index, current.1));
                }
            }
            previous = current;
        }
        close(&mut entities, open, tags.len());
        entities
    }
}

/// Where in its entity a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Begin,
    Inside,
    End,
    Single,
}

/// Whether no entity goes on from the word tagged `previous` to the word tagged `current`.
///
/// seqeval 1.2.2, `end_of_chunk` and `start_of_chunk`: an entity is left after `E` and `S`, before
/// `B`, `S` and `O`, and where the type changes.
fn breaks(previous: (Place, &str), current: (Place, &str)) -> bool {
    use Place::{Begin, End, Outside, Single};
    matches!(previous.0, Outside | End | Single)
        || matches!(current.0, Outside | Begin | Single)
        || previous.1 != current.1
}

fn close(entities: &mut Vec<Entity>, open: Option<(usize, &str)>, end: usize) {
    if let Some((start, label)) = open {
        entities.push(Entity {
            start,
            end,
            label: label.to_owned(),
        });
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        match name.to_ascii_lowercase().as_str() {
            "iob1" => Ok(Self::Iob1),
            "iob2" | "bio" => Ok(Self::Iob2),
            "bioes" | "iobes" => Ok(Self::Bioes),
            "bilou" | "biluo" => Ok(Self::Bilou),
            "plain" | "io" => Ok(Self::Plain),
            _ => Err(TextError::Name {
                what: "tag scheme",
                name: name.to_owned(),
                expected: "iob1, iob2 (bio), bioes (iobes), bilou (biluo) or plain (io)".to_owned(),
            }),
        }
    }
}
