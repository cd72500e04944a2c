"""What Keras computes with a mask, and the file in `tests/keras` that holds it.

`python tests/python/support/keras_masks.py` writes it again. That needs `pip install .[dev,oracles]`.
"""

from __future__ import annotations

from typing import Any

import keras_models
import numpy as np

FILE = keras_models.FOLDER / "masks.npz"
MERGES = ("concat", "sum", "ave", "mul", None)
WIDTH, UNITS = 2, 3
# Padding before, after, on both sides and nowhere, and a sample that is nothing else.
MASK = np.array(
    [[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], np.bool_
)


def weights(random: np.random.Generator, directions: int) -> list[Any]:
    """As `get_weights()` has them."""
    shapes = [(WIDTH, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)] * directions
    return [random.normal(0, 0.6, shape).astype(np.float32) for shape in shapes]


def made(keras: Any) -> dict[str, Any]:
    """The input, the mask, and of each layer the weights (`lstm.0`, …), the output and the final states."""
    random = np.random.default_rng(0)
    x = random.normal(size=(*MASK.shape, WIDTH)).astype(np.float32)
    layer = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True)
    layer.build(x.shape)
    layer.set_weights(weights(random, 1))
    found = dict(zip(("lstm.y", "lstm.h", "lstm.c"), layer(x, mask=MASK), strict=True))
    found |= {f"lstm.{number}": array for number, array in enumerate(layer.get_weights())}
    for merge in MERGES:
        inner = keras.layers.LSTM(UNITS, return_sequences=True)
        both = keras.layers.Bidirectional(inner, merge_mode=merge)
        both.build(x.shape)
        both.set_weights(weights(random, 2))
        y = both(x, mask=MASK)
        found[f"{merge}.y"] = np.stack(y) if merge is None else y
        found |= {f"{merge}.{number}": array for number, array in enumerate(both.get_weights())}
    return {"x": x, "mask": MASK, **{name: np.asarray(array) for name, array in found.items()}}


if __name__ == "__main__":
    np.savez_compressed(FILE, **made(keras_models.imported()))
