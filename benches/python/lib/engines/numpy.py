"""Plain NumPy: one product for all inputs of a layer, then a loop over the steps. Forward only."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import Array, Arrays, Unsupported, Way, Weights
from rows import Row

DISTRIBUTION = "numpy"


def sigmoid(z: Array) -> Any:
    """1 / (1 + exp(-z))."""
    return np.float32(1) / (np.float32(1) + np.exp(-z))


class Direction:
    """One direction of one layer, weights transposed once."""

    def __init__(self, weights: Weights, active: list[int], *, backwards: bool) -> None:
        self.w = weights.w.T.copy()
        self.r = weights.r.T.copy()
        self.b = weights.b
        self.p = None if weights.p is None else np.split(weights.p, 4)
        self.active = active
        self.backwards = backwards

    def step(self, z: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """New states from the projected inputs `[B, 4H]` and the old states."""
        i, f, g, o = np.split(z + h @ self.r, 4, axis=1)
        if self.p is None:
            new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            return sigmoid(o) * np.tanh(new), new
        new = sigmoid(f + self.p[1] * c) * c + sigmoid(i + self.p[0] * c) * np.tanh(g)
        return sigmoid(o + self.p[3] * new) * np.tanh(new), new

    def run(self, x: Array, y: Array) -> None:
        """All steps from zero states; samples end in the order of their numbers, last one first."""
        z = x @ self.w + self.b
        h = c = np.zeros(y.shape[1:], np.float32)
        steps = range(len(x))
        for step in reversed(steps) if self.backwards else steps:
            n = self.active[step]
            h, c = self.step(z[step, :n], h[:n], c[:n])
            y[step, :n] = h


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`. The number of threads is that of NumPy's matrix library, set by the environment."""
    del threads
    if row.kind == "train":
        raise Unsupported("no gradients")
    if row.projection:
        raise Unsupported("no projections")
    if row.shortest and row.bidirectional:
        raise Unsupported("no samples of different lengths in both directions")
    active = row.active()
    layers = [
        [
            Direction(weights, active, backwards=number == 1)
            for number, weights in enumerate(directions)
        ]
        for directions in arrays.weights
    ]
    return [
        step_way(layers[0][0], arrays) if row.kind == "step" else sequence_way(row, arrays, layers)
    ]


def step_way(direction: Direction, arrays: Arrays) -> Way:
    """One step; the states are replaced."""
    hidden = direction.r.shape[0]
    h, c = (np.zeros((1, hidden), np.float32) for _ in range(2))
    x = arrays.x[0]

    def call() -> None:
        h[:], c[:] = direction.step(x @ direction.w + direction.b, h, c)

    return Way(call, lambda: {"y": h[None].copy(), "h": h, "c": c})


def sequence_way(row: Row, arrays: Arrays, layers: list[list[Direction]]) -> Way:
    """A whole sequence, layer by layer."""
    shape = (row.seq_len, row.batch, row.directions, row.hidden)
    outputs = [np.zeros(shape, np.float32) for _ in layers]

    def call() -> None:
        x = arrays.x
        for directions, y in zip(layers, outputs, strict=True):
            for number, direction in enumerate(directions):
                direction.run(x, y[:, :, number])
            x = y.reshape(*shape[:2], -1)

    return Way(call, lambda: {"y": outputs[-1].reshape(*shape[:2], -1)})
