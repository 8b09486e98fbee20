//! AdamW (Loshchilov and Hutter 2019) as torch computes it, dense and by rows.
//!
//! Idea of [`Rows`]: a row of the embedding whose pieces are not in the batch has a zero gradient, so what dense AdamW
//! does to it needs no gradient: it can be done later, when the row is next read, by repeating the missed
//! steps one after the other with the row in L1. The floats are the same to the bit, since the operations are the same in the
//! same order; a row never yet touched has zero moments, and only weight decay moves it. At 30,522 x 384 and 160 pieces
//! a step this replaces 330 MB of memory traffic a step by arithmetic on the rows touched so far.

use crate::parallel::{Shared, for_chunks, run};
use crate::vectorised;

/// What is the same in every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Decoupled weight decay, for the parameters that decay.
    pub weight_decay: f32,
}

/// What one step applies to every parameter: made of the learning rate and the step's number by [`AdamW::step`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    /// `1 - lr * weight_decay`, or 1.
    shrink: f32,
    /// `lr / (1 - beta1^t)`.
    rate: f32,
    /// `sqrt(1 - beta2^t)`.
    root_correction: f32,
}

impl AdamW {
    /// The constants of step `t`, counted from 1, with or without weight decay.
    pub fn step(&self, learning_rate: f64, t: u64, decays: bool) -> Step {
        let power = |beta: f32| 1.0 - f64::from(beta).powi(i32::try_from(t).unwrap_or(i32::MAX));
        let decay = if decays {
            learning_rate * f64::from(self.weight_decay)
        } else {
            0.0
        };
        Step {
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            shrink: (1.0 - decay) as f32,
            rate: (learning_rate / power(self.beta1)) as f32,
            root_correction: power(self.beta2).sqrt() as f32,
        }
    }
}

impl Step {
    // p *= 1 - lr wd; m += (1 - b1)(g - m); v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
    #[inline(always)]
    fn apply(&self, p: &mut f32, g: f32, m: &mut f32, v: &mut f32) {
        *m = (1.0 - self.beta1).mul_add(g - *m, *m);
        *v = (1.0 - self.beta2).mul_add(g * g, self.beta2 * *v);
        let root = v.sqrt() / self.root_correction + self.epsilon;
        *p = *p * self.shrink - self.rate * (*m / root);
    }
}

/// Weights with their two moments, equally long.
#[derive(Debug)]
pub struct State<'a> {
    /// Weights.
    pub p: &'a mut [f32],
    /// First moments.
    pub m: &'a mut [f32],
    /// Second moments.
    pub v: &'a mut [f32],
}

/// One step on every element, the gradient multiplied by `clip` first.
pub fn update(state: State<'_>, gradient: &[f32], clip: f32, step: Step) {
    const CHUNK: usize = 16 * 1024;
    for_chunks(
        [state.p, state.m, state.v],
        [CHUNK; 3],
        |task, [p, m, v]| {
            let g = &gradient[task * CHUNK..];
            vectorised(
                #[inline(always)]
                || apply_all(p, g, m, v, clip, step),
            );
        },
    );
}

#[inline(always)]
fn apply_all(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], clip: f32, step: Step) {
    for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        step.apply(p, g * clip, m, v);
    }
}

/// The rows of a table that are updated only when needed.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Elements of a row.
    width: usize,
    /// Constants of every step since the oldest that some row has missed.
    steps: Vec<Step>,
    /// Steps that each row has seen.
    seen: Vec<u32>,
    /// Whether a row has ever had a gradient.
    touched: Vec<bool>,
    /// Whether some step in `steps` decays weights, so that rows never touched move too.
    decays: bool,
}

impl Rows {
    /// The book-keeping of a table of `rows` rows of `width` elements, no step done yet.
    pub fn new(rows: usize, width: usize) -> Self {
        Self {
            width,
            steps: Vec::new(),
            seen: vec![0; rows],
            touched: vec![false; rows],
            decays: false,
        }
    }

    /// Brings the rows named (sorted, each once) up to date: to be called before they are read.
    pub fn catch_up(&mut self, state: State<'_>, rows: &[u32]) {
        let now = self.steps.len() as u32;
        let (width, steps) = (self.width, &self.steps);
        let late: Vec<(u32, u32)> = rows
            .iter()
            .map(|&row| (row, std::mem::replace(&mut self.seen[row as usize], now)))
            .filter(|&(row, seen)| seen < now && (self.touched[row as usize] || self.decays))
            .collect();
        let [p, m, v] = [state.p, state.m, state.v].map(Shared::new);
        run(late.len().div_ceil(8), &|task| {
            for &(row, seen) in &late[task * 8..(task * 8 + 8).min(late.len())] {
                let range = row as usize * width..(row as usize + 1) * width;
                // SAFETY: `rows` names every row once, so each row belongs to one task.
                let (p, m, v) = unsafe {
                    (
                        p.slice(range.clone()),
                        m.slice(range.clone()),
                        v.slice(range),
                    )
                };
                vectorised(
                    #[inline(always)]
                    || replay(p, m, v, &steps[seen as usize..]),
                );
            }
        });
    }

    /// One step: the rows named (sorted, each once) get `gradient`, of the whole table's shape, times `clip`; the others a zero
    /// gradient, later. The rows named must have been caught up since the last step.
    pub fn update(
        &mut self,
        state: State<'_>,
        gradient: &[f32],
        rows: &[u32],
        clip: f32,
        step: Step,
    ) {
        let now = self.steps.len() as u32;
        self.steps.push(step);
        self.decays |= step.shrink != 1.0;
        for &row in rows {
            assert_eq!(
                self.seen[row as usize], now,
                "row {row} was not caught up before its update"
            );
            self.seen[row as usize] = now + 1;
            self.touched[row as usize] = true;
            let range = row as usize * self.width..(row as usize + 1) * self.width;
            let (p, m, v) = (
                &mut state.p[range.clone()],
                &mut state.m[range.clone()],
                &mut state.v[range.clone()],
            );
            vectorised(
                #[inline(always)]
                || apply_all(p, &gradient[range], m, v, clip, step),
            );
        }
    }

