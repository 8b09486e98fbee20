//! Against the equations one number at a time, in `f64`.

use super::*;

fn noise(n: usize, seed: u32) -> Vec<f32> {
    let at = |i: u32| crate::dropout::mix(i ^ seed.wrapping_mul(977)) as f32 / 2.0_f32.powi(31);
    (0..n as u32).map(|i| at(i) - 1.0).collect()
}

/// Weights of a shape: input, hidden, and the two biases.
fn weights(shape: Shape) -> [Vec<f32>; 4] {
    let width = shape.outputs() * shape.gates();
    let scaled = |v: Vec<f32>, by: usize| v.iter().map(|x| x * 2.0 / (by as f32).sqrt()).collect();
    [
        scaled(noise(width * shape.inputs, 1), shape.inputs),
        scaled(noise(width * shape.hidden, 2), shape.hidden),
        noise(width, 3),
        noise(width, 4),
    ]
}

fn layer(shape: Shape, weights: &[Vec<f32>; 4]) -> Layer<'_> {
    let [input, hidden, input_bias, hidden_bias] = weights;
    let weights = Weights {
        input,
        hidden,
        input_bias,
        hidden_bias,
    };
    Layer { shape, weights }
}

/// The equations of torch.
fn reference(shape: Shape, weights: &[Vec<f64>; 4], x: &[f64], bounds: &[usize]) -> Vec<f64> {
    let (n, i, g) = (shape.hidden, shape.inputs, shape.gates());
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut out = vec![0.0; bounds[bounds.len() - 1] * shape.outputs()];
    for d in 0..shape.directions {
        for pair in bounds.windows(2) {
            let (mut h, mut c) = (vec![0.0; n], vec![0.0; n]);
            let rows: Vec<usize> = match d {
                0 => (pair[0]..pair[1]).collect(),
                _ => (pair[0]..pair[1]).rev().collect(),
            };
            for t in rows {
                let share = |w: &[f64], b: &[f64], x: &[f64], gate: usize, unit: usize| {
                    let row = (d * g + gate) * n + unit;
                    let terms = w[row * x.len()..(row + 1) * x.len()].iter().zip(x);
                    b[row] + terms.map(|(w, x)| w * x).sum::<f64>()
                };
                let from_x = |gate, unit| {
                    share(&weights[0], &weights[2], &x[t * i..(t + 1) * i], gate, unit)
                };
                let old = h.clone();
                let from_h = |gate, unit| share(&weights[1], &weights[3], &old, gate, unit);
                for unit in 0..n {
                    let sum = |gate| from_x(gate, unit) + from_h(gate, unit);
                    h[unit] = match shape.cell {
                        Cell::Gru => {
                            let (r, z) = (sigmoid(sum(0)), sigmoid(sum(1)));
                            let new = (from_x(2, unit) + r * from_h(2, unit)).tanh();
                            (1.0 - z) * new + z * old[unit]
                        }
                        Cell::Lstm => {
                            c[unit] = sigmoid(sum(1)) * c[unit] + sigmoid(sum(0)) * sum(2).tanh();
                            sigmoid(sum(3)) * c[unit].tanh()
                        }
                    };
                }
                let start = t * shape.outputs() + d * n;
                out[start..start + n].copy_from_slice(&h);
            }
        }
    }
    out
}

fn widen(v: &[f32]) -> Vec<f64> {
    v.iter().map(|&x| f64::from(x)).collect()
}

fn shapes() -> Vec<(Shape, Vec<usize>)> {
    let mut all = Vec::new();
    for cell in [Cell::Gru, Cell::Lstm] {
        for (directions, inputs, hidden, bounds) in [
            (1, 1, 1, vec![0, 1]),
            (2, 3, 5, vec![0, 4, 4, 5, 11]),
            (1, 7, 16, vec![0, 2, 9]),
            (2, 5, 50, (0..14).map(|s| s * (s + 1) / 2).collect()),
        ] {
            let shape = Shape {
                cell,
                directions,
                inputs,
                hidden,
            };
            all.push((shape, bounds));
        }
    }
    all
}

#[test]
fn forward_is_the_equations_over_ragged_and_empty_sequences() {
    for (shape, bounds) in shapes() {
        let weights = weights(shape);
        let rows = bounds[bounds.len() - 1];
        let x = noise(rows * shape.inputs, 7);
        let mut out = vec![f32::NAN; rows * shape.outputs()];
        layer(shape, &weights).forward(&mut out, &x, &bounds, &mut State::default());
        let wide = weights.each_ref().map(|w| widen(w));
        let want = reference(shape, &wide, &widen(&x), &bounds);
        for (got, want) in out.iter().zip(&want) {
            assert!((f64::from(*got) - want).abs() < 2e-6, "{shape:?}");
        }
    }
}

/// Output, input's gradient and those of the weights, for an output's gradient of noise; gradients begin at `fill`.
fn pass(shape: Shape, bounds: &[usize], how: (bool, f32)) -> Vec<Vec<f32>> {
    let inputs = bounds[bounds.len() - 1] * shape.inputs;
    pass_into(vec![f32::NAN; inputs], shape, bounds, how)
}

