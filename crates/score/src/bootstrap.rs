//! How sure a score is: the percentile bootstrap over sentences (Efron 1979).
//!
//! A test set is one draw of sentences. Drawing as many again from it, with replacement, many
//! times over, shows how much the score owes to that draw. Seeded: equal input, equal interval.

use serde::Serialize;

use crate::{Counts, Difference};

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

    /// The F1 of several systems on the same draws of sentences: one row a draw, one value a system. Each system is given as its
    /// runs, whose F1 is averaged; every run as the counts of the same sentences.
    ///
    /// # Panics
    /// When two runs differ in their number of sentences.
    pub fn f1_draws(&self, systems: &[Vec<&[Counts]>]) -> Vec<Vec<f64>> {
        let runs = || systems.iter().flatten();
        let sentences = runs().next().map_or(0, |run| run.len());
        assert!(
            runs().all(|run| run.len() == sentences),
            "every run is scored on the same sentences"
        );
        if sentences == 0 {
            return Vec::new();
        }
        let mut random = SplitMix64(self.seed);
        let mut drawn = vec![0_usize; sentences];
        let draw = |_| {
            drawn.fill(0);
            (0..sentences).for_each(|_| drawn[random.below(sentences)] += 1);
            let f1 = |run: &&[Counts]| weighted(run, &drawn).f1();
            systems
                .iter()
                .map(|runs| runs.iter().map(f1).sum::<f64>() / runs.len().max(1) as f64)
                .collect()
        };
        (0..self.resamples).map(draw).collect()
    }

    /// The difference between systems `a` and `b` of [`Bootstrap::f1_draws`], observed to be `mean`; `None` without a draw.
    ///
    /// Its p-value is twice the share of draws on the other side of zero (Efron and Tibshirani 1993, with 1 added to either count,
    /// so that it is never 0).
    pub fn difference(
        &self,
        draws: &[Vec<f64>],
        (a, b): (usize, usize),
        mean: f64,
    ) -> Option<Difference> {
        if draws.is_empty() {
            return None;
        }
        let differences = || draws.iter().map(|row| row[a] - row[b]);
        let tail = differences()
            .filter(|d| *d <= 0.0)
            .count()
            .min(differences().filter(|d| *d >= 0.0).count());
        let p = 2.0 * (tail + 1) as f64 / (draws.len() + 1) as f64;
        Some(Difference {
            mean,
            interval: self.interval(differences()),
            p: p.min(1.0),
        })
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

/// The sum of counts, each as often as `times` says.
fn weighted(counts: &[Counts], times: &[usize]) -> Counts {
    let mut sum = Counts::default();
    for (counts, times) in counts.iter().zip(times) {
        sum.correct += counts.correct * times;
        sum.predicted += counts.predicted * times;
        sum.gold += counts.gold * times;
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
    fn systems_are_compared_on_the_same_draws() {
        let right: Vec<Counts> = (0..40).map(|i| counts(1, 1, 1 + i % 2)).collect();
        let wrong: Vec<Counts> = (0..40).map(|i| counts(i % 4 / 2, 1, 1 + i % 2)).collect();
        let bootstrap = Bootstrap::default();
        let draws = bootstrap.f1_draws(&[
            vec![&right, &right],
            vec![&wrong],
            vec![&right],
            vec![&right, &wrong],
        ]);
        let difference = |a, b| bootstrap.difference(&draws, (a, b), 0.1).unwrap();
        assert!(difference(0, 1).interval.low > 0.0 && difference(0, 1).p < 0.01);
        assert!(difference(1, 0).interval.high < 0.0 && difference(1, 0).p < 0.01);
        let same = difference(0, 2);
        assert_eq!(
            (same.interval.low, same.interval.high, same.p),
            (0.0, 0.0, 1.0)
        );
        // Runs of one system are averaged.
        let (half, whole) = (difference(0, 3).interval, difference(0, 1).interval);
        assert!((half.high * 2.0 - whole.high).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_draw_from_gives_zeros() {
        assert_eq!(Bootstrap::default().confidence(&[]), Confidence::default());
    }
}
