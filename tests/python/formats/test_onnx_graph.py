"""ONNX graphs with several LSTM nodes: stacks, choices, and what is no stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import TensorProto, helper, numpy_helper
from onnx_tools import ints, lstm, make, model, run, stack, weights

Way = tuple[list[Any], dict[str, Any]]
# From the lower node's output "y" to "z", which the upper node reads; hidden size 4.
ONE: dict[str, Way] = {
    "squeeze": ([make("Squeeze", "y one", "z")], {"one": ints(1)}),
    "reshape": ([make("Reshape", "y shape", "z")], {"shape": ints(0, -1, 4)}),
    "dropout": (
        [
            make("Squeeze", "y one", "a"),
            make("Dropout", "a ratio", "b"),
            make("Identity", "b", "z"),
        ],
        {"one": ints(1), "ratio": np.array(0.5, np.float32)},
    ),
    "transpose": (
        [make("Transpose", "y", "a", perm=[0, 2, 1, 3]), make("Reshape", "a shape", "z")],
        {"shape": ints(0, 0, -1)},
    ),
    "twice": (
        [
            make("Squeeze", "y one", "a"),
            make("Unsqueeze", "a one", "b"),
            make("Squeeze", "b one", "z"),
        ],
        {"one": ints(1)},
    ),
}
TWO: dict[str, Way] = {
    "zeros": (
        [make("Transpose", "y", "a", perm=[0, 2, 1, 3]), make("Reshape", "a shape", "z")],
        {"shape": ints(0, 0, -1)},
    ),
    "width": (
        [make("Transpose", "y", "a", perm=[0, 2, 1, 3]), make("Reshape", "a shape", "z")],
        {"shape": ints(0, -1, 8)},
    ),
}
WAYS = [(1, name) for name in ONE] + [(2, name) for name in TWO]


@pytest.mark.parametrize(("directions", "name"), WAYS)
def test_nodes_that_follow_each_other_are_a_stack(directions: int, name: str) -> None:
    stored = random_stored(num_layers=2, bidirectional=directions == 2)
    made = stack(stored, (ONE if directions == 1 else TWO)[name])
    for node in (None, "low", "high", "top", "y"):
        assert_same(read_onnx(made, node), stored)
    x = x_of(stored)
    found = run(made, x=x)[0].swapaxes(1, 2).reshape(5, 3, -1)
    np.testing.assert_allclose(found, computed(stored, x)[0], atol=2e-6)


def test_a_sequence_of_names_takes_these_nodes_alone() -> None:
    stored = random_stored(num_layers=2)
    made = stack(stored, ONE["squeeze"])
    low = {name: array for name, array in stored.parameters.items() if "l0" in name}
    assert_same(read_onnx(made, ["low"]), replace(stored, num_layers=1, parameters=low))
    assert read_onnx(made, ["high"]).input_size == 4
    assert_same(read_onnx(made, ["low", "high"]), stored)
    with pytest.raises(
        bl.WeightsError, match="node: low: expected a node that reads the output of 'hi"
    ):
        read_onnx(made, ["high", "low"])
    for names in ([], [5], [["low"]], ["low", {}], [np.zeros(2)]):
        with pytest.raises(bl.WeightsError, match="node: expected names of LSTM nodes, 'low'"):
            read_onnx(made, names)  # type: ignore[arg-type]


NO_STACK: dict[str, tuple[int, Way]] = {
    "computed": (1, ([make("Squeeze", "y one", "a"), make("Tanh", "a", "z")], {"one": ints(1)})),
    "batch and steps": (
        1,
        (
            [make("Squeeze", "y one", "a"), make("Transpose", "a", "z", perm=[1, 0, 2])],
            {"one": ints(1)},
        ),
    ),
    "steps alone": (1, ([make("Reshape", "y shape", "z")], {"shape": ints(0, 0, -1)})),
    "of one batch": (1, ([make("Reshape", "y shape", "z")], {"shape": ints(-1, 1, 4)})),
    "not side by side": (2, ([make("Reshape", "y shape", "z")], {"shape": ints(0, -1, 8)})),
    "interleaved": (
        2,
        (
            [make("Transpose", "y", "a", perm=[0, 2, 3, 1]), make("Reshape", "a shape", "z")],
            {"shape": ints(0, 0, -1)},
        ),
    ),
    "active dropout": (
        1,
        (
            [make("Squeeze", "y one", "a"), make("Dropout", "a ratio on", "z")],
            {"one": ints(1), "ratio": np.array(0.5, np.float32), "on": np.array(1, np.int32)},
        ),
    ),
    "states": (1, ([make("Identity", "y_h", "z")], {})),
    "a wrong reshape": (1, ([make("Reshape", "y shape", "z")], {"shape": ints(9, 9, 9)})),
    "another domain": (1, ([make("Squeeze", "y one", "z", domain="mine")], {"one": ints(1)})),
}


@pytest.mark.parametrize(("directions", "way"), NO_STACK.values(), ids=NO_STACK.keys())
def test_nodes_between_layers_that_change_values_are_no_stack(directions: int, way: Way) -> None:
    made = stack(random_stored(num_layers=2, bidirectional=directions == 2), way)
    with pytest.raises(bl.WeightsError, match="one of the LSTM nodes 'low'; 'high', found none"):
        read_onnx(made)
    assert read_onnx(made, "low").num_layers == 1


def test_several_stacks_are_chosen_by_name() -> None:
    stored = random_stored()
    arrays = weights(stored)
    names = {key: key for key in arrays}
    nodes = [lstm("a", "x", "ya", names), lstm("", "x", "yb", names)]
    made = model(nodes, arrays, ["ya", "yb"])
    assert_same(read_onnx(made, "yb"), stored)
    for node, message in ((None, "none"), ("c", "'c', which names 0")):
        with pytest.raises(
            bl.WeightsError, match=rf"one of the LSTM nodes 'a'; 'yb', found {message}"
        ):
            read_onnx(made, node)


def test_an_output_that_two_nodes_read_ends_a_stack() -> None:
    made = stack(random_stored(num_layers=2), ONE["squeeze"])
    names = {"W": "W1", "R": "R1", "B": "B1"}
    made.graph.node.append(lstm("third", "z", "t", names))
    with pytest.raises(bl.WeightsError, match="LSTM nodes 'low'; 'high'; 'third', found none"):
        read_onnx(made)


def test_nodes_in_a_circle_are_refused() -> None:
    made = stack(random_stored(input_size=4, num_layers=2), ONE["squeeze"])
    made.graph.node.append(make("Squeeze", "top one", "w"))
    made.graph.node[0].input[0] = "w"
    with pytest.raises(bl.WeightsError, match="source: expected a graph without cycles"):
        read_onnx(made)


def test_layers_of_different_size_are_refused_by_name() -> None:
    low, high = random_stored(), random_stored(hidden_size=6, input_size=4)
    made = stack(random_stored(num_layers=2), ONE["squeeze"])
    for tensor in made.graph.initializer:
        layer = (low, high)[tensor.name.endswith("1")]
        if tensor.name[:-1] in {"W", "R", "B"}:
            value = weights(layer)[tensor.name[:-1]]
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    made.graph.node[-1].attribute[0].i = made.graph.node[0].attribute[0].i
    for node in made.graph.node:
        kept = [one for one in node.attribute if one.name != "hidden_size"]
        del node.attribute[:]
        node.attribute.extend(kept)
    with pytest.raises(
        bl.WeightsError,
        match=r"^high: hidden_size: expected 4, as in 'low' \(bl.Stack.from_onnx reads .*\); node=\['low'\] "
        "reads that layer alone, found 6",
    ):
        read_onnx(made)
    assert read_onnx(made, ["low"]).hidden_size == 4
    assert read_onnx(made, ["high"]).hidden_size == 6


def test_all_issues_of_all_nodes_are_named() -> None:
    made = stack(random_stored(num_layers=2), ONE["squeeze"])
    for node in made.graph.node:
        if node.op_type == "LSTM":
            node.attribute.append(helper.make_attribute("clip", -1.0))
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    assert [issue.path for issue in raised.value.issues] == ["low: clip", "high: clip"]


def test_lengths_must_be_those_of_all_nodes() -> None:
    lengths = helper.make_tensor_value_info("n", TensorProto.INT32, [None])
    made = stack(random_stored(num_layers=2), ONE["squeeze"], inputs=[lengths])
    nodes = [node for node in made.graph.node if node.op_type == "LSTM"]
    nodes[0].input.append("n")
    with pytest.raises(
        bl.WeightsError, match=r"sequence_lens: expected the same for .* found \{'low': 'n"
    ):
        read_onnx(made)
    made.graph.node.append(make("Identity", "n", "m"))
    nodes[1].input.append("m")
    assert read_onnx(made).num_layers == 2
