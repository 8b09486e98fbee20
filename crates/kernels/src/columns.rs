//! Operations down the columns of a `[T, N]` matrix: adding a bias row, and its backward, the column sum.
//!
//! Idea of the sums: each thread takes some columns and walks all rows in order, so there are no partial
//! sums to combine and the order of additions is the order of the rows.

use crate::parallel::{Shared, for_chunks, split};
use crate::{ROWS_PER_TASK, vectorised};

/// Adds `bias[N]` to every row of `x[T, N]`.
pub fn add_bias(x: &mut [f32], bias: &[f32]) {
    for_chunks([x], [ROWS_PER_TASK * bias.len()], |_, [rows]| {
        vectorised(
            #[inline(always)]
            || {
                for row in rows.chunks_exact_mut(bias.len()) {
                    for (x, b) in row.iter_mut().zip(bias) {
                        *x += b;
                    }
                }
            },
        );
    });
}

/// Backward of [`add_bias`]: `out[N] = sum_t dx[t, N]` (`+ out` when accumulating).
pub fn sum_rows(out: &mut [f32], dx: &[f32], accumulate: bool) {
    let n = out.len();
    fold_columns(
        out,
        accumulate,
        dx.len() / n,
        #[inline(always)]
        |t, columns, out| {
            for (out, x) in out
                .iter_mut()
                .zip(&dx[t * n + columns.start..t * n + columns.end])
            {
                *out += x;
            }
        },
    );
}

/// Adds `x[T, N]` to the columns from `first` on of `y[T, M]`.
pub fn add_to_columns(y: &mut [f32], (first, m): (usize, usize), x: &[f32], n: usize) {
    assert_eq!(y.len() * n, x.len() * m, "as many rows of {m} as of {n}");
    for_chunks([y], [ROWS_PER_TASK * m], |task, [rows]| {
        let x = &x[task * ROWS_PER_TASK * n..];
        vectorised(
            #[inline(always)]
            || {
                for (y, x) in rows.chunks_exact_mut(m).zip(x.chunks_exact(n)) {
                    for (y, x) in y[first..first + n].iter_mut().zip(x) {
                        *y += x;
                    }
                }
            },
        );
    });
}

/// `out[T, N]` = the columns from `first` on of `x[T, M]`.
pub fn take_columns(out: &mut [f32], x: &[f32], (first, m): (usize, usize), n: usize) {
    assert_eq!(x.len() * n, out.len() * m, "as many rows of {m} as of {n}");
    for_chunks([out], [ROWS_PER_TASK * n], |task, [rows]| {
        let x = x[task * ROWS_PER_TASK * m..].chunks_exact(m);
        for (out, x) in rows.chunks_exact_mut(n).zip(x) {
            out.copy_from_slice(&x[first..first + n]);
        }
    });
}

/// `out[N] = sum_t a[t, N] b[t, N]` (`+ out` when accumulating).
pub fn sum_rows_of_product(out: &mut [f32], a: &[f32], b: &[f32], accumulate: bool) {
    let n = out.len();
    fold_columns(
        out,
        accumulate,
        a.len() / n,
        #[inline(always)]
        |t, columns, out| {
            let range = t * n + columns.start..t * n + columns.end;
            for ((out, x), y) in out.iter_mut().zip(&a[range.clone()]).zip(&b[range]) {
                *out = x.mul_add(*y, *out);
            }
        },
    );
}

/// Calls `add(t, columns, out[columns])` for every row in order, the columns cut between threads.
fn fold_columns(
    out: &mut [f32],
    accumulate: bool,
    rows: usize,
    add: impl Fn(usize, &std::ops::Range<usize>, &mut [f32]) + Sync,
) {
    if !accumulate {
        out.fill(0.0);
    }
    let n = out.len();
    let out = Shared::new(out);
    split(n, 64, usize::MAX, &|columns| {
        // SAFETY: each task has its own columns.
        let part = unsafe { out.slice(columns.clone()) };
        vectorised(
            #[inline(always)]
            || {
                for t in 0..rows {
                    add(t, &columns, part);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_to_columns_is_there_to_take_and_nowhere_else() {
        for (t, m, first, n) in [(0, 3, 1, 2), (1, 1, 0, 1), (37, 9, 3, 3), (70, 130, 64, 66)] {
            let x: Vec<f32> = (0..t * n).map(|i| (i as f32).sin()).collect();
            let (mut y, mut back) = (vec![1.0; t * m], vec![f32::NAN; t * n]);
            add_to_columns(&mut y, (first, m), &x, n);
            take_columns(&mut back, &y, (first, m), n);
            assert!(back.iter().zip(&x).all(|(got, x)| *got == 1.0 + x));
            let outside = |i: &usize| !(first..first + n).contains(&(i % m));
            assert!((0..t * m).filter(outside).all(|i| y[i] == 1.0));
        }
    }

    #[test]
    fn bias_and_sums_agree_with_plain_loops_on_odd_sizes() {
        for (t, n) in [(0, 3), (1, 1), (5, 17), (70, 130)] {
            let a: Vec<f32> = (0..t * n).map(|i| (i as f32).sin()).collect();
            let b: Vec<f32> = (0..t * n).map(|i| (i as f32).cos()).collect();
            let bias: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let mut x = a.clone();
            add_bias(&mut x, &bias);
            assert!(x.iter().enumerate().all(|(i, v)| *v == a[i] + bias[i % n]));
            let (mut sums, mut products) = (vec![1.0; n], vec![f32::NAN; n]);
            sum_rows(&mut sums, &a, true);
            sum_rows_of_product(&mut products, &a, &b, false);
            for j in 0..n {
                let sum: f32 = 1.0 + (0..t).map(|i| a[i * n + j]).sum::<f32>();
                let product: f32 = (0..t).map(|i| a[i * n + j] * b[i * n + j]).sum();
                assert!((sums[j] - sum).abs() < 1e-4 && (products[j] - product).abs() < 1e-4);
            }
        }
    }
}
