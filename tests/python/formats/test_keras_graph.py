"""What stands between the layers of a stack in Keras' models: graphs of Keras 2 and 3, made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import h5py
import numpy as np
import pytest
from bnns_lstm.formats import read_keras
from formats_tools import assert_same, random_stored
from keras_tools import arrays_of, by_sample, keras2, lstm

LOW, HIGH = random_stored(batch_first=True), random_stored(1, batch_first=True, input_size=4)
SEQUENCES = {"return_sequences": True}
# A model that gives a stack of `low` and `high`, by the way from one to the other. Keras 2 has a list for each
# call, of a list for each tensor; Keras 3 a record for each call.
FROM_LOW = [[["low", 0, 0, {}]]]
BETWEEN = [[["between", 0, 0, {}]]]


def three(output: int = 0) -> dict[str, Any]:
    history = {"keras_history": ["low", 0, output], "shape": [None, None, 4]}
    return {"class_name": "__keras_tensor__", "config": history}


def file_of(
    path: Path, between: dict[str, Any] | None, calls: dict[str, list[Any]], **low: Any
) -> Path:
    layers: dict[str, Any] = {
        "x": ({"class_name": "InputLayer", "config": {}}, []),
        "low": (lstm(**{**SEQUENCES, **low}), arrays_of(LOW)),
        "high": (lstm(**SEQUENCES), arrays_of(HIGH)),
    }
    if between is not None:
        layers["between"] = ({"config": {}, **between}, [])
    return keras2(path, layers, calls={"x": [], "low": [[["x", 0, 0, {}]]], **calls})


def kind(name: str, **fields: Any) -> dict[str, Any]:
    return {"class_name": name, "config": fields}


ACCEPTED: dict[str, tuple[dict[str, Any] | None, dict[str, list[Any]]]] = {
    "Keras 2": (None, {"high": FROM_LOW}),
    "Keras 2, an argument": (None, {"high": [[["low", 0, 0, {"training": False}]]]}),
    "Keras 2, a flat call": (None, {"high": [["low", 0, 0, {}]]}),
    "Keras 2, states": (None, {"high": [[["low", 0, 0, {}], ["x", 0, 0, {}], ["x", 0, 0, {}]]]}),
    "Keras 3": (None, {"high": [{"args": [three()], "kwargs": {"training": False, "mask": None}}]}),
    "Keras 3, by name": (None, {"high": [{"args": [], "kwargs": {"sequences": three()}}]}),
    "Keras 3, a mask": (None, {"high": [{"args": [three()], "kwargs": {"mask": three()}}]}),
    "dropout": (kind("Dropout"), {"between": FROM_LOW, "high": BETWEEN}),
    "a mask": (kind("Masking", mask_value=0.0), {"between": FROM_LOW, "high": BETWEEN}),
    "no function": (kind("Activation", activation="linear"), {"between": FROM_LOW, "high": BETWEEN}),
    "called twice": (
        kind("Dropout"),
        {"between": [[["x", 0, 0, {}]], *FROM_LOW], "high": [[["between", 1, 0, {}]]]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("between", "calls"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_calls_of_keras_2_and_3_are_read(
    between: dict[str, Any] | None, calls: dict[str, list[Any]], tmp_path: Path
) -> None:
    stored = read_keras(file_of(tmp_path / "a.h5", between, calls), ["low", "high"])
    x = np.random.default_rng(2).normal(0, 1, (2, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(by_sample(stored, x), by_sample(HIGH, by_sample(LOW, x)), atol=1e-6)


@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
def test_dropout_of_an_lstm_that_is_called_in_training_is_refused(
    name: str, tmp_path: Path
) -> None:
    for number, training in enumerate((False, True)):
        calls = {"low": [[["x", 0, 0, {"training": training}]]], "high": FROM_LOW}
        path = file_of(tmp_path / f"{number}.h5", None, calls, **{name: 0.25})
        for layer in ("low", ["low", "high"]):
            if not training:
                assert read_keras(path, layer).hidden_size == 4
                continue
            expected = f"low: {name}: expected 0 where the layer is called with training=True"
            with pytest.raises(bl.WeightsError, match=f"^{expected}.*, found 0.25"):
                read_keras(path, layer)
        assert read_keras(path, "high").hidden_size == 4
    # Without dropout, training means nothing.
    calls = {"low": [[["x", 0, 0, {"training": True}]]], "high": FROM_LOW}
    assert read_keras(file_of(tmp_path / "a.h5", None, calls), ["low", "high"]).num_layers == 2


def test_a_stack_of_other_sizes_names_the_layer_that_can_be_read(tmp_path: Path) -> None:
    wide = random_stored(1, batch_first=True, input_size=4, hidden_size=5)
    layers: dict[str, Any] = {
        "x": ({"class_name": "InputLayer", "config": {}}, []),
        "low": (lstm(**SEQUENCES), arrays_of(LOW)),
        "high": (lstm(**{**SEQUENCES, "units": 5}), arrays_of(wide)),
    }
    path = keras2(
        tmp_path / "a.h5", layers, calls={"x": [], "low": [[["x", 0, 0, {}]]], "high": FROM_LOW}
    )
    message = (
        r"^high: hidden_size: expected 4, as in 'low' \(bl.Stack.from_keras reads .*\); layer='low' reads that "
        "layer alone, found 5"
    )
    with pytest.raises(bl.WeightsError, match=message):
        read_keras(path, ["low", "high"])
    assert (read_keras(path, "low").hidden_size, read_keras(path, "high").hidden_size) == (4, 5)


TRAINING = ", which is called with training=True"
NOT_LOW = ", which does not read 'low' at all"
OP = kind("TFOpLambda", function="math.multiply")
STANDS: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "norm": (kind("LayerNormalization"), FROM_LOW, "'between' (LayerNormalization)"),
    "dense": (kind("Dense", units=4), FROM_LOW, "'between' (Dense)"),
    "lambda": (kind("Lambda", function=["4wE"]), FROM_LOW, "'between' (Lambda)"),
    "a function": (kind("Activation", activation="relu"), FROM_LOW, "'between' (Activation)"),
    "each step": (kind("TimeDistributed", layer=kind("Dense")), FROM_LOW, "'between' (TimeDistributed(Dense))"),
    "an operation": (OP, [["low", 0, 0, {"y": 2.0}]], "'between' (TFOpLambda)"),
    "two operands": (OP, [["low", 0, 0, {"y": ["low", 0, 0]}]], "'between' (TFOpLambda)"),
    "a merge": (kind("Add"), [[["x", 0, 0, {}], ["low", 0, 0, {}]]], "'between' (Add)"),
    "dropout of two": (kind("Dropout"), [[["x", 0, 0, {}], ["low", 0, 0, {}]]], "'between' (Dropout)"),
    "one's own": ({**kind("Dropout"), "module": "mine"}, FROM_LOW, "'between' (mine.Dropout)"),
    "training": (kind("Dropout"), [[["low", 0, 0, {"training": True}]]], f"'between' (Dropout){TRAINING}"),
    "training, Keras 3": (
        kind("Dropout"), [{"args": [three()], "kwargs": {"training": True}}], f"'between' (Dropout){TRAINING}"
    ),
    "training, in its place": (
        kind("Dropout"), [{"args": [three(), True], "kwargs": {}}], f"'between' (Dropout){TRAINING}"
    ),
    "gru": (kind("GRU", units=4), FROM_LOW, "'between' (GRU)"),
    "another input": (kind("Dropout"), [[["x", 0, 0, {}]]], f"'x' (InputLayer){NOT_LOW}"),
    "another layer": (kind("Dense"), [[["x", 0, 0, {}]]], f"'between' (Dense){NOT_LOW}"),
    "a state": (kind("Dropout"), [[["low", 0, 1, {}]]], "output 1 of 'low' (LSTM)"),
    "a circle": (kind("Dropout"), [[["between", 0, 0, {}]]], "no outputs of 'between'"),
    "no such layer": (kind("Dropout"), [[["other", 0, 0, {}]]], "no outputs of 'other'"),
    "no such call": (kind("Dropout"), [[["low", 1, 0, {}]]], "no outputs of 'low'"),
    "no call": (kind("Dropout"), [], "no outputs of 'between'"),
}  # fmt: skip


@pytest.mark.parametrize(("between", "calls", "found"), STANDS.values(), ids=STANDS.keys())
def test_what_stands_between_is_named(
    between: dict[str, Any], calls: list[Any], found: str, tmp_path: Path
) -> None:
    path = file_of(tmp_path / "a.h5", between, {"between": calls, "high": BETWEEN})
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(path, ["low", "high"])
    (issue,) = raised.value.issues
    assert (issue.path, issue.actual) == ("high: input", found)
    assert issue.code == bl.codes.UNSUPPORTED_HERE
    for name, one in (("low", LOW), ("high", HIGH)):
        assert_same(read_keras(path, name), one, but=("parameters",))


REFUSED: dict[str, tuple[dict[str, list[Any]], list[str]]] = {
    "twice": ({"high": FROM_LOW * 2}, ["high: expected one call of each layer of a stack, found 2 calls"]),
    "no graph": ({}, ["high: expected one call of each layer of a stack, found no inbound_nodes"]),
    "nothing": ({"high": [[]]}, ["high: input: expected the outputs of 'low', with nothing between but"]),
    "its states": (
        {"high": [[["low", 0, 0, {}], ["low", 0, 1, {}], ["low", 0, 2, {}]]]},
        ["high: initial_state: expected one that does not come from the stack, so that it can be given"],
    ),
    "its states by name": (
        {"high": [{"args": [three()], "kwargs": {"initial_state": [three(1), three(2)]}}]},
        ["high: initial_state: expected one that does not come from the stack, so that it can be given"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("calls", "messages"), REFUSED.values(), ids=REFUSED.keys())
def test_layers_that_are_no_stack_are_refused(
    calls: dict[str, list[Any]], messages: list[str], tmp_path: Path
) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(file_of(tmp_path / "a.h5", None, calls), ["low", "high"])
    assert len(raised.value.issues) == len(messages)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


def test_all_that_is_wrong_with_a_stack_is_said_at_once(tmp_path: Path) -> None:
    between, calls = kind("RepeatVector", n=3), {"between": FROM_LOW, "high": BETWEEN}
    path = file_of(tmp_path / "a.h5", between, calls, return_sequences=False)
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(path, ["low", "high"])
    assert [(issue.path, issue.actual) for issue in raised.value.issues] == [
        ("low: return_sequences", "false"),
        ("high: input", "'between' (RepeatVector)"),
    ]


def test_layers_in_the_wrong_order_do_not_read_each_other(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.h5", None, {"high": FROM_LOW})
    for names in (["high", "low"], ["low", "low"]):
        message = f"low: input: .* found 'x' .InputLayer., which does not read '{names[0]}' at all"
        with pytest.raises(bl.WeightsError, match=message):
            read_keras(path, names)


def test_a_model_in_a_time_distributed_is_a_layer_that_stands_between(tmp_path: Path) -> None:
    model = {"class_name": "Sequential", "config": {"name": "model", "layers": [lstm(name="high")]}}
    model["config"]["layers"][0]["config"]["return_sequences"] = True
    arrays = {"low": arrays_of(LOW), "times": arrays_of(HIGH)}
    layers = {
        "low": (lstm(**SEQUENCES), arrays["low"]),
        "times": ({"class_name": "TimeDistributed", "config": {"layer": model}}, arrays["times"]),
        "top": (lstm(**SEQUENCES), arrays["times"]),
    }
    path = keras2(tmp_path / "a.h5", layers)
    with h5py.File(path, "r+") as file:
        group = file["model_weights/times"]
        names = [name.replace("times/", "high/") for name in group.attrs["weight_names"]]
        for name, array in zip(names, arrays["times"], strict=True):
            group[name] = array
        group.attrs["weight_names"] = names
    assert_same(read_keras(path, "times/model/high"), HIGH, but=("parameters",))
    for names in (["low", "times/model/high"], ["high", "top"]):
        with pytest.raises(bl.WeightsError) as raised:
            read_keras(path, names)
        (issue,) = raised.value.issues
        assert issue.actual == "'times' (TimeDistributed(Sequential))"
