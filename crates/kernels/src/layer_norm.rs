//! Layer normalisation, alone and fused with what stands before it in BERT: bias, dropout and residual.
//!
//! Idea: the sum `dropout(x + bias) + residual`, its mean, its variance and the normalised row are made
//! while the row is in L1; unfused they are four passes over `[T, H]`.

use crate::dropout::Dropout;
use crate::math::{dot, sum};
use crate::parallel::for_chunks;
use crate::{ROWS_PER_TASK, columns, vectorised};

/// The learned scale and shift, `[H]` each, and the epsilon.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// Scale, `gamma[H]`.
    pub weight: &'a [f32],
    /// Shift, `beta[H]`.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

/// What the backward pass needs of a forward pass.
#[derive(Debug, Default, Clone)]
pub struct Saved {
    /// The rows before scale and shift, `[T, H]`.
    pub normalised: Vec<f32>,
    /// `1 / sqrt(var + eps)` of each row, `[T]`.
    pub rstd: Vec<f32>,
}

impl Saved {
    fn resize(&mut self, t: usize, h: usize) {
        self.normalised.resize(t * h, 0.0);
        self.rstd.resize(t, 0.0);
    }
}

/// `y = (x - mean) / sqrt(var + eps) * gamma + beta` of one row that lies in `normalised`; gives `rstd`.
#[inline(always)]
fn normalise_row(y: &mut [f32], normalised: &mut [f32], norm: &Norm<'_>) -> f32 {
    let h = y.len() as f32;
    let mean = sum(normalised) / h;
    for x in normalised.iter_mut() {
        *x -= mean;
    }
    let rstd = 1.0 / (dot(normalised, normalised) / h + norm.epsilon).sqrt();
    for (((y, x), gamma), beta) in y.iter_mut().zip(normalised).zip(norm.weight).zip(norm.bias) {
        *x *= rstd;
        *y = x.mul_add(*gamma, *beta);
    }
    rstd
}

/// `y = norm(x)`, for `[T, H]`.
pub fn forward(y: &mut [f32], saved: &mut Saved, x: &[f32], norm: Norm<'_>) {
    for_rows(
        y,
        saved,
        norm.weight.len(),
        #[inline(always)]
        |first, y, normalised, rstd| {
            let h = norm.weight.len();
            for (i, ((y, n), r)) in y
                .chunks_exact_mut(h)
                .zip(normalised.chunks_exact_mut(h))
                .zip(rstd.iter_mut())
                .enumerate()
            {
                n.copy_from_slice(&x[(first + i) * h..(first + i + 1) * h]);
                *r = normalise_row(y, n, &norm);
            }
        },
    );
}

/// Dropout of the rows of a matrix that are those `rows` of a larger one: an element is dropped alike in both.
#[derive(Debug, Clone, Copy)]
pub struct RowDropout<'a> {
    /// The dropout of the larger matrix.
    pub dropout: Dropout,
    /// Its rows that are here; all of them when `None`.
    pub rows: Option<&'a [u32]>,
}

impl RowDropout<'_> {
    #[inline(always)]
    fn apply(&self, x: &mut [f32], row: usize) {
        let row = self.rows.map_or(row, |rows| rows[row] as usize);
        self.dropout.apply(x, row * x.len());
    }
}

/// `y = norm(dropout(x + bias) + residual)`, for `[T, H]`: the end of both halves of a BERT layer.
pub fn forward_residual(
    y: &mut [f32],
    saved: &mut Saved,
    (x, bias, residual): (&[f32], &[f32], &[f32]),
    norm: Norm<'_>,
    dropout: RowDropout<'_>,
) {
    let h = norm.weight.len();
    for_rows(
        y,
        saved,
        h,
        #[inline(always)]
        |first, y, normalised, rstd| {
            for (i, ((y, n), r)) in y
                .chunks_exact_mut(h)
                .zip(normalised.chunks_exact_mut(h))
                .zip(rstd.iter_mut())
                .enumerate()
            {
                let row = (first + i) * h..(first + i + 1) * h;
                for ((n, x), b) in n.iter_mut().zip(&x[row.clone()]).zip(bias) {
                    *n = x + b;
                }
                dropout.apply(n, first + i);
                for (n, r) in n.iter_mut().zip(&residual[row]) {
                    *n += r;
                }
                *r = normalise_row(y, n, &norm);
            }
        },
    );
}

