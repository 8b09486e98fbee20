//! Softmax and what is minimised over `[W, K]` logits: cross-entropy, and losses for tags of which some are rare.

/// Softmax of one row, in place; gives `ln sum exp` of the row.
pub fn softmax_row(row: &mut [f32]) -> f32 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0_f32;
    for x in row.iter_mut() {
        *x = (*x - max).exp();
        sum += *x;
    }
    for x in row.iter_mut() {
        *x /= sum;
    }
    max + sum.ln()
}

/// Cross-entropy summed over the rows, and its gradient.
///
/// `dlogits[W, K] = scale (softmax(logits) - onehot(tags))`; gives `sum_w -ln softmax(logits_w)[tag_w]`.
pub fn cross_entropy(dlogits: &mut [f32], logits: &[f32], tags: &[u32], scale: f32) -> f64 {
    if tags.is_empty() {
        return 0.0;
    }
    let k = logits.len() / tags.len();
    let mut loss = 0.0;
    for ((row, d), &tag) in logits
        .chunks_exact(k)
        .zip(dlogits.chunks_exact_mut(k))
        .zip(tags)
    {
        d.copy_from_slice(row);
        let log_sum = softmax_row(d);
        loss += f64::from(log_sum - row[tag as usize]);
        d[tag as usize] -= 1.0;
        for d in d.iter_mut() {
            *d *= scale;
        }
    }
    loss
}

/// What the loss of a row is, before the weight of its gold tag. `p` is the softmax at the gold tag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// `(1 - e) (-ln p) + e/K sum_c -ln p_c`, Szegedy et al. (2016): the gold tag is smoothed over all by `smoothing`, `e`. With 0 it
    /// is the cross-entropy.
    CrossEntropy {
        /// `e`, from 0 to 1.
        smoothing: f32,
    },
    /// `-(1 - p)^g ln p`, Lin et al., Focal Loss for Dense Object Detection (2017), equation 4.
    Focal {
        /// `g`, at least 0: with 0 it is the cross-entropy.
        gamma: f32,
    },
    /// `1 - (2 q + 1) / (q + 2)` with `q = (1 - p)^a p`: the self-adjusting dice loss of Li et al., Dice Loss for Data-imbalanced NLP
    /// Tasks (2020), equation 12, at the gold tag and with its smoothing constant 1. It is least at `p = 1 / (1 + a)`.
    Dice {
        /// `a`, at least 0: how much the tags that are already right lose their say.
        alpha: f32,
    },
}

impl Default for Loss {
    fn default() -> Self {
        Self::CrossEntropy { smoothing: 0.0 }
    }
}

impl Loss {
    /// The loss at `log_p = ln p` and its derivative by `log_p`, where the loss depends on the gold tag alone.
    fn at(self, log_p: f64) -> (f64, f64) {
        let (p, rest) = (log_p.exp(), -log_p.exp_m1());
        match self {
            Self::CrossEntropy { .. } => (-log_p, -1.0),
            Self::Focal { gamma } => {
                let gamma = f64::from(gamma);
                let power = rest.powf(gamma);
                // (ln p) / (1 - p) tends to -1 where p tends to 1.
                let ratio = if rest > 0.0 { log_p / rest } else { -1.0 };
                (-power * log_p, power * (gamma * p * ratio - 1.0))
            }
            Self::Dice { alpha } => {
                let alpha = f64::from(alpha);
                let q = rest.powf(alpha) * p;
                // dq / d ln p; where nothing is left of 1 - p, there is no logit that it moves.
                let dq = if rest > 0.0 {
                    q * (1.0 - alpha * p / rest)
                } else {
                    0.0
                };
                let below = q + 2.0;
                (1.0 - (2.0 * q + 1.0) / below, -3.0 * dq / (below * below))
            }
        }
    }
}

