//! Matrix products: on the tile unit where there is one (the module `tiles`), else on the `gemm` crate.
//!
//! Idea of the latter: each thread takes a contiguous part of the larger free dimension and runs a single-threaded
//! product on it, so that a product costs one fork and every thread packs its own part of the
//! weights only. On 2 AVX-512 cores at T = 160, K = 1536, N = 384, `gemm`'s own two threads gave 150 GFLOP/s for the product with
//! `[out, in]` weights; half of it on one thread alone gives 130.
//!
//! Where the borders fall must not change a bit. `gemm` adds up in an order that follows from the inner dimension,
//! except that outputs of at most 256 elements, at most 64 x 64 elements, or a single row or column go other ways; so parts are kept larger than
//! that (`MIN_PART`, `MIN_OTHER`), and products too small to be cut so run on one thread. Tested below.

use crate::parallel::{Shared, split};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::tiles;
use gemm::{Parallelism, gemm};

/// Least length of a part along the dimension that is cut: above `gemm`'s 64 even after rounding to `ALIGN`.
const MIN_PART: usize = 96;
/// Least length of the other free dimension for a product to be cut at all.
const MIN_OTHER: usize = 16;
/// Borders between threads fall on multiples of this: a whole cache line and register.
const ALIGN: usize = 16;

/// A matrix view for [`product`]: element `(i, j)` at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl View<'_> {
    /// Whether an `rows x columns` matrix of these strides lies within the data.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0
            || columns == 0
            || (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.data.len()
    }
}

