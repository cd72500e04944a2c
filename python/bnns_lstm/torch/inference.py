"""Calls without gradients.

In: a call, its tensors and parameters. Out: new tensors; no cache is made. Packed weights are those of the
engine of a `bl.LSTM`, over the parameters' own memory or over a copy of parameters that lie elsewhere; so are
prepared layers, but for arrays that lie otherwise than the engine has them.

Whether weights have changed is seen by their contents: a fingerprint of those that were packed last is compared
in each call. PyTorch's version counters would be cheaper to ask and miss what is written through `.data`,
through NumPy or by another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np
import torch

from bnns_lstm import _native
from bnns_lstm.descriptors import LSTMDataDescriptor
from bnns_lstm.module.engine import Engine
from bnns_lstm.module.forks import new_lock
from bnns_lstm.module.memory import Spares, memory_for, unwritten
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.patterns import pattern
from bnns_lstm.module.recent import Recent
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.structure import states_of, structure
from bnns_lstm.torch.calls import Call
from bnns_lstm.torch.tensors import array, is_plain, tensor_of
from bnns_lstm.torch.weights import Home, copied, differs
from bnns_lstm.typing import Floats

__all__ = ["Inference"]

# Names of weights, and their tensors.
Own = tuple[tuple[str, ...], tuple[torch.Tensor, ...]]
Results = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
# A prepared layer that takes arrays with any strides, and initial states of zeros, which nobody writes.
Layer = tuple[_native.PreparedLayer, Floats, Floats]


class Inference:
    """What a module keeps between calls without gradients.

    Attributes:
        own: Over the parameters' own memory; None before the first call.
        other: Over a copy of parameters that lie elsewhere; None before the first such call.
        lock: Held while weights are compared, and for a whole call over a copy, which the next one overwrites.
    """

    lock: Lock

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self.own: Computing | None = None
        self.other: Computing | None = None
        new_lock(self)

    def __deepcopy__(self, _: dict[int, Any]) -> Inference:
        """Nothing is kept: copies of parameters lie elsewhere."""
        return Inference()

    def __reduce__(self) -> tuple[type[Inference], tuple[()]]:
        """As a deep copy."""
        return Inference, ()

    def at_once(
        self, home: Home, parameters: Mapping[str, Any], x: Any, state: Any
    ) -> Results | None:
        """As a call of what is usual and known, in which checks would take longer than a step; None otherwise.

        Args:
            home: Where parameters may lie.
            parameters: Those of the module.
            x: Whatever stands for the input, in the structure's order of axes.
            state: Whatever stands for the initial states.
        """
        here = self.own
        if here is None or here.engine.weights is not home.weights or not is_plain(x):
            return None
        states = None
        if state is not None:
            if type(state) is not tuple or len(state) != 2 or not all(map(is_plain, state)):
                return None
            states = LSTMState(array(state[0]), array(state[1]))
        is_known = here.engine.num_threads == torch.get_num_threads()
        if not is_known or home.whole(parameters) is None:
            return None
        with self.lock:
            here.refresh()
        # It looks at the shapes.
        found = here.engine.quick(array(x), states)
        if found is None:
            return None
        y, h, c = found
        return torch.from_numpy(y), torch.from_numpy(h), torch.from_numpy(c)

    def __call__(self, call: Call, home: Home, own: Own, x: torch.Tensor, state: Any) -> Results:
        """Output and final states.

        Args:
            call: What is called.
            home: Where parameters may lie.
            own: Names of the weights, and their tensors.
            x: The input.
            state: Initial states, a pair of tensors; None for zeros.
        """
        names, tensors = own
        if home.weights is not None and home.has(tensors):
            here = self.own
            if here is None or here.engine.weights is not home.weights:
                here = self.own = Computing(home.weights)
            with self.lock:
                here.refresh()
                here.use(call.threads)
            return here(call, x, state)
        with self.lock:
            named = dict(zip(names, tensors, strict=True))
            other = self.other
            if other is None:
                other = self.other = Computing(copied(home.config, named))
            elif differs(other.engine.weights, named):
                # Before the copy has changed, after which a call that was interrupted finds no difference.
                other.engine.changed()
                other.engine.weights.fill({name: array(each) for name, each in named.items()})
            other.use(call.threads)
            return other(call, x, state)


class Computing:
    """Calls over some weights.

    Attributes:
        engine: That of a `bl.LSTM`.
        arrays: The weights, and their fingerprint when they were packed last.
        layers: Prepared layers for arrays that lie otherwise than it has them.
        spares: Memory of padded sequences that are gone.
    """

    def __init__(self, weights: Weights) -> None:
        """Nothing is prepared yet."""
        self.engine = Engine(weights, 0, convert=False)
        self.arrays = tuple(block for block in weights.blocks_of_gates if block is not None)
        self.fingerprint: int | None = None
        self.layers: Recent[Layer] = Recent()
        self.spares = Spares()

    def refresh(self) -> None:
        """Let the next call pack the weights anew if they are others."""
        # Before they are packed: what another thread changes meanwhile is for the next call.
        found = _native._fingerprint(self.arrays)
        if found != self.fingerprint:
            # In this order: a call that is interrupted in between packs once more than needed, never once less.
            self.engine.changed()
            self.fingerprint = found

    def use(self, threads: int) -> None:
        """Use at most so many threads from now on."""
        engine = self.engine
        if engine.num_threads != threads:
            with engine.lock:
                engine.num_threads = threads
                engine.kept.clear()
                engine.latest = None
            self.layers = Recent()

    def __call__(self, call: Call, x: torch.Tensor, state: Any) -> Results:
        """Output and final states, in place wherever the elements of the input lie in the structure's order."""
        floats, sizes = self.spares.floats, call.sizes(x)
        if not x.numel():  # no sample: nothing has an element
            return self._results(
                call, *call.blank("y", (*sizes, call.config.layer_size), floats).own
            )
        sequence = call.sequence(x, "padded x", floats)
        if call.packing is None and sequence.flags.c_contiguous:
            states = None if state is None else LSTMState(*(_plain(array(each)) for each in state))
            y, h, c = map(tensor_of, self._in_order(sequence, states))
            # Only where one of both axes has one element is an input of `batch_first` in the structure's order.
            return (y.transpose(0, 1) if call.batch_first else y), h, c
        with memory_for("the output of input", x.shape):
            width = call.config.layer_size
            own = call.blank("y", (*sizes, width), floats, (True, False, False))
        self.engine.refresh()
        layer, *zeros = self._layer(call, sizes)
        given = zeros if state is None else [_flat(call.state(each)) for each in state]
        last = layer.call_into(sequence, given[0], given[1], own.arrays[0])
        if last is None:  # another call is using one of the arrays at this moment
            return self._slowly(call, sizes, (sequence, *given))
        return self._results(call, own.own[0], *last)

    def _results(self, call: Call, *own: Any) -> Results:
        found: Results = call.tensors(*own)
        return found

    def _in_order(self, x: Floats, states: LSTMState | None) -> tuple[Floats, Floats, Floats]:
        """A call of the engine whose arrays lie in C order."""
        found = self.engine.quick(x, states)
        if found is not None:
            return found
        if states is None:
            with memory_for(f"hx: {x.shape[1]} samples"):
                h, c = map(_flat, states_of(self.engine.config, x.shape[1]))
            states = LSTMState(h, c)
        return self.engine.chunk(x, *states)

    def _layer(self, call: Call, sizes: tuple[int, int]) -> Layer:
        """A prepared layer for such calls."""
        engine, active = self.engine, call.active
        key = sizes, None if active is None else active.tobytes()

        def prepare() -> Layer:
            params = pattern(engine.weights, sizes, active, 0.0, keeps_input=False)
            h, c = map(_flat, states_of(engine.config, sizes[1]))
            with engine.lock:
                return engine._prepare(params), h, c

        return self.layers.of(key, prepare)

    def _slowly(self, call: Call, sizes: tuple[int, int], given: Any) -> Results:
        """As a call, over copies of the arrays."""
        width = call.config.layer_size
        blank = call.blank("y", (*sizes, width), unwritten)
        x, h, c = (np.array(each, order="C") for each in given)
        shape = call.config.num_layers, call.config.directions
        inputs = LSTMDataDescriptor(
            x, h.reshape(*shape, *h.shape[1:]), c.reshape(*shape, *c.shape[1:])
        )
        outputs = LSTMDataDescriptor(*blank.arrays)
        params = structure(self.engine.weights, sizes, inputs, outputs, active=call.active)
        with self.engine.lock:
            prepared = self.engine._prepare(params)
        prepared.forward()
        return self._results(call, *blank.own)


def _plain(floats: Floats) -> Floats:
    """The same numbers in C order, as the engine's short way wants them."""
    return np.ascontiguousarray(floats)


def _flat(state: Floats) -> Floats:
    """A state `[layers, directions, ...]` as `[layers * directions, ...]` in C order."""
    return np.ascontiguousarray(state.reshape(-1, *state.shape[2:]))
