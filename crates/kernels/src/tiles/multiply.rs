//! The tile unit itself: asking for it, and the product of two packed panels.

use super::{PANEL, TILE, TILES, Tile};
use std::arch::asm;
use std::marker::PhantomData;
use std::sync::OnceLock;

/// Whether the CPU has tiles of `bf16` and the system lets this process use them.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        // AMX-BF16 and AMX-TILE: bits 22 and 24 of EDX of leaf 7.
        const TILES_OF_BF16: u32 = 1 << 22 | 1 << 24;
        let leaf = std::arch::x86_64::__cpuid_count(7, 0);
        leaf.edx & TILES_OF_BF16 == TILES_OF_BF16
            && std::arch::is_x86_feature_detected!("avx512f")
            && permitted()
    })
}

/// Asks the system for the tile registers, which a process must before its first use of them (Linux 5.16).
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: the call takes two numbers, touches no memory of ours, and answers an error where it is not known.
    unsafe {
        libc::syscall(
            libc::SYS_arch_prctl,
            ARCH_REQ_XCOMP_PERM,
            XFEATURE_XTILEDATA,
        ) == 0
    }
}

/// Shapes of the eight tile registers, as `ldtilecfg` reads them.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

/// Eight whole tiles of 16 rows of 64 bytes.
static SHAPES: Shapes = {
    let mut shapes = Shapes {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        bytes_per_row: [0; 16],
        rows: [0; 16],
    };
    let mut i = 0;
    while i < 8 {
        shapes.bytes_per_row[i] = 4 * TILE as u16;
        shapes.rows[i] = TILE as u8;
        i += 1;
    }
    shapes
};

/// The use of this thread's tile registers; freed at its end, so that the system need not save them on every switch.
pub(super) struct Session {
    /// Bound to its thread.
    _thread: PhantomData<*mut ()>,
}