/// What is minimised: a loss and what each gold tag counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Objective {
    /// The loss of a row.
    pub loss: Loss,
    /// Weight of each tag, `[K]`; empty where all are 1.
    pub weights: Vec<f32>,
}

impl Objective {
    /// Whether it is the plain cross-entropy.
    pub fn is_plain(&self) -> bool {
        self.weights.is_empty() && self.loss == Loss::default()
    }

    /// What the sum over rows with these gold tags is divided by for their mean: `sum_w weights[tags_w]`, as torch's
    /// `CrossEntropyLoss(weight, label_smoothing)` has it; the number of rows without weights.
    pub fn unit(&self, tags: &[u32]) -> f64 {
        let weight = |&tag: &u32| f64::from(self.weights[tag as usize]);
        match self.weights.is_empty() {
            true => tags.len() as f64,
            false => tags.iter().map(weight).sum(),
        }
    }

    /// The loss summed over the rows, and its gradient times `scale` in `dlogits[W, K]`.
    pub fn rows(&self, dlogits: &mut [f32], logits: &[f32], tags: &[u32], scale: f32) -> f64 {
        if self.is_plain() || tags.is_empty() {
            return cross_entropy(dlogits, logits, tags, scale);
        }
        let k = logits.len() / tags.len();
        let rows = logits.chunks_exact(k).zip(dlogits.chunks_exact_mut(k));
        rows.zip(tags)
            .map(|((row, d), &tag)| self.row(d, row, tag as usize, f64::from(scale)))
            .sum()
    }

