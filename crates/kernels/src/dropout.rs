//! Dropout from a counter-based generator.
//!
//! Whether an element is kept is a pure function of (seed, step, place, index): no mask is stored, the backward pass
//! recomputes it, and neither the order of the work nor the number of threads can change it.

use crate::parallel::for_chunks;
use crate::vectorised;

/// The dropout of one place (one layer's one operation) in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    key: [u32; 2],
    /// An element is dropped when its random 32 bits lie below this.
    threshold: u32,
    /// `1 / (1 - p)`.
    scale: f32,
}

impl Dropout {
    /// No dropout.
    pub const NONE: Self = Self {
        key: [0; 2],
        threshold: 0,
        scale: 1.0,
    };

    /// Drops with probability `p` in `[0, 1)`, keyed by the seed of the run, the step and the place.
    pub fn new(p: f32, seed: u64, step: u64, place: u64) -> Self {
        if p <= 0.0 {
            return Self::NONE;
        }
        let key = split_mix(split_mix(split_mix(seed) ^ step) ^ place);
        let threshold = (f64::from(p) * 4_294_967_296.0) as u32;
        Self {
            key: [key as u32, (key >> 32) as u32],
            threshold,
            scale: (1.0 / (1.0 - f64::from(p))) as f32,
        }
    }

    /// Whether nothing is ever dropped.
    #[inline(always)]
    pub fn is_none(&self) -> bool {
        self.threshold == 0
    }

    /// The factor of element `index`: 0 when dropped, else `1 / (1 - p)`.
    #[inline(always)]
    pub fn factor(&self, index: u32) -> f32 {
        let random = mix(mix(index.wrapping_add(self.key[0])) ^ self.key[1]);
        if random < self.threshold {
            0.0
        } else {
            self.scale
        }
    }

    /// Multiplies `x` by the factors of the elements from `start` on.
    #[inline(always)]
    pub fn apply(&self, x: &mut [f32], start: usize) {
        if self.is_none() {
            return;
        }
        let start = start as u32;
        for (i, x) in x.iter_mut().enumerate() {
            *x *= self.factor(start.wrapping_add(i as u32));
        }
    }
}

/// Drops elements of a whole buffer in place: forward on values, backward on gradients.
pub fn apply(x: &mut [f32], dropout: Dropout) {
    const CHUNK: usize = 16 * 1024;
    if dropout.is_none() {
        return;
    }
    for_chunks([x], [CHUNK], |task, [x]| {
        vectorised(
            #[inline(always)]
            || dropout.apply(x, task * CHUNK),
        );
    });
}

/// A bijection of 32 bits that scatters a counter: `lowbias32` of the Hash Prospector project
/// (bias 0.17, found by search).
#[inline(always)]
pub(crate) fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// SplitMix64's output function (Steele, Lea and Flood 2014).
pub fn split_mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_dropped_is_p_and_the_mean_is_one() {
        for p in [0.1_f32, 0.5] {
            let dropout = Dropout::new(p, 42, 7, 3);
            let n = 1_000_000;
            let (mut dropped, mut sum) = (0_u32, 0.0_f64);
            for i in 0..n {
                let factor = dropout.factor(i);
                dropped += u32::from(factor == 0.0);
                sum += f64::from(factor);
            }
            // five standard deviations of a binomial
            let bound = 5.0 * (f64::from(p) * (1.0 - f64::from(p)) / f64::from(n)).sqrt();
            assert!((f64::from(dropped) / f64::from(n) - f64::from(p)).abs() < bound);
            assert!((sum / f64::from(n) - 1.0).abs() < 3.0 * bound);
        }
    }

    #[test]
    fn neighbours_steps_and_places_are_uncorrelated() {
        let n = 100_000_u32;
        let base = Dropout::new(0.5, 1, 1, 1);
        let others = [
            Dropout::new(0.5, 2, 1, 1),
            Dropout::new(0.5, 1, 2, 1),
            Dropout::new(0.5, 1, 1, 2),
        ];
        let agreement =
            |f: &dyn Fn(u32) -> bool| (0..n).filter(|&i| f(i)).count() as f64 / f64::from(n);
        let bound = 5.0 * 0.5 / f64::from(n).sqrt();
        for other in others {
            let same = agreement(&|i| base.factor(i) == other.factor(i));
            assert!((same - 0.5).abs() < bound, "two keys agree on {same}");
        }
        for lag in [1, 2, 16, 384] {
            let same = agreement(&|i| base.factor(i) == base.factor(i + lag));
            assert!((same - 0.5).abs() < bound, "lag {lag} agrees on {same}");
        }
    }

    #[test]
    fn none_keeps_everything_unchanged() {
        let mut x = vec![1.5, -2.0];
        Dropout::new(0.0, 1, 2, 3).apply(&mut x, 0);
        assert_eq!(x, [1.5, -2.0]);
    }
}
