//! Cutting work into tasks for the threads.
//!
//! Idea of [`region`]: a training step of a small model is some two hundred parallel loops of 20 to 500 microseconds.
//! `rayon`'s workers go to sleep between them, and waking one takes as long as a short loop. So for the length of one
//! step they are borrowed: each waits in a spin loop and takes tasks from one atomic word. Outside a region the loops run on
//! `rayon` as usual. On 2 cores this took MiniLM's step at 162 pieces from 69 to 64 ms (`cargo run --release -p
//! bert-ner-model --example step`), and the system's share of the time from 13 % to 7 % (`perf record` of the same).

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// A mutable slice that several tasks write at once, each its own elements.
///
/// Used where the parts of the tasks interleave (the heads of a row), so that `split_at_mut` cannot
/// express them.
pub(crate) struct Shared<'a, T = f32> {
    pointer: *mut T,
    len: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: the pointer comes from a `&mut [T]` that outlives every task (`'a`), and whoever writes
// through it promises to write elements that no other task touches.
unsafe impl<T: Send> Sync for Shared<'_, T> {}
// SAFETY: as above; moving it to another thread moves only the borrow.
unsafe impl<T: Send> Send for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            pointer: slice.as_mut_ptr(),
            len: slice.len(),
            lifetime: PhantomData,
        }
    }

    /// The address of element `index`.
    pub(crate) fn at(&self, index: usize) -> *mut T {
        assert!(index <= self.len);
        // SAFETY: `index` is within the slice or one past its end.
        unsafe { self.pointer.add(index) }
    }

    /// The elements of `range`, to read.
    ///
    /// # Safety
    /// No task may write an element of `range` while the slice lives.
    pub(crate) unsafe fn read(&self, range: Range<usize>) -> &[T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds by the assertion; not written meanwhile by the caller's promise.
        unsafe { std::slice::from_raw_parts(self.pointer.add(range.start), range.len()) }
    }

    /// The elements of `range` as a mutable slice.
    ///
    /// # Safety
    /// No other task may touch an element of `range` while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.add(range.start), range.len()) }
    }
}

/// Runs `body` on consecutive parts of `0..len`, one a thread but at most `most`, with borders at multiples of `align`. For
/// work whose result does not depend on the borders.
pub(crate) fn split(len: usize, align: usize, most: usize, body: &(impl Fn(Range<usize>) + Sync)) {
    let units = len.div_ceil(align);
    let parts = rayon::current_num_threads().min(units).min(most).max(1);
    run(parts, &|part: usize| {
        let start = (units * part / parts) * align;
        let end = ((units * (part + 1) / parts) * align).min(len);
        body(start..end);
    });
}

/// Cuts slices into chunks of `sizes` elements each and runs `body` on the first chunks of all, the second of all and so on.
///
/// # Panics
/// When the slices have different numbers of chunks.
pub(crate) fn for_chunks<T: Send, const N: usize>(
    slices: [&mut [T]; N],
    sizes: [usize; N],
    body: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    let lengths: [usize; N] = std::array::from_fn(|i| slices[i].len());
    let tasks = lengths[0].div_ceil(sizes[0]);
    assert!(
        (0..N).all(|i| lengths[i].div_ceil(sizes[i]) == tasks),
        "slices of different numbers of chunks"
    );
    let shared = slices.map(Shared::new);
    run(tasks, &|task| {
        body(
            task,
            std::array::from_fn(|i| {
                let start = task * sizes[i];
                // SAFETY: chunks of one slice do not overlap, and each task has its own.
                unsafe { shared[i].slice(start..(start + sizes[i]).min(lengths[i])) }
            }),
        );
    });
}

/// Runs `body` on `0..tasks`, on the threads of the region or else of the pool.
pub(crate) fn run(tasks: usize, body: &(impl Fn(usize) + Sync)) {
    let region = REGION.get();
    if tasks <= 1 {
        (0..tasks).for_each(body);
    } else if region.is_null() {
        halve(0..tasks, body);
    } else {
        // SAFETY: the pointer is set only while `region` below holds the region alive on this thread.
        unsafe { (*region).run(tasks, body) };
    }
}

