//! A product of a few rows with a panel of packed weights, kept in registers.
//!
//! Idea: the rows of a step are few (one a sequence) and the weights the same in every step, so they are packed once a pass and a
//! general product's packing and borders are spared. A row's sum adds in the order of the inner dimension, however many
//! rows go together.

use super::Shape;
use crate::math::LANES;

/// Registers side by side in a panel of the backward product.
pub(super) const BACK: usize = 3;
/// Rows that go through a panel together. On one AVX-512 core four reach 118 GFLOP/s with three registers a panel and 122 with
/// four; five to eight reach 76, because the compiler then keeps only some of the sums in registers.
pub(super) const ROWS: usize = 4;

/// One register of floats.
pub(super) type Lanes = [f32; LANES];

/// `out[r][c] = sum_k rows[r][k] panel[k][c]`.
#[inline(always)]
pub(super) fn product<const R: usize, const C: usize>(
    rows: [&[f32]; R],
    panel: &[[Lanes; C]],
) -> [[Lanes; C]; R] {
    let mut sums = [[[0.0_f32; LANES]; C]; R];
    let rows = rows.map(|row| &row[..panel.len()]);
    for (k, weights) in panel.iter().enumerate() {
        for r in 0..R {
            let x = rows[r][k];
            for c in 0..C {
                for lane in 0..LANES {
                    sums[r][c][lane] = x.mul_add(weights[c][lane], sums[r][c][lane]);
                }
            }
        }
    }
    sums
}

/// The panels of a packed buffer, as [`product`] reads them: `K` rows each.
pub(super) fn panel<const C: usize>(packed: &[f32], number: usize, k: usize) -> &[[Lanes; C]] {
    let size = k * C * LANES;
    let lanes = packed[number * size..(number + 1) * size]
        .as_chunks::<LANES>()
        .0;
    lanes.as_chunks::<C>().0
}

/// Panels of units in a direction.
pub(super) fn forward_panels(shape: Shape) -> usize {
    shape.hidden.div_ceil(LANES)
}

/// Panels of columns in a direction.
pub(super) fn backward_panels(shape: Shape) -> usize {
    shape.hidden.div_ceil(BACK * LANES)
}

/// `[D, panels, N, G, LANES]` from `[D, G, N, N]`: the gates of a panel's units side by side, zero beyond the last unit.
pub(super) fn pack_forward(packed: &mut Vec<f32>, weights: &[f32], shape: Shape) {
    let (n, g) = (shape.hidden, shape.gates());
    packed.clear();
    packed.resize(
        shape.directions * forward_panels(shape) * n * g * LANES,
        0.0,
    );
    for (number, panel) in packed.chunks_exact_mut(n * g * LANES).enumerate() {
        let (d, first) = (
            number / forward_panels(shape),
            number % forward_panels(shape) * LANES,
        );
        for gate in 0..g {
            for unit in first..(first + LANES).min(n) {
                let row = &weights[((d * g + gate) * n + unit) * n..][..n];
                let column = panel[gate * LANES + unit - first..].iter_mut();
                for (to, from) in column.step_by(g * LANES).zip(row) {
                    *to = *from;
                }
            }
        }
    }
}

/// `[D, panels, G N, BACK, LANES]` from `[D, G N, N]`: columns of the weight, zero beyond the last.
pub(super) fn pack_backward(packed: &mut Vec<f32>, weights: &[f32], shape: Shape) {
    let (n, k) = (shape.hidden, shape.gates() * shape.hidden);
    let (panels, width) = (backward_panels(shape), BACK * LANES);
    packed.clear();
    packed.resize(shape.directions * panels * k * width, 0.0);
    for (number, panel) in packed.chunks_exact_mut(k * width).enumerate() {
        let (d, first) = (number / panels, number % panels * width);
        let len = width.min(n - first);
        let rows = weights[d * k * n..(d + 1) * k * n].chunks_exact(n);
        for (to, from) in panel.chunks_exact_mut(width).zip(rows) {
            to[..len].copy_from_slice(&from[first..first + len]);
        }
    }
}
