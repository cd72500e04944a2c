"""Stacks of LSTM layers in ONNX files of several exporters: read whole, with ONNX Runtime's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import onnx
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, computed, random_stored
from onnx import TensorProto, helper
from onnx_tools import ints, lstm, make, model, run, weights

DATA = Path(__file__).parents[1] / "data" / "onnx"
# Layers, directions, and whether inputs and outputs have the batch first.
FILES: dict[str, tuple[int, int, bool]] = {
    "tf2onnx_bidirectional_stack": (2, 2, True),
    "torch_dynamo_batch_first_bidirectional": (3, 2, True),
    "torch_dynamo_four_layers_dynamic": (4, 1, False),
    "torch_dynamo_stack_bidirectional_dynamic": (2, 2, True),
    "torch_dynamo_stack_static": (2, 1, False),
    "torch_dynamo_states_dynamic": (2, 1, False),
    "torch_script_batch_first_bidirectional_dynamic": (2, 2, True),
    "torch_script_static": (3, 1, False),
}


def feeds_of(made: Any) -> dict[str, Any]:
    """Random numbers for each input; sizes that the model leaves open are neither 1 nor alike."""
    random, sizes = np.random.default_rng(3), dict[str, int]()
    feeds = {}
    for info in made.graph.input:
        shape = [
            axis.dim_value or sizes.setdefault(axis.dim_param, 6 + len(sizes))
            for axis in info.type.tensor_type.shape.dim
        ]
        feeds[info.name] = random.standard_normal(shape).astype(np.float32)
    return feeds


@pytest.mark.parametrize("name", FILES)
def test_files_of_exporters_are_stacks(name: str) -> None:
    layers, directions, batch_first = FILES[name]
    path = DATA / f"{name}.onnx"
    made = onnx.load(path)
    nodes = [node for node in made.graph.node if node.op_type == "LSTM"]
    stored = read_onnx(path)
    assert (stored.num_layers, stored.directions, stored.batch_first) == (layers, directions, False)
    assert_same(read_onnx(path, [node.name for node in nodes]), stored)
    assert_same(read_onnx(path, nodes[0].output[0]), stored)
    feeds = feeds_of(made)
    x, *states = feeds.values()
    found = run(made, **feeds)[0]
    network = bl.LSTM.from_onnx(path)
    steps_first = x.swapaxes(0, 1) if batch_first else x
    y = network(steps_first, tuple(states))[0] if states else network(steps_first)[0]
    np.testing.assert_allclose(y.swapaxes(0, 1) if batch_first else y, found, atol=2e-6)


def test_one_layer_of_a_file_is_taken_alone() -> None:
    path = DATA / "torch_dynamo_four_layers_dynamic.onnx"
    whole = read_onnx(path)
    names = [node.name for node in onnx.load(path).graph.node if node.op_type == "LSTM"]
    part = read_onnx(path, names[1:3])
    assert part.num_layers == 2
    for layer in (0, 1):
        name = f"weight_hh_l{layer}"
        np.testing.assert_array_equal(
            part.parameters[name], whole.parameters[f"weight_hh_l{layer + 1}"]
        )


def tf2onnx(nodes: list[Any], y: str, out: str) -> dict[str, Any]:
    """Each direction cut out, squeezed and put beside the other; between time-major layers."""
    nodes += [
        make("Slice", f"{y} {out}0 {out}1 {out}1", f"{out}f"),
        make("Squeeze", f"{out}f {out}1", f"{out}fs"),
        make("Slice", f"{y} {out}1 {out}2 {out}1", f"{out}b"),
        make("Squeeze", f"{out}b {out}1", f"{out}bs"),
        make("Concat", f"{out}fs {out}bs", f"{out}c", axis=2),
        make("Transpose", f"{out}c", f"{out}t", perm=[1, 0, 2]),
        make("Transpose", f"{out}t", out, perm=[1, 0, 2]),
    ]
    return {f"{out}{number}": ints(number) for number in (0, 1, 2)}


def split(nodes: list[Any], y: str, out: str) -> dict[str, Any]:
    """As tf2onnx, but by Split."""
    nodes += [
        helper.make_node("Split", [y, f"{out}n"], [f"{out}f", f"{out}b"], axis=1),
        make("Squeeze", f"{out}f {out}1", f"{out}fs"),
        make("Squeeze", f"{out}b {out}1", f"{out}bs"),
        make("Concat", f"{out}fs {out}bs", out, axis=-1),
    ]
    return {f"{out}n": ints(1, 1), f"{out}1": ints(1)}


def keras2onnx(nodes: list[Any], y: str, out: str, width: int = 4) -> dict[str, Any]:
    """The number of steps from the shape of the layer's own input, which has the batch first."""
    nodes += [
        make("Transpose", y, f"{out}t", perm=[2, 0, 1, 3]),
        make("Shape", "x" if y == "y0" else f"{y}x", f"{out}s"),
        make("Slice", f"{out}s {out}1 {out}2 {out}0", f"{out}q"),
        make("Concat", f"{out}m {out}q {out}w", f"{out}r", axis=0),
        make("Reshape", f"{out}t {out}r", f"{out}a"),
        make("Identity", f"{out}a", f"{out}i"),
        make("Transpose", f"{out}i", out, perm=[1, 0, 2]),
    ]
    constants = {f"{out}{number}": ints(number) for number in (0, 1, 2)}
    return constants | {f"{out}m": ints(-1), f"{out}w": ints(width)}


