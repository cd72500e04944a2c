"""Calls with lengths, with the batch first or with an array for the output, in the shortest way.

In: arrays of a caller. Out: what the call gives, without a copy where only axes differ; or None for anything
but the usual, which `inputs` reads and names what is wrong with it. Whether arrays of floats are as they should
be is known by the native module alone: to ask here would take longer than a step of a small layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bnns_lstm import _native
from bnns_lstm.descriptors import LayerParametersLSTM
from bnns_lstm.module.lengths import arranged, usual_counts
from bnns_lstm.module.memory import FLOAT32
from bnns_lstm.module.outputs import is_usual_output
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.patterns import pattern
from bnns_lstm.module.recent import Recent
from bnns_lstm.module.results import Floats, LSTMState
from bnns_lstm.module.samples import SampleOrder
from bnns_lstm.module.structure import states_of

__all__ = ["Quick"]


class Kept(NamedTuple):
    """What is kept for calls of one shape and of the same lengths.

    `h` and `c` are initial states of zeros, which nobody writes. `shape` is that of the output as the caller
    knows it. `rows` says which sample is in each row, `back` in which row each sample is; None where rows are
    the caller's samples.
    """

    prepared: _native.PreparedLayer
    h: Floats
    c: Floats
    shape: tuple[int, int, int]
    rows: Any = None
    back: Any = None


class Quick:
    """Computes such calls.

    Args:
        weights: Those of the LSTM.
        prepare: Makes a prepared layer of a structure, over the packed weights that all share.
    """

    def __init__(
        self, weights: Weights, prepare: Callable[[LayerParametersLSTM], _native.PreparedLayer]
    ) -> None:
        """Nothing is prepared yet."""
        self._weights, self._prepare = weights, prepare
        self._calls: Recent[Kept] = Recent()
        self._layers: Recent[_native.PreparedLayer] = Recent()
        # The axis of samples in sequences of the caller.
        self._samples = 0 if weights.config.batch_first else 1

    def call(
        self, x: Floats, state: LSTMState | None, lengths: Any, out: Any
    ) -> tuple[Floats, LSTMState] | None:
        """Output and final states as the caller knows them; the weights that are packed are up to date."""
        counts = None if lengths is None else usual_counts(lengths)
        if counts is None and lengths is not None:
            return None
        key = (x.shape, None if counts is None else counts.tobytes())
        found = self._calls.known(key) or self._found(key, x, counts)
        if found is None or not (out is None or is_usual_output(out, found.shape)):
            return None
        prepared, h, c, shape, rows, back = found
        if state is not None:
            h, c = state if rows is None else _taken(state, rows)
        if rows is not None:
            x = x.take(rows, self._samples)
        y = np.empty(shape, FLOAT32) if out is None or rows is not None else out
        if self._samples == 0:
            final = prepared.call_into(x.swapaxes(0, 1), h, c, y.swapaxes(0, 1))
        else:
            final = prepared.call_into(x, h, c, y)
        if final is None:
            return None
        h, c = final
        if rows is not None:
            # Into the caller's array at once: with "clip", which no index needs, NumPy makes no copy first.
            y, h, c = y.take(back, self._samples, out, "clip"), h.take(back, 1), c.take(back, 1)
        return y, LSTMState(h, c)

    def _found(self, key: Any, x: Floats, counts: Any) -> Kept | None:
        """What is kept for calls of this shape and lengths, made now; None where they are not as usual."""
        config = self._weights.config
        if config.merge != "concat" or x.ndim != 3 or x.shape[2] != config.input_size or not x.size:
            return None
        samples = SampleOrder(config.batch_first, is_batched=True)
        steps, rows = samples.sizes_of(x.shape)
        active = None
        if counts is not None:
            found = arranged(samples, (steps, rows), counts)
            if found is None:
                return None
            samples, active = found
        layer = (steps, rows), None if active is None else active.tobytes()

        def prepare() -> _native.PreparedLayer:
            made = pattern(self._weights, (steps, rows), active, 0.0, keeps_input=False)
            return self._prepare(made)

        prepared = self._layers.of(layer, prepare)
        h, c = (array.reshape(-1, *array.shape[2:]) for array in states_of(config, rows))
        shape: Any = samples.shape_of(steps, rows, config.layer_size)
        kept = Kept(prepared, h, c, shape, samples.rows, samples.back)
        return self._calls.of(key, lambda: kept)


def _taken(state: LSTMState, rows: Any) -> tuple[Any, Any]:
    """States with rows in this order; None for one that has not so many."""
    h, c = state
    for array in (h, c):
        if type(array) is not np.ndarray or array.ndim != 3 or array.shape[1] != len(rows):
            return None, None
    return h.take(rows, 1), c.take(rows, 1)
