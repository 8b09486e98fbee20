//! The most probable tag sequences.

use super::Potentials;

/// A tag sequence and its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// One tag a word, `[L]`.
    pub tags: Vec<u32>,
    /// `score(tags)`, without `ln Z`.
    pub score: f64,
}

/// The `rank`-th best way to some tag at some word: its score, and the tag and rank at the word before.
#[derive(Debug, Clone, Copy)]
struct Step {
    score: f64,
    tag: u32,
    rank: u32,
}

impl Potentials {
    /// The tags of the highest score, by Viterbi's algorithm: the first tag among equals, as pytorch-crf has it. None when every
    /// sequence is forbidden.
    pub fn best(&self, emissions: &[f32]) -> Option<Path> {
        self.best_paths(emissions, 1).pop()
    }

    /// The `n` sequences of the highest scores, best first; fewer when there are no more that are allowed. Each word keeps the
    /// `n` best ways to each of its tags.
    ///
    /// # Panics
    /// When the emissions are not rows of `K`.
    pub fn best_paths(&self, emissions: &[f32], n: usize) -> Vec<Path> {
        let k = self.tags;
        assert!(
            emissions.len().is_multiple_of(k),
            "emissions are not rows of {k}"
        );
        if n == 0 {
            return Vec::new();
        }
        if emissions.is_empty() {
            let (tags, score) = (Vec::new(), 0.0);
            return vec![Path { tags, score }];
        }
        // The ways to each tag at each word: [L][K], at most n each.
        let mut words: Vec<Vec<Vec<Step>>> = vec![self.first(emissions)];
        for row in emissions.chunks_exact(k).skip(1) {
            let before = &words[words.len() - 1];
            let ways = |tag: usize| self.ways(before, tag, f64::from(row[tag]), n);
            words.push((0..k).map(ways).collect());
        }
        let ends = words[words.len() - 1].iter().enumerate();
        let mut last = largest(
            ends.flat_map(|(tag, ways)| follow(ways, tag, self.end[tag])),
            n,
        );
        last.drain(..).map(|step| trace(&words, step)).collect()
    }

    fn first(&self, emissions: &[f32]) -> Vec<Vec<Step>> {
        let only = |(&start, &e): (&f64, &f32)| Step {
            score: start + f64::from(e),
            tag: 0,
            rank: 0,
        };
        let steps = self.start.iter().zip(emissions).map(only);
        steps
            .map(|step| largest(std::iter::once(step), 1))
            .collect()
    }

    /// The `n` best ways to `tag` from the word before.
    fn ways(&self, before: &[Vec<Step>], tag: usize, emission: f64, n: usize) -> Vec<Step> {
        let into = |from: usize| self.transitions[from * self.tags + tag] + emission;
        let all = before.iter().enumerate();
        largest(
            all.flat_map(|(from, ways)| follow(ways, from, into(from))),
            n,
        )
    }
}

/// The ways that go on from `tag` with `score` more.
fn follow(ways: &[Step], tag: usize, score: f64) -> impl Iterator<Item = Step> {
    ways.iter().zip(0..).map(move |(way, rank)| Step {
        score: way.score + score,
        tag: tag as u32,
        rank,
    })
}

/// The `n` best that are allowed, best first, the earlier among equals.
fn largest(steps: impl Iterator<Item = Step>, n: usize) -> Vec<Step> {
    let mut best: Vec<Step> = Vec::new();
    for step in steps.filter(|step| step.score > f64::NEG_INFINITY) {
        let place = best.partition_point(|other| other.score >= step.score);
        if place < n {
            best.truncate(n - 1);
            best.insert(place, step);
        }
    }
    best
}

/// The tags of the path whose end is `step`: its tag and rank are those of the last word.
fn trace(words: &[Vec<Vec<Step>>], step: Step) -> Path {
    let (mut tag, mut rank) = (step.tag, step.rank);
    let mut tags: Vec<u32> = words
        .iter()
        .rev()
        .map(|ways| {
            let here = tag;
            let way = ways[tag as usize][rank as usize];
            (tag, rank) = (way.tag, way.rank);
            here
        })
        .collect();
    tags.reverse();
    let score = step.score;
    Path { tags, score }
}
