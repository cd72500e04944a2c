//! The arrays of a backward call, with the axes that running expects.
//!
//! In: views with canonical axes. Out: the same by name, with the rule what happens to what is there.

use crate::gate::Gates;
use ndarray::{
    ArrayView3, ArrayView4, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, ArrayViewMut4,
    ArrayViewMutD, Axis, Dimension, Ix1, Ix2,
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

impl<D: Dimension> Outgoing<ndarray::ArrayViewMut<'_, f32, D>> {
    /// The part of one layer and direction; `None` if it has other axes.
    fn part<R: Dimension>(
        &mut self,
        layer: usize,
        direction: usize,
    ) -> Option<ndarray::ArrayViewMut<'_, f32, R>> {
        let view = self.view.view_mut().into_dyn();
        let of_layer = view.index_axis_move(Axis(0), layer);
        of_layer.index_axis_move(Axis(0), direction).into_dimensionality().ok()
    }
}

impl GateOutgoing<'_> {
    /// Where the gradient of a layer's input weights goes.
    pub(super) fn input(
        &mut self,
        layer: usize,
        direction: usize,
        is_split: bool,
    ) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        let (array, layer) = match layer.checked_sub(1) {
            Some(upper) if is_split => (&mut self.iw_upper, upper),
            _ => (&mut self.iw, layer),
        };
        part::<_, Ix2>(array.as_mut(), layer, direction)
    }

    /// Where the gradient of a layer's hidden weights goes.
    pub(super) fn hidden(
        &mut self,
        layer: usize,
        direction: usize,
    ) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        part::<_, Ix2>(self.hw.as_mut(), layer, direction)
    }

    /// Where the gradient of a layer's full peephole goes.
    pub(super) fn full(
        &mut self,
        layer: usize,
        direction: usize,
    ) -> Option<(ArrayViewMut2<'_, f32>, bool)> {
        part::<_, Ix2>(self.cw.as_mut(), layer, direction)
    }

    /// Where the gradient of a layer's diagonal peephole goes.
    pub(super) fn diagonal(
        &mut self,
        layer: usize,
        direction: usize,
    ) -> Option<(ArrayViewMut1<'_, f32>, bool)> {
        part::<_, Ix1>(self.cw.as_mut(), layer, direction)
    }

    /// Where the gradient of a layer's bias goes.
    pub(super) fn bias(
        &mut self,
        layer: usize,
        direction: usize,
    ) -> Option<(ArrayViewMut1<'_, f32>, bool)> {
        part::<_, Ix1>(self.b.as_mut(), layer, direction)
    }
}

/// The part of one layer and direction, and whether to add to it.
fn part<'v, D: Dimension, R: Dimension>(
    array: Option<&'v mut Outgoing<ndarray::ArrayViewMut<'_, f32, D>>>,
    layer: usize,
    direction: usize,
) -> Option<(ndarray::ArrayViewMut<'v, f32, R>, bool)> {
    let array = array?;
    let accumulate = array.accumulate;
    Some((array.part(layer, direction)?, accumulate))
}
