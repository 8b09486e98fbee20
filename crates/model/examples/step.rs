//! Times training steps of a pretrained folder on made-up sentences of CoNLL-2003's lengths, beside a large square product.
//!
//! `cargo run --release -p bert-ner-model --example step -- FOLDER [BATCH [STEPS [THREADS]]]`

use bert_ner_kernels::matmul;
use bert_ner_model::{Batch, Gradients, Model, Optimizer, Pass, Workspace, split_mix};
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: usize| {
        arguments
            .get(i)
            .map_or(default, |a| a.parse().expect("a number"))
    };
    let (size, steps, threads) = (number(1, 8), number(2, 50), number(3, 2));
    let dir = std::path::Path::new(arguments.first().map_or("models/minilm", String::as_str));
    let labels = (0..9).map(|i| i.to_string()).collect();
    let mut model = Model::from_pretrained(dir, labels, 1).expect("a pretrained folder");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    pool.install(|| run(&mut model, size, steps));
}

/// A sentence length as in CoNLL-2003: about 20 pieces on average, 5 to 60.
fn length(random: u64) -> usize {
    let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
    (4.0 - 16.0 * (1.0 - uniform).ln()).min(60.0) as usize + 2
}

fn batch(size: usize, step: u64, vocabulary: u64) -> Batch {
    let mut batch = Batch::new();
    for s in 0..size as u64 {
        let key = split_mix(step * 1000 + s);
        // Squared, so that some pieces are frequent.
        let id = |i: u64| ((split_mix(key + i) % 1000).pow(2) * vocabulary / 1_000_000) as u32;
        let ids: Vec<u32> = (0..length(key) as u64).map(id).collect();
        let rows: Vec<u32> = (1..ids.len() as u32 - 1)
            .filter(|row| row % 4 != 0)
            .collect();
        let tags: Vec<u32> = rows.iter().map(|row| row % 9).collect();
        batch.push(&ids, &rows, &tags);
    }
    batch
}

fn run(model: &mut Model, size: usize, steps: usize) {
    let mut optimizer = Optimizer::new(model, 0.0, 1.0);
    let (mut workspace, mut gradients) = (Workspace::new(), Gradients::zeros(model.layout()));
    let (mut passes, mut updates, mut pieces) = (Duration::ZERO, Duration::ZERO, 0);
    let warm_up = 5;
    for step in 0..(warm_up + steps) as u64 {
        let batch = batch(size, step, model.config().vocab_size as u64);
        let begun = Instant::now();
        optimizer.prepare(model, &batch.ids);
        let caught_up = begun.elapsed();
        let pass = Pass {
            seed: 1,
            step,
            loss_scale: 1.0 / batch.words() as f32,
            accumulate: false,
        };
        model.forward_backward(&batch, pass, &mut workspace, &mut gradients);
        let passed = begun.elapsed();
        optimizer.step(model, &gradients, 5e-5);
        if step >= warm_up as u64 {
            passes += passed - caught_up;
            updates += begun.elapsed() - passed + caught_up;
            pieces += batch.tokens();
        }
    }
    let config = model.config();
    let (h, f) = (config.hidden_size as f64, config.intermediate_size as f64);
    // Forward, gradient of the input and of the weight: three products of 2 T N K each.
    let flops =
        3.0 * 2.0 * pieces as f64 * config.num_hidden_layers as f64 * (4.0 * h * h + 2.0 * h * f);
    let seconds = (passes + updates).as_secs_f64();
    let peak = peak();
    println!("{:>10} sequences/s", round((steps * size) as f64 / seconds));
    println!("{:>10} pieces a batch", round(pieces as f64 / steps as f64));
    println!(
        "{:>10} ms forward and backward",
        round(passes.as_secs_f64() * 1e3 / steps as f64)
    );
    println!(
        "{:>10} ms AdamW",
        round(updates.as_secs_f64() * 1e3 / steps as f64)
    );
    println!(
        "{:>10} GFLOP/s useful of {} in a 2048 x 2048 product: {} %",
        round(flops / seconds / 1e9),
        round(peak),
        round(100.0 * flops / seconds / 1e9 / peak)
    );
}

fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// GFLOP/s of a large square product, the best of five.
fn peak() -> f64 {
    let n = 2048;
    let (x, w, mut y) = (vec![0.5; n * n], vec![0.25; n * n], vec![0.0; n * n]);
    let rate = |_| {
        let begun = Instant::now();
        matmul::linear_forward(&mut y, &x, &w, n, n);
        2.0 * (n as f64).powi(3) / begun.elapsed().as_secs_f64() / 1e9
    };
    (0..5).map(rate).fold(0.0, f64::max)
}
