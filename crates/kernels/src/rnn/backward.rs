//! The steps backward.

use super::cell::{Carried, CellKind};
use super::recurrence::{At, Place, Recurrence, in_blocks, load, store};
use super::tile::{self, BACK};
use crate::math::LANES;
use crate::parallel::Shared;

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

/// The buffers that the tasks of a step share.
struct Buffers<'a> {
    gates: Shared<'a>,
    dhidden: Shared<'a>,
    dout: Shared<'a>,
    dcell: Shared<'a>,
    inner: &'a [f32],
    before: &'a [f32],
}

impl Recurrence<'_> {
    /// From the gradient of the states, which is used up, and that of the cells, which starts as zero, to the gradients of the gates.
    pub(super) fn backward<K: CellKind<G>, const G: usize>(
        &self,
        saved: Gates<'_>,
        dout: &mut [f32],
        dcell: &mut [f32],
    ) {
        let buffers = Buffers {
            gates: Shared::new(saved.gates),
            dhidden: Shared::new(saved.dhidden),
            dout: Shared::new(dout),
            dcell: Shared::new(dcell),
            inner: saved.inner,
            before: saved.before,
        };
        for step in (0..self.steps.len()).rev() {
            let (active, after) = (self.steps.active(step), self.steps.active(step + 1));
            self.for_each_panel(
                BACK * LANES,
                #[inline(always)]
                |place| {
                    in_blocks!(after, |sequence| self.backward_block::<_>(
                        &buffers,
                        place,
                        (step, sequence)
                    ));
                    for sequence in 0..active {
                        self.gates_backward::<K, G>(&buffers, place, (step, sequence));
                    }
                },
            );
        }
    }

    /// Adds to the gradient of `R` states of `step` what the step after makes of them: `dh += dgates W_hh`.
    #[inline(always)]
    fn backward_block<const R: usize>(
        &self,
        buffers: &Buffers<'_>,
        place: Place,
        (step, sequence): (usize, usize),
    ) {
        let (d, k) = (place.direction, self.shape.gates() * self.shape.hidden);
        let at = At::new(self.shape, place, buffers.inner.len());
        let rows = buffers.inner.len() / self.shape.outputs();
        let dgates = std::array::from_fn(|r| {
            let start = (d * rows + self.steps.row(d, sequence + r, step + 1)) * k;
            // SAFETY: the tasks of this step write rows of this step alone.
            unsafe { buffers.dhidden.read(start..start + k) }
        });
        let sums = tile::product::<R, BACK>(dgates, tile::panel(self.packed, place.number, k));
        for (r, sums) in sums.iter().enumerate() {
            let row = self.steps.row(d, sequence + r, step);
            // SAFETY: this task alone has these units in this row.
            let dstate = unsafe { buffers.dout.slice(at.unit(row)) };
            for (dstate, sum) in dstate.iter_mut().zip(sums.as_flattened()) {
                *dstate += sum;
            }
        }
    }

    /// The gradients of a row's gates, and what goes to the step before beside the product.
    #[inline(always)]
    fn gates_backward<K: CellKind<G>, const G: usize>(
        &self,
        buffers: &Buffers<'_>,
        place: Place,
        (step, sequence): (usize, usize),
    ) {
        let row = |step: usize| self.steps.row(place.direction, sequence, step);
        for first in (place.first..place.first + place.len).step_by(LANES) {
            let place = Place {
                first,
                len: LANES.min(place.first + place.len - first),
                ..place
            };
            let at = At::new(self.shape, place, buffers.inner.len());
            let before = step.checked_sub(1).map(row);
            // SAFETY: this task alone has these units in this row and, until it is done, in the row before.
            unsafe { finish::<K, G>(buffers, at, (row(step), before)) };
        }
    }
}

/// # Safety
/// Nobody else may touch the units of `at` in these two rows.
#[inline(always)]
unsafe fn finish<K: CellKind<G>, const G: usize>(
    buffers: &Buffers<'_>,
    at: At,
    (row, row_before): (usize, Option<usize>),
) {
    let before = match K::CARRIED {
        Carried::State => load(&buffers.before[at.before(row)]),
        Carried::Cell => row_before.map_or([0.0; LANES], |row| load(&buffers.inner[at.unit(row)])),
    };
    // SAFETY: the caller's promise.
    unsafe {
        let done = K::backward(
            std::array::from_fn(|g| load(buffers.gates.read(at.gate(row, g)))),
            (load(&buffers.inner[at.unit(row)]), before),
            load(buffers.dout.read(at.unit(row))),
            load(buffers.dcell.read(at.unit(row))),
        );
        for g in 0..G {
            store(buffers.gates.slice(at.gate(row, g)), &done.input[g]);
            store(buffers.dhidden.slice(at.dhidden(row, g)), &done.hidden[g]);
        }
        let Some(row) = row_before else { return };
        match K::CARRIED {
            Carried::State => {
                let dstate = buffers.dout.slice(at.unit(row));
                for (dstate, more) in dstate.iter_mut().zip(&done.before) {
                    *dstate += more;
                }
            }
            Carried::Cell => store(buffers.dcell.slice(at.unit(row)), &done.before),
        }
    }
}
