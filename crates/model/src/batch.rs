//! A packed batch.

/// Sequences laid end to end, without padding, and the rows that are scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Piece ids of all sequences, `[T]`.
    pub ids: Vec<u32>,
    /// Position of each piece in its sequence, `[T]`.
    pub positions: Vec<u32>,
    /// Borders of the sequences, `[S + 1]`, beginning with 0.
    pub bounds: Vec<usize>,
    /// Rows of `[T]` that are scored, `[W]`, ascending.
    pub rows: Vec<u32>,
    /// Gold tag of each scored row, `[W]`; empty in prediction.
    pub tags: Vec<u32>,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// A batch without sequences.
    pub fn new() -> Self {
        Self {
            ids: Vec::new(),
            positions: Vec::new(),
            bounds: vec![0],
            rows: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.positions.clear();
        self.bounds.truncate(1);
        self.rows.clear();
        self.tags.clear();
    }

    /// Adds a sequence: its piece ids with `[CLS]` and `[SEP]`, which of them are scored (ascending, counted from the
    /// sequence's start), and their gold tags (none in prediction).
    ///
    /// # Panics
    /// When a row lies outside the sequence, or tags are given that are not one a row.
    pub fn push(&mut self, ids: &[u32], rows: &[u32], tags: &[u32]) {
        assert!(
            rows.iter().all(|&row| (row as usize) < ids.len()),
            "a scored row lies outside its sequence"
        );
        assert!(
            tags.is_empty() || tags.len() == rows.len(),
            "{} tags for {} rows",
            tags.len(),
            rows.len()
        );
        let start = self.ids.len();
        self.ids.extend_from_slice(ids);
        self.positions.extend(0..ids.len() as u32);
        self.bounds.push(self.ids.len());
        self.rows.extend(rows.iter().map(|&row| start as u32 + row));
        self.tags.extend_from_slice(tags);
    }

    /// Pieces, `T`.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// Sequences, `S`.
    pub fn sequences(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Scored rows, `W`.
    pub fn words(&self) -> usize {
        self.rows.len()
    }
}
