//! Splitting `f32` operands into three `bf16` parts, laid out as the tile unit reads them.
//!
//! A word of a tile holds two elements that are multiplied and added together. Which two is free as long as both operands agree: here
//! elements `p` and `p + 16` of a depth of 32, so that the words of sixteen elements come from two plain loads, a shift and a mask.

use super::{DEPTH, PANEL, TILE, TILES, Tile};
use std::arch::x86_64::*;
use std::ops::Range;

/// Which operand of a product a panel belongs to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// The left one: a tile's row is a row of it, its words go along the inner dimension.
    Row,
    /// The right one: a tile's row is a pair along the inner dimension, its words go along the columns.
    Column,
}

/// Steps of `DEPTH` between asking for elements and packing them.
const AHEAD: usize = 3;

/// An operand of a product: `len` rows or columns of inner length `k`.
pub(super) struct Operand<'a> {
    data: &'a [f32],
    pub(super) len: usize,
    /// From one row or column to the next.
    stride: usize,
    /// From one inner element to the next.
    inner_stride: usize,
}

impl<'a> Operand<'a> {
    /// # Panics
    /// When the operand is contiguous in neither direction, or reaches past its data.
    pub(super) fn new(
        data: &'a [f32],
        len: usize,
        k: usize,
        (stride, inner_stride): (usize, usize),
    ) -> Self {
        assert!(
            stride == 1 || inner_stride == 1,
            "an operand that is contiguous in no direction"
        );
        let last = len.saturating_sub(1) * stride + k.saturating_sub(1) * inner_stride;
        assert!(
            len == 0 || k == 0 || last < data.len(),
            "a product reads past its operands"
        );
        Self {
            data,
            len,
            stride,
            inner_stride,
        }
    }
}

/// Packs panel `panel` of an operand over the inner range `inner`, whose start is a multiple of `DEPTH` from the operand's;
/// what lies past its ends becomes zero, but for a half of the panel that has no row at all: nothing reads its products.
pub(super) fn panel(
    operand: &Operand<'_>,
    role: Role,
    panel: usize,
    inner: Range<usize>,
    tiles: &mut [Tile],
) {
    assert!(tiles.len() == TILES * inner.len().div_ceil(DEPTH));
    assert!(is_x86_feature_detected!("avx512f"));
    for (depth, tiles) in tiles.chunks_exact_mut(TILES).enumerate() {
        let start = inner.start + depth * DEPTH;
        fetch(operand, panel * PANEL, start + AHEAD * DEPTH..inner.end);
        let depth = (inner.end - start).min(DEPTH);
        for (half, tiles) in tiles.chunks_exact_mut(TILES / 2).enumerate() {
            let first = panel * PANEL + half * TILE;
            let len = operand.len.saturating_sub(first).min(TILE);
            if len == 0 {
                break;
            }
            let Ok(parts) = tiles.try_into() else {
                unreachable!("three parts")
            };
            // SAFETY: AVX-512 is there; `Operand::new` has checked that `len` rows from `first` and `depth` inner
            // elements from `start` lie within the data.
            unsafe { block(operand, role, (first, len), (start, depth), parts) };
        }
    }
}

/// Asks for the first `DEPTH` inner elements of `inner` of the panel that starts at `first`.
fn fetch(operand: &Operand<'_>, first: usize, inner: Range<usize>) {
    const LINE: usize = 64 / size_of::<f32>();
    let (len, depth) = ((operand.len - first).min(PANEL), inner.len().min(DEPTH));
    let (lines, step, width) = if operand.inner_stride == 1 {
        (len, operand.stride, depth)
    } else {
        (depth, operand.inner_stride, len)
    };
    let origin = operand
        .data
        .as_ptr()
        .wrapping_add(first * operand.stride + inner.start * operand.inner_stride);
    for line in 0..lines {
        for column in (0..width).step_by(LINE) {
            // SAFETY: a prefetch reads nothing that the program sees, wherever it points.
            unsafe {
                _mm_prefetch::<_MM_HINT_T1>(origin.wrapping_add(line * step + column).cast())
            };
        }
    }
}

