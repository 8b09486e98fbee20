//! Cutting work into tasks for the thread pool.

use std::marker::PhantomData;
use std::ops::Range;

/// A mutable slice that several tasks write at once, each its own elements.
///
/// Used where the parts of the tasks interleave (the heads of a row), so that `split_at_mut` cannot
/// express them.
pub(crate) struct Shared<'a> {
    pointer: *mut f32,
    len: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer comes from a `&mut [f32]` that outlives every task (`'a`), and the callers of
// `Shared::pointer` promise to write disjoint elements.
unsafe impl Sync for Shared<'_> {}
// SAFETY: as above; moving it to another thread moves only the borrow.
unsafe impl Send for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self {
            pointer: slice.as_mut_ptr(),
            len: slice.len(),
            lifetime: PhantomData,
        }
    }

    /// The address of element `index`.
    ///
    /// Reading or writing through it is the caller's duty to keep disjoint between tasks.
    pub(crate) fn at(&self, index: usize) -> *mut f32 {
        assert!(index <= self.len);
        // SAFETY: `index` is within the slice or one past its end.
        unsafe { self.pointer.add(index) }
    }

    /// The elements of `range` as a mutable slice.
    ///
    /// # Safety
    /// No other task may touch an element of `range` while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &mut [f32] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.add(range.start), range.len()) }
    }
}

/// Runs `body` on consecutive parts of `0..len`, one a thread of the pool but at most `most`, with borders at
/// multiples of `align`. For work whose result does not depend on the borders.
pub(crate) fn split(len: usize, align: usize, most: usize, body: &(impl Fn(Range<usize>) + Sync)) {
    let units = len.div_ceil(align);
    let parts = rayon::current_num_threads().min(units).min(most).max(1);
    run(0..parts, &|part: usize| {
        let start = (units * part / parts) * align;
        let end = ((units * (part + 1) / parts) * align).min(len);
        body(start..end);
    });
}

/// Runs `body` on every index of `range`, halving it between threads.
pub(crate) fn run(range: Range<usize>, body: &(impl Fn(usize) + Sync)) {
    match range.len() {
        0 => {}
        1 => body(range.start),
        len => {
            let middle = range.start + len / 2;
            rayon::join(
                || run(range.start..middle, body),
                || run(middle..range.end, body),
            );
        }
    }
}
