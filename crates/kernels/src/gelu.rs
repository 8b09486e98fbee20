//! The activations of BERT's feed-forward half, fused with the bias before them.

use crate::math::{erf, exp, tanh};
use crate::parallel::for_chunks;
use crate::{ROWS_PER_TASK, vectorised};

/// An activation as Hugging Face's `hidden_act` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x Phi(x)` with the error function: `gelu`.
    Gelu,
    /// The approximation by tanh of Hendrycks and Gimpel 2016: `gelu_new`.
    GeluNew,
    /// `max(x, 0)`: `relu`.
    Relu,
}

const SQRT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// `1 / sqrt(2 pi)`.
const DENSITY: f32 = 0.398_942_3;
/// `sqrt(2 / pi)`.
const TANH_SCALE: f32 = 0.797_884_6;
const TANH_CUBIC: f32 = 0.044_715;

// gelu(x) = x (1 + erf(x / sqrt 2)) / 2
#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * SQRT_HALF))
}

// gelu'(x) = (1 + erf(x / sqrt 2)) / 2 + x exp(-x^2 / 2) / sqrt(2 pi)
#[inline(always)]
fn gelu_slope(x: f32) -> f32 {
    (x * DENSITY).mul_add(exp(-0.5 * x * x), 0.5 * (1.0 + erf(x * SQRT_HALF)))
}

// gelu_new(x) = x (1 + tanh(u)) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3)
#[inline(always)]
fn gelu_new(x: f32) -> f32 {
    0.5 * x * (1.0 + tanh(TANH_SCALE * (TANH_CUBIC * x * x).mul_add(x, x)))
}

// gelu_new'(x) = (1 + tanh u) / 2 + x (1 - tanh^2 u) u' / 2, u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
#[inline(always)]
fn gelu_new_slope(x: f32) -> f32 {
    let t = tanh(TANH_SCALE * (TANH_CUBIC * x * x).mul_add(x, x));
    let inner = TANH_SCALE * (3.0 * TANH_CUBIC * x).mul_add(x, 1.0);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner
}

/// `u += bias`, `g = activation(u)`, for `u`, `g` of `[T, F]` and `bias[F]`. `u` is kept for the backward pass.
pub fn forward(g: &mut [f32], u: &mut [f32], bias: &[f32], activation: Activation) {
    match activation {
        Activation::Gelu => forward_with(g, u, bias, gelu),
        Activation::GeluNew => forward_with(g, u, bias, gelu_new),
        Activation::Relu => forward_with(
            g,
            u,
            bias,
            #[inline(always)]
            |x| x.max(0.0),
        ),
    }
}

/// `dg *= activation'(u)`: the gradient of `u`, in place.
pub fn backward(dg: &mut [f32], u: &[f32], activation: Activation) {
    match activation {
        Activation::Gelu => backward_with(dg, u, gelu_slope),
        Activation::GeluNew => backward_with(dg, u, gelu_new_slope),
        Activation::Relu => backward_with(
            dg,
            u,
            #[inline(always)]
            |x| if x > 0.0 { 1.0 } else { 0.0 },
        ),
    }
}

#[inline(always)]
fn forward_with(g: &mut [f32], u: &mut [f32], bias: &[f32], f: impl Fn(f32) -> f32 + Sync) {
    let chunk = ROWS_PER_TASK * bias.len();
    for_chunks([g, u], [chunk; 2], |_, [g, u]| {
        vectorised(
            #[inline(always)]
            || {
                for (g, u) in g
                    .chunks_exact_mut(bias.len())
                    .zip(u.chunks_exact_mut(bias.len()))
                {
                    for ((g, u), b) in g.iter_mut().zip(u).zip(bias) {
                        *u += b;
                        *g = f(*u);
                    }
                }
            },
        );
    });
}

#[inline(always)]
fn backward_with(dg: &mut [f32], u: &[f32], slope: impl Fn(f32) -> f32 + Sync) {
    const CHUNK: usize = 16 * 1024;
    for_chunks([dg], [CHUNK], |task, [dg]| {
        let u = &u[task * CHUNK..];
        vectorised(
            #[inline(always)]
            || {
                for (dg, u) in dg.iter_mut().zip(u) {
                    *dg *= slope(*u);
                }
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Activation; 3] = [Activation::Gelu, Activation::GeluNew, Activation::Relu];

    fn apply(x: f32, activation: Activation) -> f32 {
        let (mut u, mut g) = ([x], [0.0]);
        forward(&mut g, &mut u, &[0.0], activation);
        g[0]
    }

    #[test]
    fn values_are_those_of_torch() {
        // torch.nn.functional.gelu(torch.tensor([-3., -1., -.1, .5, 2.])), the same with approximate="tanh", and relu
        let x = [-3.0, -1.0, -0.1, 0.5, 2.0];
        let want = [
            [
                -0.004_049_7,
                -0.158_655_3,
                -0.046_017_2,
                0.345_731_3,
                1.954_499_7,
            ],
            [
                -0.003_637_4,
                -0.158_808,
                -0.046_017_06,
                0.345_714_03,
                1.954_597_7,
            ],
            [0.0, 0.0, 0.0, 0.5, 2.0],
        ];
        for (activation, want) in ALL.into_iter().zip(want) {
            for (x, want) in x.into_iter().zip(want) {
                let got = apply(x, activation);
                assert!(
                    (got - want).abs() < 2e-6,
                    "{activation:?}({x}) = {got}, not {want}"
                );
            }
        }
    }

    #[test]
    fn backward_is_the_derivative_of_forward() {
        for activation in ALL {
            for i in -60..60 {
                let x = i as f32 * 0.1 + 0.05;
                let mut slope = [1.0];
                backward(&mut slope, &[x], activation);
                let want = (apply(x + 5e-3, activation) - apply(x - 5e-3, activation)) / 1e-2;
                assert!(
                    (slope[0] - want).abs() < 3e-4,
                    "{activation:?}'({x}) = {}, not {want}",
                    slope[0]
                );
            }
        }
    }

    #[test]
    fn far_inputs_stay_finite() {
        for activation in ALL {
            for x in [-1e4, -50.0, 50.0, 1e4] {
                let mut slope = [1.0];
                backward(&mut slope, &[x], activation);
                assert!(
                    (apply(x, activation) - x.max(0.0)).abs() < 1e-3
                        && (slope[0] - if x > 0.0 { 1.0 } else { 0.0 }).abs() < 1e-3
                );
            }
        }
    }
}
