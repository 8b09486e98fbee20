//! The recurrence: all sequences of a batch stepped together, the units cut between threads.

use super::cell::{gru_backward, gru_forward, lstm_backward, lstm_forward};
use super::tile::{self, BACK, Lanes, ROWS};
use super::{Cell, Shape};
use crate::math::LANES;
use crate::parallel::{Shared, split};
use crate::vectorised;

/// The order of the steps: sequences from the longest to the shortest, so that those that still run are the first.
pub(super) struct Steps {
    /// Borders of each sequence in the batch.
    sequences: Vec<(usize, usize)>,
}

impl Steps {
    pub(super) fn new(bounds: &[usize]) -> Self {
        let mut sequences: Vec<(usize, usize)> =
            bounds.windows(2).map(|pair| (pair[0], pair[1])).collect();
        sequences.sort_by_key(|(start, end)| std::cmp::Reverse(end - start));
        Self { sequences }
    }

    /// Steps of the longest sequence.
    fn len(&self) -> usize {
        self.sequences.first().map_or(0, |(start, end)| end - start)
    }

    /// Sequences longer than `step`.
    fn active(&self, step: usize) -> usize {
        self.sequences
            .partition_point(|(start, end)| end - start > step)
    }

    /// The row of the batch that a sequence reads in `step`.
    fn row(&self, direction: usize, sequence: usize, step: usize) -> usize {
        let (start, end) = self.sequences[sequence];
        if direction == 0 {
            start + step
        } else {
            end - 1 - step
        }
    }

    /// The state before each row, `[D, T, N]`, from the states `out[T, D N]`: zero where a sequence begins.
    pub(super) fn states_before(&self, before: &mut Vec<f32>, out: &[f32], shape: Shape) {
        let (n, width) = (shape.hidden, shape.outputs());
        let rows = out.len() / width;
        before.resize(out.len(), 0.0);
        for d in 0..shape.directions {
            for sequence in 0..self.sequences.len() {
                for step in 0..self.active_steps(sequence) {
                    let to = &mut before[(d * rows + self.row(d, sequence, step)) * n..][..n];
                    match step.checked_sub(1) {
                        None => to.fill(0.0),
                        Some(step) => {
                            let from = self.row(d, sequence, step) * width + d * n;
                            to.copy_from_slice(&out[from..from + n]);
                        }
                    }
                }
            }
        }
    }

    fn active_steps(&self, sequence: usize) -> usize {
        self.sequences[sequence].1 - self.sequences[sequence].0
    }
}

/// What backward reads of forward and what it makes of it.
pub(super) struct Gates<'a> {
    /// The gates; then their gradients on the input's side, `[T, D G N]`.
    pub(super) gates: &'a mut [f32],
    /// `[D, T, G N]`
    pub(super) dhidden: &'a mut [f32],
    /// `[T, D N]`
    pub(super) inner: &'a [f32],
    /// `[D, T, N]`
    pub(super) before: &'a [f32],
}

/// The recurrent part of a layer.
pub(super) struct Recurrence<'a> {
    pub(super) shape: Shape,
    pub(super) steps: Steps,
    pub(super) packed: &'a [f32],
    /// `[D G N]`
    pub(super) hidden_bias: &'a [f32],
}

/// A panel's place: direction, first unit, units.
#[derive(Clone, Copy)]
struct Place {
    direction: usize,
    first: usize,
    len: usize,
}

/// The buffers that the tasks of a forward step share.
struct ForwardBuffers<'a> {
    gates: Shared<'a>,
    inner: Shared<'a>,
    out: Shared<'a>,
}

/// The buffers that the tasks of a backward step share.
struct BackwardBuffers<'a> {
    gates: Shared<'a>,
    dhidden: Shared<'a>,
    dout: Shared<'a>,
    dcell: Shared<'a>,
    inner: &'a [f32],
    before: &'a [f32],
}

/// Up to a register of floats, zero behind the last.
#[inline(always)]
fn load(from: &[f32]) -> Lanes {
    match from.try_into() {
        Ok(lanes) => lanes,
        Err(_) => {
            let mut lanes = [0.0; LANES];
            lanes[..from.len()].copy_from_slice(from);
            lanes
        }
    }
}