/// Runs `body` on every index of `range`, halving it between the threads of the pool.
fn halve(range: Range<usize>, body: &(impl Fn(usize) + Sync)) {
    match range.len() {
        0 => {}
        1 => body(range.start),
        len => {
            let middle = range.start + len / 2;
            rayon::join(
                || halve(range.start..middle, body),
                || halve(middle..range.end, body),
            );
        }
    }
}

thread_local! {
    /// The region that this thread leads.
    static REGION: Cell<*const Region> = const { Cell::new(std::ptr::null()) };
}

/// Runs `body` with the other threads of the pool at hand for every parallel loop in it.
///
/// Meant for stretches of many short loops. With one thread, or within another region, it just calls `body`, which must not itself wait
/// for `rayon`; nor may the tasks of a loop start loops.
pub fn region<R: Send>(body: impl FnOnce() -> R + Send) -> R {
    let threads = rayon::current_num_threads();
    if threads < 2 || !REGION.get().is_null() {
        return body();
    }
    let region = Region::default();
    let mut result = None;
    rayon::in_place_scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| {
                // The leader itself would wait for ever.
                if !std::ptr::eq(REGION.get(), &region) {
                    region.help();
                }
            });
        }
        // Closes the region also when `body` panics, or the scope would wait for ever.
        let _lead = Lead::new(&region);
        result = Some(body());
    });
    result.expect("the scope has run its body")
}

/// Leads a region until dropped.
struct Lead<'a>(&'a Region);

impl<'a> Lead<'a> {
    fn new(region: &'a Region) -> Self {
        REGION.set(region);
        Self(region)
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        REGION.set(std::ptr::null());
        self.0.closed.store(true, Ordering::Release);
    }
}

/// A loop's body, its type forgotten.
#[derive(Clone, Copy)]
struct Job {
    body: *const (),
    call: unsafe fn(*const (), usize),
}

/// The loop that is running, and which of its tasks are taken.
struct Region {
    /// Loop number (high 32 bits), its tasks (16), tasks taken (16).
    state: AtomicU64,
    job: UnsafeCell<Job>,
    /// Tasks of the loop that are done.
    done: AtomicUsize,
    panicked: AtomicBool,
    closed: AtomicBool,
}

// SAFETY: `job` is written by the leader alone, before the release store of `state` that announces it, and only when every
// task of the loop before is done; it is read only by a thread that has taken a task of it (an acquire exchange of `state`),
// which the leader waits for.
unsafe impl Sync for Region {}

impl Default for Region {
    fn default() -> Self {
        let nothing = Job {
            body: std::ptr::null(),
            call: |_, _| (),
        };
        Self {
            state: AtomicU64::new(0),
            job: UnsafeCell::new(nothing),
            done: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }
}

const FIELD: u32 = 16;
const MASK: u64 = (1 << FIELD) - 1;
/// Tasks in one announcement; a longer loop is announced in pieces.
const MOST: usize = MASK as usize;
/// Turns of a spin loop before the processor is offered to others: some 50 microseconds.
const PATIENCE: u32 = 1000;

impl Region {
    /// Runs a loop as the leader.
    fn run<F: Fn(usize) + Sync>(&self, tasks: usize, body: &F) {
        for first in (0..tasks).step_by(MOST) {
            self.announce((tasks - first).min(MOST), &|task| body(first + task));
        }
    }

