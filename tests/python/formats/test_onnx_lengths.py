"""Lengths that a model carries as a constant: nothing where all samples run to the end, else handed out."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import onnx
import pytest
from bnns_lstm.formats import StoredLSTM, load_lstm, read_onnx, save_lstm, write_onnx
from formats_tools import assert_same, random_stored, x_of
from onnx import TensorProto, helper
from onnx_tools import (
    ONE_WAY,
    ints,
    lstm,
    make,
    model,
    run,
    side_by_side,
    stack,
    weights,
    with_input,
)


def declared(lengths: Any, sizes: tuple[Any, ...], **words: Any) -> Any:
    """A model that declares the sizes of its input."""
    made = with_input("sequence_lens", np.array(lengths, np.int32))
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes))
    for name, value in words.items():
        made.graph.node[0].attribute.append(helper.make_attribute(name, value))
    return made


def test_lengths_that_are_the_steps_of_the_graph_are_nothing_to_do() -> None:
    stored = random_stored()
    made = declared([5, 5, 5], (5, 3, 3))
    found = read_onnx(made)
    assert found.lengths is None
    assert_same(found, stored)
    x = x_of(stored)
    y = run(made, x=x)[0]
    np.testing.assert_allclose(bl.LSTM.from_onnx(made)(x)[0], side_by_side(y), atol=2e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_other_lengths_are_handed_out(bidirectional: bool) -> None:
    stored = random_stored(bidirectional=bidirectional)
    arrays = {**weights(stored), "sequence_lens": np.array([5, 2, 3], np.int32)}
    direction = "bidirectional" if bidirectional else "forward"
    node = lstm("one", "x", "y", {key: key for key in arrays}, hidden_size=4, direction=direction)
    made = model([node], arrays, ["y", "y_h", "y_c"])
    found = bl.LSTM.from_onnx(made)
    assert found.lengths == (5, 2, 3)
    x = x_of(stored)
    y, state = found(x, lengths=found.lengths)
    theirs = run(made, x=x)
    for one, other in zip((y, *state), (side_by_side(theirs[0]), *theirs[1:]), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    whole = bl.LSTM.from_onnx(declared([5, 5, 5], (5, 3, 3))) if not bidirectional else None
    if whole is not None:
        np.testing.assert_array_equal(found(x)[0], whole(x)[0])


@pytest.mark.parametrize(
    ("sizes", "lengths", "found"),
    [
        ((None, 3, 3), [5, 5, 5], (5, 5, 5)),
        (("steps", "batch", 3), [5, 5], (5, 5)),
        ((5, 3, 3), [5, 5, 4], (5, 5, 4)),
        ((5, None, 3), [5, 5], None),
        ((5, 3, 3), [0, 0, 0], (0, 0, 0)),
    ],
)
def test_steps_that_are_not_known_are_not_taken_for_the_lengths(
    sizes: tuple[Any, ...], lengths: list[int], found: tuple[int, ...] | None
) -> None:
    assert read_onnx(declared(lengths, sizes)).lengths == found


def test_in_layout_1_steps_are_the_second_axis() -> None:
    assert read_onnx(declared([5, 5], (2, 5, 3), layout=1)).lengths is None
    assert read_onnx(declared([2, 2], (2, 5, 3), layout=1)).lengths == (2, 2)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([5, 6, 5], "one: sequence_lens: expected numbers from 0 to 5, found 6"),
        ([5, -1, 5], "one: sequence_lens: expected numbers from 0 to 5, found -1"),
        ([5, 5], r"one: sequence_lens: expected \[3\] \(batch as in X\), found \[2\]"),
    ],
)
def test_lengths_beyond_the_steps_or_of_another_batch_are_refused(
    lengths: list[int], message: str
) -> None:
    with pytest.raises(bl.WeightsError, match=message):
        read_onnx(declared(lengths, (5, 3, 3)))


def two_layers(*lengths: Any) -> Any:
    """A stack; for each node lengths, an array or the name of an input, or None."""
    given = helper.make_tensor_value_info("n", TensorProto.INT32, [None])
    made = stack(random_stored(num_layers=2), ONE_WAY, inputs=[given])
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, 3, 3]))
    nodes = [node for node in made.graph.node if node.op_type == "LSTM"]
    for number, (node, one) in enumerate(zip(nodes, lengths, strict=True)):
        if isinstance(one, list):
            value = np.array(one, np.int32)
            made.graph.initializer.append(onnx.numpy_helper.from_array(value, f"n{number}"))
        if one is not None:
            node.input.append(one if isinstance(one, str) else f"n{number}")
    return made


@pytest.mark.parametrize("kind", ["initial_h", "initial_c"])
def test_a_stack_does_not_carry_the_states_of_some_layers_and_read_those_of_others(
    kind: str,
) -> None:
    """What the others are given would be zeros in what the stack carries."""
    made = two_layers(None, None)
    low, high = (node for node in made.graph.node if node.op_type == "LSTM")
    states = {"carried": np.ones((1, 3, 4), np.float32), "zero": np.zeros((1, 3, 4), np.float32)}
    made.graph.initializer.extend(onnx.numpy_helper.from_array(a, n) for n, a in states.items())
    made.graph.input.append(helper.make_tensor_value_info("given", TensorProto.FLOAT, [1, 3, 4]))
    for node in (low, high):
        node.input.extend([""] * (5 - len(node.input)))
    low.input.extend(["carried", "zero"])
    high.input.extend(["given", "zero"] if kind == "initial_h" else ["zero", "given"])
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    (issue,) = raised.value.issues
    assert issue.message.startswith(
        f"{high.name}: {kind}: expected a constant, as {low.name!r} has one"
    )
    assert issue.code == "not_constant"
    read = read_onnx(made, inputs={"given": 2 * states["carried"]})
    assert read.state is not None
    found = read.state[0 if kind == "initial_h" else 1]
    np.testing.assert_array_equal(found[1:], 2 * states["carried"])
    high.input[5:] = ["zero", "zero"]
    assert read_onnx(made).num_layers == 2


@pytest.mark.parametrize(
    ("lengths", "found"),
    [
        (([5, 2, 3], [5, 2, 3]), (5, 2, 3)),
        (([5, 5, 5], [5, 5, 5]), None),
        (([5, 5, 5], None), None),
        ((None, [5, 5, 5]), None),
        (("n", "n"), None),
    ],
)
def test_a_stack_has_the_lengths_that_all_nodes_have(lengths: Any, found: Any) -> None:
    read = read_onnx(two_layers(*lengths))
    assert (read.num_layers, read.lengths) == (2, found)


@pytest.mark.parametrize(
    "lengths",
    [
        ([5, 2, 3], [5, 2, 2]),
        ([5, 2, 3], None),
        (None, [5, 2, 3]),
        ([5, 2, 3], "n"),
        ("n", [5, 5, 5]),
    ],
)
def test_nodes_of_a_stack_with_other_lengths_are_refused(lengths: Any) -> None:
    with pytest.raises(bl.WeightsError, match="sequence_lens: expected the same for all nodes"):
        read_onnx(two_layers(*lengths))


def test_the_same_lengths_are_the_same_where_the_steps_of_one_node_are_not_known() -> None:
    stored = random_stored(num_layers=2)
    made = two_layers([5, 5, 5], [5, 5, 5])
    way = next(node for node in made.graph.node if node.op_type == "Squeeze")
    made.graph.initializer.append(onnx.numpy_helper.from_array(ints(0, -1, 4), "shape"))
    way.CopyFrom(make("Reshape", "y shape", "z"))
    del made.graph.node[0].input[:1]
    made.graph.node[0].input.insert(0, "x")
    found = read_onnx(made)
    assert (found.num_layers, found.lengths) == (2, None)
    assert_same(found, stored)


def carrying(**words: Any) -> StoredLSTM:
    return replace(random_stored(num_layers=2, **words), lengths=(5, 2, 3))


@pytest.mark.parametrize("kind", [{}, {"state": True, "bidirectional": True, "batch_first": True}])
@pytest.mark.parametrize("lengths", [False, True])
def test_lengths_are_written_and_read_back(
    tmp_path: Path, kind: dict[str, Any], lengths: bool
) -> None:
    stored = carrying(**kind)
    write_onnx(tmp_path / "a.onnx", stored, lengths=lengths)
    again = read_onnx(tmp_path / "a.onnx")
    assert_same(again, stored)
    assert again.lengths == stored.lengths
    save_lstm(tmp_path / "a.safetensors", stored)
    loaded = load_lstm(tmp_path / "a.safetensors")
    assert_same(loaded, stored)
    assert loaded.lengths == stored.lengths


def test_what_is_written_with_lengths_computes_with_them(tmp_path: Path) -> None:
    stored = carrying(state=True)
    write_onnx(tmp_path / "a.onnx", stored)
    lstm_of = bl.LSTM.from_onnx(tmp_path / "a.onnx")
    x = x_of(stored)
    wanted = run(onnx.load(tmp_path / "a.onnx"), x=x)
    y, state = lstm_of(x, lstm_of.initial_state, lengths=lstm_of.lengths)
    for one, other in zip((y, *state), wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_a_module_keeps_lengths_when_it_is_saved_pickled_and_written(tmp_path: Path) -> None:
    found = bl.LSTM.from_onnx(declared([5, 2, 3], (5, 3, 3)))
    found.save(tmp_path / "a.safetensors")
    found.to_onnx(tmp_path / "a.onnx")
    for again in (
        bl.LSTM.load(tmp_path / "a.safetensors"),
        bl.LSTM.from_onnx(tmp_path / "a.onnx"),
        pickle.loads(pickle.dumps(found)),
    ):
        assert again.lengths == (5, 2, 3)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (3, "lengths: expected whole numbers, one for each sample, or None, found int"),
        ((), "lengths: expected at least one, one for each sample, found 0"),
        ((5, -1), r"lengths\[1\]: expected a whole number of at least 0, found -1"),
        ((True,), r"lengths\[0\]: expected a whole number of at least 0, found True"),
        ((5.0,), r"lengths\[0\]: expected a whole number"),
    ],
)
def test_lengths_that_are_none_are_refused(lengths: Any, message: str) -> None:
    with pytest.raises(bl.WeightsError, match=message):
        replace(random_stored(), lengths=lengths)


def test_lengths_are_of_the_batch_of_the_states() -> None:
    with pytest.raises(bl.WeightsError, match="lengths: expected 3, one for each sample, found 2"):
        replace(random_stored(state=True), lengths=(5, 2))


def test_lengths_that_onnx_cannot_hold_are_refused(tmp_path: Path) -> None:
    stored = replace(random_stored(), lengths=(2**31,))
    with pytest.raises(
        bl.WeightsError, match="lengths: expected at most 2147483647, found 2147483648"
    ):
        write_onnx(tmp_path / "a.onnx", stored)
    assert not (tmp_path / "a.onnx").exists()


def test_constants_of_lengths_are_followed_to_their_origin() -> None:
    stored = random_stored()
    arrays = weights(stored)
    nodes = [
        make("Cast", "long", "n", to=6),
        lstm("one", "x", "y", {**{key: key for key in arrays}, "sequence_lens": "n"}),
    ]
    assert read_onnx(model(nodes, {**arrays, "long": ints(4, 1)}, ["y"])).lengths == (4, 1)
