//! Whether confidence means what it says: of entities found with confidence 0.8, are 80 % right?

use serde::Serialize;

/// Bins of a reliability table: tenths.
const BINS: usize = 10;

/// A reliability table over the entities found, and its summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The expected calibration error: the mean distance between confidence and precision of the bins, weighted by their entities
    /// (Naeini et al. 2015; Guo et al. 2017). 0 without entities.
    pub ece: f64,
    /// Entities found.
    pub entities: usize,
    /// Ten bins of equal width, from the least confident on.
    pub bins: Vec<Bin>,
}

/// The entities found with a confidence in `(from, to]`; the first bin holds 0 too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// Lower border.
    pub from: f64,
    /// Upper border.
    pub to: f64,
    /// Entities in it.
    pub entities: usize,
    /// Their mean confidence; none of an empty bin.
    pub confidence: Option<f64>,
    /// The share of them that is right; none of an empty bin.
    pub precision: Option<f64>,
}

impl Calibration {
    /// The table of entities, each with its confidence between 0 and 1 and whether it is right.
    pub fn new(entities: impl IntoIterator<Item = (f64, bool)>) -> Self {
        // Entities, sum of confidence and number right of each bin.
        let mut sums = [(0_usize, 0.0, 0_usize); BINS];
        for (confidence, right) in entities {
            let bin = (confidence * BINS as f64).ceil() as usize;
            let sum = &mut sums[bin.clamp(1, BINS) - 1];
            *sum = (sum.0 + 1, sum.1 + confidence, sum.2 + usize::from(right));
        }
        let entities: usize = sums.iter().map(|sum| sum.0).sum();
        // sum_b n_b / n |confidence_b - precision_b|
        let distance =
            |&(_, confidence, right): &(usize, f64, usize)| (confidence - right as f64).abs();
        let ece = sums.iter().map(distance).sum::<f64>() / entities.max(1) as f64;
        let bin = |(n, &(entities, confidence, right)): (usize, &(usize, f64, usize))| {
            let mean = |sum: f64| (entities > 0).then(|| sum / entities as f64);
            Bin {
                from: n as f64 / BINS as f64,
                to: (n + 1) as f64 / BINS as f64,
                entities,
                confidence: mean(confidence),
                precision: mean(right as f64),
            }
        };
        Self {
            ece,
            entities,
            bins: sums.iter().enumerate().map(bin).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_weighted_distance_of_confidence_and_precision() {
        let found = [(0.95, true), (0.93, false), (0.91, true), (0.35, false)];
        let calibration = Calibration::new(found);
        // Three quarters with confidence 0.93 and precision 2/3, one with 0.35 and 0.
        let want = 0.75 * (0.93 - 2.0 / 3.0) + 0.25 * 0.35;
        assert!((calibration.ece - want).abs() < 1e-12);
        let filled: Vec<usize> = calibration.bins.iter().map(|bin| bin.entities).collect();
        assert_eq!(filled, [0, 0, 0, 1, 0, 0, 0, 0, 0, 3]);
        let last = &calibration.bins[9];
        assert!((last.precision.unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(calibration.bins[0].confidence, None);
    }

    #[test]
    fn certainty_and_impossibility_have_bins() {
        let calibration = Calibration::new([(0.0, false), (1.0, true)]);
        assert_eq!((calibration.ece, calibration.entities), (0.0, 2));
        assert_eq!(
            (calibration.bins[0].entities, calibration.bins[9].entities),
            (1, 1)
        );
        assert_eq!(Calibration::new([]).ece, 0.0);
    }
}
