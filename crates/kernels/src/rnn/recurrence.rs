//! The recurrence, which both passes share: places of numbers, blocks of sequences, and one loop over the panels of a step, cut
//! between threads.

use super::Shape;
use super::steps::Steps;
use super::tile::Lanes;
use crate::math::LANES;
use crate::parallel::split;
use crate::vectorised;
use std::ops::Range;

/// The recurrent part of a layer.
pub(super) struct Recurrence<'a> {
    pub(super) shape: Shape,
    pub(super) steps: Steps,
    pub(super) packed: &'a [f32],
    /// `[D G N]`
    pub(super) hidden_bias: &'a [f32],
}

/// A panel of units: its number among the packed ones, its direction, its first unit and its units.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) direction: usize,
    pub(super) first: usize,
    pub(super) len: usize,
}

impl Recurrence<'_> {
    /// Calls `work` for every panel of `width` units of every direction, side by side on the threads.
    pub(super) fn for_each_panel(&self, width: usize, work: impl Fn(Place) + Sync) {
        let hidden = self.shape.hidden;
        let panels = hidden.div_ceil(width);
        split(self.shape.directions * panels, 1, usize::MAX, &|range| {
            for number in range {
                let first = number % panels * width;
                let place = Place {
                    number,
                    direction: number / panels,
                    first,
                    len: width.min(hidden - first),
                };
                vectorised(
                    #[inline(always)]
                    || work(place),
                );
            }
        });
    }
}

/// Where the numbers of a row's units lie.
#[derive(Clone, Copy)]
pub(super) struct At {
    shape: Shape,
    place: Place,
    /// Rows of the batch.
    rows: usize,
}

impl At {
    /// `outputs` is the length of `[T, D N]`.
    #[inline(always)]
    pub(super) fn new(shape: Shape, place: Place, outputs: usize) -> Self {
        let rows = outputs / shape.outputs();
        Self { shape, place, rows }
    }

    #[inline(always)]
    fn range(&self, start: usize) -> Range<usize> {
        start + self.place.first..start + self.place.first + self.place.len
    }

    /// In `[D G N]`.
    #[inline(always)]
    pub(super) fn bias(&self, g: usize) -> Range<usize> {
        self.range((self.place.direction * self.shape.gates() + g) * self.shape.hidden)
    }

    /// In `[T, D G N]`.
    #[inline(always)]
    pub(super) fn gate(&self, row: usize, g: usize) -> Range<usize> {
        let gates = self.shape.gates();
        let (d, n) = (self.place.direction, self.shape.hidden);
        self.range(row * self.shape.outputs() * gates + (d * gates + g) * n)
    }

    /// In `[D, T, G N]`.
    #[inline(always)]
    pub(super) fn dhidden(&self, row: usize, g: usize) -> Range<usize> {
        let (d, n) = (self.place.direction, self.shape.hidden);
        self.range(((d * self.rows + row) * self.shape.gates() + g) * n)
    }

    /// In `[T, D N]`.
    #[inline(always)]
    pub(super) fn unit(&self, row: usize) -> Range<usize> {
        self.range(row * self.shape.outputs() + self.place.direction * self.shape.hidden)
    }

    /// In `[D, T, N]`.
    #[inline(always)]
    pub(super) fn before(&self, row: usize) -> Range<usize> {
        self.range((self.place.direction * self.rows + row) * self.shape.hidden)
    }
}

/// Up to a register of floats, zero behind the last.
#[inline(always)]
pub(super) fn load(from: &[f32]) -> Lanes {
    match from.try_into() {
        Ok(lanes) => lanes,
        Err(_) => {
            let mut lanes = [0.0; LANES];
            lanes[..from.len()].copy_from_slice(from);
            lanes
        }
    }
}

/// As many floats of a register as there is room for.
#[inline(always)]
pub(super) fn store(to: &mut [f32], lanes: &Lanes) {
    match <&mut Lanes>::try_from(&mut *to) {
        Ok(to) => *to = *lanes,
        Err(_) => {
            let len = to.len();
            to.copy_from_slice(&lanes[..len]);
        }
    }
}

/// Calls a method with a constant number of rows first among its generics and `$first` at the first row, for blocks of at most
/// [`ROWS`](super::tile::ROWS) of `$count` rows.
macro_rules! in_blocks {
    ($count:expr, |$first:ident| $this:ident.$call:ident::<_ $(, $generic:ty)*>($($argument:expr),*)) => {{
        let mut $first = 0;
        while $first < $count {
            $first += match $count - $first {
                $crate::rnn::tile::ROWS.. => {
                    $this.$call::<{ $crate::rnn::tile::ROWS } $(, $generic)*>($($argument),*);
                    $crate::rnn::tile::ROWS
                }
                2.. => { $this.$call::<2 $(, $generic)*>($($argument),*); 2 }
                _ => { $this.$call::<1 $(, $generic)*>($($argument),*); 1 }
            };
        }
    }};
}
pub(super) use in_blocks;
