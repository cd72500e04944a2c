"""Weights, states and lengths that are inputs of a graph, given by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import ml_dtypes
import numpy as np
import onnx
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import TensorProto, helper, numpy_helper
from onnx_tools import (
    ints,
    lstm,
    make,
    model,
    of_inputs,
    run,
    side_by_side,
    weights,
    without_candidate,
)
from reference import Array
from refused import refused_in_little_memory

FILE = Path(__file__).parents[1] / "data" / "onnx" / "torch_without_weights.onnx"


@pytest.mark.parametrize(
    "kind",
    [{}, {"bias": False}, {"peephole": "diagonal", "state": True, "bidirectional": True}],
)
def test_weights_and_states_are_given_by_the_names_of_inputs(kind: dict[str, Any]) -> None:
    stored = without_candidate(random_stored(**kind))
    made, given = of_inputs(stored)
    found, x = read_onnx(made, inputs=given), x_of(stored)
    assert_same(found, stored)
    wanted = run(made, x=x, **given)
    for one, other in zip(computed(found, x), (side_by_side(wanted[0]), *wanted[1:]), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_the_module_takes_them_and_copies_them() -> None:
    stored = random_stored()
    made, given = of_inputs(stored)
    given = {name: array.copy() for name, array in given.items()}
    found = bl.LSTM.from_onnx(made, inputs=given)
    for array in given.values():
        array[...] = np.nan
    for name, array in found.state_dict().items():
        np.testing.assert_array_equal(array, stored.parameters[name])


def test_a_model_that_pytorch_wrote_without_weights() -> None:
    names = ("onnx::LSTM_110", "onnx::LSTM_111", "onnx::LSTM_112")
    stored = random_stored()
    given = dict(zip(names, weights(stored).values(), strict=True))
    assert_same(read_onnx(FILE, inputs=given), stored)
    x = x_of(stored, 5, 2)
    session_inputs = {"x": x, **given}
    y = run(onnx.load(FILE), **session_inputs)[0]
    np.testing.assert_allclose(computed(stored, x)[0], y, atol=2e-6)
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(FILE)
    hints = [f"give it: inputs={{'{name}': array}}" for name in names]
    assert all(hint in issue.actual for hint, issue in zip(hints, raised.value.issues, strict=True))


def test_what_weights_are_computed_from_may_be_given() -> None:
    stored = random_stored()
    arrays = weights(stored)
    w = arrays.pop("W")
    turned = helper.make_tensor_value_info("turned", TensorProto.FLOAT16, [3, 16])
    nodes = [
        make("Cast", "turned", "c", to=1), make("Transpose", "c", "t"), make("Unsqueeze", "t zero", "W"),
        lstm("one", "x", "y", {key: key for key in ("W", *arrays)}),
    ]  # fmt: skip
    made = model(nodes, {**arrays, "zero": ints(0)}, ["y"], inputs=[turned])
    half = np.ascontiguousarray(w[0].T.astype(np.float16))
    found = read_onnx(made, inputs={"turned": half})
    blocks = np.split(half.T.astype(np.float32), 4)  # i, o, f, c
    wanted = np.concatenate([blocks[place] for place in (0, 2, 3, 1)])
    np.testing.assert_array_equal(found.parameters["weight_ih_l0"], wanted)


def test_what_is_given_comes_before_the_default_of_an_input() -> None:
    stored, other = random_stored(), random_stored(1)
    made, given = of_inputs(stored)
    for name, array in given.items():
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    assert_same(read_onnx(made), stored)
    _, others = of_inputs(other)
    assert_same(read_onnx(made, inputs=others), other)


def test_lengths_may_be_given() -> None:
    stored = random_stored()
    made, given = of_inputs(stored)
    made.graph.node[0].input.append("n")
    made.graph.input.append(helper.make_tensor_value_info("n", TensorProto.INT32, ["batch"]))
    assert read_onnx(made, inputs=given).lengths is None
    found = read_onnx(made, inputs={**given, "n": np.array([5, 0, 3], np.int32)})
    assert found.lengths == (5, 0, 3)


@pytest.mark.parametrize("form", [ml_dtypes.bfloat16, np.float32])
def test_bfloat16_may_come_as_itself_and_as_float32(form: Any) -> None:
    stored = random_stored()
    made, given = of_inputs(stored, TensorProto.BFLOAT16)
    halves = {name: array.astype(ml_dtypes.bfloat16) for name, array in given.items()}
    found = read_onnx(made, inputs={name: array.astype(form) for name, array in halves.items()})
    wanted, _ = of_inputs(stored)
    exact = {name: array.astype(np.float32) for name, array in halves.items()}
    assert_same(found, read_onnx(wanted, inputs=exact))


class Tensor:
    """An array in a tensor of PyTorch's kind."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.dtype = array.dtype

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Array:
        return self.array


def test_tensors_are_taken() -> None:
    stored = random_stored()
    made, given = of_inputs(stored)
    assert_same(read_onnx(made, inputs={name: Tensor(one) for name, one in given.items()}), stored)


