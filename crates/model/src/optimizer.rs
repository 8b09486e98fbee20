//! AdamW with gradient clipping over the flat buffers.

use crate::{Gradients, Model};
use bert_ner_kernels::adamw::{AdamW, Rows, State, update};
use bert_ner_kernels::memory::advise_huge;
use bert_ner_kernels::reduce::sum_of_squares;
use bert_ner_kernels::region;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How steps are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerSettings {
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// A longer gradient is scaled down to this norm, unless it is 0.
    pub max_grad_norm: f64,
    /// What parts of the model learn at.
    pub rates: Rates,
}

/// What parts of the model learn at, as factors of the learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of the classifier.
    pub classifier: f64,
    /// Of the recurrent network.
    pub rnn: f64,
    /// Of the CRF.
    pub crf: f64,
    /// From a layer of the encoder to the one before it: with `L` layers, layer `n` has `layer_decay^(L - n)` and the embeddings
    /// `layer_decay^(L + 1)`, as in ELECTRA.
    pub layer_decay: f64,
    /// Whether biases and LayerNorm are spared from weight decay, as transformers' `Trainer` does.
    pub spares_bias_and_norm: bool,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            classifier: 1.0,
            rnn: 1.0,
            crf: 1.0,
            layer_decay: 1.0,
            spares_bias_and_norm: true,
        }
    }
}

/// A part of the model that learns at one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// `embeddings`, `layer 0` and on, `rnn`, `pooler`, `classifier`, `crf`, or `lora 0` and on and `lora pooler`.
    pub name: String,
    /// Its parameters.
    pub parameters: usize,
    /// Factor of the learning rate; 0 when frozen.
    pub multiplier: f64,
    /// How many of its parameters weight decay applies to.
    pub decaying: usize,
}

/// The moments of every weight, and what is still owed to the rows of the word embedding.
///
/// Constants are those of torch and transformers: betas 0.9 and 0.999, epsilon 1e-8.
#[derive(Debug)]
pub struct Optimizer {
    adamw: AdamW,
    max_grad_norm: f64,
    /// Where training begins in the flat buffer: the moments have no part before.
    start: usize,
    m: Vec<f32>,
    v: Vec<f32>,
    /// Optimizer steps done.
    steps: u64,
    word: Range<usize>,
    width: usize,
    rows: Rows,
    /// Factor of the learning rate of the word embedding; none when it is frozen.
    word_rate: Option<f64>,
    /// The rest of what is trained, cut where weight decay or the rate changes.
    dense: Vec<Dense>,
    groups: Vec<Group>,
}

/// A range of the flat buffer that is updated alike.
#[derive(Debug, Clone, PartialEq)]
struct Dense {
    range: Range<usize>,
    decays: bool,
    multiplier: f64,
}

impl Optimizer {
    /// An optimizer before its first step.
    ///
    /// `weight_decay` applies to the tensors that [`decay`](crate::Tensor::decays); a gradient longer than `max_grad_norm` is scaled
    /// down to it, unless that is 0.
    pub fn new(model: &Model, weight_decay: f64, max_grad_norm: f64) -> Self {
        let settings = OptimizerSettings {
            weight_decay,
            max_grad_norm,
            rates: Rates::default(),
        };
        Self::with_settings(model, &settings)
    }

    /// An optimizer before its first step.
    pub fn with_settings(model: &Model, settings: &OptimizerSettings) -> Self {
        let (layout, hidden_size) = (model.layout(), model.config().hidden_size);
        let word = layout.word_embedding();
        let (start, rates) = (model.frozen_len(), &settings.rates);
        let groups = groups(model, rates);
        let adamw = AdamW {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: settings.weight_decay as f32,
        };
        let dense = dense_ranges(model, &groups, rates);
        let word_rate = (start == 0).then(|| groups[0].multiplier);
        // Memory that is written first is committed once; read first, it would be mapped to a page of zeros and then copied. The rows
        // of the embedding are left alone: most are never touched.
        let moments = || {
            let mut moments = vec![0.0; layout.len() - start];
            for Dense { range, .. } in &dense {
                let part = &mut moments[range.start - start..range.end - start];
                advise_huge(part);
                part.fill(0.0);
            }
            moments
        };
        Self {
            adamw,
            max_grad_norm: settings.max_grad_norm,
            start,
            m: moments(),
            v: moments(),
            steps: 0,
            rows: Rows::new(word.len() / hidden_size, hidden_size),
            width: hidden_size,
            word_rate,
            dense,
            groups,
            word,
        }
    }

