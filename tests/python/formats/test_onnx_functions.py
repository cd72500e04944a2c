"""LSTM nodes in local functions of a model."""

from __future__ import annotations

import time
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import AttributeProto, TensorProto, helper, inliner, numpy_helper
from onnx_tools import ints, lstm, make, model, run, side_by_side, weights
from refused import refused_in_little_memory

OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
HIDDEN = AttributeProto()
HIDDEN.name, HIDDEN.ref_attr_name, HIDDEN.type = "hidden_size", "units", AttributeProto.INT


def function(name: str, inputs: str, outputs: str, nodes: list[Any], *words: str) -> Any:
    return helper.make_function(
        "mine", name, inputs.split(), outputs.split(), nodes, OPSET, list(words)
    )


def call(kind: str, inputs: str, outputs: str, **words: Any) -> Any:
    own = words.pop("name", "")
    return helper.make_node(
        kind, [one if one != "-" else "" for one in inputs.split(" ")], outputs.split(" "),
        name=own, domain="mine", **words,
    )  # fmt: skip


def whole(
    nodes: list[Any], functions: list[Any], constants: dict[str, Any], outputs: list[str]
) -> Any:
    made = model(nodes, constants, outputs)
    made.opset_import.append(helper.make_opsetid("mine", 1))
    made.functions.extend(functions)
    return made


def layer_of(*words: Any) -> Any:
    """A function that is one LSTM, its weights inputs, its hidden size an attribute."""
    node = lstm("node", "x", "y", {"W": "W", "R": "R", "B": "B"})
    node.attribute.extend([HIDDEN, *words])
    return function("Layer", "x W R B", "y", [node], "units")


def test_a_node_in_a_function_is_what_onnx_runtime_computes() -> None:
    stored = random_stored()
    arrays = weights(stored)
    made = whole(
        [call("Layer", "x W R B", "out", name="first", units=4)], [layer_of()], arrays, ["out"]
    )
    assert_same(read_onnx(made), stored)
    for name in ("first/node", "out"):
        assert_same(read_onnx(made, name), stored)
    x = x_of(stored)
    np.testing.assert_allclose(computed(stored, x)[0], side_by_side(run(made, x=x)[0]), atol=2e-6)
    with pytest.raises(
        bl.WeightsError, match="first/node: hidden_size: expected 4, as in R, found 5"
    ):
        read_onnx(
            whole(
                [call("Layer", "x W R B", "out", name="first", units=5)],
                [layer_of()],
                arrays,
                ["out"],
            )
        )


def test_functions_called_twice_are_two_layers_and_a_stack() -> None:
    stored = random_stored(num_layers=2)
    constants: dict[str, Any] = {"one": ints(1)}
    for layer in (0, 1):
        constants |= {f"{key}{layer}": value for key, value in weights(stored, layer).items()}
    inner = [
        call("Layer", "x W R B", "seq", units=4),
        make("Squeeze", "seq axes", "y"),
    ]
    outer = function("Block", "x W R B axes", "y", inner)
    nodes = [
        call("Block", "x W0 R0 B0 one", "low", name="block"),
        call("Block", "low W1 R1 B1 one", "top", name="above"),
    ]
    made = whole(nodes, [outer, layer_of()], constants, ["top"])
    assert_same(read_onnx(made), stored)
    x = x_of(stored)
    np.testing.assert_allclose(computed(stored, x)[0], run(made, x=x)[0], atol=2e-6)
    # ONNX allows nodes of one name: what is inside has two names all the same.
    made.graph.node[1].name = "block"
    with pytest.raises(bl.WeightsError, match="'block/seq/node' \\+ 'block#2/seq/node'"):
        read_onnx(made, "nothing")


def test_constants_bodies_defaults_and_missing_inputs() -> None:
    """What a function may have: each as the inliner of the package onnx resolves it."""
    stored = random_stored(bias=False)
    arrays = weights(stored)
    w = helper.make_node("Constant", [], ["W"], value=numpy_helper.from_array(arrays["W"], "w"))
    r = helper.make_node("Constant", [], ["R"])
    value = AttributeProto()
    value.name, value.ref_attr_name, value.type = "value", "recurrent", AttributeProto.TENSOR
    r.attribute.append(value)
    clip = helper.make_attribute("clip", 9999.0)
    bound = AttributeProto()
    bound.name, bound.ref_attr_name, bound.type = "clip", "clip", AttributeProto.FLOAT
    absent = AttributeProto()
    absent.name, absent.ref_attr_name, absent.type = "direction", "direction", AttributeProto.STRING
    node = lstm("deep", "x", "y", {"W": "W", "R": "R", "B": "B"})
    node.attribute.extend([bound, absent])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    other = helper.make_tensor_value_info("n", TensorProto.FLOAT, None)
    body = helper.make_graph([r, node], "then", [], [out])
    otherwise = helper.make_graph([make("Neg", "x", "n")], "else", [], [other])
    choice = make("If", "on", "z", then_branch=body, else_branch=otherwise)
    layer = helper.make_function(
        "mine", "Layer", ["x", "on", "B"], ["z"], [w, choice], OPSET,
        ["recurrent", "direction"], [clip],
    )  # fmt: skip
    words = {"recurrent": numpy_helper.from_array(arrays["R"], "r")}
    made = whole(
        [call("Layer", "x on -", "out", **words)], [layer], {"on": np.array(True)}, ["out"]
    )
    assert_same(read_onnx(made), stored)
    assert_same(read_onnx(inliner.inline_local_functions(made)), stored)
    bad = whole(
        [call("Layer", "x on -", "out", clip=-1.0, **words)],
        [layer],
        {"on": np.array(True)},
        ["out"],
    )
    with pytest.raises(bl.WeightsError, match="clip: expected a number above 0"):
        read_onnx(bad)


