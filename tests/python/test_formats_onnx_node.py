"""One LSTM node of ONNX: what is read computes what ONNX Runtime computes; what has no equal is refused."""

from __future__ import annotations

import importlib
from typing import Any

import bnns_lstm as bl
import ml_dtypes
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as node_cases
from onnx_tools import lstm, model, one_node, run, side_by_side, weights, without_candidate

KINDS: list[dict[str, Any]] = [
    {},
    {"bidirectional": True, "state": True},
    {"bias": False, "hidden_size": 1, "input_size": 1},
    {"peephole": "diagonal", "state": True},
    {"peephole": "diagonal", "bidirectional": True, "bias": False},
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_is_what_onnx_runtime_computes(kind: dict[str, Any]) -> None:
    stored = without_candidate(random_stored(**kind))
    made, x = one_node(stored), x_of(stored)
    found = read_onnx(made)
    assert_same(found, stored)
    y, hn, cn = run(made, x=x)
    for one, other in zip(computed(found, x), (side_by_side(y), hn, cn), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


FUNCTIONS: list[tuple[str, list[float], list[float]]] = [
    ("Affine", [0.7], [0.1]), ("Elu", [], []), ("Elu", [0.7], []), ("HardSigmoid", [], []),
    ("HardSigmoid", [0.3], [0.4]), ("LeakyRelu", [], []), ("LeakyRelu", [0.2], []), ("Relu", [], []),
    ("ScaledTanh", [0.8], [0.6]), ("Sigmoid", [], []), ("Softplus", [], []), ("Softsign", [], []),
    ("Tanh", [], []), ("ThresholdedRelu", [0.3], []), ("hardsigmoid", [], []),
]  # fmt: skip


def named(names: list[str], alphas: list[float], betas: list[float]) -> dict[str, Any]:
    words: dict[str, Any] = {"activations": names}
    words |= {"activation_alpha": alphas} if alphas else {}
    return words | ({"activation_beta": betas} if betas else {})


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_activation_is_that_of_onnx_runtime(
    function: tuple[str, list[float], list[float]], place: int, bidirectional: bool
) -> None:
    names = ["Sigmoid", "Tanh", "Tanh"]
    names[place] = function[0]
    stored, times = random_stored(bidirectional=bidirectional), 1 + bidirectional
    made = one_node(stored, **named(names * times, function[1] * times, function[2] * times))
    x = x_of(stored)
    y = side_by_side(run(made, x=x)[0])
    np.testing.assert_allclose(computed(read_onnx(made), x)[0], y, atol=5e-6)


@pytest.mark.parametrize(
    ("names", "alphas", "betas"),
    [
        (["LeakyRelu", "Elu", "Tanh"], [0.3], []),
        (["Tanh", "Elu", "LeakyRelu"], [0.3, 0.1], []),
        (["Affine", "HardSigmoid", "Elu"], [0.5, 0.3, 0.7], [0.1, 0.2]),
        (["Sigmoid", "HardSigmoid", "Tanh"], [0.3], []),
        (["Sigmoid", "Tanh", "Tanh"], [0.3, 0.3, 0.3], [0.1]),
    ],
)
def test_parameters_are_used_in_order(
    names: list[str], alphas: list[float], betas: list[float]
) -> None:
    stored = random_stored()
    made, x = one_node(stored, **named(names, alphas, betas)), x_of(stored)
    y = side_by_side(run(made, x=x)[0])
    np.testing.assert_allclose(computed(read_onnx(made), x)[0], y, atol=5e-6)


def test_the_threshold_itself_passes() -> None:
    made = one_node(random_stored(), **named(["Sigmoid", "ThresholdedRelu", "Tanh"], [0.5], []))
    activations = read_onnx(made).activations
    assert activations is not None
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert activations["candidate"] == bl.Activation.threshold(float(below), 0.0)


def test_default_activations_are_none() -> None:
    assert (
        read_onnx(one_node(random_stored(), activations=["Sigmoid", "Tanh", "Tanh"])).activations
        is None
    )


# `collect_testcases` would make those of all operators first, for seconds and with warnings.
importlib.import_module("onnx.backend.test.case.node.lstm")
CASES = {case.name: case for case in node_cases._NodeTestCases if "lstm" in case.name}


@pytest.mark.parametrize("name", CASES)
def test_the_cases_of_onnx_itself(name: str) -> None:
    case = CASES[name]
    made, ((inputs, outputs),) = case.model, case.data_sets
    values = dict(zip((value.name for value in made.graph.input), inputs, strict=True))
    x = values.pop("X")
    for key, value in values.items():
        if key != "sequence_lens":
            made.graph.initializer.append(numpy_helper.from_array(value, key))
    if name == "test_lstm_reverse":
        with pytest.raises(
            bl.WeightsError, match="direction: expected 'forward' or 'bidirectional'"
        ):
            read_onnx(made)
        return
    found = read_onnx(made)
    assert found.batch_first == ("batchwise" in name)
    assert found.peephole == ("diagonal" if "peephole" in name else None)
    y, hn, cn = computed(found, x.swapaxes(0, 1) if found.batch_first else x)
    names = [value.name for value in made.graph.output]
    for key, value in zip(names, outputs, strict=True):
        wanted = value.swapaxes(0, 1) if found.batch_first else value
        if key != "Y":
            np.testing.assert_allclose(hn if key == "Y_h" else cn, wanted, atol=1e-5)
        else:
            # Batches first: [N, S, D, H] became [S, N, D, H].
            whole = wanted.reshape(y.shape) if found.batch_first else side_by_side(wanted)
            np.testing.assert_allclose(y, whole, atol=1e-5)


def test_there_are_cases_of_onnx_itself() -> None:
    assert len(CASES) >= 6


def test_layout_1_has_the_batch_first() -> None:
    stored = random_stored(batch_first=True, state=True, bidirectional=True)
    assert stored.state is not None
    made = one_node(stored, layout=1)
    swapped = {
        name: value.swapaxes(0, 1).copy()
        for name, value in zip(("initial_h", "initial_c"), stored.state, strict=True)
    }
    for tensor in made.graph.initializer:
        if tensor.name in swapped:
            tensor.CopyFrom(numpy_helper.from_array(swapped[tensor.name], tensor.name))
    assert_same(read_onnx(made), stored)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("raw", [False, True])
def test_other_floats_become_float32(dtype: Any, raw: bool) -> None:
    stored = random_stored()
    exact = {name: array.astype(dtype) for name, array in weights(stored).items()}
    kinds = {"float16": 10, "float64": 11, "bfloat16": 16}
    kind = kinds[np.dtype(dtype).name]
    tensors = {}
    for name, array in exact.items():
        content = array.tobytes() if raw else array.astype(np.float64).ravel()
        tensors[name] = helper.make_tensor(name, kind, array.shape, content, raw=raw)
    made = model([lstm("a", "x", "y", {name: name for name in exact})], tensors, ["y"])
    wanted = one_node(stored)
    for tensor in wanted.graph.initializer:
        value = exact[tensor.name].astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    assert_same(read_onnx(made), read_onnx(wanted))


def changed(stored: Any = None, **words: Any) -> Any:
    return one_node(random_stored() if stored is None else stored, **words)


def replaced(name: str, value: Any) -> Any:
    """A good model with another initializer."""
    made = one_node(random_stored(peephole="diagonal", state=True))
    for tensor in made.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(value, name))
    return made


def with_input(name: str, value: Any) -> Any:
    """A good model in which one more input of the node is a constant."""
    stored = random_stored()
    constants = {**weights(stored), name: value}
    node = lstm("one", "x", "y", {key: key for key in constants}, hidden_size=4)
    return model([node], constants, ["y"])


def zeros(*shape: int, dtype: Any = np.float32) -> Any:
    return np.zeros(shape, dtype)


def mixed_states() -> Any:
    """One state a constant, the other one an input."""
    stored = random_stored()
    constants = {**weights(stored), "initial_h": np.ones((1, 3, 4), np.float32)}
    given = helper.make_tensor_value_info("initial_c", TensorProto.FLOAT, [1, 3, 4])
    inputs = {key: key for key in (*constants, "initial_c")}
    return model([lstm("one", "x", "y", inputs)], constants, ["y"], inputs=[given])


BAD: dict[str, tuple[Any, list[str]]] = {
    "clip": (changed(clip=3.0), ["one: clip: expected no clip, which has no equal here, found 3.0"]),
    "cifg": (changed(input_forget=1), ["one: input_forget: expected 0"]),
    "reverse": (changed(direction="reverse"), ["one: direction: expected 'forward' or 'bidirectional'"]),
    "several": (
        changed(clip=3.0, input_forget=1, layout=2, hidden_size=5),
        ["one: clip", "one: input_forget", "one: layout: expected 0 or 1, found 2",
         "one: hidden_size: expected 4, as in R, found 5"],
    ),
    "unknown": (changed(zoneout=0.5), ["one: attributes: expected only the attributes of LSTM (a"]),
    "type": (changed(hidden_size=4.0), ["one: hidden_size: expected a value of type int, found 4.0"]),
    "numbers": (changed(activations=[1, 2]), ["one: activations: expected names, found [1, 2]"]),
    "function": (
        changed(activations=["Sigmoid", "Sin", "Tanh"]),
        ["one: activations: expected Affine, Elu, HardSigmoid, LeakyRelu, Relu, ScaledTanh, Sigmoid,"],
    ),
    "count": (changed(activations=["Tanh"]), ["one: activations: expected 3 names, found ['Tanh']"]),
    "parameters alone": (changed(activation_alpha=[0.5]), ["expected names for activation_alpha"]),
    "too many": (
        changed(**named(["Elu", "Tanh", "Tanh"], [0.5, 0.5], [])),
        ["one: activation_alpha: expected one for each function that has it, in their order, found 1 m"],
    ),
    "affine": (
        changed(activations=["Affine", "Tanh", "Tanh"]),
        ["one: activation_alpha: expected one for Affine, found none"],
    ),
    "threshold": (
        changed(activations=["ThresholdedRelu", "Tanh", "Tanh"]),
        ["one: activation_alpha: expected one for ThresholdedRelu, found none"],
    ),
    "scaled": (
        changed(**named(["ScaledTanh", "Tanh", "Tanh"], [0.5], [])),
        ["one: activation_beta: expected one for ScaledTanh, found none"],
    ),
    "directions differ": (
        changed(random_stored(bidirectional=True), activations=["Sigmoid", "Tanh", "Tanh"] + ["Tanh"] * 3),
        ["one: activations: expected the same in both directions, found [Activation(SIGMOID"],
    ),
    "direction of weights": (
        changed(direction="bidirectional"),
        ["one: W: expected [2, 16, 3]", "one: R: expected [2, 16, 4], found [1, 16, 4]",
         "one: B: expected [2, 32], found [1, 32]"],
    ),
    "rank": (replaced("R", zeros(16, 4)), ["one: R: expected [1, 4*hidden, hidden], found [16, 4]"]),
    "empty": (replaced("R", zeros(1, 0, 0)), ["one: R: expected [1, 4*hidden, hidden], found [1, 0, 0]"]),
    "shapes": (
        replaced("P", zeros(1, 16)), ["one: P: expected [1, 12], found [1, 16]"],
    ),
    "no inputs": (replaced("W", zeros(1, 16, 0)), ["one: W: expected [1, 16, 0], found [1, 16, 0]"]),
    "state": (
        replaced("initial_h", np.ones((3, 4), np.float32)),
        ["one: initial_h: expected three axes, found [3, 4]"],
    ),
    "state's size": (
        replaced("initial_h", np.ones((1, 3, 5), np.float32)),
        ["state.h: expected float32 [1, 3, 4], found float32 [1, 3, 5]"],
    ),
    "integers": (
        replaced("W", zeros(1, 16, 3, dtype=np.int32)),
        ["one: W: expected float16, bfloat16, float32 or float64, found int32"],
    ),
    "quantised": (
        replaced("W", zeros(1, 16, 3, dtype=np.int8)),
        ["W: expected FLOAT, FLOAT16, BFLOAT16, DOUBLE, INT32 or INT64, found INT8"],
    ),
    "lengths": (
        with_input("sequence_lens", np.array([5, 2, 3], np.int32)),
        ["one: sequence_lens: expected an input of the model (lengths are given to the call), found the"],
    ),
    "one state": (mixed_states(), ["one: initial_c: expected a constant, as initial_h is one, found a v"]),
}  # fmt: skip


@pytest.mark.parametrize(("made", "messages"), BAD.values(), ids=BAD.keys())
def test_what_has_no_equal_is_refused_by_name(made: Any, messages: list[str]) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


def test_lengths_and_states_of_run_time_are_the_callers() -> None:
    stored = random_stored()
    constants = weights(stored)
    inputs = [
        helper.make_tensor_value_info("sequence_lens", TensorProto.INT32, [None]),
        helper.make_tensor_value_info("initial_h", TensorProto.FLOAT, [1, None, 4]),
    ]
    given = {key: key for key in (*constants, "sequence_lens", "initial_h")}
    made = model([lstm("one", "x", "y", given)], constants, ["y"], inputs=inputs)
    assert_same(read_onnx(made), stored)


def test_one_constant_state_alone_has_zeros_beside_it() -> None:
    made = with_input("initial_c", np.ones((1, 3, 4), np.float32))
    state = read_onnx(made).state
    assert state is not None
    np.testing.assert_array_equal(state[0], np.zeros((1, 3, 4)))
    np.testing.assert_array_equal(state[1], np.ones((1, 3, 4)))
    x = x_of(random_stored())
    wanted = run(made, x=x)[0]
    np.testing.assert_allclose(computed(read_onnx(made), x)[0], side_by_side(wanted), atol=2e-6)
