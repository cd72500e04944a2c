//! An allocator that counts.
//!
//! Requests for memory come in and go on to the system's allocator unchanged; the counts of
//! allocations and bytes, asked for and freed, go out, for the whole process and for the calling thread alone. It must
//! not know who allocates.
//!
//! A test binary installs it once:
//!
//! ```
//! use bnns_lstm_testkit::alloc::{CountingAllocator, measure};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! let (sum, counts) = measure(|| 2 + 2);
//! assert_eq!((sum, counts.allocations), (4, 0));
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static THREAD: Cell<Counts> = const { Cell::new(Counts { allocations: 0, bytes: 0, freed: 0 }) };
}

/// How much was allocated and freed, ever since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests for memory: new blocks and blocks that were asked to change their size.
    pub allocations: u64,
    /// Bytes asked for; for a changed size, the new size.
    pub bytes: u64,
    /// Bytes freed; for a changed size, the old size.
    pub freed: u64,
}

impl Counts {
    /// What was added since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            allocations: self.allocations - earlier.allocations,
            bytes: self.bytes - earlier.bytes,
            freed: self.freed - earlier.freed,
        }
    }
}

/// What all threads together allocated.
pub fn process_counts() -> Counts {
    Counts {
        allocations: ALLOCATIONS.load(Ordering::Relaxed),
        bytes: BYTES.load(Ordering::Relaxed),
        freed: FREED.load(Ordering::Relaxed),
    }
}

/// What the calling thread allocated.
pub fn thread_counts() -> Counts {
    THREAD.with(Cell::get)
}

/// Runs `work` and says what the calling thread allocated meanwhile.
///
/// The counts stay 0 unless [`CountingAllocator`] is the global allocator.
pub fn measure<R>(work: impl FnOnce() -> R) -> (R, Counts) {
    let before = thread_counts();
    let result = work();
    (result, thread_counts().since(before))
}

/// The system's allocator, with counting.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// Counts one request. Allocates nothing itself: the thread's counter is a constant at first and
/// has no destructor, so reaching it needs no memory.
fn count(size: usize) {
    let size = size as u64;
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(size, Ordering::Relaxed);
    // A thread that is ending may have no counter any more; then only the process counts.
    let _ = THREAD.try_with(|cell| {
        let counts = cell.get();
        cell.set(Counts {
            allocations: counts.allocations.wrapping_add(1),
            bytes: counts.bytes.wrapping_add(size),
            ..counts
        });
    });
}

/// Counts what is given back.
fn count_freed(size: usize) {
    let size = size as u64;
    FREED.fetch_add(size, Ordering::Relaxed);
    let _ = THREAD.try_with(|cell| {
        let counts = cell.get();
        cell.set(Counts { freed: counts.freed.wrapping_add(size), ..counts });
    });
}

// SAFETY: every method hands its arguments on to `System` unchanged and returns what `System`
// returned; counting neither allocates nor panics.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same for `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, the same for `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count_freed(layout.size());
        count(new_size);
        // SAFETY: the block came from `System` through this allocator, with the same layout; the
        // caller keeps the rest of the contract of `realloc`.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count_freed(layout.size());
        // SAFETY: the block came from `System` through this allocator, with the same layout.
        unsafe { System.dealloc(block, layout) }
    }
}