/// Hands tasks `(first row, y rows, normalised rows, rstd)`, vectorised.
fn for_rows(
    y: &mut [f32],
    saved: &mut Saved,
    h: usize,
    body: impl Fn(usize, &mut [f32], &mut [f32], &mut [f32]) + Sync,
) {
    saved.resize(y.len() / h, h);
    let sizes = [ROWS_PER_TASK * h, ROWS_PER_TASK * h, ROWS_PER_TASK];
    for_chunks(
        [y, &mut saved.normalised, &mut saved.rstd],
        sizes,
        |task, [y, n, r]| {
            vectorised(
                #[inline(always)]
                || body(task * ROWS_PER_TASK, y, n, r),
            );
        },
    );
}

/// Backward of [`forward`] to the input, and of [`forward_residual`] to its two inputs.
///
/// `dsum[T, H]` receives the gradient of the normalised sum, which is that of the residual; `dx[T, H]`, when given,
/// that of `x` behind the dropout (and so, summed over rows, of the bias).
///
/// `dsum = rstd (g - mean(g) - n mean(g n))` with `g = dy gamma` and `n` the normalised row.
pub fn backward(
    dsum: &mut [f32],
    dx: Option<&mut [f32]>,
    dy: &[f32],
    saved: &Saved,
    weight: &[f32],
    dropout: RowDropout<'_>,
) {
    let h = weight.len();
    let chunk = ROWS_PER_TASK * h;
    match dx {
        None => for_chunks([dsum], [chunk], |task, [dsum]| {
            vectorised(
                #[inline(always)]
                || {
                    for (i, dsum) in dsum.chunks_exact_mut(h).enumerate() {
                        backward_row(dsum, dy, saved, weight, task * ROWS_PER_TASK + i);
                    }
                },
            );
        }),
        Some(dx) => for_chunks([dsum, dx], [chunk; 2], |task, [dsum, dx]| {
            vectorised(
                #[inline(always)]
                || {
                    for (i, (dsum, dx)) in dsum
                        .chunks_exact_mut(h)
                        .zip(dx.chunks_exact_mut(h))
                        .enumerate()
                    {
                        let t = task * ROWS_PER_TASK + i;
                        backward_row(dsum, dy, saved, weight, t);
                        dx.copy_from_slice(dsum);
                        dropout.apply(dx, t);
                    }
                },
            );
        }),
    }
}

/// The gradient of row `t` of the sum.
#[inline(always)]
fn backward_row(dsum: &mut [f32], dy: &[f32], saved: &Saved, weight: &[f32], t: usize) {
    let h = weight.len();
    let (dy, n) = (
        &dy[t * h..(t + 1) * h],
        &saved.normalised[t * h..(t + 1) * h],
    );
    for ((g, dy), gamma) in dsum.iter_mut().zip(dy).zip(weight) {
        *g = dy * gamma;
    }
    let (mean, along) = (sum(dsum) / h as f32, dot(dsum, n) / h as f32);
    let rstd = saved.rstd[t];
    for (g, n) in dsum.iter_mut().zip(n) {
        *g = (*g - mean - n * along) * rstd;
    }
}

