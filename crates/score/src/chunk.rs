//! Runs of tags that are read as entities.

/// An entity as found in tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    /// First word.
    pub(crate) start: usize,
    /// One past the last word; no two chunks of one sequence share it.
    pub(crate) end: usize,
    /// Entity type.
    pub(crate) label: &'a str,
}

/// The chunks that both sides have. Each side is in order of `end`.
pub(crate) fn common<'a>(gold: &[Chunk<'a>], predicted: &[Chunk<'_>]) -> Vec<Chunk<'a>> {
    let mut rest = predicted.iter().peekable();
    let mut found = Vec::new();
    for chunk in gold {
        while rest.next_if(|other| other.end < chunk.end).is_some() {}
        if rest.peek().is_some_and(|other| *other == chunk) {
            found.push(*chunk);
        }
    }
    found
}
