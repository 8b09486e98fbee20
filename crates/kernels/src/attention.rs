//! Scaled dot-product self-attention over a packed batch, every sequence attending to itself alone.
//!
//! Idea: no `[L, L]` matrix is kept. The forward pass keeps one number a row, the log of the sum of exponentials, from
//! which the backward pass makes the probabilities again with one small product (as FlashAttention does:
//! Dao et al. 2022, algorithm 4). A task is one head of one sequence; its two `[L, L]` matrices stay in L2.

use crate::dropout::Dropout;
use crate::math::{exp, max, sum};
use crate::matmul::{View, product};
use crate::parallel::{Shared, run};
use crate::vectorised;
use std::cell::RefCell;
use std::ops::Range;

/// The shape of an attention: the sequences of the packed batch, and the heads.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// Borders of the sequences: sequence `s` has rows `bounds[s]..bounds[s + 1]`.
    pub bounds: &'a [usize],
    /// Heads, `A`.
    pub heads: usize,
    /// Elements of a head, `D`.
    pub head_size: usize,
}

impl Shape<'_> {
    /// # Panics
    /// When the borders are not ascending from 0 to the number of rows: tasks would write the same rows, or leave some out.
    fn check(&self, elements: usize) {
        let bounds = self.bounds;
        assert!(
            bounds.is_sorted()
                && bounds.first() == Some(&0)
                && bounds.last().map(|t| t * self.hidden()) == Some(elements),
            "the borders {bounds:?} do not cut {elements} elements into sequences"
        );
    }

    /// `H = A D`.
    fn hidden(&self) -> usize {
        self.heads * self.head_size
    }

    /// Runs `body` on every head of every sequence.
    fn for_heads(&self, body: impl Fn(Head) + Sync) {
        let sequences = self.bounds.len().saturating_sub(1);
        // Elements of the probability matrices before each sequence: the dropout index.
        let mut before = Vec::with_capacity(sequences);
        let mut total = 0;
        for pair in self.bounds.windows(2) {
            before.push(total);
            total += self.heads * (pair[1] - pair[0]).pow(2);
        }
        run(sequences * self.heads, &|task| {
            let (s, head) = (task / self.heads, task % self.heads);
            let rows = self.bounds[s]..self.bounds[s + 1];
            let len = rows.len();
            if len == 0 {
                return;
            }
            body(Head {
                rows,
                head,
                first_index: before[s] + head * len * len,
            });
        });
    }

    /// The query (0), key (1) or value (2) of a head as a `[L, D]` view into `qkv[T, 3H]`.
    fn part<'a>(&self, qkv: &'a [f32], head: &Head, part: usize) -> View<'a> {
        let stride = 3 * self.hidden();
        let start = head.rows.start * stride + part * self.hidden() + head.head * self.head_size;
        View {
            data: &qkv[start.min(qkv.len())..],
            row_stride: stride,
            column_stride: 1,
        }
    }

    /// A head's columns of a `[T, H]` matrix.
    fn context<'a>(&self, matrix: &'a [f32], head: &Head) -> View<'a> {
        let start = self.context_start(head);
        View {
            data: &matrix[start.min(matrix.len())..],
            row_stride: self.hidden(),
            column_stride: 1,
        }
    }

    fn context_start(&self, head: &Head) -> usize {
        head.rows.start * self.hidden() + head.head * self.head_size
    }

    /// `1 / sqrt(D)`.
    fn scale(&self) -> f32 {
        1.0 / (self.head_size as f32).sqrt()
    }
}

/// One head of one sequence.
struct Head {
    rows: Range<usize>,
    head: usize,
    /// Dropout index of element (0, 0) of its probabilities.
    first_index: usize,
}

fn transposed(view: View<'_>) -> View<'_> {
    View {
        row_stride: view.column_stride,
        column_stride: view.row_stride,
        ..view
    }
}

fn square(data: &[f32], len: usize) -> View<'_> {
    View {
        data,
        row_stride: len,
        column_stride: 1,
    }
}

thread_local! {
    /// Two `[L, L]` matrices, reused by every head that a thread works on.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Lends a task `count` matrices of `len * len` floats, holding anything.
fn with_scratch<R>(len: usize, count: usize, body: impl FnOnce(&mut [f32]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < count * len * len {
            scratch.resize(count * len * len, 0.0);
        }
        body(&mut scratch[..count * len * len])
    })
}

/// `scores[L, L] = q k^T / sqrt(D)`.
fn scores(out: &mut [f32], shape: Shape<'_>, qkv: &[f32], head: &Head) {
    let len = head.rows.len();
    let (q, k) = (
        shape.part(qkv, head, 0),
        transposed(shape.part(qkv, head, 1)),
    );
    // SAFETY: `out` is `[L, L]` and borrowed mutably.
    unsafe {
        product(
            (len, len, shape.head_size),
            out.as_mut_ptr(),
            len,
            q,
            k,
            shape.scale(),
            false,
        )
    };
}

