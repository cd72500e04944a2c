"""The structures of the BNNS LSTM: plain data, which may be wrong until it is validated.

Names and order are those of Apple's C structures without their prefix. Wherever an :class:`NDArrayDescriptor`
is expected, a NumPy array (taken in C order) or None (absent) will do. Constructing never fails on values:
:func:`bnns_lstm.validate`, and every call, reports all problems at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy.typing as npt

from bnns_lstm._show import show
from bnns_lstm.activation import Activation
from bnns_lstm.enums import DataLayout, DataType, LayerFlags, NDArrayFlags

__all__ = [
    "FilterParameters",
    "LSTMDataDescriptor",
    "LSTMExtensions",
    "LSTMGateDescriptor",
    "LayerParametersLSTM",
    "NDArrayDescriptor",
]

Array = npt.NDArray[Any]


class _Structure:
    """A structure whose repr shows the fields that differ from their defaults."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown: list[str] = []
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name, None)
            is_default = value is item.default or (
                isinstance(value, int | float) and value == item.default
            )
            if not is_default:
                shown.append(f"{item.name}={show(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(slots=True, repr=False, eq=False)
class NDArrayDescriptor(_Structure):
    """`BNNSNDArrayDescriptor`: an array and what its dimensions mean.

    Attributes:
        data: The array, or None for an absent one.
        layout: What the dimensions mean. None takes the array's axes in C order; for the input and output
            sequence that is SNE, `[seq_len, batch, elements]`. `DataLayout.SNE` and `NSE` say what the axes
            of a 3-D array mean.
        size: Extents in elements, in the layout's order; 0 takes one from the layer's parameters. None
            takes the array's own shape.
        stride: Distances in elements, in the layout's order; 0 means contiguous. None takes the array's
            own. With explicit sizes or strides the array is a buffer and must be contiguous.
        data_type: A :class:`DataType`; None takes the array's own.
        flags: For gradient outputs: overwrite or add.
        table_data: Lookup table of the Indexed types.
        table_data_type: The type of the table's elements; None takes the table's own.
        data_scale: For integer types: value = data_scale * stored + data_bias.
        data_bias: See `data_scale`.
    """

    data: Array | None = None
    layout: DataLayout | int | None = field(default=None, kw_only=True)
    size: Sequence[int] | None = field(default=None, kw_only=True)
    stride: Sequence[int] | None = field(default=None, kw_only=True)
    data_type: DataType | int | None = field(default=None, kw_only=True)
    flags: NDArrayFlags | int = field(default=NDArrayFlags.BACKPROP_SET, kw_only=True)
    table_data: Array | None = field(default=None, kw_only=True)
    table_data_type: DataType | int | None = field(default=None, kw_only=True)
    data_scale: float = field(default=1.0, kw_only=True)
    data_bias: float = field(default=0.0, kw_only=True)


ArrayLike = NDArrayDescriptor | Array | None


@dataclass(slots=True, repr=False, eq=False)
class LSTMDataDescriptor(_Structure):
    """`BNNSLSTMDataDescriptor`: a sequence and the states at its end.

    Attributes:
        data_desc: Input `[seq_len, batch, input_size]`, or output `[seq_len, batch, D * hidden_size]`,
            where D is the number of directions. Of outputs and hidden states, hidden_size is
            projection_size where the layer has a projection.
        hidden_desc: Hidden state, `[layers, D, batch, hidden_size]`.
        cell_state_desc: Cell state, `[layers, D, batch, hidden_size]`.
    """

    data_desc: ArrayLike = None
    hidden_desc: ArrayLike = None
    cell_state_desc: ArrayLike = None


@dataclass(slots=True, repr=False, eq=False)
class LSTMGateDescriptor(_Structure):
    """`BNNSLSTMGateDescriptor`: the weights of one gate.

    Attributes:
        iw_desc: Input weights: one array of all layers, `[layers, D, hidden_size, input_size]`; or a pair
            of layer 0 and the layers above, `[1, D, hidden_size, input_size]` and
            `[layers - 1, D, hidden_size, D * hidden_size]`.
        hw_desc: Hidden weights, `[layers, D, hidden_size, hidden_size]`; the last extent is projection_size
            where the layer has a projection, and so is that of the upper layers' iw_desc, times D.
        cw_desc: Peephole, `[layers, D, hidden_size, hidden_size]`, or its diagonal
            `[layers, D, hidden_size]`; None for no peephole.
        b_desc: Bias, `[layers, D, hidden_size]`; None for no bias.
        activation: Not needed with `LayerFlags.LSTM_DEFAULT_ACTIVATIONS`.
    """

    iw_desc: ArrayLike | tuple[ArrayLike, ArrayLike] = None
    hw_desc: ArrayLike = None
    cw_desc: ArrayLike = None
    b_desc: ArrayLike = None
    activation: Activation | None = None


@dataclass(slots=True, repr=False)
class LSTMExtensions(_Structure):
    """What a layer may have beyond BNNS; the default asks for nothing.

    Attributes:
        cell_clip: The new cell state is limited to this in both directions, before the output gate's
            peephole and the hidden activation see it, and is carried on limited. Its gradient is 0 where
            the limit acted; that of TensorFlow's `LSTMBlockCell` passes straight through.
        gate_clip: The argument of every activation is limited to this in both directions, as by `clip` of ONNX'
            LSTM. Its gradient is 0 where the limit acted.
        gate_clip_hidden: Whether that holds for the hidden activation too, as ONNX' text says. ONNX Runtime and
            Core ML leave its argument alone.
        coupled: "forget": f = 1 - i, as `input_forget` of ONNX Runtime; "input": i = 1 - f. The gate that is
            computed has no weights, bias, peephole and activation.
        reverse: Whether the one direction reads each sample from its own last step to its first. Outputs
            stand in the order of the steps, the final states are those after step 0.
        projection_size: Elements of the hidden state and of the output of one direction, P, from 1 to
            hidden_size, H; None for a layer without a projection. Then h' = W_hr · (o ⊙ τ(c')), where τ is the
            hidden activation: hidden states and outputs have P elements, cell states H, hidden weights are
            `[layers, D, H, P]`, and the layers above read D * P values. Peepholes see the cell state. The
            recurrent projection of Sak, Senior and Beaufays, "Long Short-Term Memory Recurrent Neural Network
            Architectures for Large Scale Acoustic Modeling", 2014, and `proj_size` of PyTorch's LSTM;
            TensorFlow's `proj_clip`, a limit of h', is not there.
        projection_desc: The weights of the projection, W_hr, `[layers, D, P, H]`; there if and only if there is
            a projection_size. In the structure of gradients, where their gradient goes, if it is wanted. Two
            extensions can be equal whatever stands here.
    """

    cell_clip: float | None = None
    gate_clip: float | None = None
    gate_clip_hidden: bool = True
    coupled: Literal["forget", "input"] | None = None
    reverse: bool = False
    projection_size: int | None = None
    projection_desc: ArrayLike = field(default=None, compare=False)


@dataclass(slots=True, repr=False, eq=False)
class LayerParametersLSTM(_Structure):
    """`BNNSLayerParametersLSTM`: one LSTM layer and the arrays of one call.

    Attributes:
        input_size: Elements of one input vector.
        hidden_size: Elements of the hidden state and of the cell state.
        batch_size: Samples.
        num_layers: Stacked layers.
        seq_len: Steps.
        dropout: Ratio of values dropped between layers, in training only.
        lstm_flags: Directions and default activations.
        sequence_descriptor: Number of active samples at each step, integers `[seq_len]`; None: all.
        input_descriptor: Input and initial states.
        output_descriptor: Output and final states, written in place.
        input_gate: How much of the candidate enters the cell.
        forget_gate: How much of the old cell state stays.
        candidate_gate: What enters the cell.
        output_gate: How much of the cell is shown.
        hidden_activation: Applied to the new cell state; not needed with the default-activations flag.
        extensions: What the layer has beyond BNNS; None is the layer of BNNS. Not in Apple's structure.
    """

    input_size: int
    hidden_size: int
    batch_size: int
    num_layers: int
    seq_len: int
    dropout: float = 0.0
    lstm_flags: LayerFlags | int = 0
    sequence_descriptor: ArrayLike = None
    input_descriptor: LSTMDataDescriptor = field(default_factory=LSTMDataDescriptor)
    output_descriptor: LSTMDataDescriptor = field(default_factory=LSTMDataDescriptor)
    input_gate: LSTMGateDescriptor = field(default_factory=LSTMGateDescriptor)
    forget_gate: LSTMGateDescriptor = field(default_factory=LSTMGateDescriptor)
    candidate_gate: LSTMGateDescriptor = field(default_factory=LSTMGateDescriptor)
    output_gate: LSTMGateDescriptor = field(default_factory=LSTMGateDescriptor)
    hidden_activation: Activation | None = None
    extensions: LSTMExtensions | None = None


@dataclass(slots=True, repr=False)
class FilterParameters(_Structure):
    """`BNNSFilterParameters`: how a call is run.

    Attributes:
        n_threads: Threads to use at most; 0 chooses.
        seed: Key of the dropout mask; looked at in training only.
        checkpoint_steps: What the training cache holds. 0: every step, as in BNNS. k: the states before every
            k-th step, and the backward pass computes the steps in between again; "sqrt": the same with the
            square root of seq_len, rounded up. Gradients are the same to the last bit; where a
            library computes the matrix products, but for rounding (docs/using.md).
        flags: 0, or 1 for "use the client's pointers", which is what always happens.
        alloc_memory: Cannot be honoured; must be None.
        free_memory: Cannot be honoured; must be None.
    """

    n_threads: int = 0
    seed: int = 0
    checkpoint_steps: int | Literal["sqrt"] = 0
    flags: int = field(default=0, kw_only=True)
    alloc_memory: Any = field(default=None, kw_only=True)
    free_memory: Any = field(default=None, kw_only=True)
