"""Every input of an LSTM node is checked, whether anything is made of it or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, random_stored
from onnx import TensorProto, helper
from onnx_tools import ints, lstm, make, model, weights

DATA = Path(__file__).parents[1] / "data" / "onnx"
FLOAT, INT32, INT64, INT8 = (
    TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.INT8,
)  # fmt: skip


def info(name: str, kind: int, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def node(**words: Any) -> Any:
    """A model of one node [hidden 4, inputs 3], with nodes, constants and inputs of the graph beside it.

    `given` are the values that it reads beside its weights, `x` is what it reads as X.
    """
    stored = random_stored(bidirectional=words.get("bidirectional", False))
    arrays = {**weights(stored), **words.get("constants", {})}
    own = {key: key for key in weights(stored)} | words.get("given", {})
    attributes = words.get("attributes", {})
    if stored.bidirectional:
        attributes = {"direction": "bidirectional", **attributes}
    made = lstm("one", words.get("x", "x"), "y", own, **attributes)
    made.input.extend(words.get("more", []))
    made.output.extend(words.get("outputs", []))
    full = model([*words.get("nodes", []), made], arrays, ["y"], inputs=words.get("inputs", []))
    if "sizes" in words:
        full.graph.input[0].CopyFrom(info("x", words.get("kind", FLOAT), *words["sizes"]))
    return full


def zeros(*shape: int, dtype: Any = np.float32) -> Any:
    return np.zeros(shape, dtype)


def constant(name: str, value: Any, **words: Any) -> Any:
    return node(given={name: name}, constants={name: value}, **words)


def computed(name: str, nodes: list[Any], value: str, **words: Any) -> Any:
    constants = {
        "four": ints(4),
        "one": ints(1),
        "five": ints(5),
        "nothing": zeros(1, 1, 1),
        "zero": ints(0),
    }
    return node(given={name: value}, nodes=nodes, constants=constants, **words)


BATCH = [make("Shape", "x", "sizes"), make("Gather", "sizes one", "batch")]
BAD: dict[str, tuple[Any, str]] = {
    "zeros of another size": (
        constant("initial_c", zeros(1, 3, 5)),
        "one: initial_c: expected [1, batch, 4] (ONNX has no projection, whatever PyTorch writes for proj_size",
    ),
    "zeros of other directions": (
        constant("initial_h", zeros(2, 3, 4)), "one: initial_h: expected [1, batch, 4], found [2, 3, 4]",
    ),
    "zeros of another rank": (
        constant("initial_h", zeros(3, 4)), "one: initial_h: expected [1, batch, 4], found [3, 4] [rank",
    ),
    "zeros of layout 1": (
        constant("initial_h", zeros(1, 3, 4), attributes={"layout": 1}),
        "one: initial_h: expected [batch, 1, 4], found [1, 3, 4]",
    ),
    "batches that differ": (
        node(given={"initial_h": "h", "initial_c": "c"}, constants={"h": zeros(1, 3, 4), "c": zeros(1, 2, 4)}),
        "one: initial_c: expected [1, 3, 4] (batch as in initial_h), found [1, 2, 4]",
    ),
    "a batch that is not the input's": (
        constant("initial_h", zeros(1, 3, 4), sizes=(None, 2, 3)),
        "one: initial_h: expected [1, 2, 4] (batch as in X), found [1, 3, 4]",
    ),
    "zeros of a batch of run time": (
        computed("initial_c", [
            *BATCH, make("Concat", "one batch five", "all", axis=0), make("ConstantOfShape", "all", "c"),
        ], "c"),
        "takes the module), found [1, ?, 5]",
    ),
    "expanded zeros": (
        computed("initial_c", [
            *BATCH, make("Concat", "one batch five", "all", axis=0), make("Expand", "nothing all", "a"),
            make("Identity", "a", "c"),
        ], "c"),
        "found [1, ?, 5]",
    ),
    "zeros of a sum": (
        computed("initial_c", [
            *BATCH, make("Add", "one four", "sum"), make("Concat", "one batch sum", "all", axis=0),
            make("ConstantOfShape", "all", "c"),
        ], "c"),
        "found [1, ?, 5]",
    ),
    "a slice of zeros": (
        computed("initial_c", [
            *BATCH, make("Concat", "four batch four", "all", axis=0), make("ConstantOfShape", "all", "a"),
            make("Slice", "a one four zero", "c"),
        ], "c"),
        "one: initial_c: expected [1, batch, 4], found [3, ?, 4]",
    ),
    "zeros of the input's batch": (
        computed("initial_c", [
            *BATCH, make("Concat", "one five four", "all", axis=0), make("ConstantOfShape", "all", "c"),
        ], "c", sizes=(None, 2, 3)),
        "one: initial_c: expected [1, 2, 4] (batch as in X), found [1, 5, 4]",
    ),
    "a declared state": (
        node(given={"initial_h": "h"}, inputs=[info("h", FLOAT, 1, "n", 6)]),
        "one: initial_h: expected [1, batch, 4] (ONNX has no projection",
    ),
    "the type of a declared state": (
        node(given={"initial_h": "h"}, inputs=[info("h", INT64, 1, "n", 4)]),
        "one: initial_h: expected FLOAT or FLOAT16 or DOUBLE or BFLOAT16, found the data type 7",
    ),
    "the type of zeros": (
        constant("initial_h", zeros(1, 3, 4, dtype=np.int32)),
        "one: initial_h: expected FLOAT or FLOAT16 or DOUBLE or BFLOAT16, found the data type 6",
    ),
    "the input's width": (
        node(sizes=(None, None, 5)), "one: X: expected [steps, batch, 3], found [?, ?, 5]",
    ),
    "the input's rank": (node(sizes=(5, 3)), "one: X: expected [steps, batch, 3], found [5, 3]"),
    "the input's type": (node(sizes=(5, 2, 3), kind=INT8), "one: X: expected FLOAT or FLOAT16"),
    "lengths of another batch": (
        node(given={"sequence_lens": "n"}, inputs=[info("n", INT32, 4)], sizes=(None, 2, 3)),
        "one: sequence_lens: expected [2] (batch as in X), found [4]",
    ),
    "the rank of lengths": (
        constant("sequence_lens", np.ones((2, 1), np.int32)),
        "one: sequence_lens: expected [batch], found [2, 1]",
    ),
    "the type of lengths": (
        node(given={"sequence_lens": "n"}, inputs=[info("n", INT64, "n")]),
        "one: sequence_lens: expected INT32, found the data type 7",
    ),
    "states that nothing makes": (
        node(given={"initial_h": "none"}), "one: initial_h: expected a value that the graph has, found 'none'",
    ),
    "lengths that nothing makes": (
        node(given={"sequence_lens": "none"}), "one: sequence_lens: expected a value",
    ),
    "an input that nothing makes": (
        node(x="none"), "one: X: expected a value that the graph has, found 'none'",
    ),
    "no input": (node(x=""), "one: X: expected a sequence, found no such input"),
    "more inputs": (
        node(given={"P": "P"}, constants={"P": zeros(1, 12)}, more=["x"]),
        "one: inputs: expected at most 8 of LSTM, found 9",
    ),
    "more outputs": (node(outputs=["z"]), "one: outputs: expected at most 3 of LSTM, found 4"),
}  # fmt: skip


@pytest.mark.parametrize(("made", "message"), BAD.values(), ids=BAD.keys())
def test_inputs_that_do_not_fit_are_refused_although_nothing_is_made_of_them(
    made: Any, message: str
) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    assert len(raised.value.issues) == 1, str(raised.value)
    assert message in raised.value.issues[0].message


def test_all_inputs_that_do_not_fit_are_named_at_once() -> None:
    made = node(
        given={"initial_h": "h", "initial_c": "none", "sequence_lens": "n"},
        constants={"h": zeros(1, 3, 5)},
        inputs=[info("n", INT64, None)],
        sizes=(None, None, 5),
        outputs=["z"],
        attributes={"hidden_size": 4, "clip": -3.0},
    )
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    paths = ["clip", "outputs", "X", "sequence_lens", "initial_h", "initial_c"]
    assert [issue.path for issue in raised.value.issues] == [f"one: {path}" for path in paths]


GOOD: dict[str, Any] = {
    "sizes": node(sizes=(5, 2, 3), given={"initial_h": "h"}, constants={"h": zeros(1, 2, 4)}),
    "unknown axes": node(given={"initial_h": "h"}, inputs=[info("h", FLOAT, "layers", "batch", None)]),
    "sizes of 0 for unknown ones": constant("initial_h", zeros(1, 3, 4), sizes=(0, -1, 3)),
    "no shape": node(given={"initial_h": "h"}, inputs=[helper.make_tensor_value_info("h", FLOAT, None)]),
    "layout 1": node(
        sizes=(2, 5, 3), given={"initial_h": "h"}, constants={"h": zeros(2, 1, 4)}, attributes={"layout": 1},
    ),
    "zeros of a transposed input": computed("initial_h", [
        make("Transpose", "x", "t", perm=[1, 0, 2]), make("Shape", "t", "sizes"),
        make("Slice", "sizes zero one", "batch"), make("Concat", "one batch four", "all", axis=0),
        make("ConstantOfShape", "all", "h"),
    ], "h", sizes=(5, 2, 3)),
    "an operator of another domain": computed(
        "initial_h", [make("Zeros", "x", "h", domain="mine")], "h", sizes=(5, 2, 3)
    ),
}  # fmt: skip


@pytest.mark.parametrize("made", GOOD.values(), ids=GOOD.keys())
def test_what_fits_or_is_not_known_is_read(made: Any) -> None:
    found = read_onnx(made)
    assert found.state is None
    assert_same(found, random_stored(), but=("batch_first",))


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_projections_of_pytorchs_exporter_are_refused(kind: str) -> None:
    """It writes nn.LSTM(3, 4, proj_size=2) with weights of size 2 and a state of zeros of size 4."""
    batch = {"static": "[1, 2, 4]", "dynamic": "[1, ?, 4]"}[kind]
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(DATA / f"torch_proj_size_{kind}.onnx")
    (issue,) = raised.value.issues
    assert (issue.path.rpartition(": ")[2], issue.actual) == ("initial_c", batch)


TWICE: dict[str, list[Any]] = {
    "by two nodes": [make("Neg", "x", "a"), make("Relu", "x", "a")],
    "by a node and as a constant": [make("Neg", "x", "W")],
    "by a node and as an input": [make("Neg", "W", "x")],
    "by one node": [helper.make_node("Split", ["x"], ["a", "a"])],
}


@pytest.mark.parametrize("nodes", TWICE.values(), ids=TWICE.keys())
def test_values_that_are_made_twice_are_refused(nodes: list[Any]) -> None:
    message = "source: expected values that are made once, found a second '"
    with pytest.raises(bl.WeightsError, match=message):
        read_onnx(node(nodes=nodes))


def test_constants_of_one_name_are_refused_and_defaults_of_inputs_are_not() -> None:
    made = node()
    made.graph.input.append(info("W", FLOAT, 1, 16, 3))
    assert_same(read_onnx(made), random_stored())
    made.graph.initializer.append(made.graph.initializer[0])
    with pytest.raises(bl.WeightsError, match="made once, found a second 'W'"):
        read_onnx(made)


HOSTILE: dict[str, list[Any]] = {
    "a circle": [make("Identity", "h", "h")],
    "a long circle": [make("Concat", "a a", "h", axis=0), make("Concat", "h h", "a", axis=0)],
    "sizes that multiply": [
        make("Shape", "x", "m0"), *(make("Mul", f"m{i} m{i}", f"m{i + 1}") for i in range(45)),
        make("ConstantOfShape", "m45", "h"),
    ],
    "large sizes that multiply": [
        make("Identity", "big", "m0"), *(make("Mul", f"m{i} m{i}", f"m{i + 1}") for i in range(45)),
        make("ConstantOfShape", "m45", "h"),
    ],
    "sizes that are repeated": [
        make("Shape", "x", "m0"), *(make("Concat", f"m{i} m{i}", f"m{i + 1}", axis=0) for i in range(45)),
        make("ConstantOfShape", "m45", "h"),
    ],
    "a shape of huge sizes": [make("ConstantOfShape", "big", "h")],
    "axes that are named twice": [make("ConstantOfShape", "v0", "c"), make("Unsqueeze", "c twice", "h")],
    "an axis beyond": [make("ConstantOfShape", "v0", "c"), make("Gather", "c zero", "h", axis=9)],
    "a gather of no axes": [make("ConstantOfShape", "none0", "c"), make("Gather", "c zero", "h")],
    "a slice by 0": [make("ConstantOfShape", "v0", "c"), make("Slice", "c zero one zero zero", "h")],
    "a text for axes": [make("ConstantOfShape", "v0", "c"), make("Squeeze", "c", "h", axes="a")],
    "no axes": [make("ConstantOfShape", "v0", "c"), make("Unsqueeze", "c", "h")],
    "no inputs": [helper.make_node("Transpose", [], ["h"])],
    "a split of nothing": [helper.make_node("Split", ["x"], ["a", "h"], axis=77)],
}  # fmt: skip


@pytest.mark.parametrize("nodes", HOSTILE.values(), ids=HOSTILE.keys())
def test_shapes_of_hostile_graphs_are_refused_or_not_known(nodes: list[Any]) -> None:
    constants = {
        "big": ints(2**62, 2**62, 2**62), "twice": ints(0, 0), "zero": ints(0), "one": ints(1),
        "v0": ints(1, 3, 4), "none0": np.zeros(0, np.int64),
    }  # fmt: skip
    made = node(given={"initial_h": "h"}, nodes=nodes, constants=constants, sizes=(5, 2, 3))
    try:
        assert read_onnx(made).state is None
    except bl.WeightsError as error:
        assert [issue.path for issue in error.issues] == ["one: initial_h"]
