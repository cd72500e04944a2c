"""The operators that are followed between LSTM nodes make what those of ONNX' reference make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bnns_lstm.formats.onnx.steps import ALIKE, FOLLOWED, Budget, follow
from bnns_lstm.formats.onnx.values import blank, known, places
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnx_tools import ints
from reference import Array


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


A = np.arange(24).reshape(2, 3, 4)
SIGNED = ints(-7, -6, 5, 7, 0)
# Inputs, attributes, and how many outputs there are.
CASES: dict[str, tuple[list[Any], dict[str, Any], int]] = {
    "Abs": ([SIGNED], {}, 1),
    "Add": ([A, ints(1, 2, 3, 4)], {}, 1),
    "And": ([A > 3, A < 9], {}, 1),
    "Cast": ([floats(1.5, -2.5)], {"to": TensorProto.INT64}, 1),
    "Cast to flags": ([SIGNED], {"to": TensorProto.BOOL}, 1),
    "Ceil": ([floats(1.5, -2.5)], {}, 1),
    "Concat": ([A, A + 1, A[:, :1]], {"axis": 1}, 1),
    "Concat from the end": ([A, A], {"axis": -1}, 1),
    "Div": ([SIGNED, ints(2, -4, -2, 7, 3)], {}, 1),
    "Div of floats": ([floats(1, -3), floats(2, 2)], {}, 1),
    "Dropout": ([floats(1, 2), np.array(0.5, np.float32)], {}, 1),
    "Equal": ([SIGNED, ints(-7)], {}, 1),
    "Expand": ([A, ints(2, 1, 1, 4)], {}, 1),
    "Flatten": ([A], {}, 1),
    "Flatten all": ([A], {"axis": 0}, 1),
    "Flatten from the end": ([A], {"axis": -1}, 1),
    "Floor": ([floats(1.5, -2.5)], {}, 1),
    "Gather": ([A, ints(2, -1, 0).reshape(1, 3)], {"axis": 1}, 1),
    "Gather one": ([ints(4, 5, 6), np.array(1)], {}, 1),
    "Greater": ([A, ints(7)], {}, 1),
    "GreaterOrEqual": ([A, ints(7)], {}, 1),
    "Identity": ([A], {}, 1),
    "Less": ([A, ints(7)], {}, 1),
    "LessOrEqual": ([A, ints(7)], {}, 1),
    "Max": ([A, ints(7), ints(0, 9, 0, 9)], {}, 1),
    "Min": ([A, ints(7), ints(0, 9, 0, 9)], {}, 1),
    "Mod": ([SIGNED, ints(3)], {}, 1),
    "Mod of C": ([SIGNED, ints(3)], {"fmod": 1}, 1),
    "Mul": ([A, A], {}, 1),
    "Neg": ([SIGNED], {}, 1),
    "Not": ([A > 3], {}, 1),
    "Or": ([A > 13, A < 9], {}, 1),
    "Range": ([np.array(1), np.array(9), np.array(3)], {}, 1),
    "Range down": ([np.array(9), np.array(-1), np.array(-4)], {}, 1),
    "ReduceMax": ([A, ints(0, 2)], {"keepdims": 0}, 1),
    "ReduceMin": ([A, ints(1)], {}, 1),
    "ReduceProd": ([SIGNED], {"keepdims": 0}, 1),
    "ReduceSum": ([A, ints(-1)], {"keepdims": 1}, 1),
    "ReduceSum of none": ([A, ints()], {"noop_with_empty_axes": 1}, 1),
    "Reshape": ([A, ints(0, -1)], {}, 1),
    "Reshape to nothing": ([A[:0], ints(0, 5)], {"allowzero": 1}, 1),
    "Shape": ([A], {}, 1),
    "Shape in part": ([A], {"start": 1, "end": -1}, 1),
    "Size": ([A], {}, 1),
    "Slice": ([A, ints(1, -3), ints(9, -1), ints(1, 2)], {}, 1),
    "Slice down": ([A, ints(-1), ints(-(2**63)), ints(2), ints(-2)], {}, 1),
    "Split": ([A, ints(1, 3)], {"axis": 2}, 2),
    "Split alike": ([A], {"axis": 2, "num_outputs": 2}, 2),
    "Squeeze": ([A[:1, :, :1]], {}, 1),
    "Squeeze one": ([A[:1, :, :1], ints(-1)], {}, 1),
    "Sub": ([A, ints(1, 2, 3, 4)], {}, 1),
    "Transpose": ([A], {"perm": [2, 0, 1]}, 1),
    "Transpose all": ([A], {}, 1),
    "Unsqueeze": ([A, ints(0, -1)], {}, 1),
    "Where": ([A > 7, A, ints(-1)], {}, 1),
}  # fmt: skip


def node_of(name: str, count: int, words: dict[str, Any], outputs: int) -> Any:
    names = [f"i{number}" for number in range(count)]
    made = [f"o{number}" for number in range(outputs)]
    return helper.make_node(name.split(maxsplit=1)[0], names, made, **words)


@pytest.mark.parametrize("name", CASES)
def test_operators_make_what_onnx_makes(name: str) -> None:
    inputs, words, count = CASES[name]
    node = node_of(name, len(inputs), words, count)
    wanted = ReferenceEvaluator(node).run(None, dict(zip(node.input, inputs, strict=True)))
    made = follow(node, [known(np.asarray(value)) for value in inputs], Budget(1 << 20))
    assert len(made) == len(wanted)
    for one, other in zip(made, wanted, strict=True):
        assert one.is_known
        np.testing.assert_array_equal(one.array, other, strict=True)


MOVED = ("Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Split", "Squeeze", "Transpose",
         "Unsqueeze", "Slice down")  # fmt: skip


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(MOVED)])
def test_places_move_as_numbers_do(name: str) -> None:
    inputs, words, count = CASES[name]
    node = node_of(name, len(inputs), words, count)
    moved = len(inputs) if name.startswith("Concat") else 1
    given = [
        places(np.asarray(value, np.int32)) if number < moved else known(value)
        for number, value in enumerate(inputs)
    ]
    shapes = [
        blank(value.shape) if number < moved else known(value)
        for number, value in enumerate(inputs)
    ]
    wanted = ReferenceEvaluator(node).run(None, dict(zip(node.input, inputs, strict=True)))
    for one, shape, other in zip(
        follow(node, given, Budget(1 << 20)), follow(node, shapes, Budget(0)), wanted, strict=True
    ):
        assert not one.is_known
        np.testing.assert_array_equal(one.array, other)
        assert shape.is_blank
        assert shape.array is not None
        assert shape.array.shape == other.shape


def test_every_operator_that_is_followed_has_a_case() -> None:
    tested = {name.split()[0] for name in CASES}
    assert FOLLOWED - tested == ALIKE | {"MatMul", "Pow"}


def test_shapes_of_computed_values_are_known_and_nothing_else() -> None:
    one, other = blank([2, 1, 4]), places(np.arange(12, dtype=np.int32).reshape(3, 4))
    cases: dict[str, tuple[list[Any], list[int]]] = {
        "Relu": ([other], [3, 4]),
        "Add": ([one, other], [2, 3, 4]),
        "Pow": ([one, other], [2, 3, 4]),
        "MatMul": ([one, blank([4, 5])], [2, 1, 5]),
    }
    for kind, (inputs, shape) in cases.items():
        (made,) = follow(node_of(kind, len(inputs), {}, 1), inputs, Budget(1 << 20))
        assert made.is_blank
        assert made.cause == f"'o0' ({kind}) computes"
        assert made.array is not None
        assert list(made.array.shape) == shape
