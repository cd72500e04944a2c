"""A model of Keras with a cell of its own that normalises, in files in `tests/python/data/keras`.

`KERAS_BACKEND=jax python tests/python/support/keras_norms.py` writes `normed.keras` and `normed.weights.h5`
again. That needs `keras`, `jax` and `h5py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_models

FOLDER = Path(__file__).parents[1] / "data" / "keras"
FILE, WEIGHTS = FOLDER / "normed.keras", FOLDER / "normed.weights.h5"


def model(keras: Any) -> Any:
    """A plain LSTM, a normalised one, and two normalised cells in both directions."""
    layers = keras.layers

    @keras.saving.register_keras_serializable("mine")
    class LayerNormLSTMCell(layers.LSTMCell):  # type: ignore[misc, name-defined]
        """Weights as those of an LSTM, and normalisations with weights of their own."""

        def build(self, shape: Any) -> None:
            super().build(shape)
            self.kernel_norm = layers.LayerNormalization()
            self.kernel_norm.build((None, 4 * self.units))

    def rnn(*cells: Any, **words: Any) -> Any:
        return layers.RNN(
            cells[0] if len(cells) == 1 else list(cells), return_sequences=True, **words
        )

    return keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.LSTM(2, name="plain", dropout=0.1, recurrent_dropout=0.2, return_sequences=True),
            rnn(LayerNormLSTMCell(2), name="normed"),
            layers.Bidirectional(rnn(layers.LSTMCell(2), LayerNormLSTMCell(2)), name="pair"),
        ]
    )  # fmt: skip


def write() -> None:
    """Write the files."""
    made = model(keras_models.imported())
    made.save(FILE)
    made.save_weights(WEIGHTS)


if __name__ == "__main__":
    write()
