//! Against the sum over every tag sequence.

use super::*;

fn noise(n: usize, seed: u32) -> Vec<f32> {
    let at = |i: u32| crate::dropout::mix(i ^ seed.wrapping_mul(977)) as f32 / 2.0_f32.powi(30);
    (0..n as u32).map(|i| at(i) - 2.0).collect()
}

/// Weights and a mask that forbids some of everything but leaves tag 0 free everywhere.
struct Case {
    transitions: Vec<f32>,
    start: Vec<f32>,
    end: Vec<f32>,
    forbidden: Forbidden,
}

impl Case {
    fn new(k: usize) -> Self {
        let no =
            |n: usize, row: usize| (0..n).map(move |i| i % row != 0 && i / row != 0 && i % 3 == 0);
        Self {
            transitions: noise(k * k, 1),
            start: noise(k, 2),
            end: noise(k, 3),
            forbidden: Forbidden {
                transitions: no(k * k, k).collect(),
                start: (0..k).map(|i| i == 2).collect(),
                end: (0..k).map(|i| i == 1).collect(),
            },
        }
    }

    fn weights(&self) -> Weights<'_> {
        Weights {
            transitions: &self.transitions,
            start: &self.start,
            end: &self.end,
        }
    }

    fn potentials(&self, masked: bool) -> Potentials {
        Potentials::new(self.weights(), masked.then_some(&self.forbidden))
    }
}

/// Every sequence of `len` tags with its score, computed by hand.
fn all(potentials: &Potentials, emissions: &[f32], len: usize) -> Vec<(Vec<u32>, f64)> {
    let k = potentials.tags();
    let count = k.pow(len as u32);
    let spell = |n: usize| (0..len).map(move |t| (n / k.pow(t as u32) % k) as u32);
    let score = |tags: &[u32]| {
        let mut score = potentials.start[tags[0] as usize] + potentials.end[tags[len - 1] as usize];
        for t in 0..len {
            score += f64::from(emissions[t * k + tags[t] as usize]);
            if t > 0 {
                score += potentials.transitions[tags[t - 1] as usize * k + tags[t] as usize];
            }
        }
        score
    };
    (0..count)
        .map(|n| {
            let tags: Vec<u32> = spell(n).collect();
            let score = score(&tags);
            (tags, score)
        })
        .collect()
}

const SIZES: [(usize, usize); 7] = [(1, 1), (1, 4), (3, 1), (2, 5), (3, 4), (5, 3), (4, 5)];

#[test]
fn the_partition_is_the_sum_over_every_sequence() {
    for (k, len) in SIZES {
        for masked in [false, true] {
            let potentials = Case::new(k).potentials(masked);
            let emissions = noise(len * k, 9);
            let sum: f64 = all(&potentials, &emissions, len)
                .iter()
                .map(|(_, score)| score.exp())
                .sum();
            let lattice = Lattice::new(&potentials, &emissions);
            assert!((lattice.log_sum() - sum.ln()).abs() < 1e-12, "{k} x {len}");
        }
    }
}

#[test]
fn marginals_are_the_shares_of_the_sequences_with_that_tag() {
    for (k, len) in SIZES {
        for masked in [false, true] {
            let potentials = Case::new(k).potentials(masked);
            let emissions = noise(len * k, 9);
            let lattice = Lattice::new(&potentials, &emissions);
            let every = all(&potentials, &emissions, len);
            for t in 0..len {
                for tag in 0..k {
                    let with = every.iter().filter(|(tags, _)| tags[t] as usize == tag);
                    let share: f64 = with.map(|(_, s)| (s - lattice.log_sum()).exp()).sum();
                    assert!((lattice.marginal(t, tag) - share).abs() < 1e-12);
                }
            }
        }
    }
}

#[test]
fn the_best_sequences_are_those_of_the_highest_scores() {
    for (k, len) in SIZES {
        for masked in [false, true] {
            let potentials = Case::new(k).potentials(masked);
            let emissions = noise(len * k, 9);
            let mut every = all(&potentials, &emissions, len);
            every.retain(|(_, score)| score.is_finite());
            every.sort_by(|a, b| b.1.total_cmp(&a.1));
            for n in [1, 2, 7, 2000] {
                let found = potentials.best_paths(&emissions, n);
                assert_eq!(found.len(), n.min(every.len()), "{k} x {len}, {n}");
                for (path, (tags, score)) in found.iter().zip(&every) {
                    assert_eq!(&path.tags, tags);
                    assert!((path.score - score).abs() < 1e-12);
                }
            }
            let best = potentials.best(&emissions).unwrap();
            assert_eq!(best.tags, every[0].0);
        }
    }
}

#[test]
fn the_first_tag_wins_among_equals() {
    let zeros = [0.0; 9];
    let weights = Weights {
        transitions: &zeros,
        start: &zeros[..3],
        end: &zeros[..3],
    };
    let best = Potentials::new(weights, None).best(&[0.0; 12]).unwrap();
    assert_eq!(best.tags, [0; 4]);
}

