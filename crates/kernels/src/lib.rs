//! Numeric routines on slices: forward and backward adjacent, a plain reference beside each fast version.
//!
//! This crate knows no BERT: it takes `f32` slices whose shapes the caller has checked, and it is
//! the one place of the project where `unsafe` is allowed. Matrices are row-major.
//!
//! Symbols: `T` rows of a packed batch, `S` sequences, `L` one sequence's length, `H` hidden size,
//! `A` heads, `D = H / A`, `N x K` a weight stored as `[out, in]`.
//!
//! **Determinism.** Where the borders between threads fall never changes what is added to what: every sum has a fixed order, or
//! partial sums of fixed length; so results have the same bits for any number of threads.
//!
//! **Instruction sets.** Loops are written so that the compiler vectorises them, and run inside
//! [`pulp::Arch::dispatch`], which picks AVX-512, AVX2 or the baseline when the program starts.

pub mod adamw;
pub mod attention;
pub mod columns;
pub mod crf;
pub mod dropout;
pub mod embedding;
pub mod gelu;
pub mod layer_norm;
pub mod loss;
pub mod math;
pub mod matmul;
pub mod memory;
pub mod reduce;
pub mod rnn;
pub mod rows;
pub mod tanh;

mod parallel;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiles;

pub use parallel::region;

/// The kind of arithmetic that this machine offers: `amx`, `avx512`, `avx2`, or the name of another architecture. Sums have another order
/// in another kind, so that results differ in their last bits.
pub fn arithmetic() -> &'static str {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if tiles::available() {
        return "amx";
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        return "avx512";
    } else if std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("fma")
    {
        return "avx2";
    }
    std::env::consts::ARCH
}

/// Rows handled by one task of a row-wise kernel.
pub(crate) const ROWS_PER_TASK: usize = 16;

/// Runs `body` compiled for the best instruction set of this CPU.
///
/// The closure must be `#[inline(always)]` all the way down for the compiler to vectorise it.
#[inline(always)]
pub(crate) fn vectorised<R>(body: impl FnOnce() -> R) -> R {
    struct Body<F>(F);
    impl<R, F: FnOnce() -> R> pulp::NullaryFnOnce for Body<F> {
        type Output = R;
        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Body(body))
}
