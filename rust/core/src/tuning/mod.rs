//! Every number that was chosen by measuring, or that stands for a machine: one place for all of them.
//!
//! In: the sizes of the caches. Out: [`Tuning`], what plans decide by, and constants that no plan decides by.
//! Within a route of matrix products no number here changes a bit of any result; which route is taken
//! (`products`) changes the last ones. The one number that would, how many rows of gradients are summed before
//! the sum joins the others, is a constant of `run`. It knows no layer.
//!
//! "Xeon" is a Sapphire Rapids, two cores with AVX-512, "EPYC" a Zen 4, likewise; rows such as `T100.B1.H256` are
//! those of `BENCHMARKS.md`: steps, samples, hidden units.

mod caches;
mod cores;
mod costs;
mod products;

pub use caches::Caches;
pub use cores::Cores;
pub use costs::Costs;
pub use products::GemmRows;

use std::time::Duration;

/// What plans decide by. [`Options::default`](crate::Options::default) has [`of_machine`](Self::of_machine);
/// pin it with [`new`](Self::new) where decisions must be those of another machine, as in counts of
/// instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Bytes of pre-activations of a chunk of steps. More means fewer passes over the input weights, until
    /// they no longer come back from L2 beside the weights. 384 KiB, or three quarters of a smaller L2;
    /// Xeon: twice as many gain nothing in `T100.B32.H1024`.
    pub chunk_bytes: usize,
    /// How many times as many rows a chunk may have where a task touches a part of each row, as it computes a part of
    /// the units: more would gain little, and take memory of which it touches little. By theory.
    pub parts_of_chunk: usize,
    /// Bytes of a layer's weights up to which nothing is prefetched: half of L2. Prefetching costs 2 to 5 %
    /// where weights stay in L2, and brings 15 % (512 units) to 25 % (1024 units) of `T100.B32` where they do
    /// not (Xeon).
    pub near_bytes: usize,
    /// Bytes of a layer's weights beyond which reading them twice is never worth it, at most L3. Xeon, with
    /// L3 enough for both: 8 MiB (512 units) are not too many, 32 MiB (1024 units) are.
    pub far_bytes: usize,
    /// Rows of a step from which on its inputs are projected with it, instead of a chunk before: one more
    /// reading of the input weights against writing and reading pre-activations. Xeon, 16 rows and 64 units:
    /// 6 % less time.
    pub rows_to_project: usize,
    /// The same where weights are beyond `near_bytes`. Xeon, `B32` with 256 and 512 units: 5 % less time, and
    /// 2 % more with 16 rows.
    pub rows_to_project_prefetched: usize,
    /// Rows of a chunk of the backward pass. Their gate gradients of one block of 16 units take 32 KiB and
    /// stay in L1 while they are multiplied with all that the gates read; fewer rows read and write the sums
    /// more often. Xeon, `train` with 64 to 650 units, 64 to 1024 rows: 4 to 10 % less time than 256 rows.
    pub training_rows: usize,
    /// Bytes of packed weights that each of several threads packs at least. EPYC (Zen 4), one and two threads, one layer:
    /// 2 MiB in 197 and 267 us, 8 MiB in 1.09 and 0.76 ms, 32 MiB in 7.6 and 4.4 ms.
    pub packed_bytes_of_thread: usize,
    /// Floats of a part's slice up to which parts of the units exchange hidden states word by word: a word tells itself
    /// whether it has come, a slice has a counter that travels as well. EPYC (Zen 4), two threads: 64 floats take 0.14 us
    /// as words and 0.16 us as a slice, 256 floats 0.48 and 0.24 us.
    pub word_floats: usize,
    /// Floating-point operations of a call that is too short to give up a lock around it, such as that of
    /// Python's interpreter: giving it up and getting it back takes longer. Xeon, some ten microseconds.
    pub short_work: usize,
    /// From how many rows on which product takes the gemm route, where nobody forces a route. The only numbers
    /// that change bits, by the rounding of another library.
    pub gemm_rows: GemmRows,
    /// What the models that divide calls know: rates of one core, caches, cores.
    pub costs: &'static Costs,
    /// The caches of a core.
    pub caches: Caches,
    /// The cores.
    pub cores: Cores,
    /// How a forward call is divided, whatever the model says, for tests and measurements: groups of batch rows and
    /// parts of the units, as many of them as there are rows and blocks of units at most.
    pub grid: Option<[u32; 2]>,
    /// The same of the recurrence of a backward call, as many parts as there are blocks of four vectors of outputs at
    /// most.
    pub backward_grid: Option<[u32; 2]>,
    /// The layers of a stack that run at the same time, in the same way: threads of a group of rows, and steps that a
    /// layer takes before the layer above takes them. With one thread, layers follow each other.
    pub pipeline: Option<[u32; 2]>,
    /// Whether a thread that comes to help leaves the core of the one that called it (Linux only, see
    /// `run/threads/affinity.rs`). Xeon, `T20.B32.H128` after a pause of 30 ms: 5.9 to 3.4 ms.
    pub moves_threads: bool,
}

