"""Training calls of one kind, planned once.

In: a call over the memory of a module's parameters, arrays of its tensors. Out: whether it was computed: what
does not lie as usual is left to the structure level. It knows no tensors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bnns_lstm import _native
from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.module.memory import Spares
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.patterns import pattern, pattern_of_gradients
from bnns_lstm.module.recent import Recent
from bnns_lstm.module.structure import states_of
from bnns_lstm.module.weight_gradients import WeightGradients, WeightGradientsMaker
from bnns_lstm.torch.calls import Arrays, Call

__all__ = ["Planned"]


class Planned:
    """What is planned for the last few kinds of calls over some weights.

    Attributes:
        weights: The memory that is read in each call.
        spares: Memory of arrays that are gone.
        sums: Makes arrays for the gradients of all weights.
    """

    def __init__(self, weights: Weights) -> None:
        """Nothing is planned yet."""
        self.weights = weights
        self.spares = Spares()
        self.sums = WeightGradientsMaker(weights)
        self._calls: Recent[_native.PreparedTraining] = Recent()
        self._gradients: Recent[_native.PreparedGradients] = Recent()
        self._zeros: Recent[Arrays] = Recent()

    def training(self, call: Call, sizes: tuple[int, int]) -> _native.PreparedTraining:
        """Calls of this kind."""

        def prepare() -> _native.PreparedTraining:
            return _native.prepare_training(self._pattern(call, sizes), call.filter_params)

        return self._calls.of(_key(call, sizes), prepare)

    def forward(
        self,
        prepared: _native.PreparedTraining,
        call: Call,
        inputs: Arrays,
        outputs: Arrays,
        cache: Any,
    ) -> bool:
        """Fill outputs and cache; initial states that are None are zeros."""
        self.weights.add_biases()
        return prepared.forward(self._with_states(inputs), outputs, cache, call.seed)

    def backward(
        self,
        call: Call,
        inputs: Arrays,
        incoming: Arrays,
        outgoing: Arrays,
        sums: WeightGradients,
        cache: Any,
    ) -> bool:
        """Fill the gradients of all weights, and of the input and the initial states where they are wanted.

        Args:
            call: What was called.
            inputs: As in `forward`.
            incoming: Gradients of output and final states, or None.
            outgoing: Those of input and initial states, or None where they are not wanted.
            sums: Those of the weights.
            cache: What the forward pass left.
        """
        self.weights.add_biases()
        sizes = inputs[0].shape[:2]
        have = tuple(tuple(array is not None for array in three) for three in (incoming, outgoing))

        def prepare() -> _native.PreparedGradients:
            params = self._pattern(call, sizes)
            delta = _pruned(pattern_of_gradients(params, has_dy=True, has_states=True), have)
            return _native.prepare_gradients(params, delta, call.filter_params)

        prepared = self._gradients.of((*_key(call, sizes), have), prepare)
        given, blocks = self._with_states(inputs), sums.blocks_of_gates
        return prepared.backward(given, incoming, outgoing, blocks, cache, call.seed)

    def _pattern(self, call: Call, sizes: tuple[int, int]) -> LayerParametersLSTM:
        return pattern(self.weights, sizes, call.active, call.dropout, keeps_input=False)

    def _with_states(self, inputs: Arrays) -> Arrays:
        """Zeros for initial states that are None; nobody writes them."""
        x, h, c = inputs
        if h is None or c is None:
            rows = x.shape[1]
            _, h, c = self._zeros.of(rows, lambda: (None, *states_of(self.weights.config, rows)))
        return x, h, c


def _key(call: Call, sizes: tuple[int, int]) -> tuple[Any, ...]:
    active = None if call.active is None else call.active.tobytes()
    return sizes, active, call.dropout, call.threads


def _pruned(delta: LayerParametersLSTM, have: tuple[tuple[bool, ...], ...]) -> LayerParametersLSTM:
    """A pattern without the arrays of gradients that are not there or not wanted."""
    data = []
    for desc, which in zip((delta.output_descriptor, delta.input_descriptor), have, strict=True):
        fields = (desc.data_desc, desc.hidden_desc, desc.cell_state_desc)
        kept = (field if is_there else None for field, is_there in zip(fields, which, strict=True))
        data.append(LSTMDataDescriptor(*kept))
    return replace(delta, output_descriptor=data[0], input_descriptor=data[1])
