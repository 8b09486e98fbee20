//! Times the three products of a linear layer, over as many weights as a model has.
//!
//! `cargo run --release -p bert-ner-kernels --example products -- [T [N [K [WEIGHTS [THREADS]]]]]`

use bert_ner_kernels::{matmul, region};
use std::time::{Duration, Instant};

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse().expect("a number"))
        .collect();
    let number = |i: usize, default| numbers.get(i).copied().unwrap_or(default);
    let (t, n, k) = (number(0, 161), number(1, 384), number(2, 384));
    let (weights, threads) = (number(3, 24), number(4, 2));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    pool.install(|| region(|| time((t, n, k), weights)));
}

fn time((t, n, k): (usize, usize, usize), weights: usize) {
    let fill = |len: usize| -> Vec<f32> { (0..len).map(|i| (i as f32 * 0.37).sin()).collect() };
    let (x, dy, w) = (fill(t * k), fill(t * n), fill(weights * n * k));
    let (mut y, mut dx, mut dw) = (fill(t * n), fill(t * k), fill(weights * n * k));
    let mut best = [Duration::MAX; 3];
    for _ in 0..100 {
        let mut times = [Duration::ZERO; 3];
        for (w, dw) in w.chunks_exact(n * k).zip(dw.chunks_exact_mut(n * k)) {
            let begun = Instant::now();
            matmul::linear_forward(&mut y, &x, w, n, k);
            let forward = begun.elapsed();
            matmul::linear_backward_input(&mut dx, &dy, w, n, k, false);
            let input = begun.elapsed();
            matmul::linear_backward_weight(dw, &dy, &x, n, k, false);
            times[0] += forward;
            times[1] += input - forward;
            times[2] += begun.elapsed() - input;
        }
        for (best, time) in best.iter_mut().zip(times) {
            *best = time.min(*best);
        }
    }
    for (name, time) in ["x w^T", "dy w", "dy^T x"].iter().zip(best) {
        let flops = (2 * t * n * k * weights) as f64;
        println!("{name:>7} {:6.0} GFLOP/s", flops / time.as_secs_f64() / 1e9);
    }
}
