//! The arithmetic of the gates on one register of hidden units, forward and backward side by side.

use super::tile::Lanes;
use crate::math::{LANES, exp, tanh};

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> Lanes {
    let mut out = [0.0; LANES];
    for (lane, out) in out.iter_mut().enumerate() {
        *out = f(lane);
    }
    out
}

/// A unit's gates and the two numbers that go on: the cell's own (`inner`) and the state.
pub(super) struct Forward<const G: usize> {
    pub(super) gates: [Lanes; G],
    pub(super) inner: Lanes,
    pub(super) state: Lanes,
}

/// Gradients of a unit's gates on the input's and the hidden side, and of what came from the step before beside the product: of the
/// state (GRU) or the cell (LSTM).
pub(super) struct Backward<const G: usize> {
    pub(super) input: [Lanes; G],
    pub(super) hidden: [Lanes; G],
    pub(super) before: Lanes,
}

/// What goes from step to step beside the product with the hidden weights.
pub(super) enum Carried {
    /// The state, mixed into the next one.
    State,
    /// The cell of an LSTM.
    Cell,
}

/// The arithmetic of a cell with `G` gates.
pub(super) trait CellKind<const G: usize> {
    /// What `before` is.
    const CARRIED: Carried;

    /// `input` and `hidden` are the two shares of each gate, with their biases.
    fn forward(input: [Lanes; G], hidden: [Lanes; G], before: Lanes) -> Forward<G>;

    /// From the gates and the cell's own number to the gradients, `dcell` being that of an LSTM's cell.
    fn backward(
        gates: [Lanes; G],
        inner_and_before: (Lanes, Lanes),
        dstate: Lanes,
        dcell: Lanes,
    ) -> Backward<G>;
}

/// Gates `r, z, n`; its own number is the hidden share of `n`.
pub(super) struct Gru;

/// Gates `i, f, g, o`; its own number is the cell.
pub(super) struct Lstm;

impl CellKind<3> for Gru {
    const CARRIED: Carried = Carried::State;

    #[inline(always)]
    fn forward(input: [Lanes; 3], hidden: [Lanes; 3], before: Lanes) -> Forward<3> {
        let r = each(|i| sigmoid(input[0][i] + hidden[0][i]));
        let z = each(|i| sigmoid(input[1][i] + hidden[1][i]));
        let n = each(|i| tanh(r[i].mul_add(hidden[2][i], input[2][i])));
        Forward {
            gates: [r, z, n],
            inner: hidden[2],
            state: each(|i| (1.0 - z[i]).mul_add(n[i], z[i] * before[i])),
        }
    }

    // dz = dh (h_before - n), dn = dh (1 - z), dh_before = dh z; s' = s (1 - s), tanh' = 1 - tanh^2
    #[inline(always)]
    fn backward(
        [r, z, n]: [Lanes; 3],
        (inner, before): (Lanes, Lanes),
        dstate: Lanes,
        _: Lanes,
    ) -> Backward<3> {
        let dn = each(|i| dstate[i] * (1.0 - z[i]) * (1.0 - n[i] * n[i]));
        let dz = each(|i| dstate[i] * (before[i] - n[i]) * z[i] * (1.0 - z[i]));
        let dr = each(|i| dn[i] * inner[i] * r[i] * (1.0 - r[i]));
        Backward {
            input: [dr, dz, dn],
            hidden: [dr, dz, each(|i| dn[i] * r[i])],
            before: each(|i| dstate[i] * z[i]),
        }
    }
}

impl CellKind<4> for Lstm {
    const CARRIED: Carried = Carried::Cell;

    #[inline(always)]
    fn forward(input: [Lanes; 4], hidden: [Lanes; 4], before: Lanes) -> Forward<4> {
        let sum = |gate: usize, lane: usize| input[gate][lane] + hidden[gate][lane];
        let i = each(|lane| sigmoid(sum(0, lane)));
        let f = each(|lane| sigmoid(sum(1, lane)));
        let g = each(|lane| tanh(sum(2, lane)));
        let o = each(|lane| sigmoid(sum(3, lane)));
        let cell = each(|lane| f[lane].mul_add(before[lane], i[lane] * g[lane]));
        Forward {
            gates: [i, f, g, o],
            inner: cell,
            state: each(|lane| o[lane] * tanh(cell[lane])),
        }
    }

    // do = dh tanh(c), dc += dh o (1 - tanh(c)^2); di = dc g, df = dc c_before, dg = dc i, dc_before = dc f
    #[inline(always)]
    fn backward(
        [i, f, g, o]: [Lanes; 4],
        (cell, before): (Lanes, Lanes),
        dstate: Lanes,
        dcell: Lanes,
    ) -> Backward<4> {
        let t = each(|lane| tanh(cell[lane]));
        let dc = each(|lane| dcell[lane] + dstate[lane] * o[lane] * (1.0 - t[lane] * t[lane]));
        let gates = [
            each(|lane| dc[lane] * g[lane] * i[lane] * (1.0 - i[lane])),
            each(|lane| dc[lane] * before[lane] * f[lane] * (1.0 - f[lane])),
            each(|lane| dc[lane] * i[lane] * (1.0 - g[lane] * g[lane])),
            each(|lane| dstate[lane] * t[lane] * o[lane] * (1.0 - o[lane])),
        ];
        Backward {
            input: gates,
            hidden: gates,
            before: each(|lane| dc[lane] * f[lane]),
        }
    }
}
