//! Against plain sums in `f64`. Where the CPU has no tiles the products cannot be tested, and the tests say so; packing can on every
//! AVX-512.

use super::*;
use crate::dropout::mix;

/// Numbers of both signs and many magnitudes, with all 24 bits in use.
fn noise(n: usize, seed: u32) -> Vec<f32> {
    (0..n as u32)
        .map(|i| {
            let bits = mix(i ^ seed.wrapping_mul(0x9e37_79b9));
            let unit = bits as f32 / 2.0_f32.powi(31) - 1.0;
            unit * 2.0_f32.powi((bits % 7) as i32 - 3)
        })
        .collect()
}

fn skipped() -> bool {
    let skipped = !multiply::available();
    if skipped {
        println!("skipped: this CPU has no tiles");
    }
    skipped
}

/// An operand of `len` rows or columns, `k` deep, contiguous along the inner dimension or across it.
#[derive(Clone)]
struct Case {
    data: Vec<f32>,
    len: usize,
    k: usize,
    along: bool,
}

impl Case {
    fn new(len: usize, k: usize, along: bool, seed: u32) -> Self {
        let data = noise(len * k, seed);
        Self {
            data,
            len,
            k,
            along,
        }
    }

    fn strides(&self) -> (usize, usize) {
        if self.along {
            (self.k, 1)
        } else {
            (1, self.len)
        }
    }

    fn at(&self, i: usize, c: usize) -> f64 {
        let (stride, inner) = self.strides();
        f64::from(self.data[i * stride + c * inner])
    }

    fn view(&self, left: bool) -> View<'_> {
        let (stride, inner) = self.strides();
        let (row_stride, column_stride) = if left {
            (stride, inner)
        } else {
            (inner, stride)
        };
        View {
            data: &self.data,
            row_stride,
            column_stride,
        }
    }
}

/// The exact element of the product, and the sum of its terms' magnitudes.
fn exact(left: &Case, right: &Case, i: usize, j: usize) -> (f64, f64) {
    (0..left.k).fold((0.0, 0.0), |(sum, size), c| {
        let term = left.at(i, c) * right.at(j, c);
        (sum + term, size + term.abs())
    })
}

const LAYOUTS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

#[test]
fn every_layout_and_odd_size_is_as_exact_as_f32() {
    if skipped() {
        return;
    }
    for (m, n, k) in [
        (1, 1, 1),
        (16, 16, 32),
        (17, 15, 33),
        (33, 47, 31),
        (32, 64, 64),
        (5, 100, 129),
        (100, 5, 47),
        (40, 41, 6000),
    ] {
        for (along_left, along_right) in LAYOUTS {
            let left = Case::new(m, k, along_left, 1);
            let right = Case::new(n, k, along_right, 2);
            let before = noise(m * n, 3);
            for accumulate in [false, true] {
                let mut out = before.clone();
                product(
                    (m, n, k),
                    &mut out,
                    left.view(true),
                    right.view(false),
                    accumulate,
                );
                for (place, &got) in out.iter().enumerate() {
                    let (sum, size) = exact(&left, &right, place / n, place % n);
                    let old = if accumulate {
                        f64::from(before[place])
                    } else {
                        0.0
                    };
                    // Adding up k / 2 pairs of six products in f32 rounds each time by at most 2^-24 of what is there so far; the roundings
                    // of random sums nearly cancel, so that a small multiple of the root of their number is far.
                    let bound =
                        (size + old.abs()) * 2.0_f64.powi(-24) * (4.0 + (3.0 * k as f64).sqrt());
                    let error = (f64::from(got) - sum - old).abs();
                    assert!(
                        error <= bound,
                        "{m}x{n}x{k} {along_left} {along_right}: {error} > {bound}"
                    );
                }
            }
        }
    }
}

#[test]
fn integers_come_out_exactly() {
    if skipped() {
        return;
    }
    // 12 bits times 12 bits: the middle parts are needed, and no sum exceeds 24 bits.
    let (m, n, k) = (20, 35, 2);
    let whole = |len: usize, seed| -> Vec<f32> {
        (0..len as u32)
            .map(|i| (mix(i ^ seed) % 2800) as f32)
            .collect()
    };
    let (a, b) = (whole(m * k, 7), whole(n * k, 8));
    let mut out = vec![f32::NAN; m * n];
    let left = View {
        data: &a,
        row_stride: k,
        column_stride: 1,
    };
    let right = View {
        data: &b,
        row_stride: 1,
        column_stride: k,
    };
    product((m, n, k), &mut out, left, right, false);
    for (place, &got) in out.iter().enumerate() {
        let (i, j) = (place / n, place % n);
        let sum: f32 = (0..k).map(|c| a[i * k + c] * b[j * k + c]).sum();
        assert_eq!(got, sum);
    }
}

