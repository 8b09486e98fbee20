//! A linear-chain conditional random field (Lafferty, McCallum and Pereira 2001) over the words of a sequence.
//!
//! The score of tags `y` over emissions `e[L, K]` is `start[y_0] + sum_t e[t, y_t] + sum_t transitions[y_(t-1), y_t] +
//! end[y_(L-1)]`, and `p(y | e) = exp(score(y) - log Z)` with `Z` the sum of `exp(score)` over all `K^L` sequences: names and
//! meaning are pytorch-crf's.
//!
//! Everything is in log space and in `f64` inside: a sequence of words has some ten tags and tens of words, so the whole of it
//! costs less than one per cent of an encoder's step, and the gradient is exact to what `f32` emissions can say.
//! A forbidden transition has the score of minus infinity: probability zero, gradient zero.

mod decode;
mod lattice;
mod train;

pub use decode::Path;
pub use lattice::Lattice;
pub use train::{GradientsMut, State, negative_log_likelihood};

/// The learned scores of a CRF over `K` tags.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[K, K]`, from the row's tag to the column's.
    pub transitions: &'a [f32],
    /// `[K]`, of a sequence's first tag.
    pub start: &'a [f32],
    /// `[K]`, of its last.
    pub end: &'a [f32],
}

/// What a tag scheme forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// `[K, K]`, from the row's tag to the column's.
    pub transitions: Vec<bool>,
    /// `[K]`, as a sequence's first tag.
    pub start: Vec<bool>,
    /// `[K]`, as its last.
    pub end: Vec<bool>,
}

/// Scores ready to compute with: widened, minus infinity where forbidden.
#[derive(Debug, Clone, PartialEq)]
pub struct Potentials {
    /// Tags, `K`.
    pub(crate) tags: usize,
    /// `[K, K]`
    pub(crate) transitions: Vec<f64>,
    /// `[K]`
    pub(crate) start: Vec<f64>,
    /// `[K]`
    pub(crate) end: Vec<f64>,
}

impl Potentials {
    /// The scores of `weights`, without what is `forbidden`.
    ///
    /// # Panics
    /// When the shapes do not belong together.
    pub fn new(weights: Weights<'_>, forbidden: Option<&Forbidden>) -> Self {
        let tags = weights.start.len();
        assert!(
            weights.transitions.len() == tags * tags && weights.end.len() == tags,
            "transitions, start and end of different numbers of tags"
        );
        let masked = |scores: &[f32], forbidden: Option<&Vec<bool>>| -> Vec<f64> {
            assert!(forbidden.is_none_or(|forbidden| forbidden.len() == scores.len()));
            let score = |(i, &score): (usize, &f32)| match forbidden {
                Some(forbidden) if forbidden[i] => f64::NEG_INFINITY,
                _ => f64::from(score),
            };
            scores.iter().enumerate().map(score).collect()
        };
        Self {
            tags,
            transitions: masked(weights.transitions, forbidden.map(|f| &f.transitions)),
            start: masked(weights.start, forbidden.map(|f| &f.start)),
            end: masked(weights.end, forbidden.map(|f| &f.end)),
        }
    }

    /// Tags, `K`.
    pub fn tags(&self) -> usize {
        self.tags
    }

    /// `score(y)` of `tags[L]` over `emissions[L, K]`: minus infinity when something in it is forbidden, 0 when empty.
    ///
    /// # Panics
    /// When there are not `K` emissions a tag, or a tag is not below `K`.
    pub fn score(&self, emissions: &[f32], tags: &[u32]) -> f64 {
        let k = self.tags;
        assert_eq!(emissions.len(), tags.len() * k);
        let (Some(&first), Some(&last)) = (tags.first(), tags.last()) else {
            return 0.0;
        };
        let emitted: f64 = emissions
            .chunks_exact(k)
            .zip(tags)
            .map(|(row, &tag)| f64::from(row[tag as usize]))
            .sum();
        let moved: f64 = tags
            .windows(2)
            .map(|pair| self.transitions[pair[0] as usize * k + pair[1] as usize])
            .sum();
        self.start[first as usize] + emitted + moved + self.end[last as usize]
    }

    /// `-ln p(tags | emissions)`, infinite when something in it is forbidden.
    pub fn loss(&self, emissions: &[f32], tags: &[u32]) -> f64 {
        Lattice::new(self, emissions).log_sum() - self.score(emissions, tags)
    }
}

/// `ln sum exp`, minus infinity of nothing.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + values.map(|x| (x - max).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests;
