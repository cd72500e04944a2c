"""Attributes of LSTM nodes: clips, reading backwards, and what has no equal with what comes near it."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import StoredLSTM, read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import TensorProto, helper
from onnx_tools import (
    ONE_WAY,
    named,
    one_node,
    run,
    side_by_side,
    stack,
    without_candidate,
)
from reference import Array


def saturated() -> StoredLSTM:
    """A network of which most gates are far beyond 104."""
    stored = without_candidate(random_stored(peephole="diagonal", bidirectional=True))
    for array in stored.parameters.values():
        np.multiply(array, 300, out=array)
    return stored


@pytest.mark.parametrize("clip", [104.0, 999.0, 9999.0, inf])
@pytest.mark.parametrize(
    "functions", [[], ["Sigmoid", "Tanh", "Tanh"], ["tanh", "sigmoid", "Sigmoid"]]
)
def test_a_clip_that_float32_cannot_tell_is_read(clip: float, functions: list[str]) -> None:
    stored = saturated()
    words = named(functions * 2, [], []) if functions else {}
    made, x = one_node(stored, clip=clip, **words), x_of(stored, 20)
    without = one_node(stored, **words)
    found = read_onnx(made)
    assert_same(found, read_onnx(without))
    wanted = run(made, x=x)
    for one, other in zip(wanted, run(without, x=x), strict=True):
        np.testing.assert_array_equal(one, other)
    # Weights of 300 make 300 times the rounding of others.
    np.testing.assert_allclose(computed(found, x)[0], side_by_side(wanted[0]), atol=5e-4)


def test_a_clip_bounds_no_cell_state() -> None:
    """Cell states grow by 1 a step here, beyond the bound: ONNX clips what enters the functions alone."""
    stored = random_stored(input_size=1, hidden_size=2)
    for name, array in stored.parameters.items():
        array[...] = 60 if name == "bias_ih_l0" else 0
    x = np.zeros((300, 1, 1), np.float32)
    made = one_node(stored, clip=104.0)
    assert (run(made, x=x)[2] == 300).all()
    _, state = bl.LSTM.from_onnx(made)(x)
    assert (state.c == 300).all()


@pytest.mark.parametrize("clip", [0.0, -1.0, -9999.0, nan])
def test_a_clip_that_is_none_is_refused(clip: float) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(one_node(random_stored(), clip=clip))
    (issue,) = raised.value.issues
    assert (issue.path, issue.code) == ("one: clip", codes.INVALID_NUMBER)


FUNCTIONS: list[list[str]] = [
    ["Sigmoid", "Tanh", "Tanh"],
    ["HardSigmoid", "Tanh", "Softsign"],
    ["Sigmoid", "Relu", "Tanh"],
]


@pytest.mark.parametrize("functions", FUNCTIONS)
@pytest.mark.parametrize("clip", [0.1, 0.5, 103.9])
def test_a_clip_is_read_as_the_text_of_the_operator_says(clip: float, functions: list[str]) -> None:
    """Of all three functions, by hand; ONNX Runtime does not limit what enters the third one."""
    stored = without_candidate(random_stored(peephole="diagonal", bidirectional=True))
    plain = read_onnx(one_node(stored, **named(functions * 2, [], [])))
    made = one_node(stored, clip=clip, **named(functions * 2, [], []))
    found, x = read_onnx(made), x_of(stored, 20)
    assert_same(found, replace(plain, gate_clip=clip))
    assert found.gate_clip_hidden
    lstm = bl.LSTM.from_onnx(made)
    for one, other in zip(y_of(lstm, x), computed(found, x), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)

    wanted = run(made, x=x)
    theirs = bl.LSTM(
        3, 4, bidirectional=True, peephole="diagonal", activations=found.activations,
        gate_clip=clip, gate_clip_hidden=False,
    )  # fmt: skip
    theirs.load_state_dict(lstm.state_dict())
    wanted = (side_by_side(wanted[0]), *wanted[1:])
    for one, other in zip(y_of(theirs, x), wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    differs = bool((np.abs(lstm(x)[0] - wanted[0]) > 1e-3).any())
    # Only what goes beyond the limit differs.
    assert differs == bool((np.abs(theirs(x, return_cell_states=True)[2]) > clip).any())
    assert differs == (clip < 1)


def y_of(lstm: bl.LSTM, x: Array) -> tuple[Array, Array, Array]:
    y, state = lstm(x)
    return y, state.h, state.c


@pytest.mark.parametrize("peephole", [None, "diagonal"])
def test_reading_backwards_is_read(peephole: Any) -> None:
    stored = without_candidate(random_stored(peephole=peephole, state=True))
    made, x = one_node(stored, direction="reverse"), x_of(stored)
    assert_same(read_onnx(made), replace(stored, direction="reverse"))
    lstm = bl.LSTM.from_onnx(made)
    wanted = run(made, x=x)
    y, state = lstm(x, lstm.initial_state)
    for one, other in zip((y, *state), (side_by_side(wanted[0]), *wanted[1:]), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_nodes_that_differ_in_clip_or_direction_are_a_stack_of_lstms() -> None:
    made = stack(random_stored(num_layers=2), ONE_WAY)
    low, high = (node for node in made.graph.node if node.op_type == "LSTM")
    low.attribute.append(helper.make_attribute("clip", 0.5))
    for attribute in high.attribute:
        if attribute.name == "direction":
            attribute.s = b"reverse"
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    assert [issue.path for issue in raised.value.issues] == ["high: gate_clip", "high: direction"]
    assert all("bl.Stack.from_onnx reads" in issue.expected for issue in raised.value.issues)
    found = bl.Stack.from_onnx(made).configs
    assert [(one.gate_clip, one.direction) for one in found] == [
        (0.5, "forward"),
        (None, "reverse"),
    ]


@pytest.mark.parametrize("functions", FUNCTIONS)
@pytest.mark.parametrize("directions", [1, 2])
def test_coupled_gates_are_read_without_the_unused_block(
    directions: int, functions: list[str]
) -> None:
    """Whatever the forget gate's weights are: ONNX Runtime does not look at them."""
    kind: dict[str, Any] = {"peephole": "diagonal", "bidirectional": directions == 2}
    stored = without_candidate(random_stored(**kind))
    words = named(functions * directions, [], [])
    made, x = one_node(stored, input_forget=1, **words), x_of(stored)
    found, plain = read_onnx(made), read_onnx(one_node(stored, **words))
    assert found.coupled == "forget"
    assert list(found.parameters) == list(stored.parameters)
    for name, array in found.parameters.items():
        blocks = np.split(plain.parameters[name], 4)
        np.testing.assert_array_equal(array, np.concatenate([blocks[0], *blocks[2:]]))
    y, state = bl.LSTM.from_onnx(made)(x)
    wanted = run(made, x=x)
    for one, other in zip((y, *state), (side_by_side(wanted[0]), *wanted[1:]), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    for array in stored.parameters.values():
        np.split(array, 4)[1][:] = 0.75
    again = one_node(stored, input_forget=1, **words)
    assert_same(read_onnx(again), found)
    np.testing.assert_array_equal(run(again, x=x)[0], wanted[0])


def test_an_attribute_that_is_an_empty_message_is_named() -> None:
    """Protobuf shows such a message as no text at all."""
    with pytest.raises(
        bl.WeightsError, match=r"layout: expected a value .*, found an empty Tensor"
    ):
        read_onnx(one_node(random_stored(), layout=TensorProto()))