    fn row(&self, d: &mut [f32], row: &[f32], tag: usize, scale: f64) -> f64 {
        let weight = |tag: usize| self.weights.get(tag).map_or(1.0, |&w| f64::from(w));
        let max = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = row.iter().map(|&z| (f64::from(z) - max).exp()).sum();
        let log_p = |z: f32| f64::from(z) - max - sum.ln();
        let smoothing = match self.loss {
            Loss::CrossEntropy { smoothing } => f64::from(smoothing),
            _ => 0.0,
        };
        let share = smoothing / row.len() as f64;
        let all: f64 = (0..row.len()).map(weight).sum();
        let (value, slope) = self.loss.at(log_p(row[tag]));
        let gold = (1.0 - smoothing) * weight(tag);
        let mut loss = gold * value;
        for (j, (d, &z)) in d.iter_mut().zip(row).enumerate() {
            let log_p = log_p(z);
            // Exact where p is next to 1: 1 - p and not 1 minus a rounded p.
            let miss = if j == tag {
                -log_p.exp_m1()
            } else {
                -log_p.exp()
            };
            let mut slope = gold * slope * miss;
            if smoothing > 0.0 {
                loss -= share * weight(j) * log_p;
                slope += share * (all * log_p.exp() - weight(j));
            }
            *d = (scale * slope) as f32;
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_derivative_of_the_loss() {
        let logits = [0.3, -1.2, 2.0, 1e4, 0.0, -1e4];
        let tags = [1, 0];
        let mut d = [0.0; 6];
        let loss = cross_entropy(&mut d, &logits, &tags, 0.5);
        // -ln softmax by hand: ln(e^0.3 + e^-1.2 + e^2) + 1.2, and 0
        let want = (0.3_f64.exp() + (-1.2_f64).exp() + 2.0_f64.exp()).ln() + 1.2;
        assert!((loss - want).abs() < 1e-6);
        for i in 0..3 {
            let mut shifted = logits;
            shifted[i] += 1e-2;
            let up = cross_entropy(&mut [0.0; 6], &shifted, &tags, 1.0);
            shifted[i] -= 2e-2;
            let down = cross_entropy(&mut [0.0; 6], &shifted, &tags, 1.0);
            assert!((f64::from(d[i]) - 0.5 * (up - down) / 2e-2).abs() < 1e-4);
        }
        assert_eq!(&d[3..], [0.0; 3]);
    }

    const LOSSES: [Loss; 7] = [
        Loss::CrossEntropy { smoothing: 0.0 },
        Loss::CrossEntropy { smoothing: 0.3 },
        Loss::Focal { gamma: 0.5 },
        Loss::Focal { gamma: 2.0 },
        Loss::Dice { alpha: 0.0 },
        Loss::Dice { alpha: 0.1 },
        Loss::Dice { alpha: 1.0 },
    ];

    /// The formulas as they are written, in f64.
    fn reference(loss: Loss, weights: &[f64], logits: &[f64], tag: usize) -> f64 {
        let sum: f64 = logits.iter().map(|z| z.exp()).sum();
        let p: Vec<f64> = logits.iter().map(|z| z.exp() / sum).collect();
        match loss {
            Loss::CrossEntropy { smoothing } => {
                let e = f64::from(smoothing);
                let every: f64 = p.iter().zip(weights).map(|(p, w)| -w * p.ln()).sum();
                (1.0 - e) * weights[tag] * -p[tag].ln() + e / p.len() as f64 * every
            }
            Loss::Focal { gamma } => {
                -weights[tag] * (1.0 - p[tag]).powf(f64::from(gamma)) * p[tag].ln()
            }
            Loss::Dice { alpha } => {
                let q = (1.0 - p[tag]).powf(f64::from(alpha)) * p[tag];
                weights[tag] * (1.0 - (2.0 * q + 1.0) / (q + 1.0 + 1.0))
            }
        }
    }

    #[test]
    fn every_loss_is_its_formula_and_its_gradient_the_derivative() {
        let logits = [0.3_f32, -1.2, 2.0, 0.1, 4.0, -3.0];
        let (weights, tags) = ([0.5_f32, 2.0, 1.25], [1, 2]);
        for loss in LOSSES {
            for weights in [vec![], weights.to_vec()] {
                let wide: Vec<f64> = match weights.is_empty() {
                    true => vec![1.0; 3],
                    false => weights.iter().map(|&w| f64::from(w)).collect(),
                };
                let objective = Objective { loss, weights };
                let all = |logits: &[f64]| -> f64 {
                    let rows = logits.chunks(3).zip(tags);
                    rows.map(|(row, tag)| reference(loss, &wide, row, tag as usize))
                        .sum()
                };
                let mut d = [0.0; 6];
                let found = objective.rows(&mut d, &logits, &tags, 0.5);
                let mut logits = logits.map(f64::from);
                assert!((found - all(&logits)).abs() < 1e-6, "{objective:?}");
                for i in 0..6 {
                    let at = logits[i];
                    logits[i] = at + 1e-5;
                    let up = all(&logits);
                    logits[i] = at - 1e-5;
                    let slope = 0.5 * (up - all(&logits)) / 2e-5;
                    logits[i] = at;
                    let error = (f64::from(d[i]) - slope).abs();
                    assert!(error < 1e-6, "{objective:?}: {} not {slope}", d[i]);
                }
            }
        }
    }

    #[test]
    fn a_tag_that_is_certain_leaves_no_loss_that_is_not_a_number() {
        for loss in LOSSES {
            for (tag, sure) in [(0, 1e4_f32), (0, 40.0), (1, 1e4)] {
                let objective = Objective {
                    loss,
                    weights: vec![2.0, 1.0],
                };
                let mut d = [f32::NAN; 2];
                let found = objective.rows(&mut d, &[sure, 0.0], &[tag], 1.0);
                assert!(found.is_finite(), "{loss:?}");
                assert!(d.iter().all(|d| d.is_finite()), "{loss:?}: {d:?}");
            }
        }
    }

    #[test]
    fn the_unit_is_the_weight_of_the_gold_tags() {
        let mut objective = Objective::default();
        assert_eq!(objective.unit(&[0, 1, 1]), 3.0);
        objective.weights = vec![0.25, 2.0];
        assert_eq!(objective.unit(&[0, 1, 1]), 4.25);
    }
}
