//! How the Perl conlleval (2004-01-26, by Erik Tjong Kim Sang) reads tags and counts agreement.
//!
//! It does not list entities: it walks gold and prediction at once and counts starts, and stays
//! "in a correct chunk" from a common start to a common end. Any tag sequence has a reading; a
//! prefix it does not know (`S`, `U`, `L`) starts and ends an entity only where the type changes.

use std::borrow::Cow;

/// A tag as conlleval splits it: all before the first hyphen, and all after it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Tag<'a> {
    prefix: &'a str,
    label: &'a str,
}

impl<'a> Tag<'a> {
    const OUTSIDE: Tag<'static> = Tag {
        prefix: "O",
        label: "",
    };

    pub(crate) fn split(tag: &'a str) -> Self {
        let (prefix, label) = tag.split_once('-').unwrap_or((tag, ""));
        // Perl takes the string "0" for false, and conlleval a false type for none.
        Tag {
            prefix,
            label: if label == "0" { "" } else { label },
        }
    }

    /// `endOfChunk`: whether a chunk that `self` belongs to ends before `next`.
    fn ends_before(self, next: Self) -> bool {
        match (self.prefix, next.prefix) {
            ("[" | "]", _) | ("B" | "I", "B" | "O") | ("E", "E" | "I" | "O") => true,
            ("O" | ".", _) => false,
            _ => self.label != next.label,
        }
    }

    /// `startOfChunk`: whether a chunk starts at `self`.
    fn starts_after(self, previous: Self) -> bool {
        match (previous.prefix, self.prefix) {
            (_, "[" | "]") | ("B" | "I" | "O", "B") | ("O" | "E", "I" | "E") => true,
            (_, "O" | ".") => false,
            _ => self.label != previous.label,
        }
    }
}

/// One thing that conlleval counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// A gold entity starts.
    Gold,
    /// A predicted entity starts.
    Predicted,
    /// A gold entity ends that was predicted as it is.
    Correct,
}

/// The walk over gold and prediction.
///
/// A sentence ends with a word outside on both sides, as the blank line of a file does. With odd
/// tags (a lone `S`) not even that ends a chunk: `in_correct` outlives a sentence.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    in_correct: bool,
}

impl Walk {
    /// Reports what the next sentence holds, as (event, type). Both sides have the same length.
    pub(crate) fn sentence<'a, S: AsRef<str>>(
        &mut self,
        gold: &'a [S],
        predicted: &'a [S],
        mut report: impl FnMut(Event, &'a str),
    ) {
        let (mut last_gold, mut last_predicted) = (Tag::OUTSIDE, Tag::OUTSIDE);
        let words = gold
            .iter()
            .zip(predicted)
            .map(|(g, p)| (Tag::split(g.as_ref()), Tag::split(p.as_ref())));
        for (gold, predicted) in words.chain([(Tag::OUTSIDE, Tag::OUTSIDE)]) {
            if self.in_correct {
                let gold_ends = last_gold.ends_before(gold);
                let predicted_ends = last_predicted.ends_before(predicted);
                if gold_ends && predicted_ends && last_gold.label == last_predicted.label {
                    self.in_correct = false;
                    report(Event::Correct, last_gold.label);
                } else if gold_ends != predicted_ends || gold.label != predicted.label {
                    self.in_correct = false;
                }
            }
            let gold_starts = gold.starts_after(last_gold);
            let predicted_starts = predicted.starts_after(last_predicted);
            if gold_starts && predicted_starts && gold.label == predicted.label {
                self.in_correct = true;
            }
            if gold_starts {
                report(Event::Gold, gold.label);
            }
            if predicted_starts {
                report(Event::Predicted, predicted.label);
            }
            (last_gold, last_predicted) = (gold, predicted);
        }
    }

    /// Whether the corpus ends within a correct chunk, which then counts (under no type).
    pub(crate) fn ends_in_correct(&self) -> bool {
        self.in_correct
    }
}

/// The tags that conlleval's option `-r` makes of raw types: each word that is not `O` is an
/// entity of its own.
///
/// ```
/// assert_eq!(bert_ner_score::raw_tags(&["PER", "O"]), ["B-PER", "O"]);
/// ```
pub fn raw_tags<S: AsRef<str>>(tags: &[S]) -> Vec<Cow<'_, str>> {
    let raw = |tag: &str| {
        if tag == "O" {
            Cow::Borrowed("O")
        } else {
            Cow::Owned(format!("B-{tag}"))
        }
    };
    tags.iter().map(|tag| raw(tag.as_ref())).collect()
}
