//! The arguments of a call, checked and brought into the order of a structure.
//!
//! In: what a caller gives, a [`Batch`]. Out: a [`Call`], arrays `[steps, rows, values]` whose rows are sorted by
//! length, longest first; or an error that names every argument that is wrong. No LSTM is computed.

use super::config::LstmConfig;
use super::memory::zeros;
use super::order::SampleOrder;
use super::structure::Sizes;
use crate::error::{Code, DescriptorError, Error, Issue, Path};
use ndarray::{Array3, ArrayView3, CowArray, Ix3};

/// Hidden and cell states of all layers and directions.
///
/// Layers follow each other; the forward direction of a layer comes before its backward direction, as in `PyTorch`,
/// also with `batch_first`.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmState {
    /// `[layers * directions, batch, hidden_size]`
    pub h: Array3<f32>,
    /// `[layers * directions, batch, hidden_size]`
    pub c: Array3<f32>,
}

/// What a call reads: a sequence, and, where there are any, initial states and lengths.
///
/// A view or a reference of an array is a batch by itself.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    pub(super) x: ArrayView3<'a, f32>,
    state: Option<&'a LstmState>,
    lengths: Option<&'a [usize]>,
}

impl<'a> Batch<'a> {
    /// A sequence, `[steps, batch, input_size]`, or `[batch, steps, input_size]` with `batch_first`, that begins
    /// from zero states and whose samples all have all steps.
    pub fn new(x: ArrayView3<'a, f32>) -> Self {
        Self { x, state: None, lengths: None }
    }

    /// Begin from these states instead of zeros.
    #[must_use]
    pub fn state(self, state: &'a LstmState) -> Self {
        Self { state: Some(state), ..self }
    }

    /// The steps of each sample, in any order. Outputs beyond a sample's end are 0, and its final states are those
    /// of its own last step.
    #[must_use]
    pub fn lengths(self, lengths: &'a [usize]) -> Self {
        Self { lengths: Some(lengths), ..self }
    }
}

impl<'a> From<ArrayView3<'a, f32>> for Batch<'a> {
    fn from(x: ArrayView3<'a, f32>) -> Self {
        Self::new(x)
    }
}

impl<'a> From<&'a Array3<f32>> for Batch<'a> {
    fn from(x: &'a Array3<f32>) -> Self {
        Self::new(x.view())
    }
}

/// One call in the order of a structure.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// `[steps, rows, input_size]`, in C order.
    pub(super) x: CowArray<'a, f32, Ix3>,
    /// Initial states, in C order.
    pub(super) state: LstmState,
    pub(super) steps: usize,
    pub(super) rows: usize,
    /// How many rows still run at each step; `None` if all run to the end.
    pub(super) active: Option<Vec<u32>>,
    pub(super) order: SampleOrder,
}

impl<'a> Call<'a> {
    /// All arguments of a call, with what was found about others.
    pub(super) fn new(
        config: &LstmConfig,
        batch: Batch<'a>,
        mut issues: Vec<Issue>,
    ) -> Result<Self, Error> {
        let Batch { x, state, lengths } = batch;
        let (steps, rows) = SampleOrder::sizes_of(config.batch_first, x.shape());
        if x.shape()[2] != config.input_size {
            let axes =
                if config.batch_first { "[batch, steps, input]" } else { "[steps, batch, input]" };
            let expected = format!("{axes} with {} inputs", config.input_size);
            issues.push(misshapen("x", expected, x.shape()));
        }
        if let Some(state) = state {
            check_state(config, rows, state, "state", &mut issues);
        }
        check_lengths(lengths, steps, rows, &mut issues);
        DescriptorError::from_issues(issues).map_or(Ok(()), Err)?;
        let shorter = lengths.filter(|lengths| lengths.iter().any(|&length| length != steps));
        let order = SampleOrder::new(config.batch_first, shorter);
        let active = shorter.map(|lengths| active_rows(lengths, steps));
        let x = if order.is_as_it_is() && x.is_standard_layout() {
            CowArray::from(x)
        } else {
            CowArray::from(order.to_rows(x))
        };
        let state = match state {
            Some(state) => LstmState {
                h: order.state_to_rows(state.h.view()),
                c: order.state_to_rows(state.c.view()),
            },
            None => zero_state(config, rows)?,
        };
        Ok(Self { x, state, steps, rows, active, order })
    }

    /// The sizes of the call.
    pub(super) fn sizes(&self) -> Sizes<'_> {
        Sizes { steps: self.steps, rows: self.rows, active: self.active.as_deref() }
    }

    /// Whether there is nothing to do: no step, no sample, or no sample with a step.
    pub(super) fn is_idle(&self) -> bool {
        self.sizes().is_idle()
    }
}

/// States of zeros.
pub(super) fn zero_state(config: &LstmConfig, rows: usize) -> Result<LstmState, Error> {
    let state = |values| zeros((config.stack(), rows, values), "states");
    Ok(LstmState { h: state(config.outputs())?, c: state(config.units())? })
}

/// Check the shapes of states of so many samples.
pub(super) fn check_state(
    config: &LstmConfig,
    rows: usize,
    state: &LstmState,
    name: &'static str,
    issues: &mut Vec<Issue>,
) {
    let parts = [("h", state.h.shape(), config.outputs()), ("c", state.c.shape(), config.units())];
    for (part, shape, values) in parts {
        let wanted = [config.stack(), rows, values];
        if shape != wanted {
            let expected = format!("[layers * directions, batch, hidden] = {wanted:?}");
            let issue = misshapen(name, expected, shape);
            issues.push(Issue { path: Path::field(name).then(part), ..issue });
        }
    }
}

/// A finding about an array of another shape.
pub(super) fn misshapen(name: &'static str, expected: String, shape: &[usize]) -> Issue {
    let (path, code) = (Path::field(name), Code::SizeMismatch);
    Issue { path, code, expected, actual: format!("{shape:?}") }
}

fn check_lengths(lengths: Option<&[usize]>, steps: usize, rows: usize, issues: &mut Vec<Issue>) {
    let Some(lengths) = lengths else {
        // All samples have all steps.
        return;
    };
    if lengths.len() != rows {
        let expected = format!("one length for each of {rows} samples");
        issues.push(misshapen("lengths", expected, &[lengths.len()]));
        return;
    }
    for (sample, &length) in lengths.iter().enumerate().filter(|&(_, &length)| length > steps) {
        issues.push(Issue {
            path: Path::field("lengths").at(sample),
            code: Code::InvalidNumber,
            expected: format!("a number from 0 to {steps} (steps of x)"),
            actual: length.to_string(),
        });
    }
}

/// How many samples have each step.
fn active_rows(lengths: &[usize], steps: usize) -> Vec<u32> {
    let longer = |step| lengths.iter().filter(|&&length| length > step).count();
    (0..steps).map(|step| longer(step) as u32).collect()
}
