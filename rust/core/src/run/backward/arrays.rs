//! The caller's arrays of a backward call, bound to what was checked.
//!
//! In: a checked pair of structures and its arrays. Out: [`BackwardArrays`], with the axes that running expects
//! and the rule what happens to what is there, or the name of an array that is not the one that was checked.

use super::super::forward::{Inputs, Outputs};
use crate::check::{
    Checked, CheckedBackward, DELTA, Gradient, InputArray, LentMut, PARAMS, bind, bind_mut,
    bind_required,
};
use crate::error::{Error, Path};
use crate::fields::{DataField, GateFields, Side, WeightFields};
use crate::place::Place;
use crate::plan::Plan;
use ndarray::{
    ArrayView3, ArrayView4, ArrayViewMut, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3,
    ArrayViewMut4, ArrayViewMutD, Dimension,
};

/// The arrays of the gradients' structure, as they were checked; `None` for what is absent.
#[derive(Debug, Default)]
pub struct GradientViews<'a> {
    /// With respect to the output and the final states, to be read.
    pub incoming: Inputs<'a>,
    /// With respect to the input and the initial states, to be written.
    pub input: Outputs<'a>,
    /// With respect to the weights, to be written.
    pub weights: WeightFields<Option<LentMut<'a>>>,
}

/// An array that receives a gradient.
#[derive(Debug)]
pub(super) struct Outgoing<V> {
    /// The array.
    pub(super) view: V,
    /// Add to what is there, or overwrite it.
    pub(super) accumulate: bool,
}

/// An array of weights that receives gradients; `None` where nobody wants them.
pub(super) type WeightOutgoing<'a> = Option<Outgoing<ArrayViewMutD<'a, f32>>>;

/// All arrays of a backward call, with canonical axes.
#[derive(Debug)]
pub struct BackwardArrays<'a> {
    /// The layer that they belong to.
    layer: &'a Checked,
    /// The input of the forward call, `[seq_len, batch, input_size]`.
    pub(super) input: ArrayView3<'a, f32>,
    /// Its initial hidden state, `[layers, directions, batch, hidden]`; `None`: zeros.
    pub(super) initial_hidden: Option<ArrayView4<'a, f32>>,
    /// Its initial cell state; `None`: zeros.
    pub(super) initial_cell: Option<ArrayView4<'a, f32>>,
    /// Gradient of the output, `[seq_len, batch, directions * hidden]`; `None`: zeros.
    pub(super) output: Option<ArrayView3<'a, f32>>,
    /// Gradient of the final hidden state; `None`: zeros.
    pub(super) final_hidden: Option<ArrayView4<'a, f32>>,
    /// Gradient of the final cell state; `None`: zeros.
    pub(super) final_cell: Option<ArrayView4<'a, f32>>,
    /// Receives the gradient of the input.
    pub(super) d_input: Option<Outgoing<ArrayViewMut3<'a, f32>>>,
    /// Receives the gradient of the initial hidden state.
    pub(super) d_hidden: Option<Outgoing<ArrayViewMut4<'a, f32>>>,
    /// Receives the gradient of the initial cell state.
    pub(super) d_cell: Option<Outgoing<ArrayViewMut4<'a, f32>>>,
    /// Receive the gradients of the weights.
    pub(super) weights: WeightFields<WeightOutgoing<'a>>,
}

