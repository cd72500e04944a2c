"""The neutral form: what it refuses, and the orders of gates."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import formats
from bnns_lstm.config import GATES
from bnns_lstm.formats import StoredLSTM, order
from bnns_lstm.formats.activations import default_activations, is_default
from bnns_lstm.formats.stack import stacked
from bnns_lstm.formats.stored import shapes
from formats_tools import assert_same, random_stored


def test_names_and_order_are_those_of_pytorch() -> None:
    assert shapes(3, 2, 2, bidirectional=True, peephole="diagonal") == {
        "weight_ih_l0": (8, 3), "weight_hh_l0": (8, 2), "bias_ih_l0": (8,), "bias_hh_l0": (8,),
        "weight_ch_l0": (8,), "weight_ih_l0_reverse": (8, 3), "weight_hh_l0_reverse": (8, 2),
        "bias_ih_l0_reverse": (8,), "bias_hh_l0_reverse": (8,), "weight_ch_l0_reverse": (8,),
        "weight_ih_l1": (8, 4), "weight_hh_l1": (8, 2), "bias_ih_l1": (8,), "bias_hh_l1": (8,),
        "weight_ch_l1": (8,), "weight_ih_l1_reverse": (8, 4), "weight_hh_l1_reverse": (8, 2),
        "bias_ih_l1_reverse": (8,), "bias_hh_l1_reverse": (8,), "weight_ch_l1_reverse": (8,),
    }  # fmt: skip
    assert list(shapes(1, 2, bias=False)) == ["weight_ih_l0", "weight_hh_l0"]
    assert shapes(1, 2, peephole="full")["weight_ch_l0"] == (8, 2)


def test_gates_change_their_order_in_blocks() -> None:
    rows = np.repeat(np.array([1, 2, 3, 4], np.float32), 2)
    np.testing.assert_array_equal(
        order.reorder(rows, order.ONNX, order.TORCH), [1, 1, 3, 3, 4, 4, 2, 2]
    )
    back = order.reorder(order.reorder(rows, order.ONNX, order.TORCH), order.TORCH, order.ONNX)
    np.testing.assert_array_equal(back, rows)
    np.testing.assert_array_equal(
        order.reorder(rows[:6], order.ONNX_PEEPHOLES, order.TORCH), [1, 1, 3, 3, 0, 0, 2, 2]
    )
    np.testing.assert_array_equal(
        order.reorder(rows, order.TORCH, order.ONNX_PEEPHOLES), [1, 1, 4, 4, 2, 2]
    )


def test_each_order_is_one_of_the_same_gates() -> None:
    assert order.TORCH == GATES
    for other in (order.KERAS, order.ONNX):
        assert sorted(other) == sorted(GATES)
    assert set(order.ONNX_PEEPHOLES) == set(GATES) - {"candidate"}


def test_the_configuration_is_made_once_and_again_for_changed_fields() -> None:
    stored = random_stored(bidirectional=True, peephole="diagonal")
    assert stored.config is stored.config
    other = replace(stored, batch_first=True)
    assert (stored.config.batch_first, other.config.batch_first) == (False, True)
    again = pickle.loads(pickle.dumps(stored))
    assert again.config == stored.config
    assert again.directions == 2


def test_fields_and_configuration_are_the_same() -> None:
    activations = {**default_activations(), "hidden": bl.Activation.relu()}
    stored = random_stored(
        num_layers=np.int64(2), bidirectional=True, batch_first=True, dropout=0.25,
        peephole="diagonal", activations=activations,
    )  # fmt: skip
    assert type(stored.num_layers) is int
    config = stored.config
    assert config == bl.LSTM(
        3, 4, 2, bidirectional=True, batch_first=True, dropout=0.25, peephole="diagonal",
        activations={"hidden": "relu"},
    ).config  # fmt: skip
    assert_same(StoredLSTM.from_config(config, stored.parameters, stored.state), stored)
    assert not replace(stored, batch_first=False).config.batch_first
    assert stored.activations == activations


ARRAYS = random_stored().parameters
SHORT = np.zeros((16, 2), np.float32)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "size": ({"input_size": 0}, "input_size: expected a whole number above 0, found 0"),
    "bool": ({"num_layers": True}, "num_layers: expected a whole number above 0, found True"),
    "text": ({"bias": "yes"}, "bias: expected True or False, found 'yes'"),
    "dropout": ({"dropout": 1.0}, "dropout: expected a ratio in [0, 1), found 1.0"),
    "nan": ({"dropout": float("nan")}, "dropout: expected a ratio in [0, 1), found nan"),
    "peephole": ({"peephole": "half"}, "peephole: expected None, \"diagonal\" or \"full\", found 'half'"),
    "keys": ({"activations": {}}, "activations: expected input, forget, candidate, output, hidden, found"),
    "value": (
        {"activations": {**default_activations(), "hidden": "tanh"}},
        "activations['hidden']: expected an Activation of one number, found 'tanh'",
    ),
    "missing": ({"parameters": {}}, "weight_ih_l0: expected float32 [16, 3], found none"),
    "surplus": (
        {"parameters": {**ARRAYS, "more": SHORT}},
        "found an unexpected entry [unexpected_entry]",
    ),
    "shape": (
        {"parameters": {**ARRAYS, "weight_hh_l0": SHORT}},
        "weight_hh_l0: expected float32 [16, 4], found float32 [16, 2]",
    ),
    "dtype": (
        {"parameters": {**ARRAYS, "bias_ih_l0": np.zeros(16)}},
        "bias_ih_l0: expected float32 [16], found float64 [16]",
    ),
    "list": (
        {"parameters": {**ARRAYS, "bias_ih_l0": [0.0]}},
        "bias_ih_l0: expected float32 [16], found [0.0]",
    ),
    "merge": ({"merge": "max"}, 'merge: expected "concat", "sum", "ave", "mul" or None, found \'max\''),
    "merge of one": ({"merge": "sum"}, 'merge: expected "concat" without bidirectional=True'),
    "claim": ({"num_layers": 10**9}, "expected at most one layer for each parameter, found 1000000000"),
    "one state": ({"state": (SHORT,)}, "state: expected hidden and cell states, found 1 arrays"),
    "state": (
        {"state": (np.zeros((1, 3, 4), np.float32), np.zeros((1, 2, 4), np.float32))},
        "state.c: expected float32 [1, 3, 4], found float32 [1, 2, 4]",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD.keys())
def test_wrong_shapes_dtypes_and_names_are_refused_with_their_names(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        replace(random_stored(), **change)
    assert message in str(raised.value)


def test_all_problems_are_named_at_once_and_survive_pickling() -> None:
    arrays = {"weight_ih_l0": SHORT}
    with pytest.raises(bl.WeightsError) as raised:
        replace(random_stored(), parameters=arrays)
    error = raised.value
    assert [issue.path for issue in error.issues] == list(shapes(3, 4))
    assert str(error).startswith("4 problems:\n  weight_ih_l0: expected float32 [16, 3], found")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.issues, str(copy)) == (error.issues, str(error))
    assert isinstance(error, ValueError)


def test_default_activations_are_known_whatever_their_parameters_hold() -> None:
    assert is_default(None)
    assert is_default({**default_activations(), "input": bl.Activation(3, 7.0)})
    assert not is_default({**default_activations(), "input": bl.Activation.tanh()})


def test_layers_become_a_stack() -> None:
    wanted = random_stored(num_layers=3, bidirectional=True, state=True)
    layers = []
    for number in range(3):
        arrays = {
            name.replace(f"_l{number}", "_l0"): array
            for name, array in wanted.parameters.items()
            if f"_l{number}" in name
        }
        assert wanted.state is not None
        rows = slice(2 * number, 2 * number + 2)
        state = (wanted.state[0][rows], wanted.state[1][rows])
        width = 3 if number == 0 else 8
        one = replace(wanted, input_size=width, num_layers=1, parameters=arrays, state=state)
        layers.append((f"layer {number}", one))
    assert_same(stacked(layers), wanted)
    without = [layers[0], (layers[1][0], replace(layers[1][1], state=None))]
    state = stacked(without).state
    assert state is not None
    assert wanted.state is not None
    np.testing.assert_array_equal(state[0][:2], wanted.state[0][:2])
    np.testing.assert_array_equal(state[0][2:], np.zeros((2, 3, 4)))


def test_a_stack_merges_the_directions_of_its_last_layer() -> None:
    low = random_stored(bidirectional=True)
    high = random_stored(input_size=8, bidirectional=True, merge="sum")
    assert stacked([("a", low), ("b", high)]).merge == "sum"
    assert stacked([("a", low), ("b", replace(high, merge="concat"))]).merge == "concat"


RELU = {**default_activations(), "candidate": bl.Activation.relu()}
UNEVEN: dict[str, tuple[StoredLSTM, list[str]]] = {
    "sizes": (
        random_stored(input_size=5, hidden_size=6),
        ["b: hidden_size: expected 4, as in 'a', found 6", "b: input_size: expected 4, the width"],
    ),
    "direction": (
        random_stored(input_size=4, bidirectional=True),
        ["b: bidirectional: expected False, as in 'a', found True"],
    ),
    "bias": (random_stored(input_size=4, bias=False), ["b: bias: expected True, as in 'a'"]),
    "peephole": (
        random_stored(input_size=4, peephole="diagonal"),
        ["b: peephole: expected None, as in 'a', found 'diagonal'"],
    ),
    "activations": (
        random_stored(input_size=4, activations=RELU),
        [
            "b: activations: expected candidate=Activation(TANH, alpha=1.0, beta=1.0), as in 'a', found cand"
        ],
    ),
    "merge": (
        random_stored(input_size=8, bidirectional=True),
        [
            "a: merge: expected 'concat', 'sum' or 'ave' where another layer stands above, found 'mul'"
        ],
    ),
    "state": (
        replace(random_stored(input_size=4), state=(np.zeros((1, 2, 4), np.float32),) * 2),
        ["initial states: expected one batch size, found {'a': 3, 'b': 2}"],
    ),
}


@pytest.mark.parametrize(("second", "messages"), UNEVEN.values(), ids=UNEVEN.keys())
def test_layers_that_differ_are_no_stack(second: StoredLSTM, messages: list[str]) -> None:
    first = random_stored(state=True)
    if messages[0].startswith("a: merge"):
        first = random_stored(bidirectional=True, merge="mul")
    with pytest.raises(bl.WeightsError) as raised:
        stacked([("a", first), ("b", second)])
    assert len(raised.value.issues) == len(messages)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parameters", None),
        ("parameters", [1]),
        ("activations", "abc"),
        ("activations", [1]),
        ("state", 3),
        ("state", "hc"),
    ],
)
def test_fields_of_another_type_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(bl.WeightsError, match=f"{field}: expected") as caught:
        replace(random_stored(), **{field: value})
    assert [issue.code for issue in caught.value.issues] == ["wrong_type"]


@pytest.mark.parametrize("given", [None, 5, {}, bl.LSTM(3, 4, seed=0)])
def test_writers_take_a_stored_lstm_alone(given: Any, tmp_path: Path) -> None:
    path = tmp_path / "a"
    for write in (
        lambda: formats.write_state_dict(given),
        lambda: formats.write_onnx(path, given),
        lambda: formats.write_keras(given),
        lambda: formats.save_lstm(path, given),
    ):
        with pytest.raises(
            bl.WeightsError, match=f"stored: expected a StoredLSTM .* found {type(given).__name__}"
        ):
            write()
    assert not path.exists()
