//! Elementary functions that vectorise: no branch, no table, no call.

/// Lanes that a reduction keeps apart: one AVX-512 register, two AVX2 registers.
pub(crate) const LANES: usize = 16;

/// `e^x`, within 2 ulp on `[-87.3, 88.7]`, clamped outside (never 0, never infinite).
///
/// Range reduction to `x = n ln 2 + r` and the polynomial of Cephes' `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to an integer in the low bits
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.3, 88.7);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let mut p = 1.987_569_1e-4_f32;
    p = p.mul_add(r, 1.398_199_9e-3);
    p = p.mul_add(r, 8.333_452e-3);
    p = p.mul_add(r, 4.166_579_6e-2);
    p = p.mul_add(r, 1.666_666_5e-1);
    p = p.mul_add(r, 0.5);
    let y = p.mul_add(r * r, r) + 1.0;
    // 2^n from the integer that ROUND left in the low bits.
    y * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// The error function, within 4e-7 everywhere.
///
/// The rational approximation of Eigen and XLA (`x P(x^2) / Q(x^2)` on `[-4, 4]`, ±1 outside).
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let mut p = -2.726_142e-10_f32;
    p = p.mul_add(s, 2.770_681_4e-8);
    p = p.mul_add(s, -2.101_024e-6);
    p = p.mul_add(s, -5.692_506_2e-5);
    p = p.mul_add(s, -7.349_906_3e-4);
    p = p.mul_add(s, -2.954_6e-3);
    p = p.mul_add(s, -1.609_603_3e-2);
    let mut q = -1.456_607_2e-5_f32;
    q = q.mul_add(s, -2.133_740_6e-4);
    q = q.mul_add(s, -1.682_827e-3);
    q = q.mul_add(s, -7.373_329e-3);
    q = q.mul_add(s, -1.426_473_9e-2);
    x * p / q
}

/// The hyperbolic tangent, `1 - 2 / (e^2x + 1)`.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// Adds the lanes of an accumulator in a fixed order.
#[inline(always)]
pub(crate) fn fold(lanes: [f32; LANES]) -> f32 {
    let mut sums = lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

/// `sum a`.
#[inline(always)]
pub(crate) fn sum(a: &[f32]) -> f32 {
    let (chunks, tail) = a.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    fold(lanes) + tail.iter().sum::<f32>()
}

/// `sum a b`.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, a_tail) = a.as_chunks::<LANES>();
    let (b_chunks, b_tail) = b.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] = x[i].mul_add(y[i], lanes[i]);
        }
    }
    let tail = a_tail
        .iter()
        .zip(b_tail)
        .fold(0.0_f32, |t, (x, y)| x.mul_add(*y, t));
    fold(lanes) + tail
}

/// `max a`, negative infinity when empty.
#[inline(always)]
pub(crate) fn max(a: &[f32]) -> f32 {
    let (chunks, tail) = a.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(tail)
        .fold(f32::NEG_INFINITY, |m, &x| m.max(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `erf` in f64 by its Taylor series (|x| < 3) or continued complement: an outside reference.
    fn erf_reference(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn exp_is_within_two_ulp() {
        for i in -870..880 {
            let x = i as f32 * 0.1 + 0.013;
            let want = f64::from(x.clamp(-87.3, 88.7)).exp();
            let error = (f64::from(exp(x)) - want).abs() / want;
            assert!(error < 2.5e-7, "exp({x}): relative error {error:e}");
        }
    }

    #[test]
    fn erf_is_within_4e_7() {
        for i in -500..500 {
            let x = i as f32 * 0.01;
            let want = if x.abs() < 4.5 {
                erf_reference(f64::from(x))
            } else {
                f64::from(x.signum())
            };
            let error = (f64::from(erf(x)) - want).abs();
            assert!(error < 4e-7, "erf({x}): error {error:e}");
        }
    }

    #[test]
    fn tanh_saturates_without_nan() {
        for x in [-1e30, -100.0, -1.0, 0.0, 0.5, 100.0, 1e30_f32] {
            assert!(
                (f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7,
                "tanh({x})"
            );
        }
    }

    #[test]
    fn reductions_agree_with_a_plain_loop_on_odd_sizes() {
        for n in [0, 1, 7, 15, 16, 17, 33, 384] {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.3).cos()).collect();
            let want: f64 = a
                .iter()
                .zip(&b)
                .map(|(x, y)| f64::from(*x) * f64::from(*y))
                .sum();
            assert!((f64::from(dot(&a, &b)) - want).abs() < 1e-5);
            assert!(
                (f64::from(sum(&a)) - a.iter().map(|&x| f64::from(x)).sum::<f64>()).abs() < 1e-5
            );
            assert_eq!(max(&a), a.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}