def keras2onnx_two(nodes: list[Any], y: str, out: str) -> dict[str, Any]:
    """As above for two directions, with a Reshape that does nothing before."""
    nodes += [
        make("Shape", "x", f"{out}S"),
        make("Slice", f"{out}S {out}1 {out}2 {out}0", f"{out}Q"),
        make("Concat", f"{out}Q {out}2 {out}m {out}h", f"{out}R", axis=0),
        make("Reshape", f"{y} {out}R", f"{out}y"),
    ]
    found = keras2onnx(nodes, f"{out}y", out, 8)
    for node in nodes:
        if node.op_type == "Shape":
            node.input[0] = "x"
    return found | {f"{out}h": ints(4)}


def paddle2onnx(nodes: list[Any], y: str, out: str) -> dict[str, Any]:
    nodes += [
        make("Transpose", y, f"{out}t", perm=[0, 2, 1, 3]),
        make("Reshape", f"{out}t {out}s", out),
    ]
    return {f"{out}s": ints(0, 0, -1)}


def computed_shape(nodes: list[Any], y: str, out: str) -> dict[str, Any]:
    """A shape from Gather, Mul, Div, Where and Cast, expanded over an axis that is there already."""
    nodes += [
        make("Transpose", y, f"{out}t", perm=[0, 2, 1, 3]),
        make("Shape", f"{out}t", f"{out}s"),
        make("Gather", f"{out}s {out}i", f"{out}g"),
        make("Size", f"{out}t", f"{out}n"),
        make("Cast", f"{out}n", f"{out}c", to=TensorProto.INT64),
        make("ReduceProd", f"{out}g", f"{out}p", keepdims=0),
        make("Div", f"{out}c {out}p", f"{out}d"),
        make("Unsqueeze", f"{out}d {out}0", f"{out}u"),
        make("Concat", f"{out}g {out}u", f"{out}v", axis=0),
        make("Equal", f"{out}v {out}z", f"{out}e"),
        make("ConstantOfShape", f"{out}l", f"{out}o", value=helper.make_tensor("", 7, [1], [1])),
        make("Where", f"{out}e {out}o {out}v", f"{out}w"),
        make("Reshape", f"{out}t {out}w", f"{out}a"),
        make("Expand", f"{out}a {out}w", f"{out}x"),
        make("Flatten", f"{out}x", f"{out}f", axis=2),
        make("Reshape", f"{out}f {out}w", out),
    ]
    numbers = {"i": ints(0, 1), "0": ints(0), "z": ints(-1), "l": ints(3)}
    return {f"{out}{key}": value for key, value in numbers.items()}


# Each appends the nodes between an output and the next layer's input, and returns their constants.
STYLES: dict[str, tuple[int, bool, Any]] = {
    "tf2onnx": (2, False, tf2onnx),
    "split": (2, False, split),
    "keras2onnx": (1, True, keras2onnx),
    "keras2onnx, two directions": (2, True, keras2onnx_two),
    "paddle2onnx": (1, False, paddle2onnx),
    "paddle2onnx, two directions": (2, False, paddle2onnx),
    "computed shape": (2, False, computed_shape),
}


@pytest.mark.parametrize("name", STYLES)
def test_other_exporters_ways_are_followed(name: str) -> None:
    directions, batch_first, style = STYLES[name]
    stored = random_stored(num_layers=3, bidirectional=directions == 2)
    nodes: list[Any] = []
    constants: dict[str, Any] = {}
    value = "x"
    if batch_first:
        nodes.append(make("Transpose", "x", "xt", perm=[1, 0, 2]))
        value = "xt"
    for layer in range(3):
        own = {f"{key}{layer}": array for key, array in weights(stored, layer).items()}
        words = {"direction": "bidirectional" if directions == 2 else "forward", "hidden_size": 4}
        names = {key[:-1]: key for key in own}
        nodes.append(lstm(f"n{layer}", value, f"y{layer}", names, **words))
        constants |= own | style(nodes, f"y{layer}", f"z{layer}")
        if style is keras2onnx:
            # The next layer's input as Keras has it, the batch first.
            nodes.append(make("Identity", f"z{layer}i", f"y{layer + 1}x"))
        value = f"z{layer}"
    made = model(nodes, constants, ["z2"])
    assert_same(read_onnx(made), stored)
    assert_same(read_onnx(made, ["n0", "n1", "n2"]), stored)
    x = np.random.default_rng(0).standard_normal((5, 3, stored.input_size)).astype(np.float32)
    found = run(made, x=x.swapaxes(0, 1) if batch_first else x)[0]
    np.testing.assert_allclose(found, computed(stored, x)[0], atol=2e-6)
