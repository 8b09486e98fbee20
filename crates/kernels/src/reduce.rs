//! Sums over whole buffers in a fixed order.

use crate::math::dot;
use crate::parallel::for_chunks;
use crate::vectorised;

/// Elements per partial sum.
const CHUNK: usize = 16 * 1024;

/// `sum x^2`, in f64 over partial sums of fixed length.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    if x.len() <= CHUNK {
        return f64::from(vectorised(
            #[inline(always)]
            || dot(x, x),
        ));
    }
    let mut parts = vec![0.0_f32; x.len().div_ceil(CHUNK)];
    for_chunks([&mut parts], [1], |task, [part]| {
        let chunk = &x[task * CHUNK..((task + 1) * CHUNK).min(x.len())];
        part[0] = vectorised(
            #[inline(always)]
            || dot(chunk, chunk),
        );
    });
    parts.into_iter().map(f64::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_squares_agrees_with_f64_on_odd_sizes() {
        for n in [0, 1, 17, CHUNK, 3 * CHUNK + 5] {
            let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.1).sin()).collect();
            let want: f64 = x.iter().map(|v| f64::from(*v).powi(2)).sum();
            assert!((sum_of_squares(&x) - want).abs() <= 1e-6 * want);
        }
    }
}
