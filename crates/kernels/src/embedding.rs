//! Embedding lookup and its backward, the scatter-add.

use crate::parallel::{Shared, for_chunks, split};
use crate::{ROWS_PER_TASK, vectorised};

/// `out[t] = word[ids[t]] + position[positions[t]] + kind[H]`, for `out[T, H]`.
///
/// `kind` is the token-type row, the same for all: NER has one segment.
pub fn forward(out: &mut [f32], ids: &[u32], positions: &[u32], tables: (&[f32], &[f32], &[f32])) {
    let h = tables.2.len();
    for_chunks([out], [ROWS_PER_TASK * h], |task, [out]| {
        let first = task * ROWS_PER_TASK;
        vectorised(
            #[inline(always)]
            || gather(out, &ids[first..], &positions[first..], tables),
        );
    });
}

/// The first rows of [`forward`], as many as `out` holds.
#[inline(always)]
fn gather(
    out: &mut [f32],
    ids: &[u32],
    positions: &[u32],
    (word, position, kind): (&[f32], &[f32], &[f32]),
) {
    let h = kind.len();
    for ((out, &id), &at) in out.chunks_exact_mut(h).zip(ids).zip(positions) {
        let (w, p) = (
            &word[id as usize * h..][..h],
            &position[at as usize * h..][..h],
        );
        for (((out, w), p), k) in out.iter_mut().zip(w).zip(p).zip(kind) {
            *out = w + p + k;
        }
    }
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