/// Backward to scale and shift: `dgamma = sum_t dy n`, `dbeta = sum_t dy` (`+` what is there when accumulating).
pub fn backward_parameters(
    dweight: &mut [f32],
    dbias: &mut [f32],
    dy: &[f32],
    saved: &Saved,
    accumulate: bool,
) {
    columns::sum_rows_of_product(dweight, dy, &saved.normalised[..dy.len()], accumulate);
    columns::sum_rows(dbias, dy, accumulate);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 37 + seed * 101) as f32 * 0.61).sin() * 1.3)
            .collect()
    }

    /// The plain reference: one row of `norm(x)` in f64.
    fn reference_row(x: &[f64], gamma: &[f32], beta: &[f32], epsilon: f64) -> Vec<f64> {
        let h = x.len() as f64;
        let mean = x.iter().sum::<f64>() / h;
        let var = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / h;
        x.iter()
            .zip(gamma.iter().zip(beta))
            .map(|(v, (g, b))| (v - mean) / (var + epsilon).sqrt() * f64::from(*g) + f64::from(*b))
            .collect()
    }

    fn whole(dropout: Dropout) -> RowDropout<'static> {
        RowDropout {
            dropout,
            rows: None,
        }
    }

    /// The operands of [`forward_residual`] on `[t, h]`, and the gradient of its result.
    struct Case {
        x: Vec<f32>,
        bias: Vec<f32>,
        residual: Vec<f32>,
        gamma: Vec<f32>,
        beta: Vec<f32>,
        dy: Vec<f32>,
        dropout: Dropout,
    }

    impl Case {
        fn new(t: usize, h: usize) -> Self {
            Self {
                x: noise(t * h, 1),
                bias: noise(h, 2),
                residual: noise(t * h, 3),
                gamma: noise(h, 4),
                beta: noise(h, 5),
                dy: noise(t * h, 6),
                dropout: Dropout::new(0.3, 1, 2, 3),
            }
        }

        fn forward(&self) -> (Vec<f32>, Saved) {
            let (mut y, mut saved) = (vec![0.0; self.x.len()], Saved::default());
            let norm = Norm {
                weight: &self.gamma,
                bias: &self.beta,
                epsilon: 1e-12,
            };
            forward_residual(
                &mut y,
                &mut saved,
                (&self.x, &self.bias, &self.residual),
                norm,
                whole(self.dropout),
            );
            (y, saved)
        }

        fn reference(&self) -> Vec<f64> {
            let h = self.bias.len();
            let sum: Vec<f64> = (0..self.x.len())
                .map(|i| {
                    f64::from(self.x[i] + self.bias[i % h])
                        * f64::from(self.dropout.factor(i as u32))
                        + f64::from(self.residual[i])
                })
                .collect();
            sum.chunks(h)
                .flat_map(|row| reference_row(row, &self.gamma, &self.beta, 1e-12))
                .collect()
        }
    }

    #[test]
    fn forward_agrees_with_the_plain_reference_on_odd_sizes() {
        for (t, h) in [(0, 4), (1, 3), (33, 17), (65, 48)] {
            let case = Case::new(t, h);
            for (got, want) in case.forward().0.iter().zip(case.reference()) {
                assert!((f64::from(*got) - want).abs() < 2e-5, "{got} is not {want}");
            }
        }
    }

    #[test]
    fn backward_is_the_derivative_of_forward() {
        let (t, h) = (3, 19);
        let mut case = Case::new(t, h);
        let (_, saved) = case.forward();
        let (mut dsum, mut dx) = (vec![0.0; t * h], vec![0.0; t * h]);
        backward(
            &mut dsum,
            Some(&mut dx),
            &case.dy,
            &saved,
            &case.gamma,
            whole(case.dropout),
        );
        let mut loss = |i: usize, x: f32| -> f64 {
            let at = std::mem::replace(&mut case.x[i], x);
            let products = case.reference();
            case.x[i] = at;
            let products = products.iter().zip(&case.dy);
            products.map(|(a, b)| a * f64::from(*b)).sum()
        };
        let (x, step) = (noise(t * h, 1), 1e-2);
        for i in 0..t * h {
            let want = (loss(i, x[i] + step) - loss(i, x[i] - step)) / (2.0 * f64::from(step));
            assert!(
                (f64::from(dx[i]) - want).abs() < 2e-3,
                "dx[{i}] = {} is not {want}",
                dx[i]
            );
        }
    }
}
