//! Matrix products on the tile unit of recent Intel server CPUs (AMX), as exact as in `f32`.
//!
//! Idea: the unit multiplies `bf16` (8 significant bits) and adds up in `f32`, sixteen times as fast as AVX-512 multiplies
//! `f32`. An `f32` has 24 significant bits, so it is the exact sum of three `bf16`: high, middle and low. Of the nine
//! products of two such sums six reach 24 bits, `hh + hm + mh + mm + hl + lh`; what is left out is below `2^-22` of the
//! product, near the rounding of `f32` itself (Henry, Tang and Heinecke 2019, "Leveraging the bfloat16 artificial intelligence
//! datatype for higher-precision computations"). Six of sixteen leaves a peak of 2.7 times that of `f32`.
//!
//! The output is cut into a grid, one part a thread. A thread packs all panels of its part's shorter operand, then panel by
//! panel the longer one, multiplying each with all of the shorter. Threads so pack some things twice, but nothing passes from one core
//! to another: packing the shorter operand in common made the product 20 % slower on two cores.
//! An element of the output is always the sum of the same products in the same order, so the bits depend neither on
//! the grid nor on the number of threads.
//!
//! On 2 cores at T = 161 the three products of a 384 x 384 layer run at 347, 364 and 291 GFLOP/s, where `gemm` gives 260, 300
//! and 248; at T = 640, 1536 x 384, at 380, 464 and 467 instead of 302, 305 and 280. Packing waits for memory, multiplying takes two thirds of the
//! time (`cargo run --release -p bert-ner-kernels --example products -- 640 1536 384`; `perf record`).

mod multiply;
mod pack;

use crate::matmul::View;
use crate::parallel::{Shared, run};
use pack::{Operand, Role};
use std::cell::Cell;
use std::ops::Range;

/// Rows or columns of a tile; also its width in 32-bit words.
const TILE: usize = 16;
/// Rows or columns of a panel: two tiles.
const PANEL: usize = 2 * TILE;
/// Inner length of a tile: each of its words holds two `bf16`.
const DEPTH: usize = 2 * TILE;
/// Tiles of a panel for every `DEPTH` of inner length: three parts of two.
const TILES: usize = 6;
/// Bytes of the shorter operand that are packed at once: half of a core's second-level cache.
const BLOCK_BYTES: usize = 1 << 20;
/// Fewest multiplications of a product that is worth packing for.
const LEAST: usize = 1 << 18;

/// One tile, `[TILE, TILE]` words of two `bf16` each.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Tile([u32; TILE * TILE]);

/// Packed panels, kept by each thread from product to product.
#[derive(Default)]
struct Packed {
    shorter: Vec<Tile>,
    longer: Vec<Tile>,
}

thread_local! {
    static PACKED: Cell<Packed> = const { Cell::new(Packed { shorter: Vec::new(), longer: Vec::new() }) };
}

/// Whether this CPU and system offer tiles.
pub(crate) fn available() -> bool {
    multiply::available()
}

/// Whether this CPU and system offer tiles, and the product is large enough for them. Does not look at the number of threads.
pub(crate) fn pays((m, n, k): (usize, usize, usize)) -> bool {
    m.saturating_mul(n).saturating_mul(k) >= LEAST && multiply::available()
}

/// `out = left right (+ out)`, `out` being a whole `[m, n]` matrix, on all threads.
///
/// # Panics
/// When an operand is contiguous along none of its dimensions or does not lie within its data, and without tiles (see [`pays`]).
pub(crate) fn product(
    (m, n, k): (usize, usize, usize),
    out: &mut [f32],
    left: View<'_>,
    right: View<'_>,
    accumulate: bool,
) {
    assert!(multiply::available() && out.len() == m * n);
    let left = Operand::new(left.data, m, k, (left.row_stride, left.column_stride));
    let right = Operand::new(right.data, n, k, (right.column_stride, right.row_stride));
    let out = Output {
        data: Shared::new(out),
        rows: m,
        columns: n,
        accumulate,
    };
    let (row_panels, column_panels) = (m.div_ceil(PANEL), n.div_ceil(PANEL));
    let (down, across) = grid(row_panels, column_panels, rayon::current_num_threads());
    run(down * across, &|part| {
        let cut = |panels: usize, part: usize, parts: usize| {
            panels * part / parts..panels * (part + 1) / parts
        };
        let rows = cut(row_panels, part / across, down);
        let columns = cut(column_panels, part % across, across);
        let mut packed = PACKED.take();
        out.part((&left, rows), (&right, columns), k, &mut packed);
        PACKED.set(packed);
    });
}