def test_weights_of_a_node_in_a_function_may_be_given() -> None:
    stored = random_stored()
    arrays = weights(stored)
    own = [helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 16, 3])]
    nodes = [call("Layer", "x w R B", "out", units=4)]
    made = model(nodes, arrays, ["out"], inputs=own)
    made.functions.append(layer_of())
    assert_same(read_onnx(made, inputs={"w": arrays["W"]}), stored)
    with pytest.raises(bl.WeightsError, match=r"out/node: W: .* found 'w', an input of the graph"):
        read_onnx(made)


def test_an_output_may_be_an_input_of_the_function() -> None:
    stored = random_stored()
    arrays = weights(stored)
    same = function("Same", "a", "a", [make("Neg", "a", "unused")])
    nodes = [call("Same", "w", "W"), lstm("one", "x", "y", {key: key for key in arrays})]
    arrays["w"] = arrays.pop("W")
    assert_same(read_onnx(whole(nodes, [same], arrays, ["y"])), stored)


def test_calls_in_bodies_are_followed() -> None:
    stored = random_stored()
    arrays = weights(stored)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    n = helper.make_tensor_value_info("n", TensorProto.FLOAT, None)
    body = helper.make_graph([call("Layer", "x W R B", "y", units=4)], "then", [], [y])
    other = helper.make_graph([make("Neg", "x", "n")], "else", [], [n])
    outer = make("If", "on", "out", then_branch=body, else_branch=other)
    made = whole([outer], [layer_of()], {**arrays, "on": np.array(True)}, ["out"])
    assert_same(read_onnx(made), stored)


def test_a_function_of_the_operators_name_comes_first() -> None:
    """Functions of a model come before the operators that a runtime has."""
    arrays = weights(random_stored())
    mine = helper.make_function("", "LSTM", ["x"], ["y"], [make("Neg", "x", "y")], OPSET)
    node = helper.make_node("LSTM", ["x"], ["y"])
    with pytest.raises(bl.WeightsError, match="expected a model with an LSTM node, found none"):
        read_onnx(whole([node], [mine], arrays, ["y"]))


def doubling(levels: int) -> list[Any]:
    """Functions of which each calls the next one twice."""
    made = [
        function(f"F{i}", "x", "y", [call(f"F{i + 1}", "x", "a"), call(f"F{i + 1}", "a", "y")])
        for i in range(levels)
    ]
    return [*made, function(f"F{levels}", "x", "y", [make("Neg", "x", "y")])]


REFUSED: dict[str, tuple[list[Any], str]] = {
    "a function that calls itself": (
        [function("F0", "x", "y", [call("F0", "x", "y")])],
        "expected local functions that call each other at most 32 deep, found deeper calls",
    ),
    "two that call each other": (
        [function("F0", "x", "y", [call("F1", "x", "y")]), function("F1", "x", "y", [call("F0", "x", "y")])],
        "at most 32 deep",
    ),
    "many inputs": ([function("F0", "", "y", [])], r"\(F0\): expected at most 0 inputs, as the function has"),
    "many outputs": ([function("F0", "x", "", [])], r"\(F0\): expected at most 0 outputs"),
}  # fmt: skip


@pytest.mark.parametrize(("functions", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_calls_that_do_not_fit_are_refused(functions: list[Any], message: str) -> None:
    made = whole([call("F0", "x", "y")], functions, {}, ["y"])
    with refused_in_little_memory(bl.WeightsError, message):
        read_onnx(made)


def test_exponentially_many_calls_are_refused_in_reasonable_time() -> None:
    made = whole([call("F0", "x", "y")], doubling(30), {}, ["y"])
    begin = time.monotonic()
    with pytest.raises(bl.WeightsError, match="at most 100000 nodes"):
        read_onnx(made)
    assert time.monotonic() - begin < 60


def test_a_small_file_of_long_names_makes_no_large_graph() -> None:
    nodes = [make("Neg", "x", f"a{i}") for i in range(300)]
    functions = [function("F0", "x", "y", [call("F1", "x", f"b{i}") for i in range(300)])]
    functions.append(function("F1", "x", "y", nodes))
    made = whole([call("F0", "x", "y", name="n" * 100_000)], functions, {}, ["y"])
    with pytest.raises(
        bl.WeightsError, match=r"at most 100000 nodes|expected a model with an LSTM"
    ):
        read_onnx(made)


@pytest.mark.parametrize("name", ["call_value", "node_value", "made_value", "word_name"])
def test_names_that_are_no_text_name_nothing(name: str) -> None:
    """Protobuf hands out names that are no UTF-8 as bytes."""
    word = AttributeProto()
    word.name, word.ref_attr_name, word.type = "word_name", "units", AttributeProto.INT
    inner = lstm("a", "x", "made_value", {"W": "W", "R": "node_value"})
    inner.attribute.append(word)
    functions = [function("F0", "x W", "y", [inner], "units")]
    made = whole([call("F0", "x call_value", "y", units=4)], functions, {}, ["y"])
    made.ParseFromString(made.SerializeToString().replace(name.encode(), b"\xff" * len(name)))
    with pytest.raises(bl.WeightsError):
        read_onnx(made)


def test_missing_weights_in_functions_are_named() -> None:
    node = lstm("a", "x", "y", {"W": "W", "R": "R"})
    made = whole([call("F0", "x", "y")], [function("F0", "x", "y", [node])], {}, ["y"])
    with pytest.raises(
        bl.WeightsError, match="y/a: W: expected a constant, found 'y/W', nothing of"
    ):
        read_onnx(made)
