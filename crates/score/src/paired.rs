//! Whether two systems differ: over seeds by Student's paired t, over sentences by the paired bootstrap, many at once by Holm.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use serde::Serialize;

use crate::Interval;

/// A difference with its interval, and how often chance alone would make one as large.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The first's mean minus the second's.
    pub mean: f64,
    /// Where the true difference lies, at the level asked for.
    pub interval: Interval,
    /// Two-sided p-value of no difference.
    pub p: f64,
}

/// Student's paired t-test over the differences of pairs, such as two systems' F1 under the same seeds; `None` for fewer than two.
///
/// `level` is that of the interval, between 0 and 1.
pub fn paired_t(differences: &[f64], level: f64) -> Option<Difference> {
    let n = differences.len();
    if n < 2 {
        return None;
    }
    let (mean, deviation) = mean_and_deviation(differences);
    let error = deviation / (n as f64).sqrt();
    let p = match error > 0.0 {
        true => 1.0 - within(mean.abs() / error, n - 1),
        // Every pair differs alike: by nothing, or by what no noise explains.
        false => f64::from(mean == 0.0),
    };
    let reach = t_quantile(level, n - 1) * error;
    let interval = Interval {
        low: mean - reach,
        high: mean + reach,
    };
    Some(Difference { mean, interval, p })
}

/// The mean, and the standard deviation of a sample (divisor `n - 1`; 0 for fewer than two).
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

/// P(|T| <= t) of Student's t with `n` degrees of freedom.
// Abramowitz and Stegun 26.7.3 and 26.7.4, theta = atan(t / sqrt(n)):
// n odd:  2/pi (theta + sin theta (cos + 2/3 cos^3 + 2 4 / (3 5) cos^5 + ...)), to cos^(n-2)
// n even: sin theta (1 + 1/2 cos^2 + 1 3 / (2 4) cos^4 + ...), to cos^(n-2)
fn within(t: f64, n: usize) -> f64 {
    let theta = (t / (n as f64).sqrt()).atan();
    let (sin, cos) = theta.sin_cos();
    let odd = n % 2 == 1;
    let mut term = if odd { cos } else { 1.0 };
    let mut sum = 0.0;
    let mut power = usize::from(odd);
    while power + 2 <= n {
        sum += term;
        term *= (power + 1) as f64 / (power + 2) as f64 * cos * cos;
        power += 2;
    }
    let within = match odd {
        true => FRAC_2_PI * (theta + sin * sum),
        false => sin * sum,
    };
    within.clamp(0.0, 1.0)
}

/// The t within which `level` of the distribution lies.
fn t_quantile(level: f64, n: usize) -> f64 {
    // In the angle of t / sqrt(n) the whole line is a bounded interval: halve that.
    let root = (n as f64).sqrt();
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        match within(middle.tan() * root, n) < level {
            true => low = middle,
            false => high = middle,
        }
    }
    low.tan() * root
}

/// Holm's (1979) adjustment: among so many comparisons, each p-value as if it were alone. In the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut most: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        most = most.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = most;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * b.abs().max(1.0)
    }

    #[test]
    fn the_t_test_is_that_of_scipy() {
        // scipy.stats.ttest_1samp(x, 0), and its confidence_interval(.95), scipy 1.17.1
        let found = paired_t(&[0.3, -0.1, 0.4, 0.25], 0.95).unwrap();
        assert!(near(found.mean, 0.2125));
        assert!(near(found.p, 0.145_657_055_772_106_03), "{}", found.p);
        assert!(
            near(found.interval.low, -0.133_537_685_983_914_38),
            "{found:?}"
        );
        let found = paired_t(&[1.0, 2.0, 1.5], 0.9).unwrap();
        assert!(near(found.p, 0.035_098_718_645_984_65), "{}", found.p);
        assert!(
            near(found.interval.high, 2.342_927_230_423_524_7),
            "{found:?}"
        );
    }

    #[test]
    fn one_pair_says_nothing_and_equal_pairs_say_all() {
        assert_eq!(paired_t(&[0.5], 0.95), None);
        assert_eq!(paired_t(&[0.5, 0.5], 0.95).unwrap().p, 0.0);
        assert_eq!(paired_t(&[0.0, 0.0], 0.95).unwrap().p, 1.0);
    }

    #[test]
    fn holm_is_that_of_statsmodels() {
        // statsmodels.stats.multitest.multipletests([.01, .04, .03, .005], method="holm")
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let want = [0.03, 0.06, 0.06, 0.02];
        assert!(
            adjusted.iter().zip(want).all(|(&a, b)| near(a, b)),
            "{adjusted:?}"
        );
    }
}
