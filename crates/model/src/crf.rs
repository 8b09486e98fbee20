//! A model's conditional random field: what its tags allow, and how tags are read off the classifier's scores.

use bert_ner_kernels::crf::{Forbidden, Lattice, Path, Potentials};
use bert_ner_text::{Scheme, split_tag};
use std::ops::Range;

/// What IOB2 forbids of these tags: `I-X` at the start, and after anything but `B-X` and `I-X`.
pub(crate) fn forbidden(labels: &[String]) -> Forbidden {
    let inside = |tag: &String| match split_tag(tag) {
        (Some('I'), kind) => Some(kind.to_owned()),
        _ => None,
    };
    let continues = |from: &String, kind: &str| {
        let (prefix, from) = split_tag(from);
        matches!(prefix, Some('B' | 'I')) && from == kind
    };
    let pair = |from: &String, to: &String| inside(to).is_some_and(|kind| !continues(from, &kind));
    Forbidden {
        transitions: labels
            .iter()
            .flat_map(|from| labels.iter().map(move |to| pair(from, to)))
            .collect(),
        start: labels.iter().map(|tag| inside(tag).is_some()).collect(),
        end: vec![false; labels.len()],
    }
}

/// The CRF of a model, to decode with: [`Model::crf`](crate::Model::crf).
#[derive(Debug, Clone)]
pub struct Crf {
    pub(crate) potentials: Potentials,
    /// Without constraints, for the likelihood of tags that break them.
    pub(crate) free: Potentials,
    pub(crate) labels: Vec<String>,
}

/// A sentence as the CRF sees it: its best tags and what is needed for their probabilities.
#[derive(Debug, Clone)]
pub struct Decoded<'c> {
    labels: &'c [String],
    potentials: &'c Potentials,
    /// `[L, K]`
    emissions: &'c [f32],
    /// The best tags.
    pub tags: Vec<u32>,
    lattice: Lattice,
}

impl Crf {
    /// The best tags of a sentence whose words have these scores, `[L, K]`.
    pub fn decode<'c>(&'c self, emissions: &'c [f32]) -> Decoded<'c> {
        // Labels that leave no sequence at all, such as `I-X` alone, are decoded without constraints.
        let (potentials, best) = match self.potentials.best(emissions) {
            Some(best) => (&self.potentials, Some(best)),
            None => (&self.free, self.free.best(emissions)),
        };
        Decoded {
            labels: &self.labels,
            potentials,
            emissions,
            tags: best.map(|path| path.tags).unwrap_or_default(),
            lattice: Lattice::new(potentials, emissions),
        }
    }

    /// `-ln p(tags)` of a sentence; of tags that the constraints forbid, as if there were none.
    pub fn loss(&self, emissions: &[f32], tags: &[u32]) -> f64 {
        let loss = self.potentials.loss(emissions, tags);
        if loss.is_finite() {
            loss
        } else {
            self.free.loss(emissions, tags)
        }
    }
}

impl Decoded<'_> {
    /// The probability of each word's tag, whatever the other words have.
    pub fn marginals(&self) -> Vec<f64> {
        let words = self.tags.iter().enumerate();
        words
            .map(|(t, &tag)| self.lattice.marginal(t, tag as usize))
            .collect()
    }

    /// The probability of a tag at a word, whatever the other words have.
    pub fn probability(&self, word: usize, tag: usize) -> f64 {
        self.lattice.marginal(word, tag)
    }

    /// The probability that `words` are an entity with just these borders and this type, other words aside: the sum over all tag
    /// sequences that spell it, by the constrained forward algorithm.
    ///
    /// In IOB2 the first word may have `B-X`, or `I-X` where the word before does not have the type (as seqeval reads it), and the
    /// word after must not go on with `I-X`. In other schemes the words have the tags that were decoded.
    pub fn entity(&self, words: Range<usize>, scheme: Scheme) -> f64 {
        let own = &self.tags[words.clone()];
        let any = |_: usize| true;
        if scheme != Scheme::Iob2 {
            return self.segment(words.start, own, any, any);
        }
        let labels = self.labels;
        let kind = split_tag(&labels[own[0] as usize]).1;
        let is = |tag: usize, prefix: &str| {
            let (found, of) = split_tag(&labels[tag]);
            of == kind && found.is_some_and(|found| prefix.contains(found))
        };
        let find = |prefix: &str| (0..labels.len()).find(|&tag| is(tag, prefix));
        let after = |tag: usize| !is(tag, "I");
        let begun = |first: Option<usize>, before: &dyn Fn(usize) -> bool| {
            let Some(first) = first else { return 0.0 };
            let mut tags = own.to_vec();
            tags[0] = first as u32;
            self.segment(words.start, &tags, before, after)
        };
        begun(find("B"), &any) + begun(find("I"), &|tag| !is(tag, "BI"))
    }

    fn segment(
        &self,
        first: usize,
        tags: &[u32],
        before: impl Fn(usize) -> bool,
        after: impl Fn(usize) -> bool,
    ) -> f64 {
        self.lattice.segment(
            self.potentials,
            self.emissions,
            (first, tags),
            before,
            after,
        )
    }

    /// The `n` most probable tag sequences with their probabilities, best first; fewer when no more are allowed.
    pub fn best(&self, n: usize) -> Vec<(Vec<u32>, f64)> {
        let paths = self.potentials.best_paths(self.emissions, n);
        let probability = |path: Path| (path.tags, (path.score - self.lattice.log_sum()).exp());
        paths.into_iter().map(probability).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iob2_forbids_an_inside_without_its_beginning() {
        let labels = ["O", "B-LOC", "I-LOC", "B-geo-loc", "I-geo-loc"].map(str::to_owned);
        let found = forbidden(&labels);
        let (no, ok) = (true, false);
        assert_eq!(found.start, [ok, ok, no, ok, no]);
        let rows: Vec<&[bool]> = found.transitions.chunks(5).collect();
        assert_eq!(rows[0], [ok, ok, no, ok, no]);
        assert_eq!(rows[1], [ok, ok, ok, ok, no]);
        assert_eq!(rows[2], [ok, ok, ok, ok, no]);
        assert_eq!(rows[3], [ok, ok, no, ok, ok]);
        assert_eq!(rows[4], [ok, ok, no, ok, ok]);
    }
}