#[inline(always)]
fn store(to: &mut [f32], lanes: &Lanes) {
    match <&mut Lanes>::try_from(&mut *to) {
        Ok(to) => *to = *lanes,
        Err(_) => {
            let len = to.len();
            to.copy_from_slice(&lanes[..len]);
        }
    }
}

/// Calls `$body` with `$first` and a constant `R` for blocks of at most [`ROWS`] of `$count` rows.
macro_rules! in_blocks {
    ($count:expr, |$first:ident| $call:ident::<_, $c:ident>($($argument:expr),*)) => {{
        let mut $first = 0;
        while $first < $count {
            $first += match $count - $first {
                ROWS.. => { Self::$call::<ROWS, $c>($($argument),*); ROWS }
                2.. => { Self::$call::<2, $c>($($argument),*); 2 }
                _ => { Self::$call::<1, $c>($($argument),*); 1 }
            };
        }
    }};
}

impl Recurrence<'_> {
    pub(super) fn forward<const G: usize>(
        &self,
        gates: &mut [f32],
        inner: &mut [f32],
        out: &mut [f32],
    ) {
        let panels = tile::forward_panels(self.shape);
        let buffers = ForwardBuffers {
            gates: Shared::new(gates),
            inner: Shared::new(inner),
            out: Shared::new(out),
        };
        for step in 0..self.steps.len() {
            split(self.shape.directions * panels, 1, usize::MAX, &|range| {
                for number in range {
                    let first = number % panels * LANES;
                    let place = Place {
                        direction: number / panels,
                        first,
                        len: LANES.min(self.shape.hidden - first),
                    };
                    let panel = tile::panel::<G>(self.packed, number, self.shape.hidden);
                    vectorised(
                        #[inline(always)]
                        || {
                            let active = self.steps.active(step);
                            in_blocks!(active, |sequence| forward_block::<_, G>(
                                self,
                                &buffers,
                                panel,
                                place,
                                (step, sequence)
                            ))
                        },
                    );
                }
            });
        }
    }

    /// A step of `R` sequences on one panel of units.
    #[inline(always)]
    fn forward_block<const R: usize, const G: usize>(
        &self,
        buffers: &ForwardBuffers<'_>,
        panel: &[[Lanes; G]],
        place: Place,
        (step, sequence): (usize, usize),
    ) {
        let (n, width) = (self.shape.hidden, self.shape.outputs());
        let Place {
            direction: d,
            first,
            len,
        } = place;
        let row = |step: usize, r: usize| self.steps.row(d, sequence + r, step);
        let hidden = match step.checked_sub(1) {
            None => [[[0.0; LANES]; G]; R],
            Some(step) => {
                let states = std::array::from_fn(|r| {
                    let start = row(step, r) * width + d * n;
                    // SAFETY: the tasks of this step write rows of this step alone.
                    unsafe { buffers.out.read(start..start + n) }
                });
                tile::product::<R, G>(states, panel)
            }
        };
        let biases: [Lanes; G] =
            std::array::from_fn(|g| load(&self.hidden_bias[(d * G + g) * n + first..][..len]));
        for (r, mut hidden) in hidden.into_iter().enumerate() {
            for (hidden, bias) in hidden.iter_mut().zip(&biases) {
                for (hidden, bias) in hidden.iter_mut().zip(bias) {
                    *hidden += bias;
                }
            }
            let before = step.checked_sub(1).map(|step| row(step, r));
            // SAFETY: this task alone has this direction's units from `first` on, and this row of this step.
            unsafe { self.finish_forward(buffers, place, (row(step, r), before), hidden) };
        }
    }

    /// The gates of one row on one panel, from their hidden share.
    ///
    /// # Safety
    /// Nobody else may touch the units of `place` in these two rows.
    #[inline(always)]
    unsafe fn finish_forward<const G: usize>(
        &self,
        buffers: &ForwardBuffers<'_>,
        place: Place,
        (row, before): (usize, Option<usize>),
        hidden: [Lanes; G],
    ) {
        let (n, width) = (self.shape.hidden, self.shape.outputs());
        let gate = |g: usize| {
            let start = row * width * G + (place.direction * G + g) * n + place.first;
            start..start + place.len
        };
        let unit = |row: usize| {
            let start = row * width + place.direction * n + place.first;
            start..start + place.len
        };
        // SAFETY: the caller's promise.
        unsafe {
            let input: [Lanes; G] = std::array::from_fn(|g| load(buffers.gates.read(gate(g))));
            let zero = [0.0; LANES];
            let (gates, inner, state) = match self.shape.cell {
                Cell::Gru => {
                    let before = before.map_or(zero, |row| load(buffers.out.read(unit(row))));
                    let done = gru_forward(
                        std::array::from_fn(|g| input[g]),
                        std::array::from_fn(|g| hidden[g]),
                        before,
                    );
                    let gates: [Lanes; G] = std::array::from_fn(|g| done.gates[g]);
                    (gates, done.inner, done.state)
                }
                Cell::Lstm => {
                    let before = before.map_or(zero, |row| load(buffers.inner.read(unit(row))));
                    let done = lstm_forward(
                        std::array::from_fn(|g| input[g]),
                        std::array::from_fn(|g| hidden[g]),
                        before,
                    );
                    let gates: [Lanes; G] = std::array::from_fn(|g| done.gates[g]);
                    (gates, done.inner, done.state)
                }
            };
            for (g, lanes) in gates.iter().enumerate() {
                store(buffers.gates.slice(gate(g)), lanes);
            }
            store(buffers.inner.slice(unit(row)), &inner);
            store(buffers.out.slice(unit(row)), &state);
        }
    }

    pub(super) fn backward(&self, saved: Gates<'_>, dout: &mut [f32], dcell: &mut [f32]) {
        let panels = tile::backward_panels(self.shape);
        let k = self.shape.gates() * self.shape.hidden;
        let buffers = BackwardBuffers {
            gates: Shared::new(saved.gates),
            dhidden: Shared::new(saved.dhidden),
            dout: Shared::new(dout),
            dcell: Shared::new(dcell),
            inner: saved.inner,
            before: saved.before,
        };
        for step in (0..self.steps.len()).rev() {
            split(self.shape.directions * panels, 1, usize::MAX, &|range| {
                for number in range {
                    let first = number % panels * BACK * LANES;
                    let place = Place {
                        direction: number / panels,
                        first,
                        len: (BACK * LANES).min(self.shape.hidden - first),
                    };
                    let panel = tile::panel::<BACK>(self.packed, number, k);
                    vectorised(
                        #[inline(always)]
                        || {
                            let after = self.steps.active(step + 1);
                            in_blocks!(after, |sequence| backward_block::<_, BACK>(
                                self,
                                &buffers,
                                panel,
                                place,
                                (step, sequence)
                            ));
                            for sequence in 0..self.steps.active(step) {
                                self.gates_backward(&buffers, place, step, sequence);
                            }
                        },
                    );
                }
            });
        }
    }

    /// Adds to the gradient of `R` states of `step` what the step after makes of them: `dh += dgates W_hh`.
    #[inline(always)]
    fn backward_block<const R: usize, const C: usize>(
        &self,
        buffers: &BackwardBuffers<'_>,
        panel: &[[Lanes; C]],
        place: Place,
        (step, sequence): (usize, usize),
    ) {
        let width = self.shape.outputs();
        let (d, k) = (place.direction, self.shape.gates() * self.shape.hidden);
        let rows = buffers.inner.len() / width;
        let dgates = std::array::from_fn(|r| {
            let start = (d * rows + self.steps.row(d, sequence + r, step + 1)) * k;
            // SAFETY: the tasks of this step write rows of this step alone.
            unsafe { buffers.dhidden.read(start..start + k) }
        });
        let sums = tile::product::<R, C>(dgates, panel);
        for (r, sums) in sums.iter().enumerate() {
            let row = self.steps.row(d, sequence + r, step);
            let start = row * width + d * self.shape.hidden + place.first;
            // SAFETY: this task alone has these units in this row.
            let dstate = unsafe { buffers.dout.slice(start..start + place.len) };
            for (dstate, sum) in dstate.iter_mut().zip(sums.as_flattened()) {
                *dstate += sum;
            }
        }
    }

    /// The gradients of a row's gates, and what goes to the step before beside the product.
    #[inline(always)]
    fn gates_backward(
        &self,
        buffers: &BackwardBuffers<'_>,
        place: Place,
        step: usize,
        sequence: usize,
    ) {
        for first in (place.first..place.first + place.len).step_by(LANES) {
            let place = Place {
                first,
                len: LANES.min(place.first + place.len - first),
                ..place
            };
            let row = self.steps.row(place.direction, sequence, step);
            let before = step
                .checked_sub(1)
                .map(|step| self.steps.row(place.direction, sequence, step));
            // SAFETY: this task alone has these units in this row and, until it is done, in the row before.
            unsafe {
                match self.shape.cell {
                    Cell::Gru => self.gru_row(buffers, place, row, before),
                    Cell::Lstm => self.lstm_row(buffers, place, row, before),
                }
            }
        }
    }

    /// # Safety
    /// Nobody else may touch the units of `place` in these two rows.
    #[inline(always)]
    unsafe fn gru_row(
        &self,
        buffers: &BackwardBuffers<'_>,
        place: Place,
        row: usize,
        before: Option<usize>,
    ) {
        let at = At::new(self.shape, place, buffers.inner.len());
        // SAFETY: the caller's promise.
        unsafe {
            let done = gru_backward(
                std::array::from_fn(|g| load(buffers.gates.read(at.gate(row, g)))),
                load(&buffers.inner[at.unit(row)]),
                load(&buffers.before[at.before(row)]),
                load(buffers.dout.read(at.unit(row))),
            );
            for g in 0..3 {
                store(buffers.gates.slice(at.gate(row, g)), &done.input[g]);
                store(buffers.dhidden.slice(at.dhidden(row, g)), &done.hidden[g]);
            }
            if let Some(before) = before {
                let dstate = buffers.dout.slice(at.unit(before));
                for (dstate, more) in dstate.iter_mut().zip(&done.before) {
                    *dstate += more;
                }
            }
        }
    }

    /// # Safety
    /// Nobody else may touch the units of `place` in these two rows.
    #[inline(always)]
    unsafe fn lstm_row(
        &self,
        buffers: &BackwardBuffers<'_>,
        place: Place,
        row: usize,
        before: Option<usize>,
    ) {
        let at = At::new(self.shape, place, buffers.inner.len());
        let cell = before.map_or([0.0; LANES], |row| load(&buffers.inner[at.unit(row)]));
        // SAFETY: the caller's promise.
        unsafe {
            let done = lstm_backward(
                std::array::from_fn(|g| load(buffers.gates.read(at.gate(row, g)))),
                (load(&buffers.inner[at.unit(row)]), cell),
                load(buffers.dout.read(at.unit(row))),
                load(buffers.dcell.read(at.unit(row))),
            );
            for g in 0..4 {
                store(buffers.gates.slice(at.gate(row, g)), &done.input[g]);
                store(buffers.dhidden.slice(at.dhidden(row, g)), &done.hidden[g]);
            }
            if let Some(before) = before {
                store(buffers.dcell.slice(at.unit(before)), &done.before);
            }
        }
    }
}

