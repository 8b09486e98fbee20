//! How seqeval 1.2.2 reads tags in strict mode: an entity counts only when the scheme allows the
//! way it starts, goes on and ends.
//!
//! The three tables are seqeval's `start_patterns`, `inside_patterns` and `end_patterns`, each
//! seen as a question about a tag and the one before it.

use std::fmt;
use std::str::FromStr;

use bert_ner_text::Scheme;

use crate::ScoreError;
use crate::chunk::Chunk;

/// A scheme that strict mode can hold tags to: seqeval's six, and bare types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrictScheme {
    /// `B-` only where an entity follows another of its type.
    Iob1,
    /// Every entity starts with `B-`.
    Iob2,
    /// `E-` only where an entity is followed by another of its type.
    Ioe1,
    /// Every entity ends with `E-`.
    Ioe2,
    /// `B-`, `I-`, `E-`, `S-` (seqeval's IOBES).
    Bioes,
    /// `B-`, `I-`, `L-`, `U-`.
    Bilou,
    /// The bare type: a run of one type is an entity. seqeval has no such scheme.
    Plain,
}

impl StrictScheme {
    /// Every scheme.
    pub const ALL: [Self; 7] = [
        Self::Iob1,
        Self::Iob2,
        Self::Ioe1,
        Self::Ioe2,
        Self::Bioes,
        Self::Bilou,
        Self::Plain,
    ];

    /// The name, which [`FromStr`] reads back.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iob1 => "iob1",
            Self::Iob2 => "iob2",
            Self::Ioe1 => "ioe1",
            Self::Ioe2 => "ioe2",
            Self::Bioes => "bioes",
            Self::Bilou => "bilou",
            Self::Plain => "plain",
        }
    }

    /// The characters that a tag may start with, for messages.
    pub fn prefixes(self) -> &'static str {
        match self {
            Self::Iob1 | Self::Iob2 => "B, I and O",
            Self::Ioe1 | Self::Ioe2 => "I, E and O",
            Self::Bioes => "B, I, E, S and O",
            Self::Bilou => "B, I, L, U and O",
            Self::Plain => "none",
        }
    }

    fn split(self, tag: &str) -> Option<Tag<'_>> {
        if self == Self::Plain {
            return Some(Tag {
                prefix: if tag == "O" { Prefix::O } else { Prefix::I },
                label: tag,
            });
        }
        let mut chars = tag.chars();
        let prefix = match (chars.next()?, self) {
            ('O', _) => Prefix::O,
            ('I', _) => Prefix::I,
            ('B', Self::Iob1 | Self::Iob2 | Self::Bioes | Self::Bilou) => Prefix::B,
            ('E', Self::Ioe1 | Self::Ioe2) => Prefix::E,
            ('E', Self::Bioes) | ('L', Self::Bilou) => Prefix::Last,
            ('S', Self::Bioes) | ('U', Self::Bilou) => Prefix::Single,
            _ => return None,
        };
        let label = chars.as_str().trim_matches('-');
        Some(Tag {
            prefix,
            label: if label.is_empty() { "_" } else { label },
        })
    }

    /// Whether an entity starts at `tag`.
    fn starts(self, previous: Tag<'_>, tag: Tag<'_>) -> bool {
        use Prefix::{B, E, I, O, Single};
        let same = previous.label == tag.label;
        match (self, previous.prefix, tag.prefix) {
            (Self::Iob1, O | B, I) => true,
            (Self::Iob1, I, I) => !same,
            (Self::Iob1, I | B, B) => same,
            (Self::Ioe1, O | E, I) => true,
            (Self::Ioe1, I, I) => !same,
            (Self::Ioe1, E, E) => same,
            (Self::Ioe2, O | E, I | E) => true,
            (Self::Ioe2, I, I | E) => !same,
            (Self::Iob2 | Self::Bioes | Self::Bilou, _, B | Single) => true,
            (Self::Plain, _, I) => true,
            _ => false,
        }
    }

    /// Whether `tag` carries on the entity of the tag before it.
    fn continues(self, previous: Tag<'_>, tag: Tag<'_>) -> bool {
        use Prefix::{B, E, I, Last};
        let goes_on = match self {
            Self::Ioe1 | Self::Ioe2 => matches!((previous.prefix, tag.prefix), (I, I | E)),
            _ => matches!((previous.prefix, tag.prefix), (B | I, I | Last)),
        };
        goes_on && previous.label == tag.label
    }

    /// Whether an entity whose last tag is `last` may end before `next`.
    fn ends(self, last: Tag<'_>, next: Tag<'_>) -> bool {
        use Prefix::{B, E, I, Last, O, Single};
        let same = last.label == next.label;
        match (self, last.prefix, next.prefix) {
            (Self::Iob1 | Self::Iob2, I | B, O) | (Self::Iob1 | Self::Iob2, I, B) => true,
            (Self::Iob1 | Self::Iob2, I | B, I) => !same,
            (Self::Iob1, B, B) => same,
            (Self::Iob2, B, B) => true,
            (Self::Ioe1, I, O) => true,
            (Self::Ioe1, I, I | E) => !same,
            (Self::Ioe1, E, I | E) => same,
            (Self::Ioe2, E, _) => true,
            (Self::Bioes | Self::Bilou, Last | Single, _) => true,
            (Self::Plain, _, _) => true,
            _ => false,
        }
    }

    /// The entities of one sentence in order.
    ///
    /// # Errors
    /// The index of the first tag that is not of this scheme.
    pub(crate) fn chunks<'a, S: AsRef<str>>(self, tags: &'a [S]) -> Result<Vec<Chunk<'a>>, usize> {
        let split = |(index, tag): (usize, &'a S)| self.split(tag.as_ref()).ok_or(index);
        let mut tags = tags
            .iter()
            .enumerate()
            .map(split)
            .collect::<Result<Vec<Tag<'a>>, usize>>()?;
        tags.push(Tag::OUTSIDE);
        let mut chunks = Vec::new();
        let mut previous = Tag::OUTSIDE;
        let mut start = 0;
        while start < tags.len() {
            let mut end = start + 1;
            if self.starts(previous, tags[start]) {
                while end < tags.len() && self.continues(tags[end - 1], tags[end]) {
                    end += 1;
                }
                if end < tags.len() && self.ends(tags[end - 1], tags[end]) {
                    chunks.push(Chunk {
                        start,
                        end,
                        label: tags[start].label,
                    });
                }
            }
            previous = tags[end - 1];
            start = end;
        }
        Ok(chunks)
    }
}

