"""Keras' LSTM layers: files that Keras wrote, lists of arrays, cuDNN's format."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import keras_models
import numpy as np
import pytest
from bnns_lstm.formats import read_keras
from formats_tools import assert_same, random_stored
from keras_tools import arrays_of, by_sample, cudnn
from reference import Array

FOLDER = keras_models.FOLDER


# A file of weights alone does not know the activations, which in the layer `middle` are not the default ones.
RECORDED = [
    (file, layer, below)
    for file in keras_models.FILES
    for layer, below in (("bi", "x"), ("middle", "bi"), ("plain", "middle"))
    if (file, layer) != ("model.weights.h5", "middle")
]


@pytest.mark.parametrize(("file", "layer", "below"), RECORDED)
def test_layers_compute_what_keras_computed(file: str, layer: str, below: str) -> None:
    with np.load(FOLDER / "outputs.npz") as recorded:
        values = dict(recorded)
    stored = read_keras(FOLDER / file, layer)
    assert stored.bias == (layer != "plain")
    assert stored.bidirectional == (layer == "bi")
    np.testing.assert_allclose(by_sample(stored, values[below]), values[layer], atol=2e-6)


def test_activations_are_those_of_the_configuration() -> None:
    expected = dict.fromkeys(("input", "forget", "output"), bl.Activation.hard_sigmoid(1 / 6, 0.5))
    expected |= dict.fromkeys(("candidate", "hidden"), bl.Activation.relu())
    for file in keras_models.FILES[:2]:
        assert read_keras(FOLDER / file, "middle").activations == expected
    assert read_keras(FOLDER / keras_models.FILES[2], "middle").activations is None
    assert read_keras(FOLDER / keras_models.FILES[0], "bi").activations is None


def test_the_same_weights_are_in_all_files() -> None:
    for layer in ("bi", "plain"):
        first, *others = (read_keras(str(FOLDER / file), layer) for file in keras_models.FILES)
        for other in others:
            assert_same(other, first)


def test_the_layer_must_be_named() -> None:
    names = "'bi', 'middle', 'plain', 'back'"
    for layer in (None, "dense", [], ["bi", "dense"]):
        with pytest.raises(bl.WeightsError, match=f"names? of .*LSTM layers,? {names}"):
            read_keras(FOLDER / "model.keras", layer)


@pytest.mark.parametrize("file", keras_models.FILES[:2])
def test_a_layer_that_reads_in_reverse_gives_its_outputs_in_the_order_of_time(file: str) -> None:
    with np.load(FOLDER / "outputs.npz") as values:
        x, wanted = values["plain"], values["back"]
    found = by_sample(read_keras(FOLDER / file, "back"), x)
    np.testing.assert_allclose(found[:, ::-1], wanted, atol=1e-6)


def test_layers_that_differ_are_no_stack() -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(FOLDER / "model.keras", ["middle", "plain"])
    paths = [issue.path for issue in raised.value.issues]
    assert paths == ["plain: bias", "plain: activations"]


KINDS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"bidirectional": True},
    {"bidirectional": True, "bias": False},
    {"hidden_size": 1, "input_size": 1},
]


@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_arrays_are_read(kind: dict[str, Any]) -> None:
    stored = random_stored(batch_first=True, **kind)
    arrays = arrays_of(stored)
    found = read_keras(arrays)
    x = np.random.default_rng(2).normal(0, 1, (2, 5, stored.input_size)).astype(np.float32)
    np.testing.assert_allclose(by_sample(found, x), by_sample(stored, x), atol=1e-6)
    assert_same(found, stored, but=("parameters",))
    for name, array in found.parameters.items():
        assert array.flags.c_contiguous, name
        assert not any(np.shares_memory(array, other) for other in arrays)


def keras2_loader(kernels: Array, recurrent: Array, biases: Array) -> list[Array]:
    """The conversion of Keras 2's loader (`_convert_rnn_weights`), from its definition."""
    columns = [k.T.reshape(k.shape, order="F") for k in np.hsplit(kernels, 4)]
    others = [k.T for k in np.hsplit(recurrent, 4)]
    return [np.hstack(columns), np.hstack(others), np.sum(np.split(biases, 2), axis=0)]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_cudnns_format_is_known_by_its_bias(bidirectional: bool) -> None:
    stored = random_stored(batch_first=True, bidirectional=bidirectional)
    arrays = cudnn(stored)
    assert_same(read_keras(arrays), stored)
    plain = [array for i in range(0, len(arrays), 3) for array in keras2_loader(*arrays[i : i + 3])]
    x = np.random.default_rng(2).normal(0, 1, (2, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(by_sample(read_keras(plain), x), by_sample(stored, x), atol=1e-6)


def zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


GOOD = [zeros(3, 16), zeros(4, 16), zeros(16)]
ARRAYS: dict[str, tuple[Any, str]] = {
    "none": ([], "source: expected 2 or 3 arrays, or 4 or 6 for both directions, found 0"),
    "five": ([*GOOD, *GOOD[:2]], "or 4 or 6 for both directions, found 5"),
    "gru": ([zeros(3, 12), zeros(4, 12), zeros(12)], r"source\[1\]: .*, found \[4, 12\], a GRU"),
    "rnn": ([zeros(3, 4), zeros(4, 4)], r"source\[1\]: .* found \[4, 4\], a simple RNN"),
    "kernel": ([zeros(3, 15), *GOOD[1:]], r"source\[0\]: expected \[3, 16\], found \[3, 15\]"),
    "empty": ([zeros(0, 16), *GOOD[1:]], r"source\[0\]: expected \[1, 16\], found \[0, 16\]"),
    "bias": ([*GOOD[:2], zeros(17)], r"source\[2\]: expected \[16\], found \[17\]"),
    "two formats": ([*GOOD[:2], zeros(32), *GOOD], r"source\[5\]: expected \[32\], found \[16\]"),
    "backward": ([*GOOD, zeros(2, 16), *GOOD[1:]], r"source\[3\]: expected \[3, 16\], found \[2, 16\]"),
    "integers": ([GOOD[0].astype(int), *GOOD[1:]], r"source\[0\]: expected float16, .* found int64"),
    "objects": ([object(), *GOOD[1:]], r"source\[0\]: expected a tensor or an array of numbers"),
    "a number": (7, "source: expected a path, or a list of arrays as get_weights"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "message"), ARRAYS.values(), ids=ARRAYS.keys())
def test_arrays_that_do_not_fit_are_named(source: Any, message: str) -> None:
    with pytest.raises(bl.WeightsError, match=message):
        read_keras(source)


def test_a_layer_name_with_a_list_of_arrays_is_refused() -> None:
    with pytest.raises(
        bl.WeightsError, match="layer: expected None, as a list of arrays is one layer"
    ):
        read_keras(GOOD, layer="a")
