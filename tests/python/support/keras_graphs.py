"""A model of Keras with LSTMs in all places, and the files in `tests/keras/graphs` that Keras wrote of it.

`python tests/python/support/keras_graphs.py` writes `graph.keras`, `graph.h5`, `graph.weights.h5` and
`graph.npz` again. That needs `pip install .[dev,oracles]`. The other files there are of small models
with one thing each.
"""

from __future__ import annotations

from typing import Any

import keras_models
import numpy as np

FOLDER = keras_models.FOLDER / "graphs"
FILES = ("graph.keras", "graph.h5", "graph.weights.h5")
# What is read as one network, and the layer whose outputs it must give.
STACKS = {
    "high": ["low", "high"],
    "sum_high": ["sum_low", "sum_high"],
    "ave_high": ["ave_low", "ave_high"],
    "pair": ["pair"],
    "above": ["encoder/inner", "above"],
    "deep": ["encoder/inner", "above", "outer/middle/deep"],
    "one_cell": ["inner", "above", "middle/deep", "one_cell"],
    "words_high": ["words_low", "words_high"],
}


def model(keras: Any) -> Any:
    """LSTMs with harmless layers between, in models, in pairs, of cells; random weights."""
    layers = keras.layers
    lstm, pair = layers.LSTM, layers.Bidirectional
    x = keras.Input((None, 3), name="x")

    def several(name: str, **words: Any) -> Any:
        return lstm(4, return_sequences=True, name=name, **words)

    found = {}
    y = several("low")(x)
    for between in (
        layers.Dropout(0.5), layers.SpatialDropout1D(0.1), layers.GaussianNoise(0.1),
        layers.GaussianDropout(0.1), layers.AlphaDropout(0.1),
        layers.ActivityRegularization(0.1), layers.Activation("linear"),
        layers.Masking(7.0), layers.Identity(), layers.TimeDistributed(layers.Dropout(0.2)),
        keras.Sequential([keras.Input((None, 4)), layers.Dropout(0.3)], name="noise"),
    ):  # fmt: skip
        y = between(y)
    found["high"] = several("high")(y)
    for mode in ("sum", "ave"):
        y = pair(several(f"{mode}_inner"), merge_mode=mode, name=f"{mode}_low")(x)
        found[f"{mode}_high"] = pair(several(f"{mode}_top"), name=f"{mode}_high")(y)
    cells = layers.RNN([layers.LSTMCell(4), layers.LSTMCell(4)], return_sequences=True)
    found["pair"] = pair(cells, name="pair")(x)
    inner = keras.Input((None, 3))
    encoder = keras.Model(
        inner, [layers.Dropout(0.1)(several("inner")(inner)), inner], name="encoder"
    )
    found["above"] = several("above")(encoder(x)[0])
    middle = keras.Sequential([keras.Input((None, 4)), several("deep")], name="middle")
    inner = keras.Input((None, 4))
    outer = keras.Model(inner, middle(layers.Dropout(0.2)(inner)), name="outer")
    found["deep"] = outer(layers.Dropout(0.1)(found["above"]))
    found["one_cell"] = layers.RNN(layers.LSTMCell(4), return_sequences=True, name="one_cell")(
        found["deep"]
    )
    words = keras.Input((2, None, 3), name="words")
    y = layers.TimeDistributed(several("words_inner"), name="words_low")(words)
    y = layers.TimeDistributed(layers.Dropout(0.1))(y)
    found["words_high"] = layers.TimeDistributed(several("words_top"), name="words_high")(y)
    return keras_models.filled(keras.Model([x, words], found), 0.5)


def values(made: Any) -> dict[str, Any]:
    """Inputs, and the outputs that the model gives for them."""
    random = np.random.default_rng(1)
    x = random.normal(0, 1, (2, 6, 3)).astype(np.float32)
    words = random.normal(0, 1, (2, 2, 5, 3)).astype(np.float32)
    outputs = {name: np.asarray(value) for name, value in made([x, words]).items()}
    return {"x": x, "words": words, **outputs}


def write() -> None:
    """Write the files."""
    made = model(keras_models.imported())
    for name in FILES[:2]:
        made.save(FOLDER / name)
    made.save_weights(FOLDER / FILES[2])
    np.savez(FOLDER / "graph.npz", **values(made))


if __name__ == "__main__":
    write()