impl<'a> BackwardArrays<'a> {
    /// Bind the caller's arrays to what was checked.
    ///
    /// # Errors
    ///
    /// [`Error::ArrayMismatch`] for an array that is not the one that was checked.
    pub fn bind(
        checked: &'a CheckedBackward,
        inputs: Inputs<'a>,
        gradients: GradientViews<'a>,
    ) -> Result<Self, Error> {
        let (params, delta) = (&Path::field(PARAMS), &Path::field(DELTA));
        let read = |field: DataField| move || field.path(params, Side::Input);
        let from = |field: DataField| move || field.path(delta, Side::Output);
        let to = |field: DataField| move || field.path(delta, Side::Input);
        let (data, hidden, cell) = (DataField::Data, DataField::Hidden, DataField::Cell);
        let layer = checked.forward();
        let planned = layer.arrays().input.as_ref().map(|_, array| InputArray::given(array));
        let incoming = checked.incoming().as_ref().map(|_, array| array.as_ref());
        let outgoing = checked.input().as_ref().map(|_, gradient| gradient.as_ref());
        let GradientViews { incoming: d_outputs, input: d_inputs, weights } = gradients;
        let weights = checked.weights().as_ref().zip(weights);
        let weights = weights.try_map(|field, (planned, view)| {
            bind_gradient(|| field.path(delta), planned.as_ref(), view)
        })?;
        Ok(Self {
            layer,
            input: bind_required(read(data), planned.data, inputs.data)?,
            initial_hidden: bind(read(hidden), planned.hidden, inputs.hidden)?,
            initial_cell: bind(read(cell), planned.cell, inputs.cell)?,
            output: bind(from(data), incoming.data, d_outputs.data)?,
            final_hidden: bind(from(hidden), incoming.hidden, d_outputs.hidden)?,
            final_cell: bind(from(cell), incoming.cell, d_outputs.cell)?,
            d_input: bind_gradient(to(data), outgoing.data, d_inputs.data)?,
            d_hidden: bind_gradient(to(hidden), outgoing.hidden, d_inputs.hidden)?,
            d_cell: bind_gradient(to(cell), outgoing.cell, d_inputs.cell)?,
            weights,
        })
    }

    /// Refuse arrays of another layer than the plan's.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), Error> {
        if !self.layer.has_shapes_of(&plan.checked) {
            return Err(Error::WrongPlan { what: "arrays" });
        }
        Ok(())
    }
}

fn bind_gradient<'a, D: Dimension>(
    path: impl FnOnce() -> Path,
    checked: Option<&Gradient>,
    array: Option<LentMut<'a>>,
) -> Result<Option<Outgoing<ArrayViewMut<'a, f32, D>>>, Error> {
    let accumulate = checked.is_some_and(|gradient| gradient.accumulate);
    let view = bind_mut(path, checked.map(|gradient| &gradient.layout), array)?;
    Ok(view.map(|view| Outgoing { view, accumulate }))
}

impl GateFields<WeightOutgoing<'_>> {
    /// Where the gradient of a layer's input weights goes.
    pub(super) fn input(
        &mut self,
        place: Place,
        is_split: bool,
    ) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        let (array, layer) = match place.layer.checked_sub(1) {
            Some(upper) if is_split => (&mut self.iw_upper, upper),
            _ => (&mut self.iw, place.layer),
        };
        part(array.as_mut(), Place { layer, ..place })
    }

    /// Where the gradient of a layer's hidden weights goes.
    pub(super) fn hidden(&mut self, place: Place) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        part(self.hw.as_mut(), place)
    }

    /// Where the gradient of a layer's full peephole goes.
    pub(super) fn full(&mut self, place: Place) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        part(self.cw.as_mut(), place)
    }

    /// Where the gradient of a layer's diagonal peephole goes.
    pub(super) fn diagonal(&mut self, place: Place) -> Option<(ArrayViewMut1<'_, f32>, bool)> {
        part(self.cw.as_mut(), place)
    }

    /// Where the gradient of a layer's bias goes.
    pub(super) fn bias(&mut self, place: Place) -> Option<(ArrayViewMut1<'_, f32>, bool)> {
        part(self.b.as_mut(), place)
    }
}

impl BackwardArrays<'_> {
    /// Where the gradient of a layer's projection goes.
    pub(super) fn projection(&mut self, place: Place) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        part(self.weights.projection.as_mut(), place)
    }
}

/// The part of one layer and direction, and whether to add to it; `None` if it has other axes.
fn part<'v, D: Dimension>(
    array: Option<&'v mut Outgoing<ArrayViewMutD<'_, f32>>>,
    place: Place,
) -> Option<(ArrayViewMut<'v, f32, D>, bool)> {
    let Outgoing { view, accumulate } = array?;
    let part = place.part_of(view.view_mut()).into_dimensionality().ok()?;
    Some((part, *accumulate))
}
