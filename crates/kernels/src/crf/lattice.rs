//! The forward-backward algorithm, and what can be read off it.

use super::{Potentials, log_sum_exp};

/// The forward and backward sums of one sequence.
#[derive(Debug, Clone, Default)]
pub struct Lattice {
    /// Words, `L`.
    pub(crate) len: usize,
    tags: usize,
    /// `ln` of the sum over all beginnings that end with tag `j` at word `t`, its emission included, `[L, K]`.
    pub(crate) forward: Vec<f64>,
    /// `ln` of the sum over all continuations behind tag `i` at word `t`, `[L, K]`.
    pub(crate) backward: Vec<f64>,
    log_sum: f64,
}

impl Lattice {
    /// Both passes over `emissions[L, K]`.
    ///
    /// # Panics
    /// When the emissions are not rows of `K`.
    pub fn new(potentials: &Potentials, emissions: &[f32]) -> Self {
        let mut lattice = Self::default();
        lattice.fill(potentials, emissions);
        lattice
    }

    /// As [`Lattice::new`], in the memory of this one.
    pub fn fill(&mut self, potentials: &Potentials, emissions: &[f32]) {
        let k = potentials.tags;
        assert!(
            emissions.len().is_multiple_of(k),
            "{} emissions are not rows of {k}",
            emissions.len()
        );
        (self.len, self.tags) = (emissions.len() / k, k);
        self.forward.resize(emissions.len(), 0.0);
        self.backward.resize(emissions.len(), 0.0);
        if self.len == 0 {
            self.log_sum = 0.0;
            return;
        }
        self.run_forward(potentials, emissions);
        self.run_backward(potentials, emissions);
        let last = &self.forward[(self.len - 1) * k..];
        self.log_sum = log_sum_exp(last.iter().zip(&potentials.end).map(|(a, e)| a + e));
    }

    // forward[0, j] = start[j] + e[0, j]; forward[t, j] = e[t, j] + ln sum_i exp(forward[t-1, i] + transitions[i, j])
    fn run_forward(&mut self, potentials: &Potentials, emissions: &[f32]) {
        let k = self.tags;
        let first = potentials.start.iter().zip(emissions);
        for (forward, (start, &emission)) in self.forward.iter_mut().zip(first) {
            *forward = start + f64::from(emission);
        }
        for t in 1..self.len {
            let (before, now) = self.forward.split_at_mut(t * k);
            let before = &before[(t - 1) * k..];
            for (j, now) in now[..k].iter_mut().enumerate() {
                let into = potentials.transitions[j..].iter().step_by(k);
                let sum = log_sum_exp(before.iter().zip(into).map(|(a, s)| a + s));
                *now = f64::from(emissions[t * k + j]) + sum;
            }
        }
    }

    // backward[L-1, i] = end[i]; backward[t, i] = ln sum_j exp(transitions[i, j] + e[t+1, j] + backward[t+1, j])
    fn run_backward(&mut self, potentials: &Potentials, emissions: &[f32]) {
        let k = self.tags;
        let last = (self.len - 1) * k;
        self.backward[last..].copy_from_slice(&potentials.end);
        for t in (0..self.len - 1).rev() {
            let (now, after) = self.backward[t * k..].split_at_mut(k);
            let row = &emissions[(t + 1) * k..(t + 2) * k];
            for (now, out) in now.iter_mut().zip(potentials.transitions.chunks_exact(k)) {
                let terms = out.iter().zip(row).zip(&after[..k]);
                *now = log_sum_exp(terms.map(|((s, &e), b)| s + f64::from(e) + b));
            }
        }
    }

    /// `ln Z`: 0 of an empty sequence.
    pub fn log_sum(&self) -> f64 {
        self.log_sum
    }

    /// The probability of `tag` at word `t`, whatever the other words have.
    pub fn marginal(&self, t: usize, tag: usize) -> f64 {
        let at = t * self.tags + tag;
        (self.forward[at] + self.backward[at] - self.log_sum).exp()
    }

    /// The probability that the words from `first` on have exactly `tags`, that the word before, if any, has one for which
    /// `before` holds, and the word after, if any, one for which `after` holds: the forward algorithm constrained to that
    /// (Culotta and McCallum 2004).
    ///
    /// # Panics
    /// When the words do not lie in the sequence, or there are none.
    pub fn segment(
        &self,
        potentials: &Potentials,
        emissions: &[f32],
        (first, tags): (usize, &[u32]),
        before: impl Fn(usize) -> bool,
        after: impl Fn(usize) -> bool,
    ) -> f64 {
        let (k, end) = (self.tags, first + tags.len());
        assert!(!tags.is_empty() && end <= self.len);
        let (from, to) = (tags[0] as usize, tags[tags.len() - 1] as usize);
        let only = |allowed: bool, x: f64| if allowed { x } else { f64::NEG_INFINITY };
        let entered = match first.checked_sub(1) {
            None => potentials.start[from],
            Some(t) => log_sum_exp((0..k).map(|i| {
                let arrived = self.forward[t * k + i] + potentials.transitions[i * k + from];
                only(before(i), arrived)
            })),
        };
        let left = match end < self.len {
            false => potentials.end[to],
            true => log_sum_exp((0..k).map(|j| {
                let at = end * k + j;
                let gone = potentials.transitions[to * k + j] + f64::from(emissions[at]);
                only(after(j), gone + self.backward[at])
            })),
        };
        let emitted = tags
            .iter()
            .zip(first..)
            .map(|(&tag, t)| f64::from(emissions[t * k + tag as usize]));
        let moved = tags
            .windows(2)
            .map(|pair| potentials.transitions[pair[0] as usize * k + pair[1] as usize]);
        let inside = emitted.sum::<f64>() + moved.sum::<f64>();
        (entered + inside + left - self.log_sum).exp()
    }
}
