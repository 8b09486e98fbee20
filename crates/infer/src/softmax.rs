//! From the logits of a word to its tag and the probabilities.

/// The best of `logits[K]`, the first among equals.
pub(crate) fn best(logits: &[f32]) -> usize {
    let first = (0, f32::NEG_INFINITY);
    let pick = |best: (usize, f32), (id, &logit): (usize, &f32)| {
        if logit > best.1 { (id, logit) } else { best }
    };
    logits.iter().enumerate().fold(first, pick).0
}

/// Natural logarithm of the softmax of `logits[K]` at `id`:
/// `log p[id] = logits[id] - max - log(sum_k exp(logits[k] - max))`.
pub(crate) fn log_probability(logits: &[f32], id: usize) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits
        .iter()
        .map(|&logit| (f64::from(logit) - max).exp())
        .sum();
    f64::from(logits[id]) - max - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_logits_is_the_best() {
        assert_eq!(best(&[0.5, 2.0, 2.0, -1.0]), 1);
        assert_eq!(best(&[-3.0]), 0);
    }

    #[test]
    fn probabilities_sum_to_one_whatever_the_shift() {
        for shift in [-1e4, 0.0, 1e4] {
            let logits = [1.0, -2.0, 0.25].map(|logit: f32| logit + shift);
            let sum: f64 = (0..3).map(|id| log_probability(&logits, id).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
    }

    #[test]
    fn a_certain_tag_has_no_loss() {
        assert_eq!(log_probability(&[0.0, 1e30], 1), 0.0);
    }
}
