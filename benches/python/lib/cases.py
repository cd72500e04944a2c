"""What an engine is given for a row, and what it gives back.

In: a `Row`. Out: its `Arrays`, the same in every process. Each engine turns them into one `Way` or several;
the worker times the fastest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from rows import Row

Array = npt.NDArray[np.float32]

# Rows of stacked weights: four gates of H units each, in this order.
GATES = ("input", "forget", "candidate", "output")


class Unsupported(Exception):  # noqa: N818
    """An engine does not compute this row; the text says why."""


@dataclass(frozen=True)
class Weights:
    """One direction of one layer, gates stacked in the order of `GATES`.

    Attributes:
        w: Input weights `[4H, I]`.
        r: Hidden weights `[4H, P]`; P is H without a projection.
        b: Biases `[4H]`.
        p: Diagonal peepholes `[4H]` (zeros for the candidate gate), or None.
        hr: Weights of the projection `[P, H]`, or None.
    """

    w: Array
    r: Array
    b: Array
    p: Array | None = None
    hr: Array | None = None

    def stacked(self, field_name: str, order: str) -> Array:
        """A field with its gates in another order, named by first letters, such as `iofc`."""
        value = cast("Array", getattr(self, field_name))
        parts = np.split(value, len(GATES))
        places = [[gate[0] for gate in GATES].index(letter) for letter in order]
        return cast("Array", np.concatenate([parts[place] for place in places]))


@dataclass(frozen=True)
class Arrays:
    """All arrays of a row.

    Attributes:
        x: Inputs `[T, B, I]`.
        dy: Gradients of the outputs, `[T, B, D * P]`; zeros beyond a sample's end.
        weights: By layer, then by direction.
        lengths: Steps of each sample, descending.
    """

    x: Array
    dy: Array
    weights: list[list[Weights]]
    lengths: list[int]

    def masked(self, y: Array) -> Array:
        """An output `[T, B, ...]` with zeros beyond each sample's end."""
        result: Array = y.copy()
        for sample, length in enumerate(self.lengths):
            result[length:, sample] = 0
        return result


@dataclass(frozen=True)
class Way:
    """One way in which an engine computes a row.

    Attributes:
        call: What is timed.
        results: The results of the last call, by name: `y`, `h` and `c` (steps only), or gradients: `dx`,
            and `dw`, `dr`, `db` with numbers of layer and direction, gates stacked in the order of `GATES`;
            with a projection `dhr`.
        name: Told in the report.
        keep: What must stay alive.
    """

    call: Callable[[], Any]
    results: Callable[[], dict[str, Array]]
    name: str = ""
    keep: Sequence[Any] = field(default=())


def arrays_of(row: Row) -> Arrays:
    """Random arrays, drawn from the row's sizes alone."""
    seed = [row.seq_len, row.batch, row.hidden, row.width, row.layers]
    random = np.random.default_rng(seed)
    units, bound = 4 * row.hidden, row.hidden**-0.5

    def draw(*shape: int) -> Array:
        return random.uniform(-bound, bound, shape).astype(np.float32)

    def normal(*shape: int) -> Array:
        return random.standard_normal(shape, dtype=np.float32)

    def weights(layer: int) -> Weights:
        w, r, b = draw(units, row.layer_width(layer)), draw(units, row.outputs), draw(units)
        if row.projection:
            return Weights(w, r, b, hr=draw(row.projection, row.hidden))
        if row.kind != "peephole":
            return Weights(w, r, b)
        p = draw(units)
        p[2 * row.hidden : 3 * row.hidden] = 0
        return Weights(w, r, b, p)

    plain = Arrays(
        x=normal(row.seq_len, row.batch, row.width),
        dy=normal(row.seq_len, row.batch, row.directions * row.outputs),
        weights=[[weights(layer) for _ in range(row.directions)] for layer in range(row.layers)],
        lengths=row.lengths(),
    )
    return Arrays(plain.x, plain.masked(plain.dy), plain.weights, plain.lengths)
