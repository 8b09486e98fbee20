//! How sure a score is: the percentile bootstrap over sentences (Efron 1979).
//!
//! A test set is one draw of sentences. Drawing as many again from it, with replacement, many
//! times over, shows how much the score owes to that draw. Seeded: equal input, equal interval.

use serde::Serialize;

use crate::Counts;

/// Settings of the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How many times the sentences are drawn.
    pub resamples: usize,
    /// Share of the draws that an interval covers, between 0 and 1.
    pub level: f64,
    /// Where the random numbers start.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 1000 draws, 95 %.
    fn default() -> Self {
        Self {
            resamples: 1000,
            level: 0.95,
            seed: 42,
        }
    }
}

/// A range of scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// An interval for each measure over all types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Confidence {
    /// Of precision.
    pub precision: Interval,
    /// Of recall.
    pub recall: Interval,
    /// Of F1.
    pub f1: Interval,
}

impl Bootstrap {
    /// The intervals for sentences with these counts; all 0 without a sentence or a draw.
    pub fn confidence(&self, sentences: &[Counts]) -> Confidence {
        if sentences.is_empty() || self.resamples == 0 {
            return Confidence::default();
        }
        let mut random = SplitMix64(self.seed);
        let draws: Vec<Counts> = (0..self.resamples)
            .map(|_| draw(sentences, &mut random))
            .collect();
        Confidence {
            precision: self.interval(draws.iter().map(Counts::precision)),
            recall: self.interval(draws.iter().map(Counts::recall)),
            f1: self.interval(draws.iter().map(Counts::f1)),
        }
    }

    fn interval(&self, values: impl Iterator<Item = f64>) -> Interval {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.level.clamp(0.0, 1.0)) / 2.0;
        Interval {
            low: quantile(&sorted, tail),
            high: quantile(&sorted, 1.0 - tail),
        }
    }
}

/// As many sentences as there are, drawn with replacement, summed.
fn draw(sentences: &[Counts], random: &mut SplitMix64) -> Counts {
    let mut sum = Counts::default();
    for _ in sentences {
        sum += sentences[random.below(sentences.len())];
    }
    sum
}

/// Quantile `q` of sorted values, interpolated between neighbours (numpy's default).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let below = place as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and good enough to pick sentences.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`. Multiplied, not divided: the bias is below `end / 2^64`.
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(correct: usize, predicted: usize, gold: usize) -> Counts {
        Counts {
            correct,
            predicted,
            gold,
        }
    }

    #[test]
    fn equal_sentences_leave_no_doubt() {
        let confidence = Bootstrap::default().confidence(&[counts(1, 2, 1); 9]);
        assert_eq!(
            confidence.precision,
            Interval {
                low: 0.5,
                high: 0.5
            }
        );
        assert_eq!(
            confidence.recall,
            Interval {
                low: 1.0,
                high: 1.0
            }
        );
    }

    #[test]
    fn more_sentences_narrow_the_interval() {
        let few = [
            counts(1, 1, 1),
            counts(0, 1, 1),
            counts(1, 1, 2),
            counts(2, 3, 2),
        ];
        let width = |sentences: &[Counts]| {
            let Interval { low, high } = Bootstrap::default().confidence(sentences).f1;
            high - low
        };
        assert!(width(&few.repeat(64)) < width(&few) / 4.0);
    }

    #[test]
    fn the_seed_decides_the_draw() {
        let sentences: Vec<Counts> = (0..30).map(|i| counts(i % 3, 3, 2 + i % 2)).collect();
        let with = |seed| {
            Bootstrap {
                seed,
                ..Bootstrap::default()
            }
            .confidence(&sentences)
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }

    #[test]
    fn nothing_to_draw_from_gives_zeros() {
        assert_eq!(Bootstrap::default().confidence(&[]), Confidence::default());
    }
}
