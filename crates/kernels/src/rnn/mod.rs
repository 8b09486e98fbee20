//! One layer of a GRU or an LSTM over a packed batch, in torch's equations and with its order of gates.
//!
//! Idea: what does not wait for the step before is done for all pieces at once, as large products: the input's share of the gates,
//! and in backward the gradients of input and weights. The recurrent rest is stepped for all sequences together, longest
//! first, both directions in the same loop. Each task of a step owns some hidden units: their weights are packed so that
//! all gates of a unit come out of one product, and the gate's arithmetic is done on them while they are in registers. So a step
//! is one parallel loop, and each thread reads the same part of the weights in every step, which stays in its cache.
//!
//! GRU: `r = s(W_ir x + b_ir + W_hr h + b_hr)`, `z` likewise, `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`,
//! `h' = (1 - z) n + z h` (`torch.nn.GRU`). LSTM: `i, f, o = s(...)`, `g = tanh(...)`, `c' = f c + i g`, `h' = o tanh(c')`
//! (`torch.nn.LSTM`). The first state is zero.
//!
//! Symbols: `D` directions, `G` gates (3 or 4), `N` hidden units, `I` inputs. Of two directions the second reads backwards.

mod backward;
mod cell;
mod forward;
mod recurrence;
mod steps;
mod tile;

use crate::{columns, matmul};
use backward::Gates;
use cell::{Gru, Lstm};
use recurrence::Recurrence;
use steps::Steps;

/// Which recurrent cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Gates `r, z, n`.
    Gru,
    /// Gates `i, f, g, o`.
    Lstm,
}

/// The sizes of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The kind of cell.
    pub cell: Cell,
    /// 1, or 2: forwards and backwards, `D`.
    pub directions: usize,
    /// `I`
    pub inputs: usize,
    /// Hidden units of a direction, `N`.
    pub hidden: usize,
}

impl Shape {
    /// Gates of a cell, `G`.
    pub fn gates(&self) -> usize {
        match self.cell {
            Cell::Gru => 3,
            Cell::Lstm => 4,
        }
    }

    /// Outputs a piece: `D N`.
    pub fn outputs(&self) -> usize {
        self.directions * self.hidden
    }
}

/// The weights of a layer, those of the second direction behind those of the first.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[D G N, I]`
    pub input: &'a [f32],
    /// `[D G N, N]`
    pub hidden: &'a [f32],
    /// `[D G N]`
    pub input_bias: &'a [f32],
    /// `[D G N]`
    pub hidden_bias: &'a [f32],
}

/// Their gradients, in the same shapes.
#[derive(Debug)]
pub struct GradientsMut<'a> {
    /// `[D G N, I]`
    pub input: &'a mut [f32],
    /// `[D G N, N]`
    pub hidden: &'a mut [f32],
    /// `[D G N]`
    pub input_bias: &'a mut [f32],
    /// `[D G N]`
    pub hidden_bias: &'a mut [f32],
}

/// What backward needs of forward, and memory to reuse.
#[derive(Debug, Default)]
pub struct State {
    /// The gates behind their nonlinearity, `[T, D G N]`; in backward, their gradients on the input's side.
    gates: Vec<f32>,
    /// GRU: the hidden share of `n`, `W_hn h + b_hn`. LSTM: the cell `c`. `[T, D N]`
    inner: Vec<f32>,
    /// Gradients of the gates on the hidden side, `[D, T, G N]`.
    dhidden: Vec<f32>,
    /// The state before each piece, `[D, T, N]`.
    before: Vec<f32>,
    /// LSTM: the gradient of the cell, `[T, D N]`.
    dcell: Vec<f32>,
    /// The hidden weights as [`tile`] reads them.
    packed: Vec<f32>,
}

/// A layer: its sizes and weights.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    /// The sizes.
    pub shape: Shape,
    /// The weights.
    pub weights: Weights<'a>,
}