    /// The book-keeping of a table that is up to date, with these moments: a row has had a gradient when it has a moment.
    pub fn restore(&mut self, m: &[f32], v: &[f32]) {
        self.steps.clear();
        self.decays = false;
        self.seen.fill(0);
        // A moment that has faded to zero is moved by later steps no more than one that never was.
        let moves = |row: &[f32]| row.iter().any(|x| x.to_bits() != 0);
        let rows = m.chunks(self.width).zip(v.chunks(self.width));
        for (touched, (m, v)) in self.touched.iter_mut().zip(rows) {
            *touched = moves(m) || moves(v);
        }
    }

    /// Brings every row up to date and forgets the past: before the weights are saved or read by others.
    pub fn finish(&mut self, state: State<'_>) {
        let all: Vec<u32> = (0..self.seen.len() as u32).collect();
        self.catch_up(state, &all);
        self.steps.clear();
        self.decays = false;
        self.seen.fill(0);
    }
}

/// The missed steps of one row, 32 elements at a time so that they stay in registers.
#[inline(always)]
fn replay(p: &mut [f32], m: &mut [f32], v: &mut [f32], steps: &[Step]) {
    const LANES: usize = 32;
    let whole = p.len() / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        let range = start..start + LANES;
        let (p, m, v) = (&mut p[range.clone()], &mut m[range.clone()], &mut v[range]);
        let mut lanes = [[0.0_f32; LANES]; 3];
        lanes[0].copy_from_slice(p);
        lanes[1].copy_from_slice(m);
        lanes[2].copy_from_slice(v);
        let [lp, lm, lv] = &mut lanes;
        for step in steps {
            for i in 0..LANES {
                step.apply(&mut lp[i], 0.0, &mut lm[i], &mut lv[i]);
            }
        }
        p.copy_from_slice(lp);
        m.copy_from_slice(lm);
        v.copy_from_slice(lv);
    }
    for ((p, m), v) in p[whole..]
        .iter_mut()
        .zip(&mut m[whole..])
        .zip(&mut v[whole..])
    {
        for step in steps {
            step.apply(p, 0.0, m, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADAMW: AdamW = AdamW {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.01,
    };

    #[test]
    fn one_step_is_that_of_torch() {
        // p = torch.tensor([1., -2.]); p.grad = torch.tensor([.5, -.25]); two steps of
        // torch.optim.AdamW([p], lr=.1, weight_decay=.01) with the same gradient give these values.
        let (mut p, mut m, mut v) = ([1.0, -2.0], [0.0; 2], [0.0; 2]);
        for t in 1..=2 {
            let state = State {
                p: &mut p,
                m: &mut m,
                v: &mut v,
            };
            update(state, &[0.5, -0.25], 1.0, ADAMW.step(0.1, t, true));
        }
        // m_hat = g and v_hat = g^2 in both steps, so p <- p (1 - .001) -+ .1
        let want = [
            (1.0 * 0.999 - 0.1) * 0.999 - 0.1,
            (-2.0 * 0.999 + 0.1) * 0.999 + 0.1,
        ];
        assert!(
            p.iter()
                .zip(want)
                .all(|(a, b): (&f32, f64)| (f64::from(*a) - b).abs() < 1e-6),
            "{p:?}"
        );
    }

    #[test]
    fn rows_updated_late_have_the_bits_of_the_dense_update() {
        let (rows, width) = (23, 37);
        for decay in [0.0, 0.01] {
            let adamw = AdamW {
                weight_decay: decay,
                ..ADAMW
            };
            let start: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 0.3).sin()).collect();
            let zeros = vec![0.0_f32; rows * width];
            let mut dense = [start.clone(), zeros.clone(), zeros.clone()];
            let mut lazy = [start, zeros.clone(), zeros];
            let mut book = Rows::new(rows, width);
            for t in 1..=400_u64 {
                let mut ids: Vec<u32> = (0..5)
                    .map(|i| crate::dropout::mix((t * 5 + i) as u32) % (rows as u32 - 2))
                    .collect();
                ids.sort_unstable();
                ids.dedup();
                if t > 100 {
                    ids.retain(|&id| id > 6);
                }
                let mut gradient = vec![0.0; rows * width];
                for &id in &ids {
                    let row = id as usize * width..(id as usize + 1) * width;
                    for (j, g) in gradient[row].iter_mut().enumerate() {
                        *g = ((t as usize * 7 + j) as f32).cos() * 0.1;
                    }
                }
                let step = adamw.step(1e-3 * (1.0 - t as f64 / 500.0), t, true);
                let [p, m, v] = &mut dense;
                update(State { p, m, v }, &gradient, 0.7, step);
                let [p, m, v] = &mut lazy;
                book.catch_up(State { p, m, v }, &ids);
                let [p, m, v] = &mut lazy;
                book.update(State { p, m, v }, &gradient, &ids, 0.7, step);
                if t == 250 {
                    let [p, m, v] = &mut lazy;
                    book.finish(State { p, m, v });
                    // As a run that is resumed: nothing is known but the numbers.
                    book = Rows::new(rows, width);
                    book.restore(&lazy[1], &lazy[2]);
                }
            }
            let [p, m, v] = &mut lazy;
            book.finish(State { p, m, v });
            for (a, b) in dense.iter().zip(&lazy) {
                assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}
