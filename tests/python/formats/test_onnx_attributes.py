"""Attributes of LSTM nodes: a clip that changes nothing, and what has no equal with what comes near it."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import StoredLSTM, read_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import TensorProto
from onnx_tools import named, one_node, run, side_by_side, without_candidate


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


@pytest.mark.parametrize("clip", [103.9, 50.0, 0.0, -1.0, -9999.0, nan])
def test_a_clip_that_float32_can_tell_is_refused(clip: float) -> None:
    with pytest.raises(
        bl.WeightsError, match=r"one: clip: expected no clip, or one of at least 104"
    ):
        read_onnx(one_node(random_stored(), clip=clip))


@pytest.mark.parametrize(
    ("names", "others"),
    [
        (["HardSigmoid", "Tanh", "Tanh"], "hard_sigmoid"),
        (["Sigmoid", "Relu", "Tanh"], "rectified_linear"),
        (["Sigmoid", "Tanh", "Softsign"], "softsign"),
        (["Elu", "Relu", "Tanh"], "elu, rectified_linear"),
    ],
)
def test_a_clip_of_other_functions_is_refused_with_their_names(
    names: list[str], others: str
) -> None:
    with pytest.raises(bl.WeightsError, match=f"one: clip: expected .* found 9999 with {others}"):
        read_onnx(one_node(random_stored(), clip=9999.0, activations=names))


def test_reading_backwards_is_refused_with_what_comes_near_and_that_works() -> None:
    stored = random_stored()
    made = one_node(stored, direction="reverse")
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    (issue,) = raised.value.issues
    assert issue.path == "one: direction"
    assert (
        "set the attribute to 'forward', flip the input in time, and the outputs too"
        in issue.expected
    )
    x = x_of(stored)
    wanted = run(made, x=x)
    y, state = bl.LSTM.from_onnx(one_node(stored, direction="forward"))(x[::-1])
    for one, other in zip((y[::-1], *state), (side_by_side(wanted[0]), *wanted[1:]), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_coupled_gates_are_refused_with_what_comes_near_and_that_works() -> None:
    stored = without_candidate(random_stored(peephole="diagonal"))
    made = one_node(stored, input_forget=1)
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made)
    (issue,) = raised.value.issues
    assert issue.path == "one: input_forget"
    assert "the input gate's rows of W, R, B and P with the opposite sign" in issue.expected
    for array in stored.parameters.values():
        blocks: list[Any] = np.split(array, 4)
        blocks[1][...] = -blocks[0]
    x = x_of(stored)
    y = computed(read_onnx(one_node(stored)), x)[0]
    np.testing.assert_allclose(y, side_by_side(run(made, x=x)[0]), atol=2e-6)


def test_an_attribute_that_is_an_empty_message_is_named() -> None:
    """Protobuf shows such a message as no text at all."""
    with pytest.raises(
        bl.WeightsError, match=r"layout: expected a value .*, found an empty Tensor"
    ):
        read_onnx(one_node(random_stored(), layout=TensorProto()))