Change = Any
BAD: dict[str, tuple[Change, list[str]]] = {
    "a missing name": (
        lambda given: given.pop("lstm_w"),
        ["one: W: expected a constant, found 'lstm_w', an input of the graph (give it: inputs={'lstm_w': a"],
    ),
    "an unknown name": (
        lambda given: given.update(lstm_v=1),
        ["inputs['lstm_v']: expected the name of an input of the graph ('x', 'lstm_w', 'lstm_r', 'lstm_b')"],
    ),
    "the name of a node's input": (
        lambda given: given.update(W=given.pop("lstm_w")), ["inputs['W']: expected the name of an input of"],
    ),
    "a name that is no text": (lambda given: given.update({3: 1}), ["inputs[3]: expected the name of an"]),
    "the sequence": (
        lambda given: given.update(x=np.zeros((5, 2, 3), np.float32)),
        ["inputs['x']: expected an input that weights, initial states or lengths of the nodes that are "],
    ),
    "another type": (
        lambda given: given.update(lstm_w=given["lstm_w"].astype(np.float64)),
        ["inputs['lstm_w']: expected float32 [1, 16, 3], as the graph declares it, found float64 [1, 16, 3]"],
    ),
    "another shape": (
        lambda given: given.update(lstm_w=given["lstm_w"][:, :8]),
        ["inputs['lstm_w']: expected float32 [1, 16, 3], as the graph declares it, found float32 [1, 8, 3]"],
    ),
    "another rank": (
        lambda given: given.update(lstm_w=given["lstm_w"][0]), ["float32 [1, 16, 3], as the graph dec"],
    ),
    "no array": (lambda given: given.update(lstm_b=object()), ["inputs['lstm_b']: expected a tensor or "]),
    "all at once": (
        lambda given: given.update(lstm_v=1, lstm_w=1.5, lstm_b="a"),
        ["inputs['lstm_w']: expected float32", "inputs['lstm_b']: expected float32", "inputs['lstm_v']"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "messages"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_refused_by_name(change: Change, messages: list[str]) -> None:
    made, given = of_inputs(random_stored())
    change(given)
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made, inputs=given)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


class Broken(Mapping[str, Any]):
    """A mapping that cannot be read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no")

    def __iter__(self) -> Any:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("inputs", [3, "lstm_w", ["lstm_w"], Broken()])
def test_inputs_that_are_no_mapping_are_refused(inputs: Any) -> None:
    made, _ = of_inputs(random_stored())
    with pytest.raises(bl.WeightsError, match="inputs: expected a mapping of names"):
        read_onnx(made, inputs=inputs)


def test_symbolic_axes_take_any_size() -> None:
    stored = random_stored(state=True)
    made, given = of_inputs(stored)
    for value in made.graph.input:
        if value.name == "lstm_initial_h":
            value.type.tensor_type.shape.dim[1].dim_param = "batch"
    assert_same(read_onnx(made, inputs=given), stored)
    given["lstm_initial_h"] = given["lstm_initial_h"][:, :, :3]
    with pytest.raises(bl.WeightsError, match=r"float32 \[1, batch, 4\], as the graph declares it"):
        read_onnx(made, inputs=given)


def test_one_state_of_two_is_refused_with_the_name_to_give() -> None:
    made, given = of_inputs(random_stored(state=True))
    del given["lstm_initial_c"]
    with pytest.raises(
        bl.WeightsError, match=r"initial_c: .*inputs= gives.* found 'lstm_initial_c'"
    ):
        read_onnx(made, inputs=given)


def test_inputs_of_other_nodes_are_not_dropped_in_silence() -> None:
    stored = random_stored()
    arrays = weights(stored)
    own = helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 16, 3])
    names = {key: key for key in arrays}
    nodes = [lstm("a", "x", "ya", names), lstm("b", "x", "yb", {**names, "W": "w"})]
    made = model(nodes, arrays, ["ya", "yb"], inputs=[own])
    w = np.ones((1, 16, 3), np.float32)
    assert (read_onnx(made, "b", inputs={"w": w}).parameters["weight_ih_l0"] == 1).all()
    with pytest.raises(bl.WeightsError, match=r"inputs\['w'\]: expected an input that weights"):
        read_onnx(made, "a", inputs={"w": w})


def test_given_arrays_are_no_way_to_a_large_constant() -> None:
    made, given = of_inputs(random_stored())
    nodes = [make("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(40)]
    nodes.insert(0, make("Identity", "lstm_w", "v0"))
    nodes[-1].output[0] = "w"
    made.graph.node[0].input[1] = "w"
    nodes.append(made.graph.node[0])
    whole = helper.make_model(helper.make_graph(nodes, "g", made.graph.input, made.graph.output))
    with refused_in_little_memory(bl.WeightsError, "a constant no larger than the model"):
        read_onnx(whole, inputs=given)