/// `context[T, H] = dropout(softmax(q k^T / sqrt(D))) v`, for `qkv[T, 3H]` with the biases added.
///
/// `log_sums[T, A]` receives the log of each row's sum of exponentials.
pub fn forward(
    context: &mut [f32],
    log_sums: &mut [f32],
    qkv: &[f32],
    shape: Shape<'_>,
    dropout: Dropout,
) {
    let h = shape.hidden();
    shape.check(context.len());
    assert_eq!(qkv.len(), 3 * context.len(), "qkv is not [T, 3H]");
    assert_eq!(
        log_sums.len() * h,
        context.len() * shape.heads,
        "log_sums is not [T, A]"
    );
    let (context, log_sums) = (Shared::new(context), Shared::new(log_sums));
    shape.for_heads(|head| {
        let len = head.rows.len();
        with_scratch(len, 1, |p| {
            scores(p, shape, qkv, &head);
            vectorised(
                #[inline(always)]
                || {
                    for (i, row) in p.chunks_exact_mut(len).enumerate() {
                        let at = (head.rows.start + i) * shape.heads + head.head;
                        // SAFETY: only this task has this row of this head.
                        let log_sum = unsafe { log_sums.slice(at..at + 1) };
                        log_sum[0] = softmax_row(row);
                        dropout.apply(row, head.first_index + i * len);
                    }
                },
            );
            // SAFETY: each task writes the columns of its head in the rows of its sequence.
            unsafe {
                let out = context.at(shape.context_start(&head));
                product(
                    (len, shape.head_size, len),
                    out,
                    h,
                    square(p, len),
                    shape.part(qkv, &head, 2),
                    1.0,
                    false,
                );
            }
        });
    });
}

/// Softmax in place; gives `ln sum exp`.
#[inline(always)]
fn softmax_row(row: &mut [f32]) -> f32 {
    let top = max(row);
    for x in row.iter_mut() {
        *x = exp(*x - top);
    }
    let total = sum(row);
    let scale = 1.0 / total;
    for x in row.iter_mut() {
        *x *= scale;
    }
    top + total.ln()
}

/// Backward of [`forward`]: `dqkv[T, 3H]` from `dcontext[T, H]`.
///
/// With `P` the probabilities, `M` the dropout factors and `R = M P`:
/// `dV = R^T dO`, `dR = dO V^T`, `D_i = sum_j R_ij dR_ij`, `dS = R dR - P D`, `dQ = dS K / sqrt(D)`, `dK = dS^T Q / sqrt(D)`.
pub fn backward(
    dqkv: &mut [f32],
    dcontext: &[f32],
    (log_sums, qkv): (&[f32], &[f32]),
    shape: Shape<'_>,
    dropout: Dropout,
) {
    shape.check(dcontext.len());
    assert_eq!(dqkv.len(), 3 * dcontext.len(), "dqkv is not [T, 3H]");
    assert_eq!(dqkv.len(), qkv.len(), "dqkv and qkv differ in shape");
    let stride = 3 * shape.hidden();
    let (d, scale) = (shape.head_size, shape.scale());
    let dqkv = Shared::new(dqkv);
    shape.for_heads(|head| {
        let len = head.rows.len();
        with_scratch(len, 2, |scratch| {
            let (p, dp) = scratch.split_at_mut(len * len);
            let dout = shape.context(dcontext, &head);
            scores(p, shape, qkv, &head);
            let value = transposed(shape.part(qkv, &head, 2));
            // SAFETY: `dp` is `[L, L]` and borrowed mutably.
            unsafe { product((len, len, d), dp.as_mut_ptr(), len, dout, value, 1.0, false) };
            vectorised(
                #[inline(always)]
                || {
                    for (i, (p, dp)) in p
                        .chunks_exact_mut(len)
                        .zip(dp.chunks_exact_mut(len))
                        .enumerate()
                    {
                        let log_sum = log_sums[(head.rows.start + i) * shape.heads + head.head];
                        backward_row(p, dp, log_sum, head.first_index + i * len, dropout);
                    }
                },
            );
            let start =
                |part: usize| head.rows.start * stride + part * shape.hidden() + head.head * d;
            let (q, k) = (shape.part(qkv, &head, 0), shape.part(qkv, &head, 1));
            let (r, ds) = (square(p, len), square(dp, len));
            // SAFETY: each task writes its head's columns of its sequence's rows, in three parts that do not overlap.
            unsafe {
                product(
                    (len, d, len),
                    dqkv.at(start(2)),
                    stride,
                    transposed(r),
                    dout,
                    1.0,
                    false,
                );
                product(
                    (len, d, len),
                    dqkv.at(start(0)),
                    stride,
                    ds,
                    k,
                    scale,
                    false,
                );
                product(
                    (len, d, len),
                    dqkv.at(start(1)),
                    stride,
                    transposed(ds),
                    q,
                    scale,
                    false,
                );
            }
        });
    });
}

