//! The loss of a batch of ragged sequences and its gradient.

use super::{Forbidden, Lattice, Potentials, Weights};
use crate::parallel::for_chunks;

/// Where the gradient of the scores goes: the shapes of [`Weights`].
#[derive(Debug)]
pub struct GradientsMut<'a> {
    /// `[K, K]`
    pub transitions: &'a mut [f32],
    /// `[K]`
    pub start: &'a mut [f32],
    /// `[K]`
    pub end: &'a mut [f32],
}

/// The memory of [`negative_log_likelihood`], reused from batch to batch.
#[derive(Debug, Default)]
pub struct State {
    sequences: Vec<Sequence>,
}

#[derive(Debug, Default)]
struct Sequence {
    lattice: Lattice,
    /// Expected minus gold uses of each tag at each word, `[L, K]`.
    emissions: Vec<f64>,
    /// Expected minus gold uses of each transition, `[K, K]`.
    transitions: Vec<f64>,
    loss: f64,
}

/// `sum_s -ln p(tags_s | emissions_s)` over the sequences that `bounds[S + 1]` cuts from `emissions[W, K]` and `tags[W]`.
///
/// `demissions[W, K]` receives the gradient of `scale` times it, and so does `gradients`, added to what is there. What is
/// `forbidden` has no gradient. A sequence whose own tags are forbidden, such as a window that begins inside an entity, would have
/// an infinite loss: it is computed as if nothing were forbidden.
///
/// Sequences run in parallel; their shares of `gradients` are added up in order.
///
/// # Panics
/// When shapes do not belong together or a tag is not below `K`.
pub fn negative_log_likelihood(
    (demissions, gradients): (&mut [f32], GradientsMut<'_>),
    (emissions, tags, bounds): (&[f32], &[u32], &[usize]),
    (weights, forbidden): (Weights<'_>, Option<&Forbidden>),
    scale: f32,
    state: &mut State,
) -> f64 {
    let k = weights.start.len();
    assert!(emissions.len() == tags.len() * k && demissions.len() == emissions.len());
    let free = Potentials::new(weights, None);
    let masked = forbidden.map(|forbidden| Potentials::new(weights, Some(forbidden)));
    let sequences = bounds.len().saturating_sub(1);
    state.sequences.resize_with(sequences, Sequence::default);
    for_chunks([&mut state.sequences[..]], [1], |s, [sequence]| {
        let words = bounds[s]..bounds[s + 1];
        let (emissions, tags) = (
            &emissions[words.start * k..words.end * k],
            &tags[words.clone()],
        );
        let allowed = masked
            .as_ref()
            .filter(|masked| masked.score(emissions, tags) > f64::NEG_INFINITY);
        sequence[0].fill(allowed.unwrap_or(&free), emissions, tags);
    });
    let mut loss = 0.0;
    for (pair, sequence) in bounds.windows(2).zip(&state.sequences) {
        loss += sequence.loss;
        let out = &mut demissions[pair[0] * k..pair[1] * k];
        for (out, share) in out.iter_mut().zip(&sequence.emissions) {
            *out = (share * f64::from(scale)) as f32;
        }
    }
    gradients.add(&state.sequences, forbidden, f64::from(scale));
    loss
}

impl GradientsMut<'_> {
    /// Adds the shares of all sequences, in order.
    fn add(self, sequences: &[Sequence], forbidden: Option<&Forbidden>, scale: f64) {
        let k = self.start.len();
        let sum =
            |share: &dyn Fn(&Sequence) -> f64| scale * sequences.iter().map(share).sum::<f64>();
        let add =
            |out: &mut [f32], no: Option<&Vec<bool>>, share: &dyn Fn(&Sequence, usize) -> f64| {
                for (i, out) in out.iter_mut().enumerate() {
                    if no.is_none_or(|no| !no[i]) {
                        *out += sum(&|sequence| share(sequence, i)) as f32;
                    }
                }
            };
        let (transitions, start, end) = (
            forbidden.map(|f| &f.transitions),
            forbidden.map(|f| &f.start),
            forbidden.map(|f| &f.end),
        );
        add(self.transitions, transitions, &|sequence, i| {
            sequence.transitions[i]
        });
        // The first word's tag is the start's, the last word's the end's.
        add(self.start, start, &|sequence, i| {
            sequence.emissions.get(i).copied().unwrap_or(0.0)
        });
        add(self.end, end, &|sequence, i| {
            let len = sequence.emissions.len();
            len.checked_sub(k)
                .map_or(0.0, |last| sequence.emissions[last + i])
        });
    }
}

impl Sequence {
    // d loss / d e[t, j] = p(y_t = j) - [gold_t = j]
    // d loss / d transitions[i, j] = sum_t p(y_(t-1) = i, y_t = j) - [gold has it]
    fn fill(&mut self, potentials: &Potentials, emissions: &[f32], tags: &[u32]) {
        let k = potentials.tags;
        self.lattice.fill(potentials, emissions);
        self.loss = self.lattice.log_sum() - potentials.score(emissions, tags);
        self.emissions.clear();
        for (t, &tag) in tags.iter().enumerate() {
            let marginal = |j| self.lattice.marginal(t, j);
            self.emissions.extend((0..k).map(marginal));
            self.emissions[t * k + tag as usize] -= 1.0;
        }
        self.transitions.clear();
        self.transitions.resize(k * k, 0.0);
        let log_sum = self.lattice.log_sum();
        for t in 1..tags.len() {
            let before = &self.lattice.forward[(t - 1) * k..t * k];
            let after = &self.lattice.backward[t * k..(t + 1) * k];
            let row = &emissions[t * k..(t + 1) * k];
            for (i, before) in before.iter().enumerate() {
                let moves = &potentials.transitions[i * k..(i + 1) * k];
                let shares = &mut self.transitions[i * k..(i + 1) * k];
                for (j, share) in shares.iter_mut().enumerate() {
                    let through = before + moves[j] + f64::from(row[j]) + after[j];
                    *share += (through - log_sum).exp();
                }
            }
            self.transitions[tags[t - 1] as usize * k + tags[t] as usize] -= 1.0;
        }
    }
}
