//! Which evaluation was the best, and how long ago that was.

use serde::{Deserialize, Serialize};

/// The best value so far, higher being better.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Best {
    value: Option<f64>,
    since: usize,
}

impl Best {
    /// Takes the value of another evaluation; gives whether it beats all before.
    pub(crate) fn beaten_by(&mut self, value: f64) -> bool {
        let beaten = self.value.is_none_or(|best| value > best);
        if beaten {
            self.value = Some(value);
            self.since = 0;
        } else {
            self.since += 1;
        }
        beaten
    }

    /// Evaluations since the best one.
    pub(crate) fn since(&self) -> usize {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_starts_anew_with_every_better_value() {
        let mut best = Best::default();
        let told = [0.5, 0.4, 0.6, 0.6, 0.5].map(|value| (best.beaten_by(value), best.since()));
        assert_eq!(
            told,
            [(true, 0), (false, 1), (true, 0), (false, 1), (false, 2)]
        );
    }
}