/// One row: the scores in `p` become `R`, the gradients `dR` in `dp` become `dS`.
#[inline(always)]
fn backward_row(p: &mut [f32], dp: &mut [f32], log_sum: f32, first_index: usize, dropout: Dropout) {
    for x in p.iter_mut() {
        *x = exp(*x - log_sum);
    }
    if dropout.is_none() {
        let along = crate::math::dot(p, dp);
        for (p, dp) in p.iter().zip(dp) {
            *dp = p * (*dp - along);
        }
        return;
    }
    let first = first_index as u32;
    // dR becomes M dR, so that D = sum P M dR; P becomes R only after dS is made of it.
    for (j, dp) in dp.iter_mut().enumerate() {
        *dp *= dropout.factor(first.wrapping_add(j as u32));
    }
    let along = crate::math::dot(p, dp);
    for (p, dp) in p.iter().zip(dp) {
        *dp = p * (*dp - along);
    }
    dropout.apply(p, first_index);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape<'_> = Shape {
        bounds: &[0, 5, 5, 6, 23],
        heads: 3,
        head_size: 4,
    };

    fn noise(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 31 + seed * 17) as f32 * 0.37).sin())
            .collect()
    }

    /// The plain reference in f64.
    fn reference(qkv: &[f64], shape: Shape<'_>, dropout: Dropout) -> Vec<f64> {
        let (h, d) = (shape.hidden(), shape.head_size);
        let mut out = vec![0.0; qkv.len() / 3];
        let mut index = 0;
        for pair in shape.bounds.windows(2) {
            for a in 0..shape.heads {
                let at = |t: usize, part: usize, c: usize| qkv[t * 3 * h + part * h + a * d + c];
                for i in pair[0]..pair[1] {
                    let score = |j| {
                        (0..d).map(|c| at(i, 0, c) * at(j, 1, c)).sum::<f64>() / (d as f64).sqrt()
                    };
                    let total: f64 = (pair[0]..pair[1]).map(|j| score(j).exp()).sum();
                    for j in pair[0]..pair[1] {
                        let p = score(j).exp() / total * f64::from(dropout.factor(index));
                        index += 1;
                        for c in 0..d {
                            out[i * h + a * d + c] += p * at(j, 2, c);
                        }
                    }
                }
            }
        }
        out
    }

    fn widen(x: &[f32]) -> Vec<f64> {
        x.iter().map(|&v| f64::from(v)).collect()
    }

    #[test]
    fn forward_agrees_with_the_plain_reference_over_ragged_and_empty_sequences() {
        let (t, h) = (23, SHAPE.hidden());
        for dropout in [Dropout::NONE, Dropout::new(0.3, 5, 6, 7)] {
            let qkv = noise(t * 3 * h, 1);
            let (mut context, mut log_sums) =
                (vec![f32::NAN; t * h], vec![f32::NAN; t * SHAPE.heads]);
            forward(&mut context, &mut log_sums, &qkv, SHAPE, dropout);
            for (got, want) in context.iter().zip(reference(&widen(&qkv), SHAPE, dropout)) {
                assert!((f64::from(*got) - want).abs() < 1e-5, "{got} is not {want}");
            }
        }
    }

    #[test]
    fn backward_is_the_derivative_of_forward() {
        let (t, h) = (23, SHAPE.hidden());
        for dropout in [Dropout::NONE, Dropout::new(0.3, 5, 6, 7)] {
            let (qkv, dcontext) = (noise(t * 3 * h, 1), noise(t * h, 2));
            let (mut context, mut log_sums) = (vec![0.0; t * h], vec![0.0; t * SHAPE.heads]);
            forward(&mut context, &mut log_sums, &qkv, SHAPE, dropout);
            let mut dqkv = vec![f32::NAN; t * 3 * h];
            backward(&mut dqkv, &dcontext, (&log_sums, &qkv), SHAPE, dropout);
            let mut wide = widen(&qkv);
            for i in (0..wide.len()).step_by(7) {
                let at = wide[i];
                let mut side = |x: f64| -> f64 {
                    wide[i] = x;
                    reference(&wide, SHAPE, dropout)
                        .iter()
                        .zip(&dcontext)
                        .map(|(a, b)| a * f64::from(*b))
                        .sum()
                };
                let want = (side(at + 1e-5) - side(at - 1e-5)) / 2e-5;
                wide[i] = at;
                assert!(
                    (f64::from(dqkv[i]) - want).abs() < 2e-5,
                    "dqkv[{i}] = {} is not {want}",
                    dqkv[i]
                );
            }
        }
    }
}
