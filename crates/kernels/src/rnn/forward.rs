//! The steps forward.

use super::cell::{Carried, CellKind};
use super::recurrence::{At, Place, Recurrence, in_blocks, load, store};
use super::tile::{self, Lanes};
use crate::math::LANES;
use crate::parallel::Shared;

/// The buffers that the tasks of a step share.
struct Buffers<'a> {
    gates: Shared<'a>,
    inner: Shared<'a>,
    out: Shared<'a>,
    /// Length of `out`.
    outputs: usize,
}

impl Recurrence<'_> {
    /// From the input's share of the gates, `[T, D G N]`, to the gates, the cells' own numbers and the states.
    pub(super) fn forward<K: CellKind<G>, const G: usize>(
        &self,
        gates: &mut [f32],
        inner: &mut [f32],
        out: &mut [f32],
    ) {
        let buffers = Buffers {
            outputs: out.len(),
            gates: Shared::new(gates),
            inner: Shared::new(inner),
            out: Shared::new(out),
        };
        for step in 0..self.steps.len() {
            let active = self.steps.active(step);
            self.for_each_panel(
                LANES,
                #[inline(always)]
                |place| {
                    in_blocks!(active, |sequence| self.forward_block::<_, K, G>(
                        &buffers,
                        place,
                        (step, sequence)
                    ))
                },
            );
        }
    }

    /// A step of `R` sequences on one panel of units.
    #[inline(always)]
    fn forward_block<const R: usize, K: CellKind<G>, const G: usize>(
        &self,
        buffers: &Buffers<'_>,
        place: Place,
        (step, sequence): (usize, usize),
    ) {
        let (n, width) = (self.shape.hidden, self.shape.outputs());
        let at = At::new(self.shape, place, buffers.outputs);
        let row = |step: usize, r: usize| self.steps.row(place.direction, sequence + r, step);
        let hidden = match step.checked_sub(1) {
            None => [[[0.0; LANES]; G]; R],
            Some(step) => {
                let states = std::array::from_fn(|r| {
                    let start = row(step, r) * width + place.direction * n;
                    // SAFETY: the tasks of this step write rows of this step alone.
                    unsafe { buffers.out.read(start..start + n) }
                });
                tile::product::<R, G>(states, tile::panel(self.packed, place.number, n))
            }
        };
        let biases: [Lanes; G] = std::array::from_fn(|g| load(&self.hidden_bias[at.bias(g)]));
        for (r, mut hidden) in hidden.into_iter().enumerate() {
            for (hidden, bias) in hidden.iter_mut().zip(&biases) {
                for (hidden, bias) in hidden.iter_mut().zip(bias) {
                    *hidden += bias;
                }
            }
            let before = step.checked_sub(1).map(|step| row(step, r));
            // SAFETY: this task alone has this direction's units from `first` on, and this row of this step.
            unsafe { finish::<K, G>(buffers, at, (row(step, r), before), hidden) };
        }
    }
}

/// The gates of one row on one panel, from their hidden share.
///
/// # Safety
/// Nobody else may touch the units of `at` in these two rows.
#[inline(always)]
unsafe fn finish<K: CellKind<G>, const G: usize>(
    buffers: &Buffers<'_>,
    at: At,
    (row, before): (usize, Option<usize>),
    hidden: [Lanes; G],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let input = std::array::from_fn(|g| load(buffers.gates.read(at.gate(row, g))));
        let carried = match K::CARRIED {
            Carried::State => &buffers.out,
            Carried::Cell => &buffers.inner,
        };
        let before = before.map_or([0.0; LANES], |row| load(carried.read(at.unit(row))));
        let done = K::forward(input, hidden, before);
        for (g, lanes) in done.gates.iter().enumerate() {
            store(buffers.gates.slice(at.gate(row, g)), lanes);
        }
        store(buffers.inner.slice(at.unit(row)), &done.inner);
        store(buffers.out.slice(at.unit(row)), &done.state);
    }
}
