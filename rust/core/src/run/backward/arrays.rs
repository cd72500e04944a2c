//! The arrays of a backward call, with the axes that running expects.
//!
//! In: views with canonical axes. Out: the same by name, with the rule what happens to what is there.

use crate::check::Strided;
use crate::error::{Error, Path};
use crate::gate::{Gate, Gates};
use crate::place::Place;
use crate::plan::Plan;
use ndarray::{
    ArrayBase, ArrayView3, ArrayView4, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, ArrayViewMut4,
    ArrayViewMutD, Dimension, Ix1, Ix2,
};

/// An array that receives a gradient.
#[derive(Debug)]
pub struct Outgoing<V> {
    /// The array.
    pub view: V,
    /// Add to what is there, or overwrite it.
    pub accumulate: bool,
}

/// The arrays of one gate that receive gradients; `None` where nobody wants one.
#[derive(Debug, Default)]
pub struct GateOutgoing<'a> {
    /// Input weights of all layers, or of layer 0, `[layers or 1, directions, hidden, inputs]`.
    pub iw: Option<Outgoing<ArrayViewMut4<'a, f32>>>,
    /// Input weights of the layers above, `[layers - 1, directions, hidden, directions * hidden]`.
    pub iw_upper: Option<Outgoing<ArrayViewMut4<'a, f32>>>,
    /// Hidden weights, `[layers, directions, hidden, hidden]`.
    pub hw: Option<Outgoing<ArrayViewMut4<'a, f32>>>,
    /// Peephole, `[layers, directions, hidden, hidden]` or `[layers, directions, hidden]`.
    pub cw: Option<Outgoing<ArrayViewMutD<'a, f32>>>,
    /// Bias, `[layers, directions, hidden]`.
    pub b: Option<Outgoing<ArrayViewMut3<'a, f32>>>,
}

/// All arrays of a backward call, with canonical axes.
#[derive(Debug)]
pub struct BackwardArrays<'a> {
    /// The input of the forward call, `[seq_len, batch, input_size]`.
    pub input: ArrayView3<'a, f32>,
    /// Its initial hidden state, `[layers, directions, batch, hidden]`; `None`: zeros.
    pub initial_hidden: Option<ArrayView4<'a, f32>>,
    /// Its initial cell state; `None`: zeros.
    pub initial_cell: Option<ArrayView4<'a, f32>>,
    /// Gradient of the output, `[seq_len, batch, directions * hidden]`; `None`: zeros.
    pub output: Option<ArrayView3<'a, f32>>,
    /// Gradient of the final hidden state; `None`: zeros.
    pub final_hidden: Option<ArrayView4<'a, f32>>,
    /// Gradient of the final cell state; `None`: zeros.
    pub final_cell: Option<ArrayView4<'a, f32>>,
    /// Receives the gradient of the input.
    pub d_input: Option<Outgoing<ArrayViewMut3<'a, f32>>>,
    /// Receives the gradient of the initial hidden state.
    pub d_hidden: Option<Outgoing<ArrayViewMut4<'a, f32>>>,
    /// Receives the gradient of the initial cell state.
    pub d_cell: Option<Outgoing<ArrayViewMut4<'a, f32>>>,
    /// Receive the gradients of the weights.
    pub gates: Gates<GateOutgoing<'a>>,
}

