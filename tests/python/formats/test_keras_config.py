"""What configurations of Keras' layers say: files of Keras 2, stacks, what has no equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_keras
from formats_tools import assert_same, random_stored
from keras_tools import arrays_of, by_sample, cudnn, keras2, lstm, pair


def test_keras_2_files_are_read(tmp_path: Path) -> None:
    stored = random_stored(batch_first=True)
    other = random_stored(1, batch_first=True, bidirectional=True, input_size=4)
    both = pair({"class_name": "CuDNNLSTM", "config": {"units": 4}})
    layers = {
        "plain": (lstm(recurrent_activation="hard_sigmoid", unit_forget_bias=True), cudnn(stored)),
        "pair": (both, cudnn(other)),
        "dense": ({"class_name": "Dense", "config": {}}, [np.zeros((4, 4), np.float32)]),
    }
    whole = keras2(tmp_path / "model.h5", layers)
    found = read_keras(whole, "plain")
    assert found.activations is not None
    assert found.activations["output"] == bl.Activation.hard_sigmoid(0.2, 0.5)
    assert_same(found, stored, but=("activations", "parameters"))
    assert_same(read_keras(whole, "pair"), other)
    alone = keras2(
        tmp_path / "weights.h5", {name: (None, arrays) for name, (_, arrays) in layers.items()}
    )
    assert_same(read_keras(alone, "plain"), stored)
    assert_same(read_keras(alone, "pair"), other)


def test_layers_by_name_are_a_stack(tmp_path: Path) -> None:
    low, high = random_stored(batch_first=True), random_stored(1, batch_first=True, input_size=4)
    layers = {
        "low": (lstm(return_sequences=True), arrays_of(low)),
        "high": (lstm(), arrays_of(high)),
    }
    stored = read_keras(keras2(tmp_path / "a.h5", layers), ["low", "high"])
    assert (stored.num_layers, stored.input_size) == (2, 3)
    x = np.random.default_rng(2).normal(0, 1, (2, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(by_sample(stored, x), by_sample(high, by_sample(low, x)), atol=1e-6)
    with pytest.raises(
        bl.WeightsError, match="high: return_sequences: expected true for all layers"
    ):
        read_keras(tmp_path / "a.h5", ["high", "low"])


CUSTOM = {"module": "mine", "class_name": "function", "config": "relu"}
STORED = {"module": "keras.activations", "class_name": "function", "config": "relu"}
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "reverse": (lstm(go_backwards="yes"), ["a: go_backwards: expected true or false, found 'yes'"]),
    "unknown": (lstm(peephole=True), ["a: peephole: expected only the fields of an LSTM, found True"]),
    "gelu": (lstm(activation="gelu"), ["a: activation: expected a function that has an equal here"]),
    "custom": (lstm(activation=CUSTOM), ["a: activation: expected a function that has an equal here"]),
    "a list": (lstm(activation=["relu"]), ["a: activation: expected a function that has an equal"]),
    "units": (lstm(units=5), ["kernel:0: expected 5 units, as the configuration says, found 4"]),
    "units as text": (lstm(units="4"), ["a: units: expected an integer, found '4'"]),
    "a flag": (lstm(use_bias=1), ["a: use_bias: expected true or false, found 1"]),
    "no bias": (lstm(use_bias=False), ["a: expected 2 arrays, found 3"]),
    "a pair": (pair(lstm()), ["a: expected 6 arrays, found 3"]),
    "max": (pair(lstm(), merge_mode="max"), ["a: merge_mode: expected 'concat', 'sum', 'ave', 'mul' or none"]),
    "backward forward": (
        pair(lstm(), backward_layer=lstm(go_backwards=False)),
        ["a.backward_layer: go_backwards: expected true (the layer backward reads in reverse), found false"],
    ),
    "uneven": (
        pair(lstm(), backward_layer=lstm(go_backwards=True, activation="relu")),
        ["a.backward_layer: activations: expected candidate=Activation(TANH, alpha=1.0, beta=1.0), hidden=Act"],
    ),
    "uneven units": (
        pair(lstm(units=4), backward_layer=lstm(go_backwards=True, units=5)),
        ["a.backward_layer: units: expected 4, as in the layer forward; the arrays of each"],
    ),
    "backward gru": (
        pair(lstm(), backward_layer={"class_name": "GRU", "config": {}}),
        ["a.backward_layer: expected an LSTM, found 'GRU'"],
    ),
    "cudnn": ({"class_name": "CuDNNLSTM", "config": {}}, ["bias:0: expected [32], as a CuDNNLSTM has it"]),
    "all": (
        lstm(go_backwards=1, activation="mish", recurrent_activation="gelu", cell_clip=3),
        ["a: cell_clip", "a: go_backwards", "a: recurrent_activation", "a: activation"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("config", "messages"), BAD.values(), ids=BAD.keys())
def test_unsupported_configurations_are_refused_by_name(
    config: dict[str, Any], messages: list[str], tmp_path: Path
) -> None:
    path = keras2(tmp_path / "a.h5", {"a": (config, arrays_of(random_stored()))})
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(path)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


def test_the_slope_of_hard_sigmoid_depends_on_the_version(tmp_path: Path) -> None:
    layers = {
        "a": (
            lstm(recurrent_activation="hard_sigmoid", activation=STORED),
            arrays_of(random_stored()),
        )
    }
    for version, slope in (("1.2.2", 0.2), ("2.15.0", 0.2), ("3.5.0", 1 / 6)):
        activations = read_keras(keras2(tmp_path / "a.h5", layers, version)).activations
        assert activations is not None
        assert activations["input"] == bl.Activation.hard_sigmoid(slope, 0.5)
        assert activations["hidden"] == bl.Activation.relu()
    for version in (None, "4.0"):
        with pytest.raises(
            bl.WeightsError, match="a: recurrent_activation: expected the version of Keras"
        ):
            read_keras(keras2(tmp_path / "a.h5", layers, version))


def test_time_major_is_not_batch_first(tmp_path: Path) -> None:
    layers = {"a": (lstm(time_major=True), arrays_of(random_stored()))}
    assert not read_keras(keras2(tmp_path / "a.h5", layers)).batch_first
