"""What stands between the layers of a stack in Keras' models, and LSTMs in other layers and models."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import h5py
import keras_graphs
import numpy as np
import pytest
from bnns_lstm.formats import read_keras
from formats_tools import assert_same, computed, random_stored
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_graphs import FOLDER, STACKS
from keras_tools import arrays_of, by_sample, keras2, lstm
from reference import Array


def recorded(name: str) -> dict[str, Array]:
    with np.load(FOLDER / name) as found:
        return dict(found)


@pytest.mark.parametrize("file", keras_graphs.FILES)
@pytest.mark.parametrize("name", STACKS)
def test_stacks_compute_what_keras_computed(file: str, name: str) -> None:
    if file.endswith("weights.h5") and name in {"sum_high", "ave_high"}:
        # Weights alone do not say that outputs are added.
        with pytest.raises(bl.WeightsError, match=f"{name}: input_size: expected 8, .* found 4"):
            read_keras(FOLDER / file, STACKS[name])
        return
    values = recorded("graph.npz")
    stored = read_keras(FOLDER / file, STACKS[name])
    x = values["words" if name == "words_high" else "x"]
    found = by_sample(stored, x.reshape(-1, *x.shape[-2:]))
    wanted = values[name]
    np.testing.assert_allclose(found, wanted.reshape(-1, *wanted.shape[-2:]), atol=2e-6)
    assert stored.num_layers == (2 if name == "pair" else len(STACKS[name]))
    assert stored.bidirectional == (name in {"sum_high", "ave_high", "pair"})


def test_layers_written_alone_compute_what_keras_computed() -> None:
    values = recorded("outputs.npz")
    x = values["x"]
    found = by_sample(read_keras(FOLDER / "rnn_of_cells.keras", "cells"), x)
    np.testing.assert_allclose(found, values["cells"], atol=1e-6)
    lstm = bl.LSTM.from_keras(FOLDER / "merge_sum.keras")
    assert lstm.config.merge == "sum"
    np.testing.assert_allclose(lstm(x)[0], values["sum"], atol=1e-6)
    for name in ("encoder/enc_lstm", "enc_lstm", None):
        stored = read_keras(FOLDER / "nested.keras", name)
        final = computed(stored, x.swapaxes(0, 1))[1]
        np.testing.assert_allclose(final[0], values["nested"], atol=1e-6)
    stored = read_keras(FOLDER / "time_distributed.keras", "words")
    x = values["x4"]
    final = computed(stored, x.reshape(-1, *x.shape[2:]).swapaxes(0, 1))[1]
    np.testing.assert_allclose(
        np.concatenate(list(final), axis=-1), values["words"].reshape(-1, 8), atol=1e-6
    )


def test_a_layer_that_reads_backwards_can_be_flipped() -> None:
    with pytest.raises(
        bl.WeightsError, match=r"lstm_back: go_backwards: expected false \(flip the input in time"
    ):
        read_keras(FOLDER / "go_backwards.keras")


def test_a_norm_between_is_named() -> None:
    expected = "the outputs of 'lower', with nothing between but Dropout, noise, Masking, Activation('linear')"
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(FOLDER / "norm_between.keras", ["lower", "upper"])
    (issue,) = raised.value.issues
    assert issue.path == "upper: input"
    assert issue.expected.startswith(expected)
    assert issue.actual == "'norm' (LayerNormalization)"
    values = recorded("outputs.npz")
    low, high = (read_keras(FOLDER / "norm_between.keras", name) for name in ("lower", "upper"))
    y = by_sample(low, values["x"])
    norm = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-3)
    with zipfile.ZipFile(FOLDER / "norm_between.keras") as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        gamma, beta = (file[f"layers/layer_normalization/vars/{i}"][()] for i in (0, 1))
    np.testing.assert_allclose(by_sample(high, norm * gamma + beta), values["between"], atol=1e-6)


def test_a_name_alone_is_enough_where_one_layer_has_it() -> None:
    file = FOLDER / "graph.keras"
    with pytest.raises(
        bl.WeightsError, match=r"'encoder/inner', .*'outer/middle/deep', .*'pair', "
    ):
        read_keras(file)
    for name in ("deep", "middle/deep", "outer/middle/deep"):
        assert read_keras(file, name).input_size == 4
    for name in ("eep", "outer/deep", "middle"):
        with pytest.raises(bl.WeightsError, match="layer: expected names of LSTM layers, 'low'"):
            read_keras(file, name)


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


def nested(path: Path, names: list[str], arrays: list[Array], *, deep: bool) -> Path:
    """A file of Keras 2 with the LSTM `lstm` in the models `a` and `b` (`deep`: in the model `all`)."""
    inner = [
        {
            "class_name": "Sequential",
            "config": {
                "name": name,
                "layers": [lstm(name="lstm"), {"class_name": "Dense", "config": {"name": "dense"}}],
            },
        }
        for name in ("a", "b")
    ]
    whole = {"class_name": "Sequential", "config": {"name": "all", "layers": inner}}
    model = {"class_name": "Sequential", "config": [whole] if deep else inner}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model)
        root = file.create_group("model_weights")
        outer = [name.split("/")[0] for name in names]
        root.attrs["layer_names"] = sorted(set(outer))
        for group in sorted(set(outer)):
            own = [
                (f"{name.partition('/')[2]}/{leaf}:0", array)
                for i, name in enumerate(names)
                if outer[i] == group
                for leaf, array in zip(
                    ("kernel", "recurrent_kernel", "bias"), arrays[3 * i :], strict=False
                )
            ]
            for name, array in own:
                root[f"{group}/{name}"] = array
            root[group].attrs["weight_names"] = [name for name, _ in own]
    return path


def test_nested_models_of_keras_2_have_their_arrays_in_one_list(tmp_path: Path) -> None:
    first, second = random_stored(batch_first=True), random_stored(1, batch_first=True)
    arrays = [*arrays_of(first), *arrays_of(second)]
    files = {
        # The list is that of the uppermost model; the names in it are those that TensorFlow gave.
        "each": nested(tmp_path / "a.h5", ["a/lstm/cell", "b/lstm/cell"], arrays, deep=False),
        "all": nested(tmp_path / "b.h5", ["all/a/lstm/cell", "all/b/lstm/cell"], arrays, deep=True),
    }
    for kind_of_file, path in files.items():
        outer = "all/" if kind_of_file == "all" else ""
        for name, wanted in (("a/lstm", first), ("b/lstm", second)):
            assert_same(read_keras(path, outer + name), read_keras(arrays_of(wanted)))
        with pytest.raises(bl.WeightsError) as raised:
            read_keras(path, "lstm")
        assert raised.value.issues[0].code == bl.codes.AMBIGUOUS_CHOICE
    # Names that could be of both are of none.
    short = nested(tmp_path / "c.h5", ["all/lstm/cell", "all/other/cell"], arrays, deep=True)
    with pytest.raises(bl.WeightsError, match="all/a/lstm: expected 3 arrays, found 0"):
        read_keras(short, "all/a/lstm")


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to everything in a document of JSON."""
    listed = enumerate(value) if isinstance(value, list) else ()
    for key, one in value.items() if isinstance(value, dict) else listed:
        yield (*way, key)
        yield from places(one, (*way, key))


