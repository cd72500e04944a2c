"""Keras itself as an oracle, where it is installed: `pip install .[dev,oracles]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import keras_graphs
import keras_models
import keras_stacks
import numpy as np
import pytest
from bnns_lstm.formats import read_keras, write_keras
from formats_tools import assert_same, random_stored
from keras_tools import by_sample

# Keras' NumPy backend warns about NumPy's newer versions.
pytestmark = pytest.mark.filterwarnings("ignore")
FOLDER = keras_models.FOLDER


@pytest.fixture(scope="module")
def keras() -> Any:
    try:
        return keras_models.imported()
    except ImportError:
        pytest.skip("Keras is not installed, or what its backend needs")


FUNCTIONS = [
    "celu", "elu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear",
    "log_sigmoid", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softplus", "softsign",
    "swish", "tanh", "tanh_shrink",
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_keras_computes_the_same_with_each_activation(
    keras: Any, function: str, tmp_path: Path
) -> None:
    lstm = keras.layers.LSTM(
        4, activation=function, recurrent_activation=function, return_sequences=True
    )
    made = keras.Sequential([keras.Input((None, 3)), lstm])
    random = np.random.default_rng(0)
    for variable in made.weights:
        variable.assign(random.normal(0, 0.5, variable.shape))
    made.save(tmp_path / "a.keras")
    x = random.normal(0, 1, (2, 3, 3)).astype(np.float32)
    found = by_sample(read_keras(tmp_path / "a.keras"), x)
    np.testing.assert_allclose(found, np.asarray(made(x)), rtol=1e-5, atol=1e-5)


def test_keras_computes_the_same_for_the_recorded_model(keras: Any, tmp_path: Path) -> None:
    made = keras_models.model(keras)
    with np.load(FOLDER / "outputs.npz") as recorded:
        values = dict(recorded)
    for name, output in keras_models.outputs(made, values["x"]).items():
        np.testing.assert_allclose(output, values[name], atol=1e-6)
    made.save(tmp_path / "a.keras")
    for layer in ("bi", "middle", "plain"):
        assert_same(
            read_keras(tmp_path / "a.keras", layer), read_keras(FOLDER / "model.keras", layer)
        )


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_keras_dtypes_bfloat16_and_float64_become_float32(
    keras: Any, dtype: str, tmp_path: Path
) -> None:
    made = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, dtype=dtype)])
    if len(made.get_weights()) != 3:
        pytest.skip("this version of Keras does not finish a layer of this type")
    made.save(tmp_path / "a.keras")
    kernel = np.asarray(made.get_weights()[0]).astype(np.float32)
    np.testing.assert_array_equal(
        read_keras(tmp_path / "a.keras").parameters["weight_ih_l0"], kernel.T
    )


def test_keras_computes_the_same_for_the_recorded_graph(keras: Any, tmp_path: Path) -> None:
    made = keras_graphs.model(keras)
    with np.load(keras_graphs.FOLDER / "graph.npz") as recorded:
        values = dict(recorded)
    for name, output in keras_graphs.values(made).items():
        np.testing.assert_allclose(output, values[name], atol=1e-6)
    made.save(tmp_path / "a.keras")
    for names in keras_graphs.STACKS.values():
        assert_same(
            read_keras(tmp_path / "a.keras", names),
            read_keras(keras_graphs.FOLDER / "graph.keras", names),
        )


@pytest.mark.parametrize("mode", ["concat", "sum", "ave", "mul", None])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_computes_the_same_with_each_merge_mode(
    keras: Any, mode: str | None, suffix: str, tmp_path: Path
) -> None:
    def pair(merge: str | None, name: str) -> Any:
        inner = keras.layers.LSTM(4, return_sequences=True)
        return keras.layers.Bidirectional(inner, merge_mode=merge, name=name)

    x = keras.Input((None, 3))
    y = pair(mode, "high")(keras.layers.Dropout(0.5)(pair("ave", "low")(x)))
    made = keras.Model(x, y)
    made.save(tmp_path / f"a{suffix}")
    lstm = bl.LSTM.from_keras(tmp_path / f"a{suffix}", ["low", "high"])
    assert lstm.config.merge == mode
    given = np.random.default_rng(0).normal(0, 1, (2, 5, 3)).astype(np.float32)
    for one, other in zip(lstm(given)[0], made(given), strict=True):
        np.testing.assert_allclose(one, np.asarray(other), atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_keras_repeats_the_last_output_or_gives_zeros_where_steps_are_masked(
    keras: Any, bidirectional: bool
) -> None:
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (3, 6, 3)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0]], bool)
    layer = keras.layers.LSTM(4, return_sequences=True, return_state=True)
    layer = keras.layers.Bidirectional(layer) if bidirectional else layer
    wanted, *states = (np.asarray(value) for value in layer(x, mask=mask))
    y, (h, c) = bl.LSTM.from_keras(layer.get_weights())(x, mask=mask)
    np.testing.assert_allclose(y[mask], wanted[mask], atol=1e-6)
    for one, other in zip((*h, *c), [*states[::2], *states[1::2]], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert not y[~mask].any()
    if not bidirectional:
        np.testing.assert_array_equal(wanted[0, 4], wanted[0, 3])


def test_keras_computes_the_same_for_layers_that_differ(keras: Any, tmp_path: Path) -> None:
    made = keras_stacks.model(keras)
    made.save(tmp_path / "a.keras")
    wanted = keras_stacks.values(made)
    for top in ("top", "reader"):
        names, _ = keras_stacks.STACKS[top]
        stack = bl.Stack.from_keras(tmp_path / "a.keras", names)
        np.testing.assert_allclose(stack(wanted["x"])[0], wanted[top], rtol=1e-5, atol=1e-6)
    layers = [made.get_layer(name) for name in keras_stacks.STACKS["top"][0]]
    stack = bl.Stack.from_keras(tmp_path / "a.keras", keras_stacks.STACKS["top"][0])
    for layer, arrays in zip(layers, stack.to_keras(), strict=True):
        for one, other in zip(layer.get_weights(), arrays, strict=True):
            np.testing.assert_array_equal(one, other)
        layer.set_weights([array / 2 for array in arrays])
    stack.load_state_dict({name: array / 2 for name, array in stack.state_dict().items()})
    again = keras_stacks.values(made)["top"]
    np.testing.assert_allclose(stack(wanted["x"])[0], again, rtol=1e-5, atol=1e-6)
    assert not np.allclose(again, wanted["top"], atol=1e-2)


KINDS: list[dict[str, Any]] = [
    {},
    {"num_layers": 3, "bias": False},
    {"num_layers": 2, "bidirectional": True},
]


@pytest.mark.parametrize("kind", KINDS)
def test_keras_layers_take_the_weights_that_are_written(keras: Any, kind: dict[str, Any]) -> None:
    stored = random_stored(batch_first=True, **kind)
    written = write_keras(stored)
    layers = []
    for _ in written:
        layer = keras.layers.LSTM(4, use_bias=stored.bias, return_sequences=True)
        layers.append(keras.layers.Bidirectional(layer) if stored.bidirectional else layer)
    made = keras.Sequential([keras.Input((None, 3)), *layers])
    for layer, arrays in zip(layers, written, strict=True):
        layer.set_weights(arrays)
    x = np.random.default_rng(0).normal(0, 1, (2, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(by_sample(stored, x), np.asarray(made(x)), atol=1e-6)
    for layer, arrays in zip(layers, written, strict=True):
        for one, other in zip(layer.get_weights(), arrays, strict=True):
            np.testing.assert_array_equal(one, other)
