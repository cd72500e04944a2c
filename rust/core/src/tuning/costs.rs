//! What the parts of a call cost, for the models that divide it among threads (`plan/cost.rs`, `plan/backward_cost.rs`).
//!
//! In: nothing. Out: [`Costs`]. `docs/cores.md` says how each number was measured. None of them changes a bit.

/// Times and rates of one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// Floating-point operations of products that each lane of a vector does in a nanosecond, element-wise work
    /// included. Xeon, 16 lanes, `T100.B32` with 256 and 1024 units: 145 to 157 GFLOP/s.
    pub flops_of_lane: usize,
    /// Bytes of weights that come from L2 in a nanosecond. Xeon, `T100.B1` with 128 and 256 units.
    pub l2_bytes: usize,
    /// The same from L3, of one core while others read as well. Xeon, `T100.B1` with 512 and 1024 units.
    pub l3_bytes: usize,
    /// The same from memory, of one core.
    pub memory_bytes: usize,
    /// The same of all cores together: an assumption, two cores read twice as much as one.
    pub memory_bytes_of_all: usize,
    /// Of the caches, the part out of four that weights stay in from step to step.
    pub kept_quarters: usize,
    /// Picoseconds that the generic recurrence takes more for a unit of a row.
    pub generic_unit_ps: usize,
    /// Nanoseconds of a step beside all that.
    pub step_ns: usize,
    /// Nanoseconds of an exchange of single words. Xeon, two threads, `T100.B1` with 128 and 256 units, `T2000.B1`
    /// with 96.
    pub words_ns: usize,
    /// Picoseconds of each word.
    pub word_ps: usize,
    /// Nanoseconds of an exchange of slices: those of words, although it took half of that in a loop.
    pub slices_ns: usize,
    /// Nanoseconds for each further part that is read: an assumption.
    pub slice_ns: usize,
    /// Bytes of states that are exchanged in a nanosecond. EPYC (Zen 4), two threads, one group and two parts instead of
    /// two groups: `T100.B32` with 128 and `T100.B8` with 128 units. Slices of 4096 floats in a loop: 12.
    pub slice_bytes: usize,
    /// Nanoseconds for a row of the training cache that parts of the units fill, each its own. EPYC, as above, in
    /// training.
    pub saved_row_ns: usize,
    /// Nanoseconds to take a piece of the steps of a layer, and to say that it is done, where layers run at the same
    /// time. EPYC, two threads, `T100.B1` with 128 units and 4 layers, pieces of 2 and of 10 steps.
    pub piece_ns: usize,
    /// Bytes that a thread fetches in a nanosecond from the caches of another one that has just written them: weights
    /// that were packed, gate gradients. EPYC, two threads, training `T100.B32` with 128 units.
    pub written_bytes: usize,
    /// As `flops_of_lane`, of the products of the backward pass alone. EPYC, one thread, `T100.B32` with 128 and 256
    /// units, phase by phase, as the next ones.
    pub backward_flops_of_lane: usize,
    /// Picoseconds of the backward pass for each unit of a row, beside products.
    pub backward_unit_ps: usize,
    /// Picoseconds for each float that weight gradients are summed with: from the training cache into columns.
    pub arranged_ps: usize,
    /// Picoseconds for each gradient of a weight or an input on its way to the caller.
    pub stored_ps: usize,
    /// Nanoseconds in which two threads hand work over and wait for each other.
    pub meeting_ns: usize,
    /// Nanoseconds from a call to the moment when another thread computes.
    pub start_ns: usize,
    /// Nanoseconds for each of them.
    pub thread_ns: usize,
    /// Percent of a core's rate that two threads of it have together. From a machine of eight cores with two threads
    /// each, where 4, 8 and 16 threads compute 2.7, 5.3 and 8.9 times as fast as one (`T100.B1024`, 256 units).
    pub siblings_percent: usize,
    /// Percent that more threads must gain before they are used, layers at the same time beside other grids, and parts of
    /// the units in the backward pass beside rows alone.
    pub least_gain: usize,
}

impl Costs {
    /// Part of a time below which another one must be, where [`least_gain`](Self::least_gain) must be gained.
    pub(crate) fn gained(&self) -> f64 {
        1.0 - self.least_gain as f64 / 100.0
    }

    /// Those of two cores of the Xeon, and of two of the EPYC where it is named.
    pub const REFERENCE: Self = Self {
        flops_of_lane: 9,
        l2_bytes: 140,
        l3_bytes: 30,
        memory_bytes: 15,
        memory_bytes_of_all: 120,
        kept_quarters: 3,
        generic_unit_ps: 1000,
        step_ns: 30,
        words_ns: 300,
        word_ps: 1700,
        slices_ns: 300,
        slice_ns: 100,
        slice_bytes: 4,
        saved_row_ns: 100,
        piece_ns: 1000,
        written_bytes: 2,
        backward_flops_of_lane: 7,
        backward_unit_ps: 3700,
        arranged_ps: 500,
        stored_ps: 400,
        meeting_ns: 1500,
        start_ns: 8000,
        thread_ns: 1000,
        siblings_percent: 110,
        least_gain: 5,
    };
}
