"""LSTM nodes of ONNX that have no equal: each refused by the name of what is wrong."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_onnx
from formats_tools import random_stored
from onnx import TensorProto, helper, numpy_helper
from onnx_tools import (
    lstm,
    model,
    named,
    one_node,
    weights,
)


def changed(stored: Any = None, **words: Any) -> Any:
    return one_node(random_stored() if stored is None else stored, **words)


def replaced(name: str, value: Any) -> Any:
    """A good model with another initializer."""
    made = one_node(random_stored(peephole="diagonal", state=True))
    for tensor in made.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(value, name))
    return made


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
    "clip": (changed(clip=-3.0), ["one: clip: expected a number above 0, or no such attribute, found -3"]),
    "cifg": (changed(input_forget=2), ["one: input_forget: expected 0 or 1, found 2"]),
    "direction": (
        changed(direction="backward"),
        ["one: direction: expected 'forward', 'reverse' or 'bidirectional', found 'backward'"],
    ),
    "several": (
        changed(clip=0.0, input_forget=2, layout=2, hidden_size=5),
        ["one: clip", "one: input_forget", "one: layout: expected 0 or 1, found 2",
         "one: hidden_size: expected 4, as in R, found 5"],
    ),
    "unknown": (changed(zoneout=0.5), ["one: attributes: expected only the attributes of LSTM (a"]),
    "type": (changed(hidden_size=4.0), ["one: hidden_size: expected a value of type int, found 4.0"]),
    "numbers": (changed(activations=[1, 2]), ["one: activations: expected names of functions, found [1, 2]"]),
    "function": (
        changed(activations=["Sigmoid", "Sin", "Tanh"]),
        ["one: activations: expected Affine, Elu, HardSigmoid, LeakyRelu, Relu, ScaledTanh, Sigmoid,"],
    ),
    "count": (changed(activations=["Tanh"]), ["one: activations: expected 3 names, found ['Tanh']"]),
    "parameters alone": (changed(activation_alpha=[0.5]), ["expected names of the functions that"]),
    "too many": (
        changed(**named(["Elu", "Tanh", "Tanh"], [0.5, 0.5], [])),
        ["one: activation_alpha: expected one for each function that has it, in their order, found 1 t"],
    ),
    "affine": (
        changed(activations=["Affine", "Tanh", "Tanh"]),
        ["one: activation_alpha: expected a value for Affine, found none"],
    ),
    "threshold": (
        changed(activations=["ThresholdedRelu", "Tanh", "Tanh"]),
        ["one: activation_alpha: expected a value for ThresholdedRelu, found none"],
    ),
    "scaled": (
        changed(**named(["ScaledTanh", "Tanh", "Tanh"], [0.5], [])),
        ["one: activation_beta: expected a value for ScaledTanh, found none"],
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
        ["one: initial_h: expected [1, batch, 4], found [3, 4]"],
    ),
    "state's size": (
        replaced("initial_h", np.ones((1, 3, 5), np.float32)),
        ["one: initial_h: expected [1, batch, 4] (ONNX has no projection, whatever PyTorch writes for proj_si"],
    ),
    "integers": (
        replaced("W", zeros(1, 16, 3, dtype=np.int32)),
        ["one: W: expected float16, bfloat16, float32 or float64, found int32"],
    ),
    "quantised": (
        replaced("W", zeros(1, 16, 3, dtype=np.int8)),
        ["one: W: expected float16, bfloat16, float32 or float64, found int8"],
    ),
    "one state": (
        mixed_states(),
        ["one: initial_c: expected a constant, as initial_h is one (inputs= gives inputs of the gr"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("made", "messages"), BAD.values(), ids=BAD.keys())
def test_unsupported_nodes_are_refused_by_name(made: Any, messages: list[str]) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message
