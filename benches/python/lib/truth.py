"""The layer in f64: what the results of all engines are compared with.

In: a row and its arrays. Out: its results by the names of `cases.Way`. Plain products and loops over the
steps, gradients by the chain rule; it knows no engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from cases import Array, Arrays, Weights
from rows import Row

Wide = npt.NDArray[np.float64]

# Calls of a step before its results are compared: `CALLS_BEFORE_RESULTS` in `worker.py`.
STEPS = 3


def sigmoid(z: Wide) -> Any:
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


@dataclass
class Direction:
    """One direction of one layer, with what its steps saved.

    Attributes:
        w: Input weights `[4H, I]`.
        r: Hidden weights `[4H, H]`.
        b: Biases `[4H]`.
        order: The steps as they are read.
        active: Which samples have each step, `[T, B, 1]`.
        saved: By step: input, states before, gates i, f, g, o, and tanh of the new cell state.
    """

    w: Wide
    r: Wide
    b: Wide
    order: list[int]
    active: Wide
    saved: dict[int, tuple[Wide, ...]]

    def forward(self, x: Wide, h: Wide, c: Wide) -> tuple[Wide, Wide, Wide]:
        """Outputs `[T, B, H]`, zeros where a sample has ended, and final states."""
        y = np.zeros((len(x), *h.shape))
        for step in self.order:
            z = x[step] @ self.w.T + h @ self.r.T + self.b
            i, f, g, o = np.split(z, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            new = f * c + i * g
            t = np.tanh(new)
            self.saved[step] = (x[step], h, c, i, f, g, o, t)
            # A sample that has ended, or not begun from its end, keeps its states.
            is_active = self.active[step]
            h, c = np.where(is_active, o * t, h), np.where(is_active, new, c)
            y[step] = is_active * h
        return y, h, c

    def backward(self, dy: Wide) -> tuple[Wide, Wide, Wide, Wide]:
        """Gradients of inputs, of `w`, of `r`, and of `b`, where all samples have all steps."""
        dw, dr, db = np.zeros_like(self.w), np.zeros_like(self.r), np.zeros_like(self.b)
        dh = dc = np.zeros(dy.shape[1:])
        dx = np.zeros((*dy.shape[:2], self.w.shape[1]))
        for step in reversed(self.order):
            x, h, c, i, f, g, o, t = self.saved[step]
            dh = dh + dy[step]
            dc = dc + dh * o * (1 - t * t)
            gates = (dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g))
            dz = np.concatenate([*gates, dh * t * o * (1 - o)], axis=1)
            dx[step], dh, dc = dz @ self.w, dz @ self.r, dc * f
            dw += dz.T @ x
            dr += dz.T @ h
            db += dz.sum(axis=0)
        return dx, dw, dr, db


def direction(row: Row, weights: Weights, lengths: list[int], *, backwards: bool) -> Direction:
    """One direction, before its first step."""
    w, r, b = (array.astype(np.float64) for array in (weights.w, weights.r, weights.b))
    steps = np.arange(row.seq_len)
    active = (steps[:, None] < np.array(lengths)).astype(np.float64)[..., None]
    order = [int(step) for step in (reversed(steps) if backwards else steps)]
    return Direction(w, r, b, order, active, {})


def results(row: Row, arrays: Arrays) -> dict[str, Array]:
    """Outputs, in steps final states, in training all gradients, rounded to float32."""
    if row.kind == "peephole" or row.projection:
        raise ValueError(f"{row.name} has parts that are not computed here")
    x = arrays.x.astype(np.float64)
    layers = [
        [
            direction(row, weights, arrays.lengths, backwards=number == 1)
            for number, weights in enumerate(directions)
        ]
        for directions in arrays.weights
    ]
    h = c = np.zeros((row.batch, row.hidden))
    if row.kind == "step":
        for _ in range(STEPS):
            y, h, c = layers[0][0].forward(x, h, c)
        return rounded({"y": y, "h": h, "c": c})
    y = x
    for directions in layers:
        y = np.concatenate([one.forward(y, h, c)[0] for one in directions], axis=2)
    found = {"y": y}
    if row.kind == "train":
        if row.shortest:
            raise ValueError(f"{row.name}: gradients of ragged samples are not computed here")
        found |= gradients(layers, arrays.dy.astype(np.float64))
    return rounded(found)


def gradients(layers: list[list[Direction]], dy: Wide) -> dict[str, Wide]:
    """Those of weights by layer and direction, and of the input."""
    found = {}
    for layer, directions in reversed(list(enumerate(layers))):
        below = []
        for number, part in enumerate(np.split(dy, len(directions), axis=2)):
            dx, *own = directions[number].backward(part)
            below.append(dx)
            for name, value in zip(("dw", "dr", "db"), own, strict=True):
                found[f"{name}{layer}.{number}"] = value
        dy = np.sum(below, axis=0)
    return {"dx": dy, **found}


def rounded(found: dict[str, Wide]) -> dict[str, Array]:
    """The same in float32."""
    return {name: value.astype(np.float32) for name, value in found.items()}