/// `out[m, n] = accumulate * out + scale * left[m, k] right[k, n]` on one thread, written at `out` with
/// the given row stride.
///
/// # Safety
/// `out` must be valid for writes (and reads, when accumulating) of `m` rows of `n` elements at that stride, and
/// nobody else may touch them.
pub(crate) unsafe fn product(
    (m, n, k): (usize, usize, usize),
    out: *mut f32,
    out_stride: usize,
    left: View<'_>,
    right: View<'_>,
    scale: f32,
    accumulate: bool,
) {
    assert!(
        left.holds(m, k) && right.holds(k, n),
        "a product reads past its operands"
    );
    if m == 0 || n == 0 {
        return;
    }
    // SAFETY: both operands were just checked to lie within their slices; `out` is the caller's promise.
    unsafe {
        gemm(
            m,
            n,
            k,
            out,
            1,
            out_stride as isize,
            accumulate,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// `out = left right (+ out)`, `out` being a whole `[m, n]` matrix, on all threads.
fn product_parallel(
    (m, n, k): (usize, usize, usize),
    out: &mut [f32],
    left: View<'_>,
    right: View<'_>,
    accumulate: bool,
) {
    assert_eq!(out.len(), m * n, "the product's output is not [{m}, {n}]");
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if tiles::pays((m, n, k)) {
        return tiles::product((m, n, k), out, left, right, accumulate);
    }
    gemm_parallel((m, n, k), out, left, right, accumulate);
}

/// [`product_parallel`] on any CPU.
fn gemm_parallel(
    (m, n, k): (usize, usize, usize),
    out: &mut [f32],
    left: View<'_>,
    right: View<'_>,
    accumulate: bool,
) {
    let out = Shared::new(out);
    let parts = |len: usize, other: usize| if other < MIN_OTHER { 1 } else { len / MIN_PART };
    if m >= 2 * n {
        split(m, ALIGN, parts(m, n), &|rows| {
            let left = View {
                data: &left.data[(rows.start * left.row_stride).min(left.data.len())..],
                ..left
            };
            // SAFETY: each task writes its own rows of `out`.
            unsafe {
                product(
                    (rows.len(), n, k),
                    out.at(rows.start * n),
                    n,
                    left,
                    right,
                    1.0,
                    accumulate,
                )
            };
        });
    } else {
        split(n, ALIGN, parts(n, m), &|columns| {
            let right = View {
                data: &right.data[(columns.start * right.column_stride).min(right.data.len())..],
                ..right
            };
            // SAFETY: each task writes its own columns of `out`.
            unsafe {
                product(
                    (m, columns.len(), k),
                    out.at(columns.start),
                    n,
                    left,
                    right,
                    1.0,
                    accumulate,
                )
            };
        });
    }
}

/// Linear forward without bias: `y[T, N] = x[T, K] w[N, K]^T`.
pub fn linear_forward(y: &mut [f32], x: &[f32], w: &[f32], n: usize, k: usize) {
    let t = rows(x, k);
    assert_eq!(w.len(), n * k, "the weight is not [{n}, {k}]");
    let left = View {
        data: x,
        row_stride: k,
        column_stride: 1,
    };
    let right = View {
        data: w,
        row_stride: 1,
        column_stride: k,
    };
    product_parallel((t, n, k), y, left, right, false);
}

/// Linear backward to the input: `dx[T, K] = dy[T, N] w[N, K]` (`+ dx` when accumulating).
pub fn linear_backward_input(
    dx: &mut [f32],
    dy: &[f32],
    w: &[f32],
    n: usize,
    k: usize,
    accumulate: bool,
) {
    let t = rows(dy, n);
    assert_eq!(w.len(), n * k, "the weight is not [{n}, {k}]");
    let left = View {
        data: dy,
        row_stride: n,
        column_stride: 1,
    };
    let right = View {
        data: w,
        row_stride: k,
        column_stride: 1,
    };
    product_parallel((t, k, n), dx, left, right, accumulate);
}

/// Linear backward to the weight: `dw[N, K] = dy[T, N]^T x[T, K]` (`+ dw` when accumulating).
pub fn linear_backward_weight(
    dw: &mut [f32],
    dy: &[f32],
    x: &[f32],
    n: usize,
    k: usize,
    accumulate: bool,
) {
    let t = rows(dy, n);
    assert_eq!(x.len(), t * k, "the input is not [{t}, {k}]");
    let left = View {
        data: dy,
        row_stride: 1,
        column_stride: n,
    };
    let right = View {
        data: x,
        row_stride: k,
        column_stride: 1,
    };
    product_parallel((n, k, t), dw, left, right, accumulate);
}

/// Number of rows of a `[rows, columns]` matrix.
fn rows(data: &[f32], columns: usize) -> usize {
    assert!(
        columns > 0 && data.len().is_multiple_of(columns),
        "{} elements are not rows of {columns}",
        data.len()
    );
    data.len() / columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32)
            .map(|i| {
                (crate::dropout::mix(i ^ seed.wrapping_mul(77)) as f32 / 2.0_f32.powi(31)) - 1.0
            })
            .collect()
    }

    /// `sum_k a(i, k) b(k, j)` in f64.
    fn reference(
        (m, n, k): (usize, usize, usize),
        a: impl Fn(usize, usize) -> f32,
        b: impl Fn(usize, usize) -> f32,
    ) -> Vec<f32> {
        let cell = |i, j| {
            (0..k)
                .map(|c| f64::from(a(i, c)) * f64::from(b(c, j)))
                .sum::<f64>() as f32
        };
        (0..m)
            .flat_map(|i| (0..n).map(move |j| (i, j)))
            .map(|(i, j)| cell(i, j))
            .collect()
    }

    fn close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() < 1e-4, "{x} is not {y}");
        }
    }

    const SHAPES: [(usize, usize, usize); 6] = [
        (1, 1, 1),
        (3, 5, 7),
        (17, 33, 65),
        (160, 48, 31),
        (0, 8, 8),
        (70, 9, 128),
    ];

    #[test]
    fn the_three_products_agree_with_the_plain_sum() {
        for (t, n, k) in SHAPES {
            let (x, w, dy) = (noise(t * k, 1), noise(n * k, 2), noise(t * n, 3));
            let mut y = vec![f32::NAN; t * n];
            linear_forward(&mut y, &x, &w, n, k);
            close(
                &y,
                &reference((t, n, k), |i, c| x[i * k + c], |c, j| w[j * k + c]),
            );
            let mut dx = vec![f32::NAN; t * k];
            linear_backward_input(&mut dx, &dy, &w, n, k, false);
            close(
                &dx,
                &reference((t, k, n), |i, c| dy[i * n + c], |c, j| w[c * k + j]),
            );
            let mut dw = vec![0.0; n * k];
            linear_backward_weight(&mut dw, &dy, &x, n, k, false);
            let once = reference((n, k, t), |i, c| dy[c * n + i], |c, j| x[c * k + j]);
            close(&dw, &once);
            linear_backward_weight(&mut dw, &dy, &x, n, k, true);
            close(&dw, &once.iter().map(|v| 2.0 * v).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        for (t, n, k) in [
            (160, 384, 384),
            (160, 384, 1536),
            (37, 1536, 384),
            (640, 96, 768),
            (5, 48, 300),
        ] {
            let (x, w, dy) = (noise(t * k, 4), noise(n * k, 5), noise(t * n, 6));
            let results: Vec<Vec<u32>> = [1, 2, 3, 8]
                .into_iter()
                .map(|threads| {
                    let pool = rayon::ThreadPoolBuilder::new()
                        .num_threads(threads)
                        .build()
                        .unwrap();
                    pool.install(|| {
                        let mut out = vec![0.0; 2 * t * n + t * k + n * k];
                        let (y, rest) = out.split_at_mut(t * n);
                        let (dx, rest) = rest.split_at_mut(t * k);
                        let (dw, anywhere) = rest.split_at_mut(n * k);
                        linear_forward(y, &x, &w, n, k);
                        linear_backward_input(dx, &dy, &w, n, k, false);
                        linear_backward_weight(dw, &dy, &x, n, k, false);
                        let view = |data, row_stride, column_stride| View {
                            data,
                            row_stride,
                            column_stride,
                        };
                        let operands = (view(&x, k, 1), view(&w, 1, k));
                        gemm_parallel((t, n, k), anywhere, operands.0, operands.1, false);
                        close(y, anywhere);
                        out.iter().map(|v| v.to_bits()).collect()
                    })
                })
                .collect();
            assert!(
                results.windows(2).all(|pair| pair[0] == pair[1]),
                "bits differ at {t} x {n} x {k}"
            );
        }
    }
}