impl Layer<'_> {
    /// From `x[T, I]` to `out[T, D N]`, the directions' states side by side, over the sequences that `bounds[S + 1]` cuts.
    ///
    /// # Panics
    /// When shapes do not belong together.
    pub fn forward(&self, out: &mut [f32], x: &[f32], bounds: &[usize], state: &mut State) {
        let inputs = self.shape.inputs;
        let (t, width) = (x.len() / inputs, self.shape.outputs() * self.shape.gates());
        self.check(out.len(), x.len(), bounds);
        state.gates.resize(t * width, 0.0);
        state.inner.resize(t * self.shape.outputs(), 0.0);
        matmul::linear_forward(&mut state.gates, x, self.weights.input, width, inputs);
        columns::add_bias(&mut state.gates, self.weights.input_bias);
        tile::pack_forward(&mut state.packed, self.weights.hidden, self.shape);
        let recurrence = Recurrence {
            shape: self.shape,
            steps: Steps::new(bounds),
            packed: &state.packed,
            hidden_bias: self.weights.hidden_bias,
        };
        match self.shape.cell {
            Cell::Gru => recurrence.forward::<Gru, 3>(&mut state.gates, &mut state.inner, out),
            Cell::Lstm => recurrence.forward::<Lstm, 4>(&mut state.gates, &mut state.inner, out),
        }
    }

    /// Backward of [`Layer::forward`], once after it: from `dout[T, D N]`, which is used up, to `dx[T, I]`, unless that is
    /// empty, and `gradients` (added to them when accumulating).
    ///
    /// # Panics
    /// When shapes do not belong together.
    pub fn backward(
        &self,
        (dx, dout): (&mut [f32], &mut [f32]),
        (x, out, bounds): (&[f32], &[f32], &[usize]),
        gradients: GradientsMut<'_>,
        accumulate: bool,
        state: &mut State,
    ) {
        let Shape { inputs, hidden, .. } = self.shape;
        self.check(out.len(), x.len(), bounds);
        assert_eq!(dout.len(), out.len());
        let steps = Steps::new(bounds);
        steps.states_before(&mut state.before, out, self.shape);
        state.dhidden.resize(state.gates.len(), 0.0);
        state.dcell.clear();
        state.dcell.resize(out.len(), 0.0);
        tile::pack_backward(&mut state.packed, self.weights.hidden, self.shape);
        let recurrence = Recurrence {
            shape: self.shape,
            steps,
            packed: &state.packed,
            hidden_bias: self.weights.hidden_bias,
        };
        let gates = Gates {
            gates: &mut state.gates,
            dhidden: &mut state.dhidden,
            inner: &state.inner,
            before: &state.before,
        };
        match self.shape.cell {
            Cell::Gru => recurrence.backward::<Gru, 3>(gates, dout, &mut state.dcell),
            Cell::Lstm => recurrence.backward::<Lstm, 4>(gates, dout, &mut state.dcell),
        }
        let width = self.shape.outputs() * self.shape.gates();
        let dgates = &state.gates;
        if !dx.is_empty() {
            matmul::linear_backward_input(dx, dgates, self.weights.input, width, inputs, false);
        }
        matmul::linear_backward_weight(gradients.input, dgates, x, width, inputs, accumulate);
        columns::sum_rows(gradients.input_bias, dgates, accumulate);
        let rows = x.len() / inputs;
        let g = self.shape.gates() * hidden;
        for d in 0..self.shape.directions {
            let dhidden = &state.dhidden[d * rows * g..(d + 1) * rows * g];
            let before = &state.before[d * rows * hidden..(d + 1) * rows * hidden];
            let weight = &mut gradients.hidden[d * g * hidden..(d + 1) * g * hidden];
            matmul::linear_backward_weight(weight, dhidden, before, g, hidden, accumulate);
            let bias = &mut gradients.hidden_bias[d * g..(d + 1) * g];
            columns::sum_rows(bias, dhidden, accumulate);
        }
    }

    fn check(&self, out: usize, x: usize, bounds: &[usize]) {
        let (shape, w) = (self.shape, &self.weights);
        let width = shape.outputs() * shape.gates();
        let rows = bounds.last().copied().unwrap_or(0);
        assert!(
            x == rows * shape.inputs && out == rows * shape.outputs(),
            "input or output are not rows of {} and {}",
            shape.inputs,
            shape.outputs()
        );
        assert!(
            w.input.len() == width * shape.inputs
                && w.hidden.len() == width * shape.hidden
                && w.input_bias.len() == width
                && w.hidden_bias.len() == width,
            "weights of other shapes"
        );
    }
}

#[cfg(test)]
mod tests;
