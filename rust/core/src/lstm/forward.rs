//! Calls of an LSTM without gradients.
//!
//! In: a [`Batch`]. Out: the output and the final states, in the shapes of `PyTorch`'s module. It plans and packs
//! through `engine` only.

use super::batch::{Batch, Call, LstmState, misshapen, zero_state};
use super::memory::zeros;
use super::merge::merged;
use super::module::Lstm;
use super::order::SampleOrder;
use crate::error::{Broken, Error};
use crate::fields::DataFields;
use crate::run::{Inputs, Outputs};
use ndarray::{Array, Array3, ArrayRef, ArrayViewMut3, Dimension};

impl Lstm {
    /// The output of all steps, and the states after them.
    ///
    /// The output is `[steps, batch, directions * hidden_size]` in the order of axes of the input; with another merge
    /// than `Concat` `[steps, batch, hidden_size]`. Where there is no step or no sample, it is empty or 0, and final
    /// states are the initial ones.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] with every argument that is wrong, [`Error::OutOfMemory`], [`Error::Threads`].
    pub fn forward<'a>(
        &mut self,
        batch: impl Into<Batch<'a>>,
    ) -> Result<(Array3<f32>, LstmState), Error> {
        let call = Call::new(&self.config, batch.into(), Vec::new())?;
        let (mut y, state) = self.compute_rows(&call)?;
        y = merged(self.config.merge, y);
        if !call.order.is_as_it_is() {
            let values = self.config.output_size();
            let shape = call.order.shape_of(call.steps, call.rows, values);
            let mut found = zeros(shape, "the output")?;
            call.order.to_caller(y.view(), found.view_mut());
            y = found;
        }
        Ok((y, in_order(&call.order, state)))
    }

    /// As [`forward`](Self::forward), with the output in memory of the caller's, which may have any strides.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward), and for an output of another shape.
    pub fn forward_into<'a>(
        &mut self,
        batch: impl Into<Batch<'a>>,
        mut y: ArrayViewMut3<'_, f32>,
    ) -> Result<LstmState, Error> {
        let (config, batch) = (&self.config, batch.into());
        let (steps, rows) = SampleOrder::sizes_of(config.batch_first, batch.x.shape());
        let order = SampleOrder::new(config.batch_first, None);
        let wanted = order.shape_of(steps, rows, config.output_size());
        let is_right = y.shape() == wanted;
        let issue = (!is_right).then(|| misshapen("y", format!("{wanted:?}"), y.shape()));
        let call = Call::new(config, batch, issue.into_iter().collect())?;
        let is_whole = config.output_size() == config.layer_size();
        let direct = y.as_slice_mut().filter(|_| is_whole && call.order.is_as_it_is());
        if let Some(direct) = direct {
            return self.compute_into(&call, direct);
        }
        let (rows, state) = self.compute_rows(&call)?;
        call.order.to_caller(merged(self.config.merge, rows).view(), y);
        Ok(in_order(&call.order, state))
    }

    /// The output in the order of the structure, and the states after it.
    fn compute_rows(&mut self, call: &Call<'_>) -> Result<(Array3<f32>, LstmState), Error> {
        let mut y = zeros((call.steps, call.rows, self.config.layer_size()), "the output")?;
        let elements = elements_mut(&mut y)?;
        let state = self.compute_into(call, elements)?;
        Ok((y, state))
    }

    /// Compute a call into elements `[steps, rows, layer size]` in C order.
    fn compute_into(&mut self, call: &Call<'_>, y: &mut [f32]) -> Result<LstmState, Error> {
        if call.is_idle() {
            y.fill(0.0);
            return Ok(call.state.clone());
        }
        let mut last = zero_state(&self.config, call.rows)?;
        let (config, options) = (&self.config, self.options);
        let (kept, weights) = self.engine.plan(config, options, call.sizes(), &self.parameters)?;
        kept.forward(&weights, inputs(call)?, outputs(y, &mut last)?)?;
        Ok(last)
    }
}

/// What a call reads.
pub(super) fn inputs<'a>(call: &'a Call<'_>) -> Result<Inputs<'a>, Broken> {
    Ok(DataFields {
        data: Some(elements(&call.x)?.into()),
        hidden: Some(elements(&call.state.h)?.into()),
        cell: Some(elements(&call.state.c)?.into()),
    })
}

/// What a call writes.
pub(super) fn outputs<'a>(
    y: &'a mut [f32],
    last: &'a mut LstmState,
) -> Result<Outputs<'a>, Broken> {
    Ok(DataFields {
        data: Some(y.into()),
        hidden: Some(elements_mut(&mut last.h)?.into()),
        cell: Some(elements_mut(&mut last.c)?.into()),
    })
}

/// States in the caller's order.
pub(super) fn in_order(order: &SampleOrder, state: LstmState) -> LstmState {
    LstmState { h: order.state_to_caller(state.h), c: order.state_to_caller(state.c) }
}

/// The elements of an array that was made in C order.
pub(super) fn elements<D: Dimension>(array: &ArrayRef<f32, D>) -> Result<&[f32], Broken> {
    array.as_slice().ok_or(Broken("an array is not in C order"))
}

/// As [`elements`], to be written.
pub(super) fn elements_mut<D: Dimension>(array: &mut Array<f32, D>) -> Result<&mut [f32], Broken> {
    array.as_slice_mut().ok_or(Broken("an array is not in C order"))
}
