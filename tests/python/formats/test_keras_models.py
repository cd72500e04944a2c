"""Whole models that Keras wrote: stacks in graphs, LSTMs in models in models, and damaged graphs."""

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
from keras_tools import arrays_of, by_sample, lstm
from reference import Array


def recorded(name: str) -> dict[str, Array]:
    with np.load(FOLDER / name) as found:
        return dict(found)


def weights_in(path: Path) -> bytes:
    """The weights alone of a model's file."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")


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


def test_a_layer_that_reads_backwards_is_one_with_its_input_flipped(tmp_path: Path) -> None:
    """Weights alone do not say that it does."""
    file = FOLDER / "go_backwards.keras"
    assert read_keras(file).direction == "reverse"
    path = tmp_path / "a.weights.h5"
    path.write_bytes(weights_in(file))
    values = recorded("outputs.npz")
    found = by_sample(read_keras(path), values["x"][:, ::-1])
    np.testing.assert_allclose(found, values["back"], atol=1e-6)
    found = by_sample(read_keras(file), values["x"])[:, ::-1]
    np.testing.assert_allclose(found, values["back"], atol=1e-6)


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
    with h5py.File(io.BytesIO(weights_in(FOLDER / "norm_between.keras"))) as file:
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
    for name in (
        "eep",
        "outer/deep",
        "middle",
        "",
        "/deep",
        [7],
        [None],
        [["low"]],
        [Unprintable()],
    ):
        with pytest.raises(bl.WeightsError, match="layer: expected names of LSTM layers, 'low'"):
            read_keras(file, name)


class Unprintable:
    def __format__(self, _: str) -> str:
        raise OSError

    __repr__ = __str__ = __format__  # type: ignore[assignment]


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

    @settings(max_examples=150, deadline=None, derandomize=True)
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
    assert min(outcomes.values()) > 0, outcomes


def at(document: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        document = document[key]
    return document
