"""The layer in NumPy and f64, written from its definition: plain loops, obviously right, slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import bnns_lstm as bl
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
GATES = ("input", "forget", "candidate", "output")


def activate(activation: bl.Activation, x: Array) -> Array:
    """The function of BNNS with this number, on f64."""
    a, b = float(np.float32(activation.alpha)), float(np.float32(activation.beta))
    e = np.exp
    with np.errstate(all="ignore"):
        return {
            0: lambda: x,
            1: lambda: np.maximum(x, 0),
            2: lambda: np.where(x < 0, a * x, x),
            3: lambda: 1 / (1 + e(-x)),
            4: lambda: np.tanh(x),
            5: lambda: a * np.tanh(b * x),
            6: lambda: np.abs(x),
            7: lambda: a * x,
            8: lambda: np.minimum(np.maximum(x, a), b),
            12: lambda: x / 2 * (1 + np.tanh(a * (x + b * x**3))),
            15: lambda: np.maximum(0, np.minimum(1, a * x + b)),
            16: lambda: a * np.logaddexp(0, b * x),
            17: lambda: x / (1 + np.abs(x)),
            18: lambda: np.where(x < 0, a * np.expm1(x), x),
            19: lambda: np.where(x < 0, np.minimum(a * x, b), np.minimum(x, b)),
            20: lambda: a * x + b,
            22: lambda: -np.logaddexp(0, -x),
            23: lambda: 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * np.expm1(x), x),
            24: lambda: np.where(x < 0, a * np.expm1(x / a), x),
            25: lambda: np.where(np.abs(x) < abs(a), 0, x),
            26: lambda: np.where(np.abs(x) < abs(a), 0, x - np.copysign(a, x)),
            27: lambda: x - np.tanh(x),
            28: lambda: np.where(x <= a, b, x),
            30: lambda: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
            31: lambda: x / (1 + e(-x)),
        }[int(activation.function)]()


@dataclass
class Layer:
    """A layer and its inputs; arrays as in `tests/golden/README.md`, missing where absent.

    `projection` is [L, D, P, H], the matrix that makes a hidden state of a unit's outputs.
    """

    arrays: dict[str, Array]
    activations: dict[str, bl.Activation]
    hidden_size: int
    num_layers: int
    directions: int
    extensions: bl.LSTMExtensions = field(default_factory=bl.LSTMExtensions)

    @property
    def seq_len(self) -> int:
        return int(self.arrays["x"].shape[0])

    @property
    def batch(self) -> int:
        return int(self.arrays["x"].shape[1])

    @property
    def outputs(self) -> int:
        """Values of a hidden state."""
        found = self.arrays.get("projection")
        return self.hidden_size if found is None else int(found.shape[2])

    @property
    def state_shape(self) -> tuple[int, int, int, int]:
        """Of a cell state."""
        return (self.num_layers, self.directions, self.batch, self.hidden_size)

    @property
    def hidden_shape(self) -> tuple[int, int, int, int]:
        """Of a hidden state."""
        return (*self.state_shape[:3], self.outputs)


def forward(
    layer: Layer, mask: Array | None = None, largest: float | None = None
) -> tuple[Array, Array, Array]:
    """Output [S, N, D*P] and final states [L, D, N, P] and [L, D, N, H], in f64; P is H without projection.

    `mask` holds the factors of dropout, [L - 1, S, N, D*P]. OverflowError if any state of any step is beyond
    `largest`, or is no number.
    """
    arrays = {
        name: value if name == "batch_sizes" else value.astype(np.float64)
        for name, value in layer.arrays.items()
    }
    steps, batch, width = layer.seq_len, layer.batch, layer.outputs
    active = arrays.get("batch_sizes", np.full(steps, batch))
    lengths = [int(np.sum(active > sample)) for sample in range(batch)]
    h_last = np.array(arrays.get("h0", np.zeros(layer.hidden_shape)))
    c_last = np.array(arrays.get("c0", np.zeros(layer.state_shape)))
    below = arrays["x"]
    for number in range(layer.num_layers):
        above = np.zeros((steps, batch, layer.directions * width))
        for direction in range(layer.directions):
            for sample, length in enumerate(lengths):
                place = (number, direction, sample)
                h, c = h_last[place], c_last[place]
                is_forward = direction == 0 and not layer.extensions.reverse
                order = range(length) if is_forward else reversed(range(length))
                for step in order:
                    h, c = cell(layer, arrays, (number, direction), below[step, sample], h, c)
                    if largest is not None and not np.abs([*h, *c]).max() <= largest:
                        raise OverflowError(f"a state is beyond {largest}")
                    above[step, sample, direction * width : (direction + 1) * width] = h
                h_last[place], c_last[place] = h, c
        is_last = number + 1 == layer.num_layers
        below = above if mask is None or is_last else above * mask[number]
    return below, h_last, c_last


def cell(
    layer: Layer,
    arrays: dict[str, Array],
    place: tuple[int, int],
    x: Array,
    h: Array,
    c: Array,
) -> tuple[Array, Array]:
    """One step of one sample: new hidden and new cell state."""
    number, direction = place

    def gate(name: str, seen: Array) -> Array:
        part = ("iw0", 0) if number == 0 else ("iw1", number - 1)
        z = arrays[f"{name}.{part[0]}"][part[1], direction] @ x
        z = z + arrays[f"{name}.hw"][place] @ h
        if f"{name}.b" in arrays:
            z = z + arrays[f"{name}.b"][place]
        if f"{name}.cw" in arrays:
            peephole = arrays[f"{name}.cw"][place]
            z = z + (peephole * seen if peephole.ndim == 1 else peephole @ seen)
        return activate(layer.activations[name], limited(z, more.gate_clip))

    more = layer.extensions
    if more.coupled == "forget":
        i = gate("input", c)
        f = 1 - i
    elif more.coupled == "input":
        f = gate("forget", c)
        i = 1 - f
    else:
        i, f = gate("input", c), gate("forget", c)
    new_c = limited(f * c + i * gate("candidate", c), more.cell_clip)
    seen = limited(new_c, more.gate_clip if more.gate_clip_hidden else None)
    h = gate("output", new_c) * activate(layer.activations["hidden"], seen)
    return arrays["projection"][place] @ h if "projection" in arrays else h, new_c


def limited(values: Array, clip: float | None) -> Array:
    """Values limited in both directions."""
    return values if clip is None else np.clip(values, -clip, clip)