/// Packs one tile of each part.
///
/// # Safety
/// Rows `first..first + len` and inner elements `start..start + depth` must be the operand's, `len` and `depth` at least 1.
#[target_feature(enable = "avx512f")]
unsafe fn block(
    operand: &Operand<'_>,
    role: Role,
    (first, len): (usize, usize),
    (start, depth): (usize, usize),
    tiles: &mut [Tile; 3],
) {
    let along_inner = operand.inner_stride == 1;
    let origin = operand.data[first * operand.stride + start * operand.inner_stride..].as_ptr();
    // Sixteen lines of words: each of two vectors, `second` elements apart, that start `step` apart.
    let (step, second, lines) = if along_inner {
        (operand.stride, TILE, len)
    } else {
        (
            operand.inner_stride,
            TILE * operand.inner_stride,
            depth.min(TILE),
        )
    };
    for line in 0..TILE {
        let (mask0, mask1) = if line >= lines {
            (0, 0)
        } else if along_inner {
            (mask(depth), mask(depth.saturating_sub(TILE)))
        } else {
            (mask(len), if line + TILE < depth { mask(len) } else { 0 })
        };
        let at = origin.wrapping_add(line * step);
        // SAFETY: the masks let through elements of the operand alone; a masked load does not touch the others.
        let (x0, x1) = unsafe {
            (
                _mm512_maskz_loadu_ps(mask0, at),
                _mm512_maskz_loadu_ps(mask1, at.wrapping_add(second)),
            )
        };
        for (tile, words) in tiles.iter_mut().zip(split(x0, x1)) {
            // SAFETY: a tile has sixteen lines of sixteen words and is aligned to 64 bytes.
            unsafe { _mm512_store_si512(tile.0.as_mut_ptr().add(line * TILE).cast(), words) };
        }
    }
    if along_inner != (role == Role::Row) {
        tiles.iter_mut().for_each(|tile| transpose(tile));
    }
}

/// The lanes below `len`.
fn mask(len: usize) -> __mmask16 {
    if len >= TILE { !0 } else { (1 << len) - 1 }
}

/// High, middle and low parts of two vectors, each pair of elements in one word: `x = high + middle + low`, exactly, while `low` is
/// not denormal. A part is what the one before left, cut after eight significant bits.
#[target_feature(enable = "avx512f")]
#[inline]
fn split(x0: __m512, x1: __m512) -> [__m512i; 3] {
    let top = _mm512_set1_epi32(0xffff_0000_u32 as i32);
    let bits = |x| _mm512_castps_si512(x);
    let cut = |x| _mm512_castsi512_ps(_mm512_and_si512(bits(x), top));
    // (x0 >> 16) | (x1 & top)
    let words = |x0, x1| {
        _mm512_ternarylogic_epi32::<0xf8>(_mm512_srli_epi32::<16>(bits(x0)), bits(x1), top)
    };
    let (r0, r1) = (_mm512_sub_ps(x0, cut(x0)), _mm512_sub_ps(x1, cut(x1)));
    let (s0, s1) = (_mm512_sub_ps(r0, cut(r0)), _mm512_sub_ps(r1, cut(r1)));
    [words(x0, x1), words(r0, r1), words(s0, s1)]
}

/// Exchanges rows and words of a tile.
#[target_feature(enable = "avx512f")]
#[inline]
fn transpose(tile: &mut Tile) {
    let start: *mut __m512i = tile.0.as_mut_ptr().cast();
    // SAFETY: a tile is sixteen aligned vectors.
    let mut a: [__m512i; TILE] =
        std::array::from_fn(|i| unsafe { _mm512_load_si512(start.add(i)) });
    // Words of 2 x 2, then of 4 x 4 within each 128-bit lane; then lanes of 2 x 2 and 4 x 4.
    let mut b: [__m512i; TILE] = a;
    for i in (0..TILE).step_by(2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    for i in (0..TILE).step_by(4) {
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
    for i in 0..4 {
        b[i] = _mm512_shuffle_i32x4::<0x88>(a[i], a[i + 4]);
        b[i + 4] = _mm512_shuffle_i32x4::<0xdd>(a[i], a[i + 4]);
        b[i + 8] = _mm512_shuffle_i32x4::<0x88>(a[i + 8], a[i + 12]);
        b[i + 12] = _mm512_shuffle_i32x4::<0xdd>(a[i + 8], a[i + 12]);
    }
    for i in 0..4 {
        a[i] = _mm512_shuffle_i32x4::<0x88>(b[i], b[i + 8]);
        a[i + 8] = _mm512_shuffle_i32x4::<0xdd>(b[i], b[i + 8]);
        a[i + 4] = _mm512_shuffle_i32x4::<0x88>(b[i + 4], b[i + 12]);
        a[i + 12] = _mm512_shuffle_i32x4::<0xdd>(b[i + 4], b[i + 12]);
    }
    for (i, row) in a.into_iter().enumerate() {
        // SAFETY: as above.
        unsafe { _mm512_store_si512(start.add(i), row) };
    }
}