#[test]
fn a_segment_is_as_probable_as_the_sequences_that_have_it() {
    for (k, len) in [(3, 1), (2, 5), (3, 4), (4, 5)] {
        for masked in [false, true] {
            let potentials = Case::new(k).potentials(masked);
            let emissions = noise(len * k, 9);
            let lattice = Lattice::new(&potentials, &emissions);
            let every = all(&potentials, &emissions, len);
            let (before, after) = (|tag: usize| tag != 1, |tag: usize| tag != 0);
            for first in 0..len {
                for end in first + 1..=len {
                    let tags: Vec<u32> = (first..end).map(|t| (t % k) as u32).collect();
                    let has = |y: &[u32]| {
                        y[first..end] == tags
                            && (first == 0 || before(y[first - 1] as usize))
                            && (end == len || after(y[end] as usize))
                    };
                    let with = every.iter().filter(|(y, _)| has(y));
                    let want: f64 = with.map(|(_, s)| (s - lattice.log_sum()).exp()).sum();
                    let got =
                        lattice.segment(&potentials, &emissions, (first, &tags), before, after);
                    assert!((got - want).abs() < 1e-12, "{k} x {len}, {first}..{end}");
                }
            }
        }
    }
}

/// The loss and all gradients of a ragged batch: emissions, transitions, start, end.
fn pass(
    case: &Case,
    bounds: &[usize],
    (emissions, tags): (&[f32], &[u32]),
    (masked, scale): (bool, f32),
) -> (f64, [Vec<f32>; 4]) {
    let k = case.start.len();
    let mut demissions = vec![f32::NAN; emissions.len()];
    let (mut transitions, mut start, mut end) = (vec![0.0; k * k], vec![0.0; k], vec![0.0; k]);
    let gradients = GradientsMut {
        transitions: &mut transitions,
        start: &mut start,
        end: &mut end,
    };
    let loss = negative_log_likelihood(
        (&mut demissions, gradients),
        (emissions, tags, bounds),
        (case.weights(), masked.then_some(&case.forbidden)),
        scale,
        &mut State::default(),
    );
    (loss, [demissions, transitions, start, end])
}

#[test]
fn gradients_are_the_derivatives_of_the_loss_over_a_ragged_batch() {
    for (k, masked) in [(1, false), (2, false), (5, false), (5, true), (9, true)] {
        let case = Case::new(k);
        let bounds = [0, 1, 1, 8, 10];
        let emissions = noise(10 * k, 5);
        // Tag 0 is allowed everywhere.
        let tags: Vec<u32> = (0..10)
            .map(|t| if masked { 0 } else { (t * 7 % k) as u32 })
            .collect();
        let (loss, gradients) = pass(&case, &bounds, (&emissions, &tags), (masked, 0.5));
        let potentials = case.potentials(masked);
        let sum = |potentials: &Potentials, emissions: &[f32]| -> f64 {
            let sequences = bounds.windows(2).map(|b| (b[0], b[1]));
            sequences
                .map(|(b, e)| potentials.loss(&emissions[b * k..e * k], &tags[b..e]))
                .sum()
        };
        assert!((loss - sum(&potentials, &emissions)).abs() < 1e-9);
        let step = 1e-3;
        for i in 0..emissions.len() {
            let mut shifted = emissions.clone();
            shifted[i] = emissions[i] + step;
            let (up, high) = (sum(&potentials, &shifted), shifted[i]);
            shifted[i] = emissions[i] - step;
            let slope = (up - sum(&potentials, &shifted)) / f64::from(high - shifted[i]);
            assert!((f64::from(gradients[0][i]) - 0.5 * slope).abs() < 1e-5);
        }
        type Scores = fn(&mut Potentials) -> &mut Vec<f64>;
        let kinds: [Scores; 3] = [|p| &mut p.transitions, |p| &mut p.start, |p| &mut p.end];
        for (kind, gradient) in kinds.iter().zip(&gradients[1..]) {
            for (i, &gradient) in gradient.iter().enumerate() {
                let at = |shift: f64| {
                    let mut shifted = potentials.clone();
                    kind(&mut shifted)[i] += shift;
                    sum(&shifted, &emissions)
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((f64::from(gradient) - 0.5 * slope).abs() < 1e-5, "{k} {i}");
            }
        }
    }
}

#[test]
fn tags_that_are_forbidden_themselves_are_learned_from_without_the_mask() {
    let case = Case::new(4);
    let emissions = noise(12, 5);
    // Tag 2 may not come first.
    let tags = [2, 0, 1];
    let (loss, masked) = pass(&case, &[0, 3], (&emissions, &tags), (true, 1.0));
    let (free_loss, free) = pass(&case, &[0, 3], (&emissions, &tags), (false, 1.0));
    assert_eq!((loss, &masked[0]), (free_loss, &free[0]));
    assert!(free[2][2] != 0.0 && masked[2][2] == 0.0);
}

#[test]
fn scores_of_any_size_stay_finite() {
    for size in [1e-30_f32, 1.0, 1e4, 1e30] {
        let case = Case::new(3);
        let emissions: Vec<f32> = noise(30, 4).iter().map(|e| e * size).collect();
        let tags = [0; 10];
        let (loss, gradients) = pass(&case, &[0, 10], (&emissions, &tags), (true, 1.0));
        assert!(loss.is_finite() && gradients.iter().flatten().all(|g| g.is_finite()));
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let k = 9;
    let case = Case::new(k);
    let bounds: Vec<usize> = (0..40)
        .scan(0, |at, s| Some(std::mem::replace(at, *at + s * 13 % 7)))
        .collect();
    let words = *bounds.last().unwrap();
    let (emissions, tags) = (noise(words * k, 8), vec![0; words]);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            crate::region(|| {
                let (loss, gradients) = pass(&case, &bounds, (&emissions, &tags), (true, 0.1));
                let bits: Vec<u32> = gradients.iter().flatten().map(|g| g.to_bits()).collect();
                (loss.to_bits(), bits)
            })
        })
    };
    let one = run(1);
    assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one));
}
