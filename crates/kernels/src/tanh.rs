//! The hyperbolic tangent of a whole matrix, forward and backward.

use crate::math::tanh;
use crate::vectorised;

/// `x = tanh(x)`.
pub fn forward(x: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || x.iter_mut().for_each(|x| *x = tanh(*x)),
    );
}

/// Backward of [`forward`], from its output `y`: `dy = dy (1 - y^2)`.
pub fn backward(dy: &mut [f32], y: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (dy, y) in dy.iter_mut().zip(y) {
                *dy *= 1.0 - y * y;
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_and_slopes_are_those_of_f64() {
        for n in [0, 1, 17, 100] {
            let x: Vec<f32> = (0..n).map(|i| (i as f32 - 50.0) * 0.21).collect();
            let mut y = x.clone();
            forward(&mut y);
            let mut slope = vec![1.0; n];
            backward(&mut slope, &y);
            for ((x, y), slope) in x.iter().zip(&y).zip(&slope) {
                let want = f64::from(*x).tanh();
                assert!((f64::from(*y) - want).abs() < 3e-7, "{x}");
                assert!(
                    (f64::from(*slope) - (1.0 - want * want)).abs() < 1e-6,
                    "{x}"
                );
            }
        }
    }
}