    fn announce<F: Fn(usize) + Sync>(&self, tasks: usize, body: &F) {
        /// # Safety
        /// `body` must point to an `F` that is alive.
        unsafe fn call<F: Fn(usize)>(body: *const (), task: usize) {
            // SAFETY: the caller's promise.
            unsafe { (*body.cast::<F>())(task) }
        }
        let number = (self.state.load(Ordering::Relaxed) >> (2 * FIELD)) + 1;
        // SAFETY: every task of the loop before is done, so nobody reads the job until `state` announces this one.
        unsafe {
            *self.job.get() = Job {
                body: std::ptr::from_ref(body).cast(),
                call: call::<F>,
            }
        };
        self.done.store(0, Ordering::Relaxed);
        self.state.store(
            number << (2 * FIELD) | (tasks as u64) << FIELD,
            Ordering::Release,
        );
        // However this ends, nobody may still be using `body`.
        let wait = Wait {
            region: self,
            tasks,
        };
        while let Some(task) = self.take() {
            let done = Done(self);
            body(task);
            drop(done);
        }
        drop(wait);
        assert!(
            !self.panicked.load(Ordering::Acquire),
            "a task panicked on another thread"
        );
    }

    /// The next task of the loop, if one is left.
    fn take(&self) -> Option<usize> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let (taken, tasks) = (state & MASK, state >> FIELD & MASK);
            if taken == tasks {
                return None;
            }
            match self.state.compare_exchange_weak(
                state,
                state + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(taken as usize),
                Err(now) => state = now,
            }
        }
    }

    /// Takes tasks until the region is closed.
    fn help(&self) {
        let mut idle = 0;
        while !self.closed.load(Ordering::Acquire) {
            let Some(task) = self.take() else {
                rest(&mut idle);
                continue;
            };
            idle = 0;
            let done = Done(self);
            // SAFETY: a task was taken and is not done, so the leader keeps the job and its body alive.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unsafe {
                let job = *self.job.get();
                (job.call)(job.body, task);
            }));
            if outcome.is_err() {
                self.panicked.store(true, Ordering::Release);
            }
            drop(done);
        }
    }
}

/// One turn of waiting.
fn rest(turns: &mut u32) {
    *turns += 1;
    if *turns < PATIENCE {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

/// Counts a task as done when dropped, panic or not.
struct Done<'a>(&'a Region);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::Release);
    }
}

/// Waits, when dropped, until every task is done that was taken; tasks that nobody took (the leader panicked) are taken back.
struct Wait<'a> {
    region: &'a Region,
    tasks: usize,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        while self.region.take().is_some() {
            self.region.done.fetch_add(1, Ordering::Release);
        }
        let mut turns = 0;
        while self.region.done.load(Ordering::Acquire) < self.tasks {
            rest(&mut turns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(threads: usize, body: impl FnOnce() + Send) {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(body);
    }

    #[test]
    fn every_task_of_every_loop_runs_once() {
        for threads in [1, 2, 3, 8] {
            on(threads, || {
                region(|| {
                    for round in 0..2000 {
                        let tasks = round % 37;
                        let counts: Vec<AtomicUsize> =
                            (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                        run(tasks, &|task| {
                            counts[task].fetch_add(1, Ordering::Relaxed);
                        });
                        assert!(
                            counts
                                .iter()
                                .all(|count| count.load(Ordering::Relaxed) == 1)
                        );
                    }
                });
            });
        }
    }

    #[test]
    fn a_loop_longer_than_one_announcement_is_whole() {
        on(2, || {
            region(|| {
                let sum = AtomicUsize::new(0);
                let tasks = 2 * MOST + 3;
                run(tasks, &|task| {
                    sum.fetch_add(task, Ordering::Relaxed);
                });
                assert_eq!(sum.into_inner(), tasks * (tasks - 1) / 2);
            });
        });
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller_and_frees_the_threads() {
        for guilty in [0, 1, 17, 63] {
            on(3, || {
                let outcome = std::panic::catch_unwind(|| {
                    region(|| run(64, &|task| assert_ne!(task, guilty)));
                });
                assert!(outcome.is_err());
                let mut x = [0.0; 100];
                region(|| for_chunks([&mut x], [7], |_, [part]| part.fill(1.0)));
                assert_eq!(x, [1.0; 100]);
            });
        }
    }

    #[test]
    fn a_region_within_a_region_and_outside_a_pool_runs() {
        assert_eq!(region(|| 5), 5);
        on(2, || assert_eq!(region(|| region(|| 7)), 7));
    }
}
