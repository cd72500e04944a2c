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
from onnx_tools import (
    lstm,
    model,
    named,
    one_node,
    run,
    side_by_side,
    weights,
    with_input,
    without_candidate,
)

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
    found = activations["candidate"]
    assert found == bl.Activation.threshold(found.alpha, 0.0)
    assert np.float32(found.alpha) == below


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
    found = read_onnx(made)
    assert found.batch_first == ("batchwise" in name)
    assert (found.direction == "reverse") == ("reverse" in name)
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
def test_dtypes_float16_bfloat16_and_float64_become_float32(dtype: Any, raw: bool) -> None:
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