#[test]
fn what_is_not_finite_is_not_hidden() {
    if skipped() {
        return;
    }
    let (m, n, k) = (20, 20, 40);
    for poison in [f32::NAN, f32::INFINITY, f32::from_bits(0x7f80_0001)] {
        let (mut a, b) = (Case::new(m, k, true, 1), Case::new(n, k, true, 2));
        a.data[3 * k + 35] = poison;
        let mut out = vec![0.0; m * n];
        product((m, n, k), &mut out, a.view(true), b.view(false), false);
        assert!(out[3 * n..4 * n].iter().all(|x| !x.is_finite()));
        assert!(
            out[..3 * n]
                .iter()
                .chain(&out[4 * n..])
                .all(|x| x.is_finite())
        );
    }
}

#[test]
fn blocks_along_the_inner_dimension_change_no_bit() {
    if skipped() {
        return;
    }
    // 900 columns packed in one piece exceed a block; 20 do not. The first 20 columns must not notice.
    let (m, n, few, k) = (1000_usize, 900_usize, 20_usize, 500_usize);
    assert!(block_depth(n.div_ceil(PANEL), k) < k && block_depth(few.div_ceil(PANEL), k) >= k);
    let (left, right) = (Case::new(m, k, true, 1), Case::new(n, k, true, 2));
    let mut whole = vec![0.0; m * n];
    product(
        (m, n, k),
        &mut whole,
        left.view(true),
        right.view(false),
        false,
    );
    let mut part = vec![0.0; m * few];
    product(
        (m, few, k),
        &mut part,
        left.view(true),
        right.view(false),
        false,
    );
    for i in 0..m {
        assert_eq!(whole[i * n..i * n + few], part[i * few..(i + 1) * few]);
    }
}

/// The element at inner index `p` of row or column `line` of a packed panel: the sum of its three parts.
fn unpacked(tiles: &[Tile], role: pack::Role, line: usize, p: usize) -> f32 {
    let word = |tile: &Tile, p: usize| match role {
        pack::Role::Row => tile.0[line % TILE * TILE + p % TILE],
        pack::Role::Column => tile.0[p % TILE * TILE + line % TILE],
    };
    let first = p / DEPTH * TILES + line / TILE * 3;
    let parts = tiles[first..first + 3].iter().map(|tile| {
        let word = word(tile, p % DEPTH);
        let part = if p % DEPTH < TILE {
            word << 16
        } else {
            word & 0xffff_0000
        };
        f64::from(f32::from_bits(part))
    });
    parts.sum::<f64>() as f32
}

#[test]
fn three_parts_are_the_number_to_the_last_bit_in_every_layout() {
    if !is_x86_feature_detected!("avx512f") {
        println!("skipped: this CPU has no AVX-512");
        return;
    }
    for (len, k) in [(1, 1), (16, 32), (32, 33), (21, 47), (40, 100)] {
        for (along, role) in [
            (true, pack::Role::Row),
            (false, pack::Role::Row),
            (true, pack::Role::Column),
            (false, pack::Role::Column),
        ] {
            let case = Case::new(len, k, along, 5);
            let operand = Operand::new(&case.data, len, k, case.strides());
            for panel in 0..len.div_ceil(PANEL) {
                let mut tiles = vec![Tile([0; TILE * TILE]); TILES * k.div_ceil(DEPTH)];
                pack::panel(&operand, role, panel, 0..k, &mut tiles);
                for line in 0..PANEL {
                    for p in 0..k.next_multiple_of(DEPTH) {
                        let i = panel * PANEL + line;
                        let want = if i < len && p < k { case.at(i, p) } else { 0.0 };
                        let got = unpacked(&tiles, role, line, p);
                        assert_eq!(f64::from(got), want, "{len}x{k} {along}: {i}, {p}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_grid_uses_the_threads_and_cuts_the_longer_side() {
    for (panels, threads, parts) in [
        ((6, 48), 2, (1, 2)),
        ((48, 6), 2, (2, 1)),
        ((24, 24), 4, (2, 2)),
        ((1, 1), 1, (1, 1)),
    ] {
        assert_eq!(grid(panels.0, panels.1, threads), parts);
    }
}
