//! What a head costs: training steps with each head on the same made-up batches of CoNLL-2003's lengths, one after the other, and
//! the median of their times beside the linear head's.
//!
//! `cargo run --release -p bert-ner-model --example heads -- FOLDER [BATCH [STEPS [THREADS]]]`

use bert_ner_model::{
    Batch, Gradients, HeadKind, Heads, Model, Optimizer, Pass, Rnn, RnnKind, Task, Workspace,
    split_mix,
};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: usize| {
        arguments
            .get(i)
            .map_or(default, |a| a.parse().expect("a number"))
    };
    let (size, steps, threads) = (number(1, 32), number(2, 20), number(3, 2));
    let dir = std::path::Path::new(arguments.first().map_or("models/minilm", String::as_str));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    let rnn = |kind| {
        let (hidden, layers) = (384, 1);
        Some(Rnn {
            kind,
            hidden,
            layers,
        })
    };
    let heads = |head, rnn| Heads {
        head,
        rnn,
        task: Task::Ner,
        crf_constraints: head == HeadKind::Crf,
    };
    let kinds = [
        ("linear", heads(HeadKind::Linear, None)),
        ("crf", heads(HeadKind::Crf, None)),
        ("gru", heads(HeadKind::Linear, rnn(RnnKind::Gru))),
        ("bigru", heads(HeadKind::Linear, rnn(RnnKind::Bigru))),
        ("bilstm", heads(HeadKind::Linear, rnn(RnnKind::Bilstm))),
        ("bigru crf", heads(HeadKind::Crf, rnn(RnnKind::Bigru))),
    ];
    pool.install(|| {
        let mut runs: Vec<Run> = kinds
            .iter()
            .map(|(_, heads)| Run::new(dir, *heads))
            .collect();
        for step in 0..(steps + 2) as u64 {
            let batch = batch(size, step);
            for run in &mut runs {
                run.step(&batch, step);
            }
        }
        let linear = runs[0].seconds.clone();
        for ((name, _), run) in kinds.iter().zip(&runs) {
            // The first two warm up.
            let seconds = median(run.seconds[2..].to_vec());
            let ratios = linear.iter().zip(&run.seconds).skip(2).map(|(l, s)| l / s);
            let ratio = median(ratios.collect());
            println!(
                "{name:10} {:6.1} sequences/s, {:5.1} % of linear's (medians of {steps} steps)",
                size as f64 / seconds,
                100.0 * ratio
            );
        }
    });
}

/// A model in training.
struct Run {
    model: Model,
    optimizer: Optimizer,
    workspace: Workspace,
    gradients: Gradients,
    /// Of each step.
    seconds: Vec<f64>,
}

impl Run {
    fn new(dir: &std::path::Path, heads: Heads) -> Self {
        let labels =
            ["LOC", "MISC", "ORG", "PER"].map(|kind| [format!("B-{kind}"), format!("I-{kind}")]);
        let labels = std::iter::once("O".to_owned()).chain(labels.into_iter().flatten());
        let model =
            Model::with_heads(dir, labels.collect(), heads, 1).expect("a pretrained folder");
        Self {
            optimizer: Optimizer::new(&model, 0.0, 1.0),
            workspace: Workspace::new(),
            gradients: Gradients::zeros(model.layout()),
            seconds: Vec::new(),
            model,
        }
    }

    fn step(&mut self, batch: &Batch, step: u64) {
        let begun = Instant::now();
        self.optimizer.prepare(&mut self.model, &batch.ids);
        let pass = Pass {
            seed: 1,
            step,
            loss_scale: 1.0 / batch.words() as f32,
            accumulate: false,
        };
        self.model
            .forward_backward(batch, pass, &mut self.workspace, &mut self.gradients);
        self.optimizer.step(&mut self.model, &self.gradients, 5e-5);
        self.seconds.push(begun.elapsed().as_secs_f64());
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Sentences of some 20 pieces on average, three of four of them first pieces.
fn batch(size: usize, step: u64) -> Batch {
    let mut batch = Batch::new();
    for s in 0..size as u64 {
        let key = split_mix(step * 1000 + s);
        let uniform = (key >> 11) as f64 / (1_u64 << 53) as f64;
        let length = (4.0 - 16.0 * (1.0 - uniform).ln()).min(60.0) as u64 + 2;
        let ids: Vec<u32> = (0..length)
            .map(|i| (split_mix(key + i) % 20_000) as u32)
            .collect();
        let rows: Vec<u32> = (1..ids.len() as u32 - 1)
            .filter(|row| row % 4 != 0)
            .collect();
        let tags: Vec<u32> = rows
            .iter()
            .map(|row| [0, 0, 1, 2, 0, 7][*row as usize % 6])
            .collect();
        batch.push(&ids, &rows, &tags);
    }
    batch
}
