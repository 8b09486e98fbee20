//! The order of the steps: all sequences of a batch together, from the longest to the shortest.

use super::Shape;

/// The sequences from the longest to the shortest, so that those that still run are the first.
pub(super) struct Steps {
    /// Borders of each sequence in the batch.
    sequences: Vec<(usize, usize)>,
}

impl Steps {
    pub(super) fn new(bounds: &[usize]) -> Self {
        let mut sequences: Vec<(usize, usize)> =
            bounds.windows(2).map(|pair| (pair[0], pair[1])).collect();
        sequences.sort_by_key(|(start, end)| std::cmp::Reverse(end - start));
        Self { sequences }
    }

    /// Steps of the longest sequence.
    pub(super) fn len(&self) -> usize {
        self.sequences.first().map_or(0, |(start, end)| end - start)
    }

    /// Sequences longer than `step`.
    pub(super) fn active(&self, step: usize) -> usize {
        self.sequences
            .partition_point(|(start, end)| end - start > step)
    }

    /// The row of the batch that a sequence reads in `step`.
    pub(super) fn row(&self, direction: usize, sequence: usize, step: usize) -> usize {
        let (start, end) = self.sequences[sequence];
        if direction == 0 {
            start + step
        } else {
            end - 1 - step
        }
    }

    /// The state before each row, `[D, T, N]`, from the states `out[T, D N]`: zero where a sequence begins.
    pub(super) fn states_before(&self, before: &mut Vec<f32>, out: &[f32], shape: Shape) {
        let (n, width) = (shape.hidden, shape.outputs());
        let rows = out.len() / width;
        before.resize(out.len(), 0.0);
        for d in 0..shape.directions {
            for sequence in 0..self.sequences.len() {
                for step in 0..self.active_steps(sequence) {
                    let to = &mut before[(d * rows + self.row(d, sequence, step)) * n..][..n];
                    match step.checked_sub(1) {
                        None => to.fill(0.0),
                        Some(step) => {
                            let from = self.row(d, sequence, step) * width + d * n;
                            to.copy_from_slice(&out[from..from + n]);
                        }
                    }
                }
            }
        }
    }

    fn active_steps(&self, sequence: usize) -> usize {
        self.sequences[sequence].1 - self.sequences[sequence].0
    }
}
