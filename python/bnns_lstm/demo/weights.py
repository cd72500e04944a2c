"""All weights of a model as one vector, the arrays within it by name, and those of a `bl.LSTM`.

The optimiser sees the vector, files the arrays; they share their memory. Names and shapes are those of
the embedded model and of saved ones: one input, one layer, diagonal peepholes on three gates, a linear head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from bnns_lstm.config import GATES
from bnns_lstm.typing import Floats

__all__ = ["initial", "parameters", "shapes", "take", "views"]

# The gates that see the cell state: Gers and Schmidhuber, "Recurrent nets that time and count" (2000).
PEEPHOLES = tuple(gate for gate in GATES if gate != "candidate")
# What each gate has, and in which parameter of the module it is a block.
KINDS = {"iw0": "weight_ih_l0", "hw": "weight_hh_l0", "b": "bias_ih_l0", "cw": "weight_ch_l0"}


def shapes(hidden: int) -> dict[str, tuple[int, ...]]:
    """The shape of every array by name, in the vector's order."""
    table: dict[str, tuple[int, ...]] = {}
    for gate in GATES:
        table[f"{gate}.iw0"] = (1, 1, hidden, 1)
        table[f"{gate}.hw"] = (1, 1, hidden, hidden)
        table[f"{gate}.b"] = (1, 1, hidden)
        if gate in PEEPHOLES:
            table[f"{gate}.cw"] = (1, 1, hidden)
    table["head_weight"] = (hidden,)
    table["head_bias"] = (1,)
    return table


def views(vector: Floats, hidden: int) -> dict[str, Floats]:
    """The arrays within a vector, by name; nothing is copied."""
    arrays: dict[str, Floats] = {}
    start = 0
    for name, shape in shapes(hidden).items():
        end = start + math.prod(shape)
        arrays[name] = vector[start:end].reshape(shape)
        start = end
    return arrays


def initial(hidden: int, random: np.random.Generator) -> Floats:
    """A vector of weights to start from.

    The gates' matrices are uniform within 1 / sqrt(hidden), the forget gate's bias is 1, so that the cell
    remembers before it has learnt what to forget. All else is 0, the head as well: the first predictions
    are then the mean, and the head never has to unlearn a random one.
    """
    vector = np.zeros(sum(map(math.prod, shapes(hidden).values())), np.float32)
    limit = 1 / math.sqrt(hidden)
    for name, array in views(vector, hidden).items():
        if name.endswith((".iw0", ".hw")):
            array[...] = random.uniform(-limit, limit, array.shape)
        elif name == "forget.b":
            array[...] = 1
    return vector


def parameters(arrays: Mapping[str, Floats]) -> dict[str, Floats]:
    """The arrays by the names of `bl.LSTM`; what the model has not, such as a second bias, is 0."""
    hidden = arrays["head_weight"].size
    absent = np.zeros(hidden, np.float32)
    found = {
        name: np.concatenate([arrays.get(f"{gate}.{kind}", absent).ravel() for gate in GATES])
        for kind, name in KINDS.items()
    }
    matrices = {
        name: found[name].reshape(4 * hidden, -1) for name in ("weight_ih_l0", "weight_hh_l0")
    }
    return found | matrices | {"bias_hh_l0": np.zeros(4 * hidden, np.float32)}


def take(gradients: Mapping[str, Floats], arrays: Mapping[str, Floats]) -> None:
    """Write the gradients of a `bl.LSTM` over the arrays that the model has."""
    for kind, name in KINDS.items():
        for gate, block in zip(GATES, np.split(gradients[name], 4), strict=True):
            if f"{gate}.{kind}" in arrays:
                to = arrays[f"{gate}.{kind}"]
                to[...] = block.reshape(to.shape)
