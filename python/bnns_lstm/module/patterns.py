"""Structures that calls of one kind are prepared with: over an LSTM's weights, with arrays that nobody writes.

In: weights, sizes. Out: structures whose arrays have the shapes of those of the calls, and gaps where the
arrays of a call may have any strides. It calls nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bnns_lstm.config import GATES
from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor, LSTMGateDescriptor
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.samples import Floats
from bnns_lstm.module.structure import states_of, structure

__all__ = ["Patterns", "pattern", "pattern_of_gradients"]

# A structure and what it was made for; None for both before the first one.
Latest = tuple[Any, LayerParametersLSTM | None]


def _with_gaps(shape: tuple[int, ...]) -> Floats:
    """An array with gaps: what is prepared with it takes any strides."""
    return np.empty((*shape[:-1], shape[-1] + 1), np.float32)[..., :-1]


def pattern(
    weights: Weights, sizes: tuple[int, int], active: Any, dropout: float, *, keeps_input: bool
) -> LayerParametersLSTM:
    """The structure of calls whose outputs lie as they like, and inputs too, unless the call keeps a copy."""
    (steps, rows), config = sizes, weights.config
    shape = (steps, rows, config.input_size)
    with memory_for(f"x: {steps} steps of {rows} samples"):
        x = np.empty(shape, np.float32) if keeps_input else _with_gaps(shape)
        y = _with_gaps((steps, rows, config.layer_size))
        inputs = LSTMDataDescriptor(x, *states_of(config, rows, np.empty))
        outputs = LSTMDataDescriptor(y, *states_of(config, rows, np.empty))
    return structure(weights, sizes, inputs, outputs, active=active, dropout=dropout)


def pattern_of_gradients(
    call: LayerParametersLSTM, *, has_dy: bool, has_states: bool
) -> LayerParametersLSTM:
    """The structure of the gradients of such a call, with gaps between the blocks of a gate's arrays."""
    read, given, results = call.input_descriptor, LSTMDataDescriptor(), call.output_descriptor
    x, h, c = (_array(desc) for desc in (read.data_desc, read.hidden_desc, read.cell_state_desc))
    to = LSTMDataDescriptor(_with_gaps(x.shape), np.empty_like(h), np.empty_like(c))
    if has_dy:
        given.data_desc = results.data_desc
    if has_states:
        given.hidden_desc, given.cell_state_desc = results.hidden_desc, results.cell_state_desc
    gates: Any = {f"{name}_gate": _gate(getattr(call, f"{name}_gate")) for name in GATES}
    extensions = call.extensions
    if extensions is not None and extensions.projection_desc is not None:
        room = np.empty_like(_array(extensions.projection_desc))
        extensions = replace(extensions, projection_desc=room)
    return replace(
        call,
        sequence_descriptor=None,
        input_descriptor=to,
        output_descriptor=given,
        extensions=extensions,
        **gates,
    )


class Patterns:
    """Patterns of training calls. Those of the last call are kept, for other lengths and for gradients."""

    def __init__(self, weights: Weights) -> None:
        """None yet."""
        self._weights = weights
        # By sizes and dropout, the call without lengths; by what was asked for last too, its gradients, whose
        # arrays are as large as all weights.
        self._latest: Latest = None, None
        self._latest_gradients: Latest = None, None

    def call(self, sizes: tuple[int, int], active: Any, dropout: float) -> LayerParametersLSTM:
        """The structure of calls of these sizes and lengths."""
        found = self._of(sizes, dropout)
        return found if active is None else replace(found, sequence_descriptor=active)

    def gradients(
        self, sizes: tuple[int, int], dropout: float, *, has_dy: bool, has_states: bool
    ) -> LayerParametersLSTM:
        """The structure of the gradients of such calls, whatever their lengths."""
        call, asked = self._of(sizes, dropout), (sizes, dropout, has_dy, has_states)
        known, found = self._latest_gradients
        if found is None or known != asked:
            with memory_for(f"gradients of x: {sizes[0]} steps of {sizes[1]} samples"):
                found = pattern_of_gradients(call, has_dy=has_dy, has_states=has_states)
            self._latest_gradients = asked, found
        return found

    def _of(self, sizes: tuple[int, int], dropout: float) -> LayerParametersLSTM:
        known, call = self._latest
        if call is None or known != (sizes, dropout):
            self._latest_gradients = None, None  # they hold arrays of their call
            call = pattern(self._weights, sizes, None, dropout, keeps_input=True)
            self._latest = (sizes, dropout), call
        return call


def _array(desc: Any) -> Floats:
    """What a structure of this module has: the array itself."""
    found: Floats = desc
    return found


def _gate(gate: LSTMGateDescriptor) -> LSTMGateDescriptor:
    """Arrays like those of a gate, in each direction with a gap behind them."""

    def like(array: Any) -> Any:
        if array is None:
            return None
        layers, directions, units, *rest = array.shape
        return np.empty((layers, directions, units + 1, *rest), np.float32)[:, :, :-1]

    pair: Any = gate.iw_desc or (None, None)
    hidden, peephole, bias = like(gate.hw_desc), like(gate.cw_desc), like(gate.b_desc)
    return LSTMGateDescriptor(
        (like(pair[0]), like(pair[1])), hidden, peephole, bias, gate.activation
    )