impl BackwardArrays<'_> {
    /// Check that every array has the shape that the plan gives it.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), Error> {
        let config = plan.config();
        let (layer, batch) = (&config.layer, config.batch_size);
        let (input, output) = (config.input_shape(), config.output_shape());
        let hidden = [layer.layers, layer.directions, batch, layer.outputs];
        let cell = [layer.layers, layer.directions, batch, layer.units];
        let params = "params";
        let delta = "delta_params";
        let (from, to) = ("input_descriptor", "output_descriptor");
        let names = ["data_desc", "hidden_desc", "cell_state_desc"];
        let shapes = [&input[..], &hidden, &cell];
        let out_shapes = [&output[..], &hidden, &cell];
        let given = [
            Some(self.input.shape()),
            self.initial_hidden.as_ref().map(ArrayBase::shape),
            self.initial_cell.as_ref().map(ArrayBase::shape),
        ];
        let incoming = [
            self.output.as_ref().map(ArrayBase::shape),
            self.final_hidden.as_ref().map(ArrayBase::shape),
            self.final_cell.as_ref().map(ArrayBase::shape),
        ];
        let outgoing = [
            shape_of(self.d_input.as_ref()),
            shape_of(self.d_hidden.as_ref()),
            shape_of(self.d_cell.as_ref()),
        ];
        for (index, name) in names.into_iter().enumerate() {
            let path = |root, side| move || Path::field(root).then(side).then(name);
            expect(path(params, from), given[index], shapes[index])?;
            expect(path(delta, to), incoming[index], out_shapes[index])?;
            expect(path(delta, from), outgoing[index], shapes[index])?;
        }
        for gate in Gate::ALL {
            let to = self.gates.get(gate);
            let arrays = plan.checked.arrays().gates.get(gate);
            let path = |name| move || Path::field(delta).then(gate.field()).then(name);
            let iw = |index| move || path("iw_desc")().at(index);
            expect(iw(0), shape_of(to.iw.as_ref()), arrays.iw.shape())?;
            expect(iw(1), shape_of(to.iw_upper.as_ref()), planned(arrays.iw_upper.as_ref()))?;
            expect(path("hw_desc"), shape_of(to.hw.as_ref()), arrays.hw.shape())?;
            expect(path("cw_desc"), shape_of(to.cw.as_ref()), planned(arrays.cw.as_ref()))?;
            expect(path("b_desc"), shape_of(to.b.as_ref()), planned(arrays.b.as_ref()))?;
        }
        Ok(())
    }
}

/// Whether an array, if there is one, has the planned shape.
fn expect(
    path: impl FnOnce() -> Path,
    found: Option<&[usize]>,
    wanted: &[usize],
) -> Result<(), Error> {
    match found {
        Some(found) if found != wanted => Err(Error::ArrayMismatch {
            path: path(),
            expected: format!("{wanted:?}"),
            actual: format!("{found:?}"),
        }),
        _ => Ok(()),
    }
}

/// The planned shape of an array that may be absent; nothing has the shape of an absent one.
fn planned(array: Option<&Strided>) -> &[usize] {
    array.map_or(&[], Strided::shape)
}

fn shape_of<'v, D: Dimension>(
    array: Option<&'v Outgoing<ndarray::ArrayViewMut<'_, f32, D>>>,
) -> Option<&'v [usize]> {
    array.map(|array| array.view.shape())
}

impl<D: Dimension> Outgoing<ndarray::ArrayViewMut<'_, f32, D>> {
    /// The part of one layer and direction; `None` if it has other axes.
    fn part<R: Dimension>(&mut self, place: Place) -> Option<ndarray::ArrayViewMut<'_, f32, R>> {
        place.part_of(self.view.view_mut().into_dyn()).into_dimensionality().ok()
    }
}

impl GateOutgoing<'_> {
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
        part::<_, Ix2>(array.as_mut(), Place { layer, ..place })
    }

    /// Where the gradient of a layer's hidden weights goes.
    pub(super) fn hidden(&mut self, place: Place) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        part::<_, Ix2>(self.hw.as_mut(), place)
    }

    /// Where the gradient of a layer's full peephole goes.
    pub(super) fn full(&mut self, place: Place) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        part::<_, Ix2>(self.cw.as_mut(), place)
    }

    /// Where the gradient of a layer's diagonal peephole goes.
    pub(super) fn diagonal(&mut self, place: Place) -> Option<(ArrayViewMut1<'_, f32>, bool)> {
        part::<_, Ix1>(self.cw.as_mut(), place)
    }

    /// Where the gradient of a layer's bias goes.
    pub(super) fn bias(&mut self, place: Place) -> Option<(ArrayViewMut1<'_, f32>, bool)> {
        part::<_, Ix1>(self.b.as_mut(), place)
    }
}

/// The part of one layer and direction, and whether to add to it.
fn part<'v, D: Dimension, R: Dimension>(
    array: Option<&'v mut Outgoing<ndarray::ArrayViewMut<'_, f32, D>>>,
    place: Place,
) -> Option<(ndarray::ArrayViewMut<'v, f32, R>, bool)> {
    let array = array?;
    let accumulate = array.accumulate;
    Some((array.part(place)?, accumulate))
}
