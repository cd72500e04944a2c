"""Training calls of one kind, planned once.

In: a call over the memory of a module's parameters, arrays of its tensors. Out: whether it was computed: what
does not lie as usual is left to the structure level. It knows no tensors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from bnns_lstm import _native
from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.module.memory import Spares
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.patterns import pattern, pattern_of_gradients
from bnns_lstm.module.recent import Recent
from bnns_lstm.module.structure import states_of
from bnns_lstm.module.weight_gradients import WeightGradients, WeightGradientsMaker
from bnns_lstm.torch.calls import Arrays, Call
from bnns_lstm.typing import Floats

__all__ = ["Kind", "Planned"]


class Kind(NamedTuple):
    """Training calls of one kind; `h` and `c` are initial states of zeros, which nobody writes."""

    prepared: _native.PreparedTraining
    nbytes: int
    h: Floats
    c: Floats


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
        self._calls: Recent[Kind] = Recent()
        self._gradients: Recent[_native.PreparedGradients] = Recent()

    def training(self, call: Call, sizes: tuple[int, int]) -> Kind:
        """Calls of this kind."""

        def prepare() -> Kind:
            params = self._pattern(call, sizes)
            prepared = _native.prepare_training(params, call.filter_params)
            return Kind(prepared, prepared.nbytes, *states_of(self.weights.config, sizes[1]))

        return self._calls.of(_key(call, sizes), prepare)

    def forward(
        self,
        kind: Kind,
        call: Call,
        inputs: Arrays,
        outputs: Arrays,
        cache: Any,
    ) -> bool:
        """Fill outputs and cache; initial states that are None are zeros."""
        self.weights.add_biases()
        given = _with_states(inputs, kind)
        return kind.prepared.forward(given, outputs, cache, call.seed)

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
        y, hn, cn = incoming
        x, h, c = outgoing
        have = (y is not None, hn is not None, cn is not None), (
            x is not None, h is not None, c is not None,
        )  # fmt: skip
        key = (_key(call, sizes), have)
        prepared = self._gradients.of(key, lambda: self._prepare(call, sizes, have))
        given = _with_states(inputs, self.training(call, sizes))
        return prepared.backward(given, incoming, outgoing, sums.blocks_of_gates, cache, call.seed)

    def _prepare(
        self, call: Call, sizes: tuple[int, int], have: tuple[tuple[bool, ...], ...]
    ) -> _native.PreparedGradients:
        params = self._pattern(call, sizes)
        delta = _pruned(pattern_of_gradients(params, has_dy=True, has_states=True), have)
        return _native.prepare_gradients(params, delta, call.filter_params)

    def _pattern(self, call: Call, sizes: tuple[int, int]) -> LayerParametersLSTM:
        return pattern(self.weights, sizes, call.active, call.dropout, keeps_input=False)


def _key(call: Call, sizes: tuple[int, int]) -> tuple[Any, ...]:
    active = None if call.active is None else call.active.tobytes()
    return sizes, active, call.dropout, call.threads


def _with_states(inputs: Arrays, kind: Kind) -> Arrays:
    """Zeros for initial states that are None."""
    return inputs if inputs[1] is not None else (inputs[0], kind.h, kind.c)


def _pruned(delta: LayerParametersLSTM, have: tuple[tuple[bool, ...], ...]) -> LayerParametersLSTM:
    """A pattern without the arrays of gradients that are not there or not wanted."""
    data = []
    for desc, which in zip((delta.output_descriptor, delta.input_descriptor), have, strict=True):
        fields = (desc.data_desc, desc.hidden_desc, desc.cell_state_desc)
        kept = (field if is_there else None for field, is_there in zip(fields, which, strict=True))
        data.append(LSTMDataDescriptor(*kept))
    return replace(delta, output_descriptor=data[0], input_descriptor=data[1])