/// What a tag says of its word's place; the letters differ by scheme.
#[derive(Clone, Copy, PartialEq)]
enum Prefix {
    O,
    I,
    B,
    /// The end of an entity in IOE1 and IOE2, where it may stand alone.
    E,
    /// The last word of several: `E` in BIOES, `L` in BILOU.
    Last,
    /// The only word: `S` in BIOES, `U` in BILOU.
    Single,
}

#[derive(Clone, Copy)]
struct Tag<'a> {
    prefix: Prefix,
    label: &'a str,
}

impl Tag<'_> {
    const OUTSIDE: Tag<'static> = Tag {
        prefix: Prefix::O,
        label: "_",
    };
}

impl From<Scheme> for StrictScheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Iob1 => Self::Iob1,
            Scheme::Iob2 => Self::Iob2,
            Scheme::Bioes => Self::Bioes,
            Scheme::Bilou => Self::Bilou,
            Scheme::Plain => Self::Plain,
        }
    }
}

impl FromStr for StrictScheme {
    type Err = ScoreError;

    fn from_str(name: &str) -> Result<Self, ScoreError> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "iob1" => Self::Iob1,
            "iob2" | "bio" => Self::Iob2,
            "ioe1" => Self::Ioe1,
            "ioe2" => Self::Ioe2,
            "bioes" | "iobes" => Self::Bioes,
            "bilou" | "biluo" => Self::Bilou,
            "plain" | "io" => Self::Plain,
            _ => {
                return Err(ScoreError::Scheme {
                    name: name.to_owned(),
                });
            }
        })
    }
}

impl fmt::Display for StrictScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        scheme: StrictScheme,
        tags: &'static [&'static str],
    ) -> Vec<(usize, usize, &'static str)> {
        let chunks = scheme.chunks(tags).expect("tags of the scheme");
        chunks
            .iter()
            .map(|chunk| (chunk.start, chunk.end, chunk.label))
            .collect()
    }

    #[test]
    fn an_entity_without_its_begin_does_not_count() {
        assert_eq!(
            read(StrictScheme::Iob2, &["I-PER", "I-PER", "O", "B-LOC"]),
            [(3, 4, "LOC")]
        );
    }

    #[test]
    fn an_entity_without_its_end_does_not_count() {
        assert_eq!(
            read(StrictScheme::Bioes, &["B-PER", "I-PER", "O", "S-LOC"]),
            [(3, 4, "LOC")]
        );
        assert_eq!(
            read(StrictScheme::Bilou, &["B-PER", "L-PER", "U-PER"]),
            [(0, 2, "PER"), (2, 3, "PER")]
        );
    }

    #[test]
    fn a_run_of_one_bare_type_is_an_entity() {
        // The `O` that closes a sentence has another label than any type, so every run ends.
        assert_eq!(
            read(StrictScheme::Plain, &["PER", "PER", "LOC", "O", "LOC"]),
            [(0, 2, "PER"), (2, 3, "LOC"), (4, 5, "LOC")]
        );
    }

    #[test]
    fn a_prefix_of_another_scheme_is_named_by_its_place() {
        assert_eq!(StrictScheme::Iob2.chunks(&["O", "S-PER"]).unwrap_err(), 1);
    }

    #[test]
    fn every_name_reads_back() {
        for scheme in StrictScheme::ALL {
            assert_eq!(
                scheme.name().parse::<StrictScheme>().expect("a name"),
                scheme
            );
        }
        assert!("bio2".parse::<StrictScheme>().is_err());
    }
}