/// Parts of the rows and of the columns, so that the largest part costs least: a pair of panels to multiply costs about as much as a
/// panel to pack.
fn grid(row_panels: usize, column_panels: usize, threads: usize) -> (usize, usize) {
    let cost = |(down, across): (usize, usize)| {
        let (rows, columns) = (row_panels.div_ceil(down), column_panels.div_ceil(across));
        rows * columns + rows + columns
    };
    (1..=threads)
        .map(|down| (down, threads / down))
        .min_by_key(|&parts| cost(parts))
        .unwrap_or((1, 1))
}

/// The matrix that a product writes, `[rows, columns]`.
struct Output<'a> {
    data: Shared<'a>,
    rows: usize,
    columns: usize,
    accumulate: bool,
}

impl Output<'_> {
    /// Computes the part of the panels `rows` and `columns`, which no other task may touch.
    fn part(
        &self,
        (left, rows): (&Operand<'_>, Range<usize>),
        (right, columns): (&Operand<'_>, Range<usize>),
        k: usize,
        packed: &mut Packed,
    ) {
        let rows_are_shorter = rows.len() < columns.len();
        let ((short, short_role, shorter), (long, long_role, longer)) = if rows_are_shorter {
            ((left, Role::Row, rows), (right, Role::Column, columns))
        } else {
            ((right, Role::Column, columns), (left, Role::Row, rows))
        };
        let depth = block_depth(shorter.len(), k);
        for start in (0..k).step_by(depth) {
            let inner = start..(start + depth).min(k);
            let tiles = TILES * inner.len().div_ceil(DEPTH);
            let packed_shorter = fit(&mut packed.shorter, shorter.len() * tiles);
            for (panel, to) in shorter.clone().zip(packed_shorter.chunks_exact_mut(tiles)) {
                pack::panel(short, short_role, panel, inner.clone(), to);
            }
            let packed_longer = fit(&mut packed.longer, tiles);
            for long_panel in longer.clone() {
                pack::panel(long, long_role, long_panel, inner.clone(), packed_longer);
                let pairs = shorter.clone().zip(packed_shorter.chunks_exact(tiles));
                multiply::session(|session| {
                    for (short_panel, packed_short) in pairs {
                        let (place, operands) = if rows_are_shorter {
                            ((short_panel, long_panel), (packed_short, &*packed_longer))
                        } else {
                            ((long_panel, short_panel), (&*packed_longer, packed_short))
                        };
                        let (at, shape) = self.block(place);
                        let accumulate = self.accumulate || start > 0;
                        // SAFETY: the block lies within the output, in the part that is this task's alone.
                        unsafe { session.multiply(operands, at, shape, accumulate) };
                    }
                });
            }
        }
    }

    /// Where the block of a panel of rows and one of columns starts, its rows and columns, and the elements from one row to the next.
    fn block(&self, (row, column): (usize, usize)) -> (*mut f32, (usize, usize, usize)) {
        let (row, column) = (row * PANEL, column * PANEL);
        let shape = (
            (self.rows - row).min(PANEL),
            (self.columns - column).min(PANEL),
            self.columns,
        );
        (self.data.at(row * self.columns + column), shape)
    }
}

/// The first `len` tiles of a buffer that only grows.
fn fit(buffer: &mut Vec<Tile>, len: usize) -> &mut [Tile] {
    if buffer.len() < len {
        buffer.resize(len, Tile([0; TILE * TILE]));
    }
    &mut buffer[..len]
}

/// Inner length that is packed at once, so that `panels` of it stay in the cache; the blocks are of like size.
fn block_depth(panels: usize, k: usize) -> usize {
    let depths = k.div_ceil(DEPTH).max(1);
    let most = (BLOCK_BYTES / (panels.max(1) * TILES * size_of::<Tile>())).max(4);
    depths.div_ceil(depths.div_ceil(most)) * DEPTH
}

#[cfg(test)]
mod tests;
