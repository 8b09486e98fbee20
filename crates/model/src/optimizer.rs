//! AdamW with gradient clipping over the flat buffers.

use crate::{Gradients, Layout, Model};
use bert_ner_kernels::adamw::{AdamW, Rows, State, update};
use bert_ner_kernels::memory::advise_huge;
use bert_ner_kernels::reduce::sum_of_squares;
use bert_ner_kernels::region;
use std::ops::Range;

/// The moments of every weight, and what is still owed to the rows of the word embedding.
///
/// Constants are those of torch and transformers: betas 0.9 and 0.999, epsilon 1e-8.
#[derive(Debug)]
pub struct Optimizer {
    adamw: AdamW,
    max_grad_norm: f64,
    m: Vec<f32>,
    v: Vec<f32>,
    /// Optimizer steps done.
    steps: u64,
    word: Range<usize>,
    width: usize,
    rows: Rows,
    /// The rest of the flat buffer, cut where weight decay begins or ends.
    dense: Vec<(Range<usize>, bool)>,
}

impl Optimizer {
    /// An optimizer before its first step.
    ///
    /// `weight_decay` applies to the tensors that [`decay`](crate::Tensor::decays); a gradient longer than `max_grad_norm` is scaled
    /// down to it, unless that is 0.
    pub fn new(model: &Model, weight_decay: f64, max_grad_norm: f64) -> Self {
        let (layout, hidden_size) = (model.layout(), model.config().hidden_size);
        let word = layout.word_embedding();
        let adamw = AdamW {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: weight_decay as f32,
        };
        let dense = dense_ranges(layout, &word);
        // Memory that is written first is committed once; read first, it would be mapped to a page of zeros and then copied. The rows
        // of the embedding are left alone: most are never touched.
        let moments = || {
            let mut moments = vec![0.0; layout.len()];
            for (range, _) in &dense {
                advise_huge(&mut moments[range.clone()]);
                moments[range.clone()].fill(0.0);
            }
            moments
        };
        Self {
            adamw,
            max_grad_norm,
            m: moments(),
            v: moments(),
            steps: 0,
            rows: Rows::new(word.len() / hidden_size, hidden_size),
            width: hidden_size,
            dense,
            word,
        }
    }

    /// Brings the embedding rows of these ids up to date: to be called before a pass reads them.
    pub fn prepare(&mut self, model: &mut Model, ids: &[u32]) {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let (rows, state) = self.split(model);
        rows.catch_up(state, &ids);
    }

    /// Brings every weight up to date: to be called before the model is evaluated or saved.
    pub fn synchronise(&mut self, model: &mut Model) {
        let (rows, state) = self.split(model);
        rows.finish(state);
    }

    /// The first and second moments of every weight. Call [`Optimizer::synchronise`] before, or some are out of date.
    pub fn moments(&self) -> [&[f32]; 2] {
        [&self.m, &self.v]
    }

    /// Goes on after `steps` optimizer steps with the moments that `fill` writes, those of a synchronised optimizer.
    ///
    /// # Errors
    /// That of `fill`; the moments are then of no use.
    pub fn restore<E>(
        &mut self,
        steps: u64,
        fill: impl FnOnce([&mut [f32]; 2]) -> Result<(), E>,
    ) -> Result<(), E> {
        fill([&mut self.m, &mut self.v])?;
        self.steps = steps;
        let word = self.word.clone();
        self.rows.restore(&self.m[word.clone()], &self.v[word]);
        Ok(())
    }

    /// One step; gives the norm of the gradient before clipping.
    ///
    /// The weights are left alone when that norm is not finite.
    pub fn step(&mut self, model: &mut Model, gradients: &Gradients, learning_rate: f64) -> f64 {
        region(|| self.update(model, gradients, learning_rate))
    }

    fn update(&mut self, model: &mut Model, gradients: &Gradients, learning_rate: f64) -> f64 {
        let norm = self.norm(gradients);
        if !norm.is_finite() {
            return norm;
        }
        // torch.nn.utils.clip_grad_norm_: the factor is max_norm / (norm + 1e-6), at most 1
        let limited = self.max_grad_norm > 0.0;
        let clip = if limited {
            (self.max_grad_norm / (norm + 1e-6)).min(1.0) as f32
        } else {
            1.0
        };
        self.steps += 1;
        for (range, decays) in &self.dense {
            let step = self.adamw.step(learning_rate, self.steps, *decays);
            let state = State {
                p: &mut model.parameters.data[range.clone()],
                m: &mut self.m[range.clone()],
                v: &mut self.v[range.clone()],
            };
            update(state, &gradients.data[range.clone()], clip, step);
        }
        let step = self.adamw.step(learning_rate, self.steps, true);
        let word = self.word.clone();
        let (rows, state) = self.split(model);
        rows.update(
            state,
            &gradients.data[word],
            &gradients.word_rows,
            clip,
            step,
        );
        norm
    }

    /// The norm of the whole gradient: rows that are not named are zero.
    fn norm(&self, gradients: &Gradients) -> f64 {
        let row = |&row: &u32| {
            let start = self.word.start + row as usize * self.width;
            sum_of_squares(&gradients.data[start..start + self.width])
        };
        let words: f64 = gradients.word_rows.iter().map(row).sum();
        let dense: f64 = self
            .dense
            .iter()
            .map(|(range, _)| sum_of_squares(&gradients.data[range.clone()]))
            .sum();
        (words + dense).sqrt()
    }

    /// The book-keeping of the word embedding, and its part of the buffers.
    fn split<'a>(&'a mut self, model: &'a mut Model) -> (&'a mut Rows, State<'a>) {
        let word = self.word.clone();
        let state = State {
            p: &mut model.parameters.data[word.clone()],
            m: &mut self.m[word.clone()],
            v: &mut self.v[word],
        };
        (&mut self.rows, state)
    }
}

/// Everything but the word embedding, neighbours that decay alike joined.
fn dense_ranges(layout: &Layout, word: &Range<usize>) -> Vec<(Range<usize>, bool)> {
    let mut ranges: Vec<(Range<usize>, bool)> = Vec::new();
    for tensor in layout
        .tensors()
        .iter()
        .filter(|tensor| tensor.range != *word)
    {
        match ranges.last_mut() {
            Some((range, decays))
                if *decays == tensor.decays && range.end == tensor.range.start =>
            {
                range.end = tensor.range.end;
            }
            _ => ranges.push((tensor.range.clone(), tensor.decays)),
        }
    }
    ranges
}