/// Runs `body` with the tile registers set up.
pub(super) fn session<R>(body: impl FnOnce(&Session) -> R) -> R {
    assert!(available());
    // SAFETY: the CPU has tiles and the system has permitted them; the shapes are valid for palette 1.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const SHAPES, options(nostack, readonly)) };
    let session = Session {
        _thread: PhantomData,
    };
    body(&session)
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: as in `session`; nobody holds anything in the registers between two products.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Loads part `$part` of the left panel's two tiles, or of its first alone.
macro_rules! left {
    (2 $part:literal) => { concat!(left!(1 $part), "tileloadd tmm5, [{a} + {line} + 3072 + ", $part, "]\n") };
    (1 $part:literal) => { concat!("tileloadd tmm4, [{a} + {line} + ", $part, "]\n") };
}

/// Loads part `$part` of the right panel's two tiles, or of its first alone.
macro_rules! right {
    (2 $part:literal) => { concat!(right!(1 $part), "tileloadd tmm7, [{b} + {line} + 3072 + ", $part, "]\n") };
    (1 $part:literal) => { concat!("tileloadd tmm6, [{b} + {line} + ", $part, "]\n") };
}

/// Adds the products of the loaded tiles.
macro_rules! add {
    (2 2) => { concat!(add!(2 1), "tdpbf16ps tmm1, tmm4, tmm7\n", "tdpbf16ps tmm3, tmm5, tmm7\n") };
    (2 1) => { concat!(add!(1 1), "tdpbf16ps tmm2, tmm5, tmm6\n") };
    (1 2) => { concat!(add!(1 1), "tdpbf16ps tmm1, tmm4, tmm7\n") };
    (1 1) => { "tdpbf16ps tmm0, tmm4, tmm6\n" };
}

/// Fetches one tile of the next step, `$at` bytes behind where `$panel` points, into the first-level cache.
macro_rules! fetch {
    ($panel:literal $at:literal) => {
        concat!(
            fetch!($panel $at "0" "64" "128" "192"), fetch!($panel $at "256" "320" "384" "448"),
            fetch!($panel $at "512" "576" "640" "704"), fetch!($panel $at "768" "832" "896" "960"),
        )
    };
    ($panel:literal $at:literal $($line:literal)*) => {
        concat!($("prefetcht0 [{", $panel, "} + ", $at, " + ", $line, "]\n"),*)
    };
}

/// Loads the output's tiles.
macro_rules! load_output {
    (2 2) => { concat!(load_output!(1 2), "tileloadd tmm2, [{d} + {stride}]\n", "tileloadd tmm3, [{d} + {stride} + 64]\n") };
    (2 1) => { concat!(load_output!(1 1), "tileloadd tmm2, [{d} + {stride}]\n") };
    (1 2) => { concat!(load_output!(1 1), "tileloadd tmm1, [{c} + {stride} + 64]\n") };
    (1 1) => { "tileloadd tmm0, [{c} + {stride}]\n" };
}

macro_rules! store_output {
    (2 2) => { concat!(store_output!(1 2), "tilestored [{d} + {stride}], tmm2\n", "tilestored [{d} + {stride} + 64], tmm3\n") };
    (2 1) => { concat!(store_output!(1 1), "tilestored [{d} + {stride}], tmm2\n") };
    (1 2) => { concat!(store_output!(1 1), "tilestored [{c} + {stride} + 64], tmm1\n") };
    (1 1) => { "tilestored [{c} + {stride}], tmm0\n" };
}

/// Defines the product of a left panel of `$m` tiles and a right one of `$n`: `$name(left, right, depths, out, stride in bytes, accumulate)`.
///
/// The six products go from small to large, in an order in which each shares an operand with the one before.
macro_rules! define {
    ($name:ident, $m:tt, $n:tt) => {
        /// # Safety
        /// Within a [`Session`]; the panels must hold `depths >= 1` steps of [`TILES`] tiles, and `out` be valid for reads and writes of the tiles.
        unsafe fn $name(left: *const Tile, right: *const Tile, depths: usize, out: *mut f32, stride: usize, accumulate: bool) {
            // SAFETY: the caller's promise; the registers are the session's.
            unsafe {
                asm!(
                    "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                    "# the second tile row of the output is at {d}",
                    "test {accumulate}, {accumulate}",
                    "jz 3f",
                    load_output!($m $n),
                    "3:",
                    concat!(left!($m "0"), right!($n "2048"), add!($m $n), fetch!("a" "6144"), fetch!("a" "9216")),
                    concat!(right!($n "1024"), add!($m $n), fetch!("b" "8192"), fetch!("b" "11264")),
                    concat!(left!($m "1024"), add!($m $n), fetch!("b" "7168"), fetch!("b" "10240")),
                    concat!(right!($n "0"), add!($m $n), fetch!("a" "7168"), fetch!("a" "10240")),
                    concat!(left!($m "0"), add!($m $n), fetch!("b" "6144"), fetch!("b" "9216")),
                    concat!(left!($m "2048"), add!($m $n), fetch!("a" "8192"), fetch!("a" "11264")),
                    "add {a}, 6144",
                    "add {b}, 6144",
                    "dec {depths}",
                    "jnz 3b",
                    store_output!($m $n),
                    a = inout(reg) left => _,
                    b = inout(reg) right => _,
                    depths = inout(reg) depths => _,
                    accumulate = in(reg) usize::from(accumulate),
                    c = in(reg) out,
                    d = in(reg) out.wrapping_byte_add(TILE * stride),
                    stride = in(reg) stride,
                    line = in(reg) 4 * TILE,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

define!(multiply_2_2, 2, 2);
define!(multiply_2_1, 2, 1);
define!(multiply_1_2, 1, 2);
define!(multiply_1_1, 1, 1);

impl Session {
    /// `out = left right (+ out)` for one panel of rows and one of columns, `rows x columns` of which exist, at `out` with `row_stride` elements
    /// from one row to the next.
    ///
    /// # Safety
    /// `out` must be valid for reads and writes of `rows` rows of `columns` elements at that stride, and nobody else may touch them.
    pub(super) unsafe fn multiply(
        &self,
        (left, right): (&[Tile], &[Tile]),
        out: *mut f32,
        (rows, columns, row_stride): (usize, usize, usize),
        accumulate: bool,
    ) {
        assert!(left.len() == right.len() && !left.is_empty() && left.len().is_multiple_of(TILES));
        let depths = left.len() / TILES;
        let kernel = match (rows > TILE, columns > TILE) {
            (true, true) => multiply_2_2,
            (true, false) => multiply_2_1,
            (false, true) => multiply_1_2,
            (false, false) => multiply_1_1,
        };
        let (left, right) = (left.as_ptr(), right.as_ptr());
        if rows.is_multiple_of(TILE) && columns.is_multiple_of(TILE) {
            // SAFETY: whole tiles of the output, which is the caller's promise.
            unsafe { kernel(left, right, depths, out, 4 * row_stride, accumulate) };
            return;
        }
        // A part of a tile goes through a whole one.
        let mut whole = [0.0_f32; PANEL * PANEL];
        let line = |row: usize| {
            // SAFETY: a row of the caller's output, read or written here alone.
            unsafe { std::slice::from_raw_parts_mut(out.add(row * row_stride), columns) }
        };
        if accumulate {
            (0..rows).for_each(|row| whole[row * PANEL..][..columns].copy_from_slice(line(row)));
        }
        // SAFETY: `whole` holds two by two tiles.
        unsafe {
            kernel(
                left,
                right,
                depths,
                whole.as_mut_ptr(),
                4 * PANEL,
                accumulate,
            )
        };
        (0..rows).for_each(|row| line(row).copy_from_slice(&whole[row * PANEL..][..columns]));
    }
}
