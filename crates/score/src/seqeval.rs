//! How seqeval 1.2.2 reads tags in its default mode (`get_entities`).
//!
//! Any tag sequence has a reading. A tag is its first character and what follows the first hyphen
//! after it, so that the bare type `PER` is read as prefix `P` and type `ER`.

use crate::chunk::Chunk;

/// The type of a tag that names none.
const UNNAMED: &str = "_";

/// A tag as seqeval splits it.
#[derive(Clone, Copy, PartialEq)]
struct Tag<'a> {
    prefix: char,
    label: &'a str,
}

impl<'a> Tag<'a> {
    const OUTSIDE: Tag<'static> = Tag {
        prefix: 'O',
        label: UNNAMED,
    };

    fn split(tag: &'a str) -> Self {
        let mut chars = tag.chars();
        let prefix = chars.next().unwrap_or('O');
        let rest = chars.as_str();
        let label = rest.split_once('-').map_or(rest, |(_, label)| label);
        Tag {
            prefix,
            label: if label.is_empty() { UNNAMED } else { label },
        }
    }

    /// `end_of_chunk`: whether a chunk that `self` belongs to ends before `next`.
    fn ends_before(self, next: Self) -> bool {
        match (self.prefix, next.prefix) {
            ('E' | 'S', _) | ('B' | 'I', 'B' | 'S' | 'O') => true,
            ('O' | '.', _) => false,
            _ => self.label != next.label,
        }
    }

    /// `start_of_chunk`: whether a chunk starts at `self`.
    fn starts_after(self, previous: Self) -> bool {
        match (previous.prefix, self.prefix) {
            (_, 'B' | 'S') | ('E' | 'S' | 'O', 'E' | 'I') => true,
            (_, 'O' | '.') => false,
            _ => self.label != previous.label,
        }
    }
}

/// Reads the sentences of one side, in order.
///
/// seqeval lays all sentences end to end, one `O` after each. A chunk may end that never started,
/// as of the lone tag `P`; it then reaches back to wherever the last chunk started, which may be
/// in an earlier sentence. So word positions and that start run through the whole corpus.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    position: usize,
    start: usize,
}

impl Reader {
    /// The entities of the next sentence, in order of their ends, by words counted over the corpus.
    pub(crate) fn chunks<'a, S: AsRef<str>>(&mut self, tags: &'a [S]) -> Vec<Chunk<'a>> {
        let mut chunks = Vec::new();
        let mut previous = Tag::OUTSIDE;
        let closed = tags
            .iter()
            .map(|tag| Tag::split(tag.as_ref()))
            .chain([Tag::OUTSIDE]);
        for tag in closed {
            if previous.ends_before(tag) {
                chunks.push(Chunk {
                    start: self.start,
                    end: self.position,
                    label: previous.label,
                });
            }
            if tag.starts_after(previous) {
                self.start = self.position;
            }
            previous = tag;
            self.position += 1;
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tags: &'static str) -> Vec<(usize, usize, &'static str)> {
        let tags: Vec<&'static str> = tags.split(' ').collect();
        let tags: &'static [&'static str] = tags.leak();
        let chunks = Reader::default().chunks(tags);
        chunks
            .iter()
            .map(|chunk| (chunk.start, chunk.end, chunk.label))
            .collect()
    }

    #[test]
    fn an_inside_tag_without_a_begin_starts_an_entity() {
        assert_eq!(read("O I-PER I-PER O"), [(1, 3, "PER")]);
        assert_eq!(read("B-PER I-LOC"), [(0, 1, "PER"), (1, 2, "LOC")]);
    }

    #[test]
    fn the_type_may_contain_hyphens_and_may_be_missing() {
        assert_eq!(read("B-geo-loc I-geo-loc"), [(0, 2, "geo-loc")]);
        assert_eq!(read("B I O"), [(0, 2, "_")]);
    }

    #[test]
    fn a_bare_type_loses_its_first_letter() {
        assert_eq!(read("PER PER O"), [(0, 2, "ER")]);
    }
}