/// [`pass`] with a place for the input's gradient.
fn pass_into(
    mut dx: Vec<f32>,
    shape: Shape,
    bounds: &[usize],
    (accumulate, fill): (bool, f32),
) -> Vec<Vec<f32>> {
    let weights = weights(shape);
    let rows = bounds[bounds.len() - 1];
    let x = noise(rows * shape.inputs, 7);
    let mut out = vec![0.0; rows * shape.outputs()];
    let mut state = State::default();
    let layer = layer(shape, &weights);
    layer.forward(&mut out, &x, bounds, &mut state);
    let mut dout = noise(out.len(), 8);
    let mut gradients = weights.each_ref().map(|w| vec![fill; w.len()]);
    let [input, hidden, input_bias, hidden_bias] = &mut gradients;
    let into = GradientsMut {
        input,
        hidden,
        input_bias,
        hidden_bias,
    };
    layer.backward(
        (&mut dx, &mut dout),
        (&x, &out, bounds),
        into,
        accumulate,
        &mut state,
    );
    let mut all = vec![out, dx];
    all.extend(gradients);
    all
}

#[test]
fn where_nobody_wants_the_inputs_gradient_the_others_are_the_same() {
    for (shape, bounds) in shapes() {
        let whole = pass(shape, &bounds, (false, f32::NAN));
        let without = pass_into(Vec::new(), shape, &bounds, (false, f32::NAN));
        assert!(without[1].is_empty());
        assert_eq!(whole[2..], without[2..], "{shape:?}");
    }
}

#[test]
fn backward_is_the_derivative_of_the_equations() {
    for (shape, bounds) in shapes() {
        let found = pass(shape, &bounds, (false, f32::NAN));
        let weights = weights(shape).each_ref().map(|w| widen(w));
        let rows = bounds[bounds.len() - 1];
        let x = widen(&noise(rows * shape.inputs, 7));
        let dout = widen(&noise(rows * shape.outputs(), 8));
        let value = |weights: &[Vec<f64>; 4], x: &[f64]| -> f64 {
            let out = reference(shape, weights, x, &bounds);
            out.iter().zip(&dout).map(|(a, b)| a * b).sum()
        };
        let step = 1e-5;
        // Every place of the small shapes, some of the large.
        let places = |len: usize| (0..len).step_by(1 + len / 40);
        let check = |got: f32, slope: f64, what: &str, place: usize| {
            let error = (f64::from(got) - slope).abs();
            assert!(
                error < 1e-5 * (1.0 + slope.abs()),
                "{shape:?} {what} {place}: {got} {slope}"
            );
        };
        for place in places(x.len()) {
            let at = |shift: f64| {
                let mut x = x.clone();
                x[place] += shift;
                value(&weights, &x)
            };
            check(
                found[1][place],
                (at(step) - at(-step)) / (2.0 * step),
                "x",
                place,
            );
        }
        for (kind, name) in ["input", "hidden", "input bias", "hidden bias"]
            .iter()
            .enumerate()
        {
            for place in places(weights[kind].len()) {
                let at = |shift: f64| {
                    let mut weights = weights.clone();
                    weights[kind][place] += shift;
                    value(&weights, &x)
                };
                let slope = (at(step) - at(-step)) / (2.0 * step);
                check(found[2 + kind][place], slope, name, place);
            }
        }
    }
}

#[test]
fn accumulating_adds_to_what_is_there() {
    for (shape, bounds) in shapes() {
        let (fresh, added) = (
            pass(shape, &bounds, (false, f32::NAN)),
            pass(shape, &bounds, (true, 1.0)),
        );
        for (fresh, added) in fresh[2..].iter().zip(&added[2..]) {
            assert!(
                fresh
                    .iter()
                    .zip(added)
                    .all(|(a, b)| (a + 1.0 - b).abs() < 1e-5)
            );
        }
    }
}

#[test]
fn a_sequence_alone_has_the_bits_that_it_has_in_a_batch() {
    for (shape, bounds) in shapes() {
        let weights = weights(shape);
        let rows = bounds[bounds.len() - 1];
        let gates = noise(rows * shape.outputs() * shape.gates(), 7);
        let run = |gates: &[f32], bounds: &[usize]| {
            let mut packed = Vec::new();
            tile::pack_forward(&mut packed, &weights[1], shape);
            let rows = bounds[bounds.len() - 1];
            let mut gates = gates.to_vec();
            let (mut inner, mut out) = (
                vec![0.0; rows * shape.outputs()],
                vec![0.0; rows * shape.outputs()],
            );
            let recurrence = Recurrence {
                shape,
                steps: Steps::new(bounds),
                packed: &packed,
                hidden_bias: &weights[3],
            };
            match shape.cell {
                Cell::Gru => recurrence.forward::<Gru, 3>(&mut gates, &mut inner, &mut out),
                Cell::Lstm => recurrence.forward::<Lstm, 4>(&mut gates, &mut inner, &mut out),
            }
            out
        };
        let together = run(&gates, &bounds);
        let width = shape.outputs() * shape.gates();
        let alone: Vec<f32> = bounds
            .windows(2)
            .flat_map(|b| run(&gates[b[0] * width..b[1] * width], &[0, b[1] - b[0]]))
            .collect();
        assert!(
            together
                .iter()
                .zip(&alone)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    for (shape, bounds) in shapes() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let all = crate::region(|| pass(shape, &bounds, (false, 0.0)));
                all.iter()
                    .flatten()
                    .map(|x| x.to_bits())
                    .collect::<Vec<_>>()
            })
        };
        let one = run(1);
        assert!(
            [2, 3, 7].into_iter().all(|threads| run(threads) == one),
            "{shape:?}"
        );
    }
}
