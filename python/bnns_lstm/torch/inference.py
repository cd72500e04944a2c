"""Calls without gradients.

In: a call, its tensors and parameters. Out: new tensors; no cache is made. Packed weights and prepared layers
are those of `bl.LSTM`: its engine computes, over the parameters' own memory or over a copy of parameters that
lie elsewhere.

Whether weights have changed is seen by their contents: what was packed last is kept and compared in each call.
PyTorch's version counters would be cheaper to ask and miss what is written through `.data`, through NumPy or by
another process.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
import torch

from bnns_lstm.module.engine import Engine
from bnns_lstm.module.forks import new_lock
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.structure import structure
from bnns_lstm.torch.calls import Call
from bnns_lstm.torch.tensors import array, tensor_of
from bnns_lstm.torch.weights import Home, Tensors, copied, differs
from bnns_lstm.typing import Floats

__all__ = ["Inference"]

Results = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class Packed:
    """An engine over weights, and what was packed of them last."""

    def __init__(self, weights: Weights) -> None:
        """Nothing is packed yet."""
        self.engine = Engine(weights, 0, convert=False)
        self.arrays = [
            found.data.cast("B")
            for found in (
                weights.lowest, weights.upper, weights.hidden, weights.bias, weights.peephole,
                weights.projection,
            )
            if found is not None
        ]  # fmt: skip
        self.contents = [bytearray(found) for found in self.arrays]

    def refresh(self, threads: int) -> Engine:
        """The engine, which packs the weights anew in its next call if their contents are others."""
        for contents, found in zip(self.contents, self.arrays, strict=True):
            # A bytearray compares as fast as memory is read; a memoryview on the left would go item by item.
            if contents != found:
                contents[:] = found
                self.engine.changed()
        if self.engine.num_threads != threads:
            with self.engine.lock:
                self.engine.num_threads = threads
                self.engine.kept.clear()
                self.engine.latest = None
        return self.engine


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
        self.own: Packed | None = None
        self.other: Packed | None = None
        new_lock(self)

    def __deepcopy__(self, _: dict[int, Any]) -> Inference:
        """Nothing is kept: copies of parameters lie elsewhere."""
        return Inference()

    def __reduce__(self) -> tuple[type[Inference], tuple[()]]:
        """As a deep copy."""
        return Inference, ()

    def __call__(
        self, call: Call, home: Home, tensors: Tensors, x: torch.Tensor, state: Any
    ) -> Results:
        """Output and final states; `state` is a pair of tensors, or None for zeros."""
        if not x.numel():  # no sample: nothing has an element
            return call.output(x).tensors
        threads = int(call.filter_params.n_threads)
        weights = home.weights if home.has(tensors) else None
        if weights is not None:
            with self.lock:
                if self.own is None or self.own.engine.weights is not weights:
                    self.own = Packed(weights)
                engine = self.own.refresh(threads)
            return _compute(engine, call, x, state)
        with self.lock:
            if self.other is None:
                self.other = Packed(copied(home.config, tensors))
            elif differs(self.other.engine.weights, tensors):
                self.other.engine.weights.fill({name: array(t) for name, t in tensors.items()})
            return _compute(self.other.refresh(threads), call, x, state)


def _compute(engine: Engine, call: Call, x: torch.Tensor, state: Any) -> Results:
    """A call of the engine, in place wherever the elements of the input lie in the structure's order."""
    floats = call.sequence(x)
    if call.active is None and floats.flags.c_contiguous:
        states = None if state is None else LSTMState(*(_plain(array(each)) for each in state))
        found = engine.quick(floats, states)
        if found is None:
            found = engine.chunk(floats, *(states or _zeros(call, floats.shape[1])))
        y, h, c = map(tensor_of, found)
        # Only where one of both axes has one element is an input of `batch_first` in the structure's order.
        return (y.transpose(0, 1) if call.batch_first else y), h, c
    output = call.output(x)
    inputs = call.data(x, *(state or (None, None)))
    engine.refresh()
    sizes = call.sizes(x)
    params = structure(engine.weights, sizes, inputs, output.desc, active=call.active)
    with engine.lock:
        prepared = engine._prepare(params)
    prepared.forward()
    return output.tensors


def _plain(floats: Floats) -> Floats:
    """The same numbers in C order, as the engine's short way wants them."""
    return np.ascontiguousarray(floats)


def _zeros(call: Call, rows: int) -> LSTMState:
    config = call.config
    stack = config.num_layers * config.directions
    with memory_for(f"hx: {rows} samples"):
        h, c = (
            np.zeros((stack, rows, width), np.float32) for width in (config.outputs, config.units)
        )
    return LSTMState(h, c)
