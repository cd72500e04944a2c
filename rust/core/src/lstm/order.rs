//! How the samples of a call lie: with the caller, and in the rows of a structure.
//!
//! In: arrays as the caller has them, or as the structure has them. Out: the same as the other side has them. A
//! structure says how many samples each step has, so that longer ones come first. It knows no weights, and computes
//! nothing.

use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis};

/// The caller's axes and order, against `[steps, rows, values]` with rows sorted by length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SampleOrder {
    batch_first: bool,
    /// Which sample of the caller is in each row; `None` if they are in the caller's order.
    rows: Option<Vec<usize>>,
}

impl SampleOrder {
    /// The order for samples of so many steps: longest first, equal ones as they are.
    pub(super) fn new(batch_first: bool, lengths: Option<&[usize]>) -> Self {
        let sorted = lengths.map(|lengths| {
            let mut rows: Vec<usize> = (0..lengths.len()).collect();
            rows.sort_by_key(|&sample| std::cmp::Reverse(lengths.get(sample).copied()));
            rows
        });
        Self { batch_first, rows: sorted.filter(|rows| !rows.is_sorted()) }
    }

    /// Whether the caller's sequences are `[steps, rows, values]` with rows in order.
    pub(super) fn is_as_it_is(&self) -> bool {
        !self.batch_first && self.rows.is_none()
    }

    /// Steps and rows of a sequence of the caller.
    pub(super) fn sizes_of(batch_first: bool, shape: &[usize]) -> (usize, usize) {
        match *shape {
            [rows, steps, _] if batch_first => (steps, rows),
            [steps, rows, _] => (steps, rows),
            _ => (0, 0),
        }
    }

    /// The caller's shape of a sequence.
    pub(super) fn shape_of(&self, steps: usize, rows: usize, values: usize) -> [usize; 3] {
        if self.batch_first { [rows, steps, values] } else { [steps, rows, values] }
    }

    /// A sequence of the caller as `[steps, rows, values]`, in C order.
    pub(super) fn to_rows(&self, sequence: ArrayView3<'_, f32>) -> Array3<f32> {
        let by_step = self.by_step(sequence);
        self.gathered(by_step)
    }

    /// A sequence `[steps, rows, values]` into the caller's.
    pub(super) fn to_caller(&self, rows: ArrayView3<'_, f32>, mut target: ArrayViewMut3<'_, f32>) {
        if self.batch_first {
            target.swap_axes(0, 1);
        }
        self.each_sample(rows.len_of(Axis(1)), |row, sample| {
            target.index_axis_mut(Axis(1), sample).assign(&rows.index_axis(Axis(1), row));
        });
    }

    /// A state of the caller, `[layers * directions, samples, values]`, with its rows in order, in C order.
    pub(super) fn state_to_rows(&self, state: ArrayView3<'_, f32>) -> Array3<f32> {
        self.gathered(state)
    }

    /// A state `[layers * directions, rows, values]` in the caller's order.
    pub(super) fn state_to_caller(&self, state: Array3<f32>) -> Array3<f32> {
        if self.rows.is_none() {
            return state;
        }
        let mut found = state.clone();
        self.each_sample(state.len_of(Axis(1)), |row, sample| {
            found.index_axis_mut(Axis(1), sample).assign(&state.index_axis(Axis(1), row));
        });
        found
    }

    fn by_step<'a>(&self, mut sequence: ArrayView3<'a, f32>) -> ArrayView3<'a, f32> {
        if self.batch_first {
            sequence.swap_axes(0, 1);
        }
        sequence
    }

    /// Samples, the second axis, in the order of rows.
    fn gathered(&self, samples: ArrayView3<'_, f32>) -> Array3<f32> {
        if self.rows.is_none() {
            return samples.as_standard_layout().into_owned();
        }
        let mut found = Array3::zeros(samples.raw_dim());
        self.each_sample(samples.len_of(Axis(1)), |row, sample| {
            found.index_axis_mut(Axis(1), row).assign(&samples.index_axis(Axis(1), sample));
        });
        found
    }

    fn each_sample(&self, rows: usize, mut each: impl FnMut(usize, usize)) {
        for row in 0..rows {
            let sample = self.rows.as_ref().and_then(|rows| rows.get(row).copied());
            each(row, sample.unwrap_or(row));
        }
    }
}
