"""LSTMs in other layers of Keras: `Bidirectional` and its merge modes, `RNN` of cells, `TimeDistributed`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import h5py
import numpy as np
import pytest
from bnns_lstm.formats import StoredLSTM, read_keras
from formats_tools import assert_same, random_stored
from keras_graphs import FOLDER
from keras_tools import arrays_of, by_sample, keras2, lstm, pair
from reference import Array
from refused import refused_in_little_memory

SEQUENCES = lstm(return_sequences=True)
FOLDS = {
    "concat": lambda forward, backward: np.concatenate([forward, backward], axis=-1),
    "sum": np.add,
    "ave": lambda forward, backward: (forward + backward) / 2,
}


def one_way(stored: StoredLSTM, x: Array) -> tuple[Array, Array]:
    """What each direction gives, for x [N, S, I]."""
    both = by_sample(stored, x)
    return both[..., :4], both[..., 4:]


@pytest.mark.parametrize("mode", FOLDS)
def test_merge_modes_of_lower_layers_fold_into_the_weights_above(mode: str, tmp_path: Path) -> None:
    width = 8 if mode == "concat" else 4
    low, middle, high = (
        random_stored(seed, batch_first=True, bidirectional=True, input_size=size)
        for seed, size in enumerate((3, width, width))
    )
    layers = {
        "low": (pair(SEQUENCES, merge_mode=mode), arrays_of(low)),
        "middle": (pair(SEQUENCES, merge_mode=mode), arrays_of(middle)),
        "high": (pair(lstm()), arrays_of(high)),
    }
    stored = read_keras(keras2(tmp_path / "a.h5", layers), list(layers))
    x = np.random.default_rng(2).normal(0, 1, (2, 5, 3)).astype(np.float32)
    y: Any = x
    for one in (low, middle):
        y = FOLDS[mode](*one_way(one, y))
    np.testing.assert_allclose(by_sample(stored, x), by_sample(high, y), atol=1e-6)
    assert stored.parameters["weight_ih_l1_reverse"].shape == (16, 8)


@pytest.mark.parametrize("mode", ["mul", None])
def test_merge_modes_that_no_weights_can_say_are_refused_below(
    mode: str | None, tmp_path: Path
) -> None:
    low, high = (
        random_stored(seed, batch_first=True, bidirectional=True, input_size=4) for seed in (0, 1)
    )
    layers = {
        "low": (pair(SEQUENCES, merge_mode=mode), arrays_of(low)),
        "high": (pair(SEQUENCES), arrays_of(high)),
    }
    message = (
        "low: merge_mode: expected 'concat', 'sum' or 'ave' for all layers .* but the last"
        + (r" \(bl.Stack.from_keras reads 'mul', too\), found " if mode else ", found ")
    )
    with pytest.raises(bl.WeightsError, match=message + (repr(mode) if mode else "none")):
        read_keras(keras2(tmp_path / "a.h5", layers), ["low", "high"])


@pytest.mark.parametrize("mode", ["concat", "sum", "ave", "mul", None])
def test_the_merge_mode_of_the_last_layer_is_that_of_the_network(
    mode: str | None, tmp_path: Path
) -> None:
    low, high = (
        random_stored(seed, batch_first=True, bidirectional=True, input_size=size)
        for seed, size in ((0, 3), (1, 4))
    )
    layers = {
        "low": (pair(SEQUENCES, merge_mode="ave"), arrays_of(low)),
        "high": (pair(SEQUENCES, merge_mode=mode), arrays_of(high)),
    }
    path = keras2(tmp_path / "a.h5", layers)
    assert read_keras(path, "low").merge == "ave"
    stored = read_keras(path, ["low", "high"])
    assert stored.merge == mode
    x = np.random.default_rng(2).normal(0, 1, (2, 5, 3)).astype(np.float32)
    parts = one_way(high, FOLDS["ave"](*one_way(low, x)))
    wanted = {**FOLDS, "mul": np.multiply, None: lambda *pair: pair}[mode](*parts)
    y = bl.LSTM.from_keras(path, ["low", "high"])(x)[0]
    for one, other in zip(y, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def cell(kind: str = "LSTMCell", **fields: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"units": 4, **fields}}


def rnn(*cells: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The configuration of an RNN of one cell, or of several."""
    inner = cells[0]
    if len(cells) > 1:
        inner = {"class_name": "StackedRNNCells", "config": {"cells": list(cells)}}
    return {"class_name": "RNN", "config": {"cell": inner, "return_sequences": True, **fields}}


def times(layer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"class_name": "TimeDistributed", "config": {"layer": layer, **fields}}


