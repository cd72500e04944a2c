"""A model of Keras for tests, and the files in `tests/keras` that Keras wrote of it.

`python tests/python/support/keras_models.py` writes them again. That needs `pip install .[dev,oracles]`.
"""

from __future__ import annotations

import importlib
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[2] / "keras"
FILES = ("model.keras", "model.h5", "model.weights.h5")
# Layers of the model, lowest first; the last one is an LSTM in reverse.
LAYERS = ("bi", "middle", "plain", "back")


def imported() -> Any:
    """Keras on its NumPy backend.

    Raises:
        ImportError: If it, or what its backend needs, is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "numpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("keras")


def model(keras: Any) -> Any:
    """LSTMs of several kinds above each other, with random weights."""
    lstm, bidirectional = keras.layers.LSTM, keras.layers.Bidirectional
    made = keras.Sequential(
        [
            keras.Input((None, 3)),
            bidirectional(lstm(4, return_sequences=True), name="bi"),
            lstm(
                4, name="middle", activation="relu", recurrent_activation="hard_sigmoid",
                return_sequences=True,
            ),
            keras.layers.Dropout(0.5),
            lstm(4, name="plain", use_bias=False, dropout=0.3, return_sequences=True),
            lstm(2, name="back", go_backwards=True, return_sequences=True),
            keras.layers.Dense(1),
        ]
    )  # fmt: skip
    return filled(made, 0.5)


def filled(made: Any, scale: float) -> Any:
    """The model with random weights, always the same ones; what has no axes is no weight."""
    random = np.random.default_rng(0)
    for variable in made.weights:
        if len(variable.shape):
            variable.assign(random.normal(0, scale, variable.shape))
    return made


def outputs(made: Any, x: Any) -> dict[str, Any]:
    """What each layer makes of the one below."""
    found = {"x": x}
    for layer in made.layers:
        x = np.asarray(layer(x))
        found[layer.name] = x
    return {name: value for name, value in found.items() if name in {"x", *LAYERS}}


def write() -> None:
    """Write the files."""
    made = model(imported())
    FOLDER.mkdir(exist_ok=True)
    for name in FILES[:2]:
        made.save(FOLDER / name)
    made.save_weights(FOLDER / FILES[2])
    x = np.random.default_rng(1).normal(0, 1, (2, 6, 3)).astype(np.float32)
    np.savez(FOLDER / "outputs.npz", **outputs(made, x))


if __name__ == "__main__":
    write()