/// Where the numbers of a row's units lie.
struct At {
    shape: Shape,
    place: Place,
    /// Rows of the batch.
    rows: usize,
}

impl At {
    #[inline(always)]
    fn new(shape: Shape, place: Place, outputs: usize) -> Self {
        let rows = outputs / shape.outputs();
        Self { shape, place, rows }
    }

    #[inline(always)]
    fn range(&self, start: usize) -> std::ops::Range<usize> {
        start + self.place.first..start + self.place.first + self.place.len
    }

    /// In `[T, D G N]`.
    #[inline(always)]
    fn gate(&self, row: usize, g: usize) -> std::ops::Range<usize> {
        let gates = self.shape.gates();
        let (d, n) = (self.place.direction, self.shape.hidden);
        self.range(row * self.shape.outputs() * gates + (d * gates + g) * n)
    }

    /// In `[D, T, G N]`.
    #[inline(always)]
    fn dhidden(&self, row: usize, g: usize) -> std::ops::Range<usize> {
        let (d, n) = (self.place.direction, self.shape.hidden);
        self.range(((d * self.rows + row) * self.shape.gates() + g) * n)
    }

    /// In `[T, D N]`.
    #[inline(always)]
    fn unit(&self, row: usize) -> std::ops::Range<usize> {
        self.range(row * self.shape.outputs() + self.place.direction * self.shape.hidden)
    }

    /// In `[D, T, N]`.
    #[inline(always)]
    fn before(&self, row: usize) -> std::ops::Range<usize> {
        self.range((self.place.direction * self.rows + row) * self.shape.hidden)
    }
}
