"""Calls of every kind over the same LSTMs, each with arrays of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np

__all__ = ["KINDS", "Calls"]


class Calls:
    """One method for each kind; each gives the bytes of its results, the same every time."""

    def __init__(self) -> None:
        random = np.random.default_rng(7)
        self.lstm = bl.LSTM(24, 96, num_layers=2, seed=1)
        self.stack = bl.Stack(
            [bl.LSTM(24, 48, bidirectional=True, seed=2), bl.LSTM(96, 96, seed=3)]
        )
        self.x = random.standard_normal((40, 12, 24)).astype(np.float32)
        self.lengths = random.integers(1, 41, 12)

    def arguments(self) -> bl.LayerParametersLSTM:
        """A structure of its own over the weights of the LSTM."""
        return self.lstm.layer_parameters(self.x)

    def plain(self) -> bytes:
        y, state = self.lstm(self.x)
        return joined(y, *state)

    def lengths_in_any_order(self) -> bytes:
        y, state = self.lstm(self.x, lengths=self.lengths)
        return joined(y, *state)

    def out(self) -> bytes:
        out = np.empty((40, 12, 96), np.float32)
        self.lstm(self.x, out=out)
        return joined(out)

    def cells(self) -> bytes:
        return joined(self.lstm(self.x, return_cell_states=True)[2])

    def training(self) -> bytes:
        y, _, tape = self.lstm.forward(self.x, training=True, dropout_seed=5)
        found = self.lstm.backward(tape, y)
        return joined(y, found.input, *found.parameters.values())

    def stacked(self) -> bytes:
        y, _ = self.stack(self.x, lengths=self.lengths)
        return joined(y)

    def stacked_training(self) -> bytes:
        y, _, tape = self.stack.forward(self.x, training=True, dropout_seed=5)
        return joined(self.stack.backward(tape, y).input)

    def stream_of_steps(self) -> bytes:
        stream = self.lstm.stream(12)
        steps = [stream.step(x_t).copy() for x_t in self.x]
        return joined(*steps, *stream.state)

    def stream_of_chunks(self) -> bytes:
        stream = self.lstm.stream(12)
        return joined(stream.process(self.x[:30]), stream.process(self.x[30:]), *stream.state)

    def direct(self) -> bytes:
        params = self.arguments()
        bl.direct_apply_lstm_batch_training_caching(params)
        return joined(params.output_descriptor.data_desc)

    def prepared(self) -> bytes:
        params = self.arguments()
        layer = bl.prepare(params)
        layer.forward()
        layer.update_weights()
        layer.forward()
        return joined(params.output_descriptor.data_desc)

    def packing(self) -> bytes:
        self.lstm.update()
        y, _ = self.lstm(self.x)
        return joined(y)

    def first_call(self) -> bytes:
        lstm = bl.LSTM(24, 96, seed=4)
        bl.info()
        y, _ = lstm(self.x)
        return joined(y)


def joined(*arrays: Any) -> bytes:
    """The bytes of all arrays."""
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


KINDS: dict[str, Callable[[Calls], bytes]] = {
    kind.__name__: kind
    for kind in (
        Calls.plain, Calls.lengths_in_any_order, Calls.out, Calls.cells, Calls.training, Calls.stacked,
        Calls.stacked_training, Calls.stream_of_steps, Calls.stream_of_chunks, Calls.direct, Calls.prepared,
        Calls.packing, Calls.first_call,
    )
}  # fmt: skip