    /// The parts of the model and what each learns at.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Brings the embedding rows of these ids up to date: to be called before a pass reads them.
    pub fn prepare(&mut self, model: &mut Model, ids: &[u32]) {
        if self.word_rate.is_none() {
            return;
        }
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let (rows, state) = self.split(model);
        rows.catch_up(state, &ids);
    }

    /// Brings every weight up to date: to be called before the model is evaluated or saved.
    pub fn synchronise(&mut self, model: &mut Model) {
        if self.word_rate.is_none() {
            return;
        }
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
        // Frozen rows have no moments.
        if self.word_rate.is_some() {
            let word = self.word.clone();
            self.rows.restore(&self.m[word.clone()], &self.v[word]);
        }
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
        for dense in &self.dense {
            let rate = learning_rate * dense.multiplier;
            let step = self.adamw.step(rate, self.steps, dense.decays);
            let range = dense.range.clone();
            let moments = range.start - self.start..range.end - self.start;
            let state = State {
                p: &mut model.parameters.data[range.clone()],
                m: &mut self.m[moments.clone()],
                v: &mut self.v[moments],
            };
            update(state, &gradients.data[range.clone()], clip, step);
        }
        let Some(multiplier) = self.word_rate else {
            return norm;
        };
        let step = self
            .adamw
            .step(learning_rate * multiplier, self.steps, true);
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
            .map(|dense| sum_of_squares(&gradients.data[dense.range.clone()]))
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

/// The parts of the model with their factors of the learning rate.
fn groups(model: &Model, rates: &Rates) -> Vec<Group> {
    let layout = model.layout();
    let (start, depth) = (model.frozen_len(), layout.depth() as i32);
    let group = |(name, range): (String, Range<usize>)| {
        let layer = name
            .strip_prefix("layer ")
            .or_else(|| name.strip_prefix("lora "))
            .and_then(|n| n.parse::<i32>().ok());
        let multiplier = match (name.as_str(), layer) {
            _ if range.start < start => 0.0,
            ("rnn", _) => rates.rnn,
            ("crf", _) => rates.crf,
            // Pretrained, and on top of the last layer.
            ("pooler" | "lora pooler", _) => 1.0,
            ("embeddings", _) => rates.layer_decay.powi(depth + 1),
            (_, Some(layer)) => rates.layer_decay.powi(depth - layer),
            (_, None) => rates.classifier,
        };
        let tensors = layout.tensors().iter();
        let decaying = tensors.filter(|tensor| {
            (tensor.decays || !rates.spares_bias_and_norm) && range.contains(&tensor.range.start)
        });
        Group {
            parameters: range.len(),
            multiplier,
            decaying: match multiplier {
                0.0 => 0,
                _ => decaying.map(|tensor| tensor.range.len()).sum(),
            },
            name,
        }
    };
    layout.parts().into_iter().map(group).collect()
}

/// Everything that is trained but the word embedding, neighbours that are updated alike joined.
fn dense_ranges(model: &Model, groups: &[Group], rates: &Rates) -> Vec<Dense> {
    let (layout, start) = (model.layout(), model.frozen_len());
    let word = layout.word_embedding();
    let parts = layout.parts();
    let mut ranges: Vec<Dense> = Vec::new();
    let trained = layout
        .tensors()
        .iter()
        .filter(|tensor| tensor.range != word && tensor.range.start >= start);
    for tensor in trained {
        let part = parts.partition_point(|(_, range)| range.end <= tensor.range.start);
        let next = Dense {
            range: tensor.range.clone(),
            decays: tensor.decays || !rates.spares_bias_and_norm,
            multiplier: groups[part].multiplier,
        };
        match ranges.last_mut() {
            Some(last)
                if last.range.end == next.range.start
                    && (last.decays, last.multiplier) == (next.decays, next.multiplier) =>
            {
                last.range.end = next.range.end;
            }
            _ => ranges.push(next),
        }
    }
    ranges
}
