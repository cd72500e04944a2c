"""Weights of ONNX models: constants of any origin, in bodies too, and what is none."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import TensorProto, helper, numpy_helper
from onnx_tools import ints, lstm, make, model, run, stack, weights
from refused import refused_in_little_memory

GIVEN: dict[str, list[Any]] = {
    "constant": [],
    "identity": [make("Identity", "w", "a"), make("Identity", "a", "W")],
    "concat": [make("Concat", "w1 w2", "W", axis=1)],
    "slice": [make("Concat", "w w", "a", axis=0), make("Slice", "a zero one zero", "W")],
    "split": [helper.make_node("Split", ["w"], ["s1", "s2"], axis=1),
              make("Concat", "s1 s2", "W", axis=1)],
    "unsqueeze": [make("Squeeze", "w zero", "a"), make("Unsqueeze", "a zero", "W")],
    "reshape": [make("Reshape", "w flat", "a"), make("Reshape", "a shape", "W")],
    "transpose": [make("Transpose", "w", "a"), make("Transpose", "a", "W", perm=[2, 1, 0])],
    "cast": [make("Cast", "w", "a", to=11), make("Cast", "a", "W", to=1)],
}  # fmt: skip


@pytest.mark.parametrize("name", GIVEN)
def test_constants_are_followed_to_their_origin(name: str) -> None:
    stored = random_stored()
    arrays = weights(stored)
    w = arrays.pop("W")
    constants = {
        **arrays, "w": w, "w1": w[:, :5], "w2": w[:, 5:], "zero": ints(0), "one": ints(1),
        "flat": ints(-1), "shape": ints(1, 16, -1),
    }  # fmt: skip
    nodes = list(GIVEN[name])
    if name == "constant":
        nodes = [helper.make_node("Constant", [], ["W"], value=numpy_helper.from_array(w, "w"))]
    nodes.append(lstm("one", "x", "y", {"W": "W", "R": "R", "B": "B"}, hidden_size=4))
    made = model(nodes, constants, ["y"])
    assert_same(read_onnx(made), stored)
    x = x_of(stored)
    np.testing.assert_allclose(run(made, x=x)[0][:, 0], computed(stored, x)[0], atol=2e-6)


def test_zeros_of_a_batch_that_is_only_known_at_run_time_are_no_state() -> None:
    """As PyTorch exports a module that is called without states."""
    stored = random_stored()
    arrays = weights(stored)
    nodes = [
        make("Shape", "x", "sizes"), make("Gather", "sizes one", "batch"),
        make("Concat", "one batch four", "all", axis=0), make("Expand", "nothing all", "h"),
        make("ConstantOfShape", "all", "c"), make("Slice", "c zero one", "c0"),
        lstm("a", "x", "y", {**{key: key for key in arrays}, "initial_h": "h", "initial_c": "c0"}),
    ]  # fmt: skip
    nothing = np.zeros((1, 1, 1), np.float32)
    constants = {**arrays, "one": ints(1), "four": ints(4), "zero": ints(0), "nothing": nothing}
    assert_same(read_onnx(model(nodes, constants, ["y"])), stored)


@pytest.mark.parametrize("kind", ["If", "Loop"])
def test_nodes_in_bodies_see_the_constants_around_them(kind: str) -> None:
    stored = random_stored()
    arrays = weights(stored)
    inside = helper.make_node("Constant", [], ["R"], value=numpy_helper.from_array(arrays.pop("R")))
    node = lstm("deep", "x", "y", {"W": "W", "R": "R", "B": "B"}, hidden_size=4)
    info = helper.make_tensor_value_info
    y = [info("y", TensorProto.FLOAT, None)]
    if kind == "If":
        body = helper.make_graph([inside, node], "then", [], y)
        other = helper.make_graph(
            [make("Neg", "x", "z")], "else", [], [info("z", TensorProto.FLOAT, None)]
        )
        outer = make("If", "on", "out", then_branch=body, else_branch=other)
    else:
        go = helper.make_node("Identity", ["go_in"], ["go"])
        inputs = [info("i", TensorProto.INT64, []), info("go_in", TensorProto.BOOL, [])]
        outputs = [info("go", TensorProto.BOOL, []), *y]
        body = helper.make_graph([inside, node, go], "body", inputs, outputs)
        outer = make("Loop", "count", "out", body=body)
    constants = {**arrays, "on": np.array(True), "count": np.array(1, np.int64)}
    assert_same(read_onnx(model([outer], constants, ["out"])), stored)


NOT_CONSTANT: dict[str, tuple[list[Any], str]] = {
    "an input": ([], "one: W: expected a constant, found 'x', an input of the graph"),
    "nothing": ([], "one: W: expected a constant, found 'none', nothing of this name"),
    "computed": ([make("Relu", "w", "v")], r"found the output of 'v' \(Relu\)"),
    "a bad reshape": (
        [make("Reshape", "w nine", "v")],
        "one: W: v: expected a valid Reshape, found ca",
    ),
    "no shape": (
        [make("Reshape", "w", "v")],
        "expected a valid Reshape, found the shape is missing",
    ),
    "a bad axis": (
        [make("Split", "w nine", "v", axis=7)],
        "one: W: v: expected a valid Split, found",
    ),
    "a bad type": ([make("Cast", "w", "v", to=8)], "found the type is none of the supported ones"),
    "no input": (
        [make("Identity", "", "v")],
        "one: W: v: expected a valid Identity, found an input is",
    ),
    "a circle": (
        [make("Identity", "u", "v"), make("Identity", "v", "u")],
        "a constant within 50 steps",
    ),
    "a text": (
        [helper.make_node("Constant", [], ["v"], name="v", value_string="a")],
        "one: W: v: expected a constant of numbers, found value_string",
    ),
    "numbers in a tensor's place": (
        [helper.make_node("Constant", [], ["v"], name="v", value=[1.0, 2.0])],
        r"value: expected a tensor, found \[1.0, 2.0\]",
    ),
    "texts in place of numbers": (
        [helper.make_node("Constant", [], ["v"], name="v", value_ints=["a"])],
        "one: W: v: expected a constant of numbers, found value_ints",
    ),
}


@pytest.mark.parametrize(("nodes", "message"), NOT_CONSTANT.values(), ids=NOT_CONSTANT.keys())
def test_weights_that_are_no_constants_are_refused(nodes: list[Any], message: str) -> None:
    arrays = weights(random_stored())
    value = "x" if "'x'" in message else "none" if "'none'" in message else "v"
    node = lstm("one", "x", "y", {"W": value, "R": "R"})
    made = model([*nodes, node], {**arrays, "w": arrays["W"], "nine": ints(9)}, ["y"])
    with pytest.raises(bl.WeightsError, match=message):
        read_onnx(made)


def test_constants_do_not_grow_without_bound() -> None:
    arrays = weights(random_stored())
    nodes = [make("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(40)]
    nodes.append(lstm("one", "x", "y", {"W": "v40", "R": "R"}))
    made = model(nodes, {**arrays, "v0": arrays["W"]}, ["y"])
    with refused_in_little_memory(bl.WeightsError, "a constant no larger than the model"):
        read_onnx(made)


def test_zero_states_behind_exponentially_many_paths_are_found_in_reasonable_time() -> None:
    """Each value is looked at once, although there are 2^40 ways to the first one."""
    stored = random_stored()
    arrays = weights(stored)
    nodes = [make("Shape", "x", "sizes"), make("ConstantOfShape", "sizes", "v0")]
    nodes += [make("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(40)]
    nodes.append(lstm("one", "x", "y", {**{key: key for key in arrays}, "initial_h": "v40"}))
    assert_same(read_onnx(model(nodes, arrays, ["y"])), stored)


@pytest.mark.parametrize(
    "value", [3, 2.5, "text", [1, 2], [numpy_helper.from_array(np.zeros(2), "a")]]
)
@pytest.mark.parametrize("kind", ["Constant", "ConstantOfShape"])
def test_a_value_that_is_no_tensor_is_refused(kind: str, value: Any) -> None:
    """The attribute has another type than the operator's, which a file may well say."""
    arrays = weights(random_stored())
    name = "W" if kind == "Constant" else "initial_h"
    if kind == "Constant":
        arrays.pop("W")
    inputs = [] if kind == "Constant" else ["shape"]
    nodes = [
        helper.make_node(kind, inputs, [name], value=value),
        lstm("one", "x", "y", {key: key for key in (*arrays, name)}, hidden_size=4),
    ]
    with pytest.raises(bl.WeightsError, match=r"value: expected a tensor, found .*\[wrong_type\]"):
        read_onnx(model(nodes, {**arrays, "shape": ints(1, 3, 4)}, ["y"]))


@pytest.mark.parametrize("value", [3, "text", [1, 2]])
def test_a_value_between_two_nodes_that_is_no_tensor_breaks_the_stack(value: Any) -> None:
    way = [
        helper.make_node("Constant", [], ["shape"], name="odd", value=value),
        make("Reshape", "y shape", "z"),
    ]
    with pytest.raises(bl.WeightsError, match=r"'odd'.* has a value that is no tensor"):
        read_onnx(stack(random_stored(num_layers=2), (way, {})), ["low", "high"])
