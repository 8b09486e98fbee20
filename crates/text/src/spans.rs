//! Which of several spans stay, where tags can hold only one a word.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Span, TextError, by_name};

/// Which of the entities that share text stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlaps {
    /// The longest; of two of one length the one that starts first.
    Longest,
    /// The one that starts first; of two that start together the longer.
    First,
    /// None: it is an error.
    Error,
}

/// What becomes of an entity in fragments with other text between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fragments {
    /// One span from the first fragment to the last.
    Join,
    /// Its first fragment.
    First,
    /// It is dropped.
    Skip,
    /// It is an error.
    Error,
}

impl FromStr for Overlaps {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        by_name(
            "choice of overlapping entities",
            &[Self::Longest, Self::First, Self::Error],
            |choice| match choice {
                Self::Longest => "longest",
                Self::First => "first",
                Self::Error => "error",
            },
            name,
        )
    }
}

impl FromStr for Fragments {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        by_name(
            "choice of fragmented entities",
            &[Self::Join, Self::First, Self::Skip, Self::Error],
            |choice| match choice {
                Self::Join => "join",
                Self::First => "first",
                Self::Skip => "skip",
                Self::Error => "error",
            },
            name,
        )
    }
}

/// What [`resolve`] found.
pub(crate) struct Resolved {
    /// Which spans stay, and of each that goes the one for which it goes. Those that stay share no byte.
    pub(crate) loses_to: Vec<Option<usize>>,
    /// A span with which each shares text.
    pub(crate) rival: Vec<Option<usize>>,
}

/// Decides which of `spans` (none of them empty) stay; [`Overlaps::Error`] decides as `Longest`, and it is for the
/// caller to look whether one has a rival.
pub(crate) fn resolve(spans: &[Span], rule: Overlaps) -> Resolved {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|&index| {
        let Span { start, end } = spans[index];
        match rule {
            Overlaps::First => (start, usize::MAX - end, index),
            Overlaps::Longest | Overlaps::Error => (usize::MAX - (end - start), start, index),
        }
    });
    let mut loses_to = vec![None; spans.len()];
    // The spans that stay, by where they start: of them the last to start before a new one's end ends last.
    let mut kept: BTreeMap<usize, usize> = BTreeMap::new();
    for index in order {
        let span = &spans[index];
        let before = kept.range(..span.end).next_back().map(|(_, &other)| other);
        loses_to[index] = before.filter(|&other| spans[other].end > span.start);
        if loses_to[index].is_none() {
            kept.insert(span.start, index);
        }
    }
    let rival = rivals(spans);
    Resolved { loses_to, rival }
}

/// For each span one with which it shares text.
fn rivals(spans: &[Span]) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|&index| spans[index].start);
    let mut rival = vec![None; spans.len()];
    // Whatever reaches into a span shares its first byte with the one of those before it that ends last.
    let mut last: Option<usize> = None;
    for index in order {
        if let Some(other) = last.filter(|&other| spans[other].end > spans[index].start) {
            rival[index] = Some(other);
            rival[other].get_or_insert(index);
        }
        if last.is_none_or(|other| spans[other].end < spans[index].end) {
            last = Some(index);
        }
    }
    rival
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(spans: &[Span], rule: Overlaps) -> Vec<usize> {
        let lost = resolve(spans, rule).loses_to;
        (0..spans.len())
            .filter(|&index| lost[index].is_none())
            .collect()
    }

    #[test]
    fn the_rule_decides_which_of_overlapping_spans_stays() {
        let spans = [0..4, 2..9, 9..10, 2..9, 3..5];
        assert_eq!(kept(&spans, Overlaps::Longest), [1, 2]);
        assert_eq!(kept(&spans, Overlaps::First), [0, 2]);
    }

    #[test]
    fn a_span_over_two_short_ones_wins_or_loses_as_a_whole() {
        let spans = [0..3, 4..7, 2..6];
        assert_eq!(kept(&spans, Overlaps::Longest), [2]);
        assert_eq!(kept(&spans, Overlaps::First), [0, 1]);
        for rule in [Overlaps::Longest, Overlaps::First] {
            let rivals = resolve(&spans, rule).rival;
            assert!(rivals.iter().all(Option::is_some), "{rivals:?}");
        }
    }

    #[test]
    fn neighbours_do_not_overlap() {
        let resolved = resolve(&[0..3, 3..5], Overlaps::Error);
        assert_eq!(resolved.rival, [None, None]);
    }
}