def two(*, bidirectional: bool = False) -> tuple[StoredLSTM, list[Array]]:
    """A stack, and its arrays as an RNN of two cells has them."""
    low = random_stored(batch_first=True, bidirectional=bidirectional)
    high = random_stored(1, batch_first=True, bidirectional=bidirectional, input_size=4)
    arrays = [arrays_of(one) for one in (low, high)]
    found = [a for half in (slice(3), slice(3, 6)) for one in arrays for a in one[half]]
    return read_keras(arrays[0]), found


def test_cells_of_an_rnn_are_layers(tmp_path: Path) -> None:
    low, arrays = two()
    layers = {"a": (rnn(cell(), cell()), arrays), "b": (rnn(cell()), arrays[:3])}
    path = keras2(tmp_path / "a.h5", layers)
    stored = read_keras(path, "a")
    assert (stored.num_layers, stored.input_size, stored.hidden_size) == (2, 3, 4)
    np.testing.assert_array_equal(stored.parameters["weight_ih_l1"], arrays[3].T)
    np.testing.assert_array_equal(stored.parameters["bias_ih_l1"], arrays[5])
    assert_same(read_keras(path, "b"), low)


def test_each_direction_of_an_rnn_of_cells_goes_on_alone(tmp_path: Path) -> None:
    _, arrays = two(bidirectional=True)
    path = keras2(tmp_path / "a.h5", {"a": (pair(rnn(cell(), cell())), arrays)})
    stored = read_keras(path)
    zeros = np.zeros((16, 4), np.float32)
    for name, index, blocks in (
        ("weight_ih_l1", 3, slice(None)),
        ("weight_ih_l1_reverse", 9, slice(None, None, -1)),
    ):
        wanted = np.hstack([arrays[index].T, zeros][blocks])
        np.testing.assert_array_equal(stored.parameters[name], wanted)
    forward, backward = (
        read_keras(keras2(tmp_path / "b.h5", {"a": (rnn(cell(), cell()), half)}))
        for half in (arrays[:6], arrays[6:])
    )
    x = np.random.default_rng(2).normal(0, 1, (2, 5, 3)).astype(np.float32)
    halves = [by_sample(forward, x), by_sample(backward, x[:, ::-1])[:, ::-1]]
    np.testing.assert_allclose(by_sample(stored, x), np.concatenate(halves, -1), atol=1e-6)


def test_cells_of_weights_alone_are_counted_by_number(tmp_path: Path) -> None:
    """Groups stand in the order of their names, in which 10 comes before 2."""
    drawn = [random_stored(seed, batch_first=True, input_size=4) for seed in range(12)]
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        for number, one in enumerate(drawn):
            name = f"lstm_cell_{number}" if number else "lstm_cell"
            own = file.create_group(f"layers/rnn/cell/cells/{name}/vars")
            for i, array in enumerate(arrays_of(one)):
                own[str(i)] = array
    stored = read_keras(tmp_path / "a.weights.h5", "rnn")
    assert stored.num_layers == 12
    for number, one in enumerate(drawn):
        wanted = one.parameters["weight_hh_l0"]
        np.testing.assert_array_equal(stored.parameters[f"weight_hh_l{number}"], wanted)


GRU = cell("GRUCell")
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "another cell": (rnn(cell(), GRU), ["a.cells[1]: expected an LSTMCell, found 'GRUCell'"]),
    "a field": (rnn(cell(peephole=True)), ["a.cell: peephole: expected only the fields of an LSTMCell, f"]),
    "a field of the RNN": (rnn(cell(), units=4), ["a: units: expected only the fields of an RNN, found 4"]),
    "a field of the stack": (
        rnn({"class_name": "StackedRNNCells", "config": {"cells": [cell()], "reverse_state_order": True}}),
        ["a.cell: reverse_state_order: expected only the fields of StackedRNNCells, found True"],
    ),
    "backwards": (pair(rnn(cell(), go_backwards=True)), ["a.layer: go_backwards: expected false in a stack"]),
    "functions": (
        rnn(cell(), cell(activation="mish")),
        ["a.cells[1]: activation: expected a function that has an equal here"],
    ),
    "arrays": (rnn(cell(), cell(use_bias=False)), ["a: expected 5 arrays, found 6"]),
    "units": (rnn(cell(), cell(units=5)), ["recurrent_kernel:0: expected 5 units, as the con"]),
    "pairs": (
        pair(rnn(cell(), cell()), backward_layer=rnn(cell(), go_backwards=True)),
        ["a.backward_layer: cells: expected 2, as the layer forward has, found 1"],
    ),
    "times": (times(rnn(cell(), cell()), axis=2), ["a: axis: expected only a TimeDistributed's fields, fo"]),
}  # fmt: skip


@pytest.mark.parametrize(("config", "messages"), BAD.values(), ids=BAD.keys())
def test_cells_that_cannot_be_honoured_are_named(
    config: dict[str, Any], messages: list[str], tmp_path: Path
) -> None:
    path = keras2(tmp_path / "a.h5", {"a": (config, two()[1])})
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(path)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


