//! Embedding lookup and its backward, the scatter-add.

use crate::parallel::{Shared, split};
use crate::{ROWS_PER_TASK, vectorised};
use rayon::prelude::*;

/// `out[t] = word[ids[t]] + position[positions[t]] + kind[H]`, for `out[T, H]`.
///
/// `kind` is the token-type row, the same for all: NER has one segment.
pub fn forward(
    out: &mut [f32],
    ids: &[u32],
    positions: &[u32],
    (word, position, kind): (&[f32], &[f32], &[f32]),
) {
    let h = kind.len();
    let rows = |out: &mut [f32], first: usize| {
        for (i, out) in out.chunks_exact_mut(h).enumerate() {
            let (id, at) = (ids[first + i] as usize, positions[first + i] as usize);
            let (w, p) = (&word[id * h..(id + 1) * h], &position[at * h..(at + 1) * h]);
            for (((out, w), p), k) in out.iter_mut().zip(w).zip(p).zip(kind) {
                *out = w + p + k;
            }
        }
    };
    out.par_chunks_mut(ROWS_PER_TASK * h)
        .enumerate()
        .for_each(|(task, out)| {
            vectorised(
                #[inline(always)]
                || rows(out, task * ROWS_PER_TASK),
            );
        });
}

/// `table[ids[t]] += dout[t]` for `t` in order: each thread takes some columns, so rows met twice need no lock
/// and add up in the order of `t`.
pub fn backward(table: &mut [f32], ids: &[u32], dout: &[f32], h: usize) {
    let table = Shared::new(table);
    split(h, 64, usize::MAX, &|columns| {
        vectorised(
            #[inline(always)]
            || {
                for (&id, dout) in ids.iter().zip(dout.chunks_exact(h)) {
                    let start = id as usize * h;
                    // SAFETY: each task has its own columns of every row.
                    let row = unsafe { table.slice(start + columns.start..start + columns.end) };
                    for (row, d) in row.iter_mut().zip(&dout[columns.clone()]) {
                        *row += d;
                    }
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_and_scatter_agree_with_plain_loops() {
        let h = 5;
        let table = |n: usize, f: f32| -> Vec<f32> { (0..n * h).map(|i| i as f32 * f).collect() };
        let (word, position, kind) = (table(7, 1.0), table(4, 0.1), table(1, 0.01));
        let (ids, positions) = ([3, 0, 3, 6], [0, 1, 2, 0]);
        let mut out = vec![0.0; 4 * h];
        forward(&mut out, &ids, &positions, (&word, &position, &kind));
        let mut gradient = vec![0.0; 7 * h];
        backward(&mut gradient, &ids, &out, h);
        for t in 0..4 {
            for j in 0..h {
                let (id, at) = (ids[t] as usize, positions[t] as usize);
                assert_eq!(
                    out[t * h + j],
                    word[id * h + j] + position[at * h + j] + kind[j]
                );
            }
        }
        for j in 0..h {
            assert_eq!(gradient[3 * h + j], out[j] + out[2 * h + j]);
            assert_eq!(gradient[h + j], 0.0);
        }
    }
}
