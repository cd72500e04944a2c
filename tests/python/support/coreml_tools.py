"""Core ML models of `tests/python/data/coreml`, and what the format's description says that they compute.

Core ML runs on Apple's systems alone. So outputs are compared with its formulas (LSTMParams in
NeuralNetwork.proto), here in f64 on the arrays that coremltools was given, in the order of its builder: input,
forget, output, candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from bnns_lstm.formats.coreml.schema import model_class
from reference import Array

DATA = Path(__file__).parents[1] / "data" / "coreml"
FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid_hard": lambda x: np.minimum(np.maximum(0.2 * x + 0.5, 0), 1),
    "scaled_tanh": lambda x: 1.71 * np.tanh(2 / 3 * x),
}


@cache
def weights() -> dict[str, Array]:
    """The arrays that coremltools was given, by the names of models, directions and kinds."""
    with np.load(DATA / "weights.npz") as found:
        return dict(found)


def outputs(
    name: str,
    x: Array,
    *,
    state: tuple[Array, Array] | None = None,
    functions: tuple[str, str, str] = ("sigmoid", "tanh", "tanh"),
    clip: float = 50000.0,
    forget_bias: bool = False,
    coupled: bool = False,
    backwards: bool = False,
) -> Array:
    """Outputs [steps, batch, hidden] of one direction, in the order of time.

    Args:
        name: Of the arrays.
        x: Inputs [steps, batch, values].
        state: Initial h and c, each [batch, hidden].
        functions: Of the gates, the candidate and the hidden state.
        clip: The limit of cell states.
        forget_bias: Whether 1 is added to the forget gate's bias.
        coupled: Whether the forget gate is 1 - i.
        backwards: Whether steps are read from the last one on.
    """
    own = {
        key[len(name) + 1 :]: value.astype(np.float64)
        for key, value in weights().items()
        if key.startswith(f"{name}.")
    }
    f, g, h_of = (FUNCTIONS[one] for one in functions)
    hidden = own["W_h"].shape[1]
    h, c = np.zeros((2, x.shape[1], hidden)) if state is None else state
    b = own.get("b", np.zeros((4, hidden)))
    p = own.get("peep", np.zeros((3, hidden)))
    found = np.zeros((len(x), x.shape[1], hidden))

    def limited(kind: int, seen: Array, row: Array) -> Array:
        z = row @ own["W_x"][kind].T + h @ own["W_h"][kind].T + b[kind]
        return np.clip(z + (p[kind] * seen if kind < 3 else 0), -50, 50)

    b = b + np.outer([0, 1, 0, 0], np.ones(hidden)) * forget_bias
    for step in reversed(range(len(x))) if backwards else range(len(x)):
        row = x[step].astype(np.float64)
        i = f(limited(0, c, row))
        forget = 1 - i if coupled else f(limited(1, c, row))
        z = g(limited(3, c, row))
        c = np.clip(c * forget + i * z, -clip, clip)
        h = h_of(c) * f(limited(2, c, row))
        found[step] = h
    return found


def message(name: str) -> Any:
    """The message of a model of the data."""
    made = model_class()()
    made.ParseFromString((DATA / f"{name}.mlmodel").read_bytes())
    return made


def written(folder: Path, model: Any) -> Path:
    """A file of a message."""
    path = folder / "model.mlmodel"
    path.write_bytes(model.SerializeToString())
    return path
