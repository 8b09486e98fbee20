//! Where a run of tags is impossible under its scheme.

use std::fmt;

use super::{OUTSIDE, Place, Scheme};

/// A tag that cannot stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The word, counted from 0.
    pub index: usize,
    /// Its tag.
    pub tag: String,
    /// The tag before it; `None` at the start of the sentence.
    pub previous: Option<String>,
    /// Why it cannot stand there.
    pub reason: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.previous {
            Some(previous) => write!(f, "{} after {previous} ({})", self.tag, self.reason),
            None => write!(
                f,
                "{} at the start of the sentence ({})",
                self.tag, self.reason
            ),
        }
    }
}

const UNKNOWN: &str = "not a tag of the scheme";
const NO_NEIGHBOUR: &str = "B- only follows an entity of its type";
const NOT_OPEN: &str = "no entity of this type is open";
const LEFT_OPEN: &str = "the entity before it was not ended";
const OPEN_AT_END: &str = "the sentence ends inside the entity";

impl Scheme {
    /// Every place where `tags` breaks the scheme, in order; one for each impossible step.
    pub fn violations<S: AsRef<str>>(self, tags: &[S]) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut before = (Place::Outside, "");
        for (index, tag) in tags.iter().map(AsRef::as_ref).enumerate() {
            let current = self.parse(tag);
            let reason = if self.knows(tag) {
                self.forbids(before, current)
            } else {
                Some(UNKNOWN)
            };
            if let Some(reason) = reason {
                violations.push(violation(tags, index, reason));
            }
            before = current;
        }
        if self.is_open(before.0) && !tags.is_empty() {
            violations.push(violation(tags, tags.len() - 1, OPEN_AT_END));
        }
        violations
    }

    /// Why `current` cannot follow `before`, if it cannot.
    fn forbids(self, before: (Place, &str), current: (Place, &str)) -> Option<&'static str> {
        use Place::{Begin, End, Inside, Outside, Single};
        let same = before.0 != Outside && before.1 == current.1;
        match self {
            Self::Plain => None,
            Self::Iob1 => (current.0 == Begin && !same).then_some(NO_NEIGHBOUR),
            Self::Iob2 => (current.0 == Inside && !same).then_some(NOT_OPEN),
            Self::Bioes | Self::Bilou => {
                let open = self.is_open(before.0);
                match current.0 {
                    Outside | Begin | Single => open.then_some(LEFT_OPEN),
                    Inside | End => (!(open && same)).then_some(NOT_OPEN),
                }
            }
        }
    }

    /// Whether the scheme asks for a further tag of the entity after `place`.
    fn is_open(self, place: Place) -> bool {
        matches!(self, Self::Bioes | Self::Bilou) && matches!(place, Place::Begin | Place::Inside)
    }
}

fn violation<S: AsRef<str>>(tags: &[S], index: usize, reason: &'static str) -> Violation {
    let previous = index
        .checked_sub(1)
        .map(|before| tags[before].as_ref().to_owned());
    let tag = tags[index].as_ref();
    debug_assert!(reason == UNKNOWN || tag != OUTSIDE || previous.is_some());
    Violation {
        index,
        tag: tag.to_owned(),
        previous,
        reason,
    }
}