def test_cells_that_differ_are_no_stack(tmp_path: Path) -> None:
    _, arrays = two()
    config = rnn(cell(), cell(activation="relu", use_bias=False))
    with pytest.raises(bl.WeightsError) as raised:
        read_keras(keras2(tmp_path / "a.h5", {"a": (config, arrays[:5])}))
    paths = [issue.path for issue in raised.value.issues]
    assert paths == ["a.cells[1]: bias", "a.cells[1]: activations"]


def test_all_layers_of_a_stack_are_distributed_or_none(tmp_path: Path) -> None:
    low, high = random_stored(batch_first=True), random_stored(1, batch_first=True, input_size=4)
    arrays = {"low": arrays_of(low), "high": arrays_of(high)}
    both = {"low": (times(SEQUENCES), arrays["low"]), "high": (times(SEQUENCES), arrays["high"])}
    assert read_keras(keras2(tmp_path / "a.h5", both), ["low", "high"]).num_layers == 2
    one = {**both, "high": (SEQUENCES, arrays["high"])}
    with pytest.raises(
        bl.WeightsError,
        match="high: TimeDistributed: expected 1 around it, as around 'low', found 0",
    ):
        read_keras(keras2(tmp_path / "a.h5", one), ["low", "high"])


def test_a_class_of_ones_own_is_no_lstm(tmp_path: Path) -> None:
    config = {**lstm(), "module": "mine"}
    path = keras2(tmp_path / "a.h5", {"a": (config, arrays_of(random_stored()))})
    with pytest.raises(
        bl.WeightsError, match=r"a model with LSTM layers, found 'a' \(mine.LSTM\) alone"
    ):
        read_keras(path)
    config["module"] = "keras.src.layers.rnn.lstm"
    path = keras2(tmp_path / "a.h5", {"a": (config, arrays_of(random_stored()))})
    assert read_keras(path).hidden_size == 4


def test_what_there_is_instead_of_lstms_is_named(tmp_path: Path) -> None:
    others = {
        "recurrent": ({"class_name": "GRU", "config": {}}, []),
        "dense": ({"class_name": "Dense", "config": {}}, []),
    }
    whole = keras2(tmp_path / "a.h5", others)
    alone = keras2(tmp_path / "b.h5", {name: (None, []) for name in others})
    for path, found in (
        (whole, r"'recurrent' \(GRU\), 'dense' \(Dense\) alone"),
        (alone, "'recurrent', 'dense' alone"),
    ):
        for layer in (None, "dense", ["a", "b"]):
            with pytest.raises(
                bl.WeightsError, match=f"expected a model with LSTM layers, found {found}"
            ):
                read_keras(path, layer)
    layers = {"lstm": (lstm(), arrays_of(random_stored())), **others}
    with pytest.raises(
        bl.WeightsError,
        match=r"layer: expected names of LSTM layers, 'lstm', found \['dense'\]: 'dense' \(Dense\) \[unknown",
    ):
        read_keras(keras2(tmp_path / "a.h5", layers), ["dense"])


def test_weights_alone_of_two_cells_are_no_pair(tmp_path: Path) -> None:
    arrays = arrays_of(random_stored(bidirectional=True, input_size=4))
    path = keras2(tmp_path / "a.h5", {"a": (None, arrays)})
    assert read_keras(path).bidirectional
    with h5py.File(path, "r+") as file:
        names = [
            name.replace("backward_lstm", "cell_1") for name in file["a"].attrs["weight_names"]
        ]
        for name, array in zip(names[3:], arrays[3:], strict=True):
            file["a"][name] = array
        file["a"].attrs["weight_names"] = names
    with pytest.raises(
        bl.WeightsError, match=r"a: expected the arrays of a layer forward and of a layer backw"
    ):
        read_keras(path)


def test_one_array_under_many_names_is_not_read_as_often(tmp_path: Path) -> None:
    """Otherwise a small file could ask for any memory."""
    arrays = arrays_of(random_stored(hidden_size=128, input_size=128))
    number = 100
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        own = file.create_group("layers/rnn/cell/cells/lstm_cell/vars")
        for i, array in enumerate(arrays):
            own[str(i)] = array
        for i in range(1, number):
            file[f"layers/rnn/cell/cells/lstm_cell_{i}/vars"] = own
    total = number * sum(array.nbytes for array in arrays)
    assert total > 50 * path.stat().st_size
    with refused_in_little_memory(
        bl.WeightsError, f"rnn: expected at most the .* bytes of the file, found arrays of {total}"
    ):
        read_keras(path)


def test_groups_that_stand_twice_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    path.write_bytes((FOLDER / "graph.weights.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["layers/functional/layers/again"] = file["layers/functional"]
    with pytest.raises(bl.WeightsError, match="expected a group of its own, found another one's"):
        read_keras(path, "low")
