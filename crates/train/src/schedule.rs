//! The learning rate of every step, as transformers' schedulers give it.

use crate::Schedule;

/// A schedule over a run of known length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LearningRate {
    peak: f64,
    schedule: Schedule,
    warmup: usize,
    total: usize,
}

impl LearningRate {
    /// Rises to `peak` over the first `ceil(ratio * total)` steps, then follows `schedule`.
    pub(crate) fn new(peak: f64, schedule: Schedule, warmup_ratio: f64, total: usize) -> Self {
        Self {
            peak,
            schedule,
            warmup: (warmup_ratio * total as f64).ceil() as usize,
            total,
        }
    }

    /// The rate of step `step`, counted from 0.
    pub(crate) fn at(&self, step: usize) -> f64 {
        if step < self.warmup {
            return self.peak * step as f64 / self.warmup as f64;
        }
        let progress =
            (step - self.warmup) as f64 / (self.total.saturating_sub(self.warmup)).max(1) as f64;
        let factor = match self.schedule {
            Schedule::Linear => 1.0 - progress,
            Schedule::Constant => 1.0,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        };
        self.peak * factor.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_rises_from_zero_and_the_schedules_fall_to_zero() {
        for (schedule, middle, last) in [
            (Schedule::Linear, 0.5, 0.1),
            (Schedule::Constant, 1.0, 1.0),
            (Schedule::Cosine, 0.5, 0.024_471_741),
        ] {
            let rate = LearningRate::new(2.0, schedule, 0.2, 12);
            assert_eq!(
                [rate.at(0), rate.at(3)],
                [0.0, 2.0],
                "three of twelve steps warm up"
            );
            let rate = LearningRate::new(2.0, schedule, 0.0, 10);
            assert_eq!(rate.at(0), 2.0);
            assert!(
                (rate.at(5) / 2.0 - middle).abs() < 1e-6 && (rate.at(9) / 2.0 - last).abs() < 1e-6
            );
        }
    }
}
