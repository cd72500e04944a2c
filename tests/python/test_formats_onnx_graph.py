"""ONNX graphs around LSTM nodes: stacks, constants of any origin, subgraphs, external data, bad files."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import onnx
import pytest
from bnns_lstm.formats import StoredLSTM, read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_tools import lstm, model, one_node, run, weights


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def make(kind: str, inputs: str, output: str, **words: Any) -> Any:
    """A node whose inputs are separated by spaces."""
    return helper.make_node(kind, inputs.split(), [output], name=output, **words)


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


def stack(stored: StoredLSTM, way: Way, **words: Any) -> Any:
    """Two nodes with something in between."""
    nodes, constants = list(way[0]), dict(way[1])
    for layer, (name, x, y) in enumerate((("low", "x", "y"), ("high", "z", "top"))):
        own = {f"{key}{layer}": value for key, value in weights(stored, layer).items()}
        direction = "bidirectional" if stored.bidirectional else "forward"
        inputs = {key[:-1]: key for key in own}
        node = lstm(name, x, y, inputs, hidden_size=4, direction=direction)
        nodes.insert(len(nodes) * layer, node)
        constants |= own
    return model(nodes, constants, ["top", "y"], **words)


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
    with pytest.raises(bl.WeightsError, match="node: expected names of LSTM nodes, 'low'"):
        read_onnx(made, [])


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
def test_other_ways_are_no_stack(directions: int, way: Way) -> None:
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
    for node, message in ((None, "none"), ("c", "'c', the name of 0")):
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
        bl.WeightsError, match="high: hidden_size: expected 4, as in 'low', found 6"
    ):
        read_onnx(made)
    assert read_onnx(made, ["high"]).hidden_size == 6


def test_all_issues_of_all_nodes_are_named() -> None:
    made = stack(random_stored(num_layers=2), ONE["squeeze"])
    for node in made.graph.node:
        if node.op_type == "LSTM":
            node.attribute.append(helper.make_attribute("clip", 1.0))
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
    tracemalloc.start()
    try:
        with pytest.raises(bl.WeightsError, match="a constant no larger than the model"):
            read_onnx(made)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_zeros_are_found_in_reasonable_time() -> None:
    """Each value is looked at once, although there are 2^40 ways to the first one."""
    stored = random_stored()
    arrays = weights(stored)
    nodes = [make("Shape", "x", "sizes"), make("ConstantOfShape", "sizes", "v0")]
    nodes += [make("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(40)]
    nodes.append(lstm("one", "x", "y", {**{key: key for key in arrays}, "initial_h": "v40"}))
    assert_same(read_onnx(model(nodes, arrays, ["y"])), stored)


OTHERS: dict[str, tuple[list[Any], str]] = {
    "empty": ([make("Neg", "x", "y")], "expected a model with an LSTM node, found none"),
    "gru": ([make("GRU", "x w r", "y")], "found none, but GRU"),
    "quantised": (
        [make("DynamicQuantizeLSTM", "x", "y", domain="com.microsoft")],
        "but DynamicQuantizeL",
    ),
}


@pytest.mark.parametrize(("nodes", "message"), OTHERS.values(), ids=OTHERS.keys())
def test_models_without_a_node_are_refused(nodes: list[Any], message: str) -> None:
    with pytest.raises(bl.WeightsError, match=message):
        read_onnx(model(nodes, {}, ["y"]))


def test_a_node_in_a_local_function_is_refused_with_the_way_out() -> None:
    made = model([make("Mine", "x", "y", domain="mine")], {}, ["y"])
    opset = [helper.make_opsetid("", 17)]
    inner = lstm("a", "x", "y", {"W": "W", "R": "R"})
    made.functions.append(helper.make_function("mine", "Mine", ["x"], ["y"], [inner], opset))
    with pytest.raises(bl.WeightsError, match="inline_local_functions"):
        read_onnx(made)


def external(tmp_path: Path, location: str, **words: str) -> Path:
    """A model whose W lies in another file."""
    made = one_node(random_stored())
    for tensor in made.graph.initializer:
        if tensor.name == "W":
            content = tensor.raw_data
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in {"location": location, **words}.items():
                tensor.external_data.add(key=key, value=value)
    folder = tmp_path / "model"
    (folder / "below").mkdir(parents=True)
    for place in (folder / "w.bin", folder / "below" / "w.bin", tmp_path / "w.bin"):
        place.write_bytes(b"1234" + content)
    if location == "link.bin":
        try:
            (folder / location).symlink_to(tmp_path / "w.bin")
        except OSError:
            pytest.skip("no links here")
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


@pytest.mark.parametrize("location", ["w.bin", "below/w.bin", "below/../w.bin"])
def test_external_data_is_read_from_next_to_the_model(location: str, tmp_path: Path) -> None:
    path = external(tmp_path, location, offset="4")
    assert_same(read_onnx(path), random_stored())
    assert_same(read_onnx(str(path)), random_stored())
    with pytest.raises(bl.WeightsError, match="W: expected data in the model: give the path"):
        read_onnx(onnx.load(path, load_external_data=False))


@pytest.mark.parametrize(
    ("location", "words", "message"),
    [
        (
            "../w.bin",
            {},
            "W: external data: expected a file in the folder of the model, found '../w.b",
        ),
        ("/etc/hostname", {}, "expected a file in the folder of the model"),
        ("link.bin", {}, "expected a file in the folder of the model"),
        ("below", {}, "expected a file in the folder of the model"),
        ("none.bin", {}, "expected a file in the folder of the model"),
        ("", {}, "expected a file in the folder of the model"),
        ("w\0.bin", {}, "expected a file in the folder of the model"),
        ("w.bin", {"offset": "-4"}, "expected offset and length, found"),
        ("w.bin", {"offset": "9" * 30}, "expected offset and length, found"),
        ("w.bin", {"offset": "8"}, "expected 192 bytes from 8, found a file of 196 bytes"),
        ("w.bin", {"length": str(2**50)}, "bytes from 0, found a file of 196 bytes"),
        ("w.bin", {"length": "100"}, "expected numbers for the shape"),
        ("w.bin", {"length": "99"}, "expected raw data in multiples of 4 bytes, found 99 bytes"),
    ],
)
def test_external_data_elsewhere_is_refused(
    location: str, words: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = external(tmp_path, location, **words)
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(path)
    assert message in str(raised.value)


def huge(**fields: Any) -> bytes:
    made = one_node(random_stored())
    tensor = made.graph.initializer[0]
    for name, value in fields.items():
        if name == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, name, value)
    return bytes(made.SerializeToString())


FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "expected an ONNX model, found none"),
    "text": (b"no model", "expected an ONNX model, found none"),
    "huge": (huge(dims=[2**40, 2**20]), "W: expected numbers for the shape [1099511627776, 1048576], fou"),
    "negative": (huge(dims=[-1, 16, 3]), "W: expected up to 8 sizes of at least 0, found [-1, 16, 3]"),
    "rank": (huge(dims=[1] * 9), "W: expected up to 8 sizes of at least 0"),
    "bytes": (huge(raw_data=b"123"), "W: expected raw data in multiples of 4 bytes, found 3 bytes"),
    "type": (huge(data_type=77), "found 77"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES.keys())
def test_files_that_are_no_models_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(bl.WeightsError) as raised:
            read_onnx(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert message in str(raised.value)
    assert peak < 1 << 20


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_are_refused_or_read_never_worse(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(stack(random_stored(num_layers=2), ONE["transpose"]).SerializeToString())
    end = data.draw(st.integers(0, len(content)))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.onnx"
    path.write_bytes(content[: end if data.draw(st.booleans()) else None])
    try:
        stored = read_onnx(path)
    except bl.WeightsError as error:
        assert error.issues
    else:
        assert stored.num_layers in {1, 2}


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(
        bl.WeightsError, match=r"source: expected a path or an onnx.ModelProto, found int"
    ):
        read_onnx(7)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(bl.ExtraError, match=r"pip install bnns-lstm\[onnx\]"):
        read_onnx("a.onnx")