LEAVES: list[Any] = [None, 0, -1, 10**9, "low", "Dropout", [], {}, [["low", 0, 0, {}]]]


def test_any_graph_is_read_or_refused(tmp_path: Path) -> None:
    """Anything in the graph may be something else: a name, a number, a part of the same document."""
    outcomes = {"accepted": 0, "refused": 0}
    with zipfile.ZipFile(FOLDER / "graph.keras") as file:
        members = {name: file.read(name) for name in file.namelist()}
    written = json.loads(members["config.json"])
    ways = [
        way for way in places(written)
        if {"inbound_nodes", "input_layers", "output_layers", "name", "class_name", "layers", "layer"} & {*way}
    ]  # fmt: skip

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(ways),
                st.sampled_from([*LEAVES, *ways]),
            ),
            min_size=1, max_size=3,
        ),
        st.sampled_from(list(STACKS.values())),
    )  # fmt: skip
    def check(changes: list[tuple[Any, Any]], names: list[str]) -> None:
        config = copy.deepcopy(written)
        for way, value in changes:
            # An earlier change may have taken the place away.
            with contextlib.suppress(KeyError, IndexError, TypeError):
                new = copy.deepcopy(at(written, value)) if isinstance(value, tuple) else value
                at(config, way[:-1])[way[-1]] = new
        with zipfile.ZipFile(tmp_path / "a.keras", "w") as file:
            for name, content in {**members, "config.json": json.dumps(config).encode()}.items():
                file.writestr(name, content)
        try:
            stored = read_keras(tmp_path / "a.keras", names)
        except bl.WeightsError as error:
            assert error.issues
            outcomes["refused"] += 1
        else:
            assert stored.hidden_size == 4
            outcomes["accepted"] += 1

    check()
    assert min(outcomes.values()) > 5, outcomes


def at(document: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        document = document[key]
    return document
