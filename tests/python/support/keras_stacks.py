"""A model of Keras whose LSTMs differ, and the files in `tests/keras` that Keras wrote of it.

`python tests/python/support/keras_stacks.py` writes `differing.keras`, `differing.h5` and `differing.npz`
again. That needs `pip install .[dev,oracles]`.
"""

from __future__ import annotations

from typing import Any

import keras_models
import numpy as np

FOLDER = keras_models.FOLDER
FILES = ("differing.keras", "differing.h5")
# Layers that are read as one stack, the lowest first, and how many LSTMs they are.
STACKS = {
    "top": (["wide", "product", "mean", "top"], 4),
    "reader": (["cells", "reader"], 4),
    "mean": (["product", "mean"], 2),
}


def model(keras: Any) -> Any:
    """LSTMs of different units, functions, biases and directions upon each other; random weights."""
    layers = keras.layers
    lstm, pair = layers.LSTM, layers.Bidirectional
    x = keras.Input((None, 3), name="x")
    found = {}
    y = lstm(5, return_sequences=True, name="wide")(x)
    y = pair(lstm(2, return_sequences=True, name="a"), merge_mode="mul", name="product")(y)
    y = layers.Dropout(0.5)(y)
    sharp = lstm(
        3, return_sequences=True, use_bias=False, activation="softsign",
        recurrent_activation="hard_sigmoid", name="b",
    )  # fmt: skip
    found["mean"] = y = pair(sharp, merge_mode="ave", name="mean")(y)
    found["top"] = lstm(1, return_sequences=True, name="top")(y)
    cells = [layers.LSTMCell(4), layers.LSTMCell(2, use_bias=False), layers.LSTMCell(3)]
    y = pair(layers.RNN(cells, return_sequences=True, name="c"), merge_mode="sum", name="cells")(x)
    found["reader"] = pair(lstm(2, return_sequences=True, name="d"), name="reader")(y)
    return keras_models.filled(keras.Model(x, found), 1.5)


def values(made: Any) -> dict[str, Any]:
    """An input, and the outputs that the model gives for it."""
    x = np.random.default_rng(1).normal(0, 1, (2, 6, 3)).astype(np.float32)
    return {"x": x, **{name: np.asarray(value) for name, value in made(x).items()}}


def write() -> None:
    """Write the files."""
    made = model(keras_models.imported())
    for name in FILES:
        made.save(FOLDER / name)
    np.savez(FOLDER / "differing.npz", **values(made))


if __name__ == "__main__":
    write()