impl Tuning {
    /// For cores with these caches.
    pub fn new(caches: Caches) -> Self {
        Self {
            chunk_bytes: (384 << 10).min(caches.l2 / 4 * 3),
            parts_of_chunk: 4,
            near_bytes: caches.l2 / 2,
            far_bytes: (16 << 20).min(caches.l3),
            rows_to_project: 16,
            rows_to_project_prefetched: 24,
            training_rows: 128,
            packed_bytes_of_thread: 4 << 20,
            word_floats: 64,
            short_work: 500_000,
            gemm_rows: GemmRows::of_machine(),
            costs: &Costs::REFERENCE,
            caches,
            cores: Cores::of_machine(),
            grid: None,
            backward_grid: None,
            pipeline: None,
            moves_threads: true,
        }
    }

    /// For the cores of this machine.
    pub fn of_machine() -> Self {
        Self::new(Caches::of_machine())
    }
}

/// Floats of freed buffers that a thread keeps for its next call: 64 MiB, a training step of 32 samples and
/// 512 hidden units. Without, a training step of a small layer spends a seventh (`B32.H64`) to a third
/// (`B1.H128`) of its time on getting memory back from the system (Xeon).
pub(crate) const KEPT_FLOATS: usize = 16 << 20;

/// Bytes of a cache line, and of the widest vector.
pub(crate) const LINE_BYTES: usize = 64;

/// Floats of a cache line.
pub(crate) const LINE_FLOATS: usize = LINE_BYTES / size_of::<f32>();

/// Inputs of a panel that are packed together: 64 lines of four gates are a third of an L1 of 48 KiB (Xeon:
/// packing 128 units takes 22 us).
pub(crate) const PACKED_INPUTS: usize = 64;

/// How often a waiting thread looks before it pauses between two looks: less than a microsecond.
pub(crate) const LOOKS: usize = 100;

/// How often it pauses before it gives up its core: some ten microseconds.
pub(crate) const PAUSES: usize = 400;

/// How often it gives up its core before it sleeps: some hundred microseconds at least. A thread that slept
/// takes 40 to 50 us to wake up (Xeon), half a step of 512 units on two threads.
pub(crate) const YIELDS: usize = 400;

/// How long a waiting thread sleeps between two looks, once it has waited for longer than that.
pub(crate) const NAP: Duration = Duration::from_micros(50);

/// Milliseconds between two questions whether a call is to end before it is done. Asking Python takes up to 5 ms
/// where other threads use the interpreter.
pub(crate) const BETWEEN_QUESTIONS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::{Caches, Tuning};

    #[test]
    fn smaller_caches_hold_less() {
        let large = Tuning::new(Caches::REFERENCE);
        let small = Tuning::new(Caches { l2: 512 << 10, l3: 2 << 20 });
        assert_eq!((large.chunk_bytes, small.chunk_bytes), (384 << 10, 384 << 10));
        assert_eq!((large.near_bytes, small.near_bytes), (1 << 20, 256 << 10));
        assert_eq!((large.far_bytes, small.far_bytes), (16 << 20, 2 << 20));
        let none = Tuning::new(Caches { l2: 0, l3: 0 });
        assert_eq!((none.chunk_bytes, none.near_bytes, none.far_bytes), (0, 0, 0));
    }
}
