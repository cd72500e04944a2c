"""A model of Keras whose LSTMs read backwards, and what Keras wrote of it to `tests/python/data/keras`.

`KERAS_BACKEND=jax python tests/python/support/keras_backwards.py` writes `backwards.keras` and `backwards.npz`
again. That needs `keras`, `jax` and `h5py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_models
import numpy as np

FOLDER = Path(__file__).parents[1] / "data" / "keras"
FILE, VALUES = FOLDER / "backwards.keras", FOLDER / "backwards.npz"
# Layers that read the input themselves.
SEQUENCES, FINAL = ("plain", "cells"), ("final",)
# Padding after, before, on both sides and nowhere, and a sample that is nothing else.
MASK = np.array(
    [[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], np.bool_
)


def model(keras: Any) -> Any:
    """Layers with `go_backwards` alone, below another layer and above one; random weights."""
    layers = keras.layers
    x = keras.Input((None, 2), name="x")
    back = {"go_backwards": True, "return_sequences": True}
    found = {"plain": layers.LSTM(3, name="plain", **back)(x)}
    final = layers.LSTM(
        3, name="final", go_backwards=True, use_bias=False, activation="softsign", recurrent_activation="relu",
    )  # fmt: skip
    found["final"] = final(x)
    cells = [layers.LSTMCell(3), layers.LSTMCell(3)]
    found["cells"] = layers.RNN(cells, name="cells", **back)(x)
    found["above"] = layers.LSTM(2, name="above", return_sequences=True)(found["plain"])
    low = layers.LSTM(3, name="low", return_sequences=True)(x)
    found["top"] = layers.LSTM(2, name="top", **back)(low)
    return keras_models.filled(keras.Model(x, found), 0.6)


def values(made: Any) -> dict[str, Any]:
    """An input, what the model gives for it, and what layers give with a mask."""
    x = np.random.default_rng(1).normal(0, 1, (*MASK.shape, 2)).astype(np.float32)
    found = {name: np.asarray(value) for name, value in made(x).items()}
    for name in (*SEQUENCES, *FINAL):
        found[f"{name}.masked"] = np.asarray(made.get_layer(name)(x, mask=MASK))
    return {"x": x, "mask": MASK, **found}


def write() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    made = model(keras_models.imported())
    made.save(FILE)
    np.savez_compressed(VALUES, **values(made))


if __name__ == "__main__":
    write()
