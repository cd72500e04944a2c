"""What one operator makes of values that are followed: numbers, places of moved elements, or shapes.

In: a node and what is known of its inputs. Out: what is known of its outputs. Memory is taken from a
:class:`Budget`. Nothing here knows which values come from where, or the model's tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from bnns_lstm.formats.onnx.arithmetic import ELEMENTWISE, LARGEST, REDUCTIONS, compute
from bnns_lstm.formats.onnx.data_types import BOOL, DATA_TYPES, FLOATS, NUMBERS
from bnns_lstm.formats.onnx.ops import MOVERS, attributes, outputs_of
from bnns_lstm.formats.onnx.values import ELSEWHERE, Array, Value, blank, known, nothing, places

__all__ = ["FOLLOWED", "Budget", "follow", "named"]

SHAPES = {"Shape", "Size"}
# Operators that compute, whose output has the shape of the first input.
ALIKE = {
    "BatchNormalization", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "GroupNormalization",
    "HardSigmoid", "HardSwish", "InstanceNormalization", "LayerNormalization", "LeakyRelu", "Log",
    "LogSoftmax", "Mish", "PRelu", "Relu", "Selu", "Sigmoid", "Sign", "Softmax", "Softplus",
    "Softsign", "Sqrt", "Tanh", "ThresholdedRelu", "Trilu",
}  # fmt: skip
# All operators of which something is known; of others the declared shape is.
FOLLOWED = (
    MOVERS | SHAPES | ALIKE | ELEMENTWISE.keys() | REDUCTIONS.keys() | {"MatMul", "Pow", "Range"}
)
# From here on the end of a Slice means that of the axis, whatever its size.
ENDLESS = 2**31 - 1


@dataclass
class Budget:
    """Bytes of arrays that may still be made."""

    left: int

    def has(self, numbers: int) -> bool:
        """Whether there is room for that many numbers."""
        return bool(numbers * ELSEWHERE.itemsize <= self.left)

    def check(self, numbers: int) -> None:
        """Refuse arrays that there is no room for.

        Raises:
            ValueError: If there is none.
        """
        if not self.has(numbers):
            what = "it takes too much memory at the sizes that the model declares"
            raise ValueError(f"{what} (export it with smaller or dynamic ones)")


def named(node: Any) -> str:
    """A node for messages: name, or first output, and operator."""
    name = node.name or next((one for one in node.output if one), "a node without a name")
    return f"{name!r} ({node.op_type})"


def follow(node: Any, inputs: Sequence[Value | None], budget: Budget) -> list[Value]:
    """What is known of the outputs of an operator of :data:`FOLLOWED`.

    Args:
        node: The `onnx.NodeProto`.
        inputs: What is known of its inputs; None where there is none.
        budget: What is left of the memory.
    """
    given = [one for one in inputs if one is not None]
    lost = next((one.cause for one in given if one.array is None), "")
    if lost:
        return _every(node, nothing(lost))
    try:
        if node.op_type in SHAPES:
            return [_shape(node, inputs)]
        if node.op_type in MOVERS:
            return _moved(node, inputs, budget)
        return _every(node, _computed(node, given, budget))
    except (ValueError, IndexError, TypeError, OverflowError, MemoryError) as error:
        return _every(node, nothing(f"{named(node)}: {error}"))


def _every(node: Any, value: Value) -> list[Value]:
    return [value] * max(1, len(node.output))


def _array(value: Value | None) -> Array:
    if value is None or value.array is None:
        raise ValueError("an input is missing")
    return value.array


def _shape(node: Any, inputs: Sequence[Value | None]) -> Value:
    (array,) = map(_array, inputs)
    words = attributes(node)
    if node.op_type == "Size":
        return known(np.array(array.size, np.int64))
    return known(np.array(array.shape[words.get("start", 0) : words.get("end")], np.int64))


def _computed(node: Any, given: Sequence[Value], budget: Budget) -> Value:
    """Numbers of numbers; of all else the shape is known at most."""
    words, shapes = attributes(node), [_array(one).shape for one in given]
    cause = next((one.cause for one in given if one.cause), f"{named(node)} computes")
    if all(one.is_known for one in given):
        made = compute(node.op_type, [_array(one) for one in given], words)
        if made is not None:
            budget.check(made.size)
            budget.left -= made.nbytes
            return known(made)
    if node.op_type in ALIKE:
        return blank(shapes[0], cause)
    if node.op_type in ELEMENTWISE or node.op_type == "Pow":
        return blank(np.broadcast_shapes(*shapes), cause)
    if node.op_type == "MatMul" and len(shapes) == 2 and min(map(len, shapes)) > 1:
        one, other = shapes
        outer = np.broadcast_shapes(one[:-2], other[:-2])
        return blank([*outer, one[-2], other[-1]], cause)
    return nothing(cause)


def _moved(node: Any, inputs: Sequence[Value | None], budget: Budget) -> list[Value]:
    """Elements in other places; numbers if all are numbers."""
    _array(inputs[0] if inputs else None)
    count = len(inputs) if node.op_type == "Concat" else 1
    data = [one for one in inputs[:count] if one is not None]
    others = [one for one in inputs[count:] if one is not None]
    cause = next((one.cause for one in data if one.cause), "")
    numbers = all(one.is_known for one in data)
    if node.op_type == "Cast":
        return [_cast(node, data[0], cause)]
    if not all(one.is_known for one in others):
        if node.op_type == "Gather" and len(others) == 1:
            return [_picked(node, data[0], others[0])]
        why = "sizes or axes that are not known before the model runs"
        return _every(node, nothing(cause or f"{named(node)} reads {why}"))
    if node.op_type == "Slice" and not numbers:
        _refuse_cuts(inputs, attributes(node))
    is_blank = not numbers and all(one.is_blank or one.is_known for one in data)
    if is_blank and node.op_type in {"Concat", "Gather"}:
        return [blank(_blank_shape(node, inputs), cause)]
    arrays: list[Array | None] = [
        None if one is None
        else np.broadcast_to(ELSEWHERE, _array(one).shape) if one.is_known and place < count and not numbers
        else _array(one)
        for place, one in enumerate(inputs)
    ]  # fmt: skip
    size = prod(_blank_shape(node, inputs)) if node.op_type in {"Concat", "Gather"} else 0
    if not is_blank:
        budget.check(max([size, *(_array(one).size for one in data)]))
    made = outputs_of(node, arrays)
    first = _array(data[0])
    if not is_blank:
        # Expand makes a view, which the next operator may copy.
        budget.check(max(one.size for one in made))
        budget.left -= sum(one.nbytes for one in made if not np.may_share_memory(one, first))
    values = [_value(one, cause, numbers=numbers, is_blank=is_blank) for one in made]
    # Dropout's mask.
    return values + [nothing(f"{named(node)} draws it")] * (len(node.output) - len(values))


def _value(array: Array, cause: str, *, numbers: bool, is_blank: bool) -> Value:
    if is_blank or (numbers and array.size > LARGEST):
        return blank(array.shape, cause)
    return known(array) if numbers else places(array, cause)


def _cast(node: Any, value: Value, cause: str) -> Value:
    kind, array = attributes(node).get("to"), _array(value)
    if value.is_known:
        if kind not in {*NUMBERS, BOOL}:
            raise ValueError("the type is none of the supported ones")
        with np.errstate(all="ignore"):
            return known(array.astype(DATA_TYPES[kind].numpy))
    # With these Cast keeps numbers, but for their last digits.
    return value if kind in FLOATS else blank(array.shape, cause or f"{named(node)} rounds")


def _picked(node: Any, data: Value, indices: Value) -> Value:
    """By indices that the model's inputs or nodes give, such as words of an embedding."""
    cause = data.cause or indices.cause or f"{named(node)} picks by values that the model is given"
    return blank(_blank_shape(node, [data, indices]), cause)


def _blank_shape(node: Any, inputs: Sequence[Value | None]) -> list[int]:
    """The shape that Concat or Gather makes."""
    shapes = [list(_array(one).shape) for one in inputs if one is not None]
    first, words = shapes[0], attributes(node)
    axis = words.get("axis", 0 if node.op_type == "Gather" else 1)
    if not -len(first) <= axis < len(first):
        raise ValueError("the axis is none of the array's")
    axis %= len(first)
    if node.op_type == "Gather":
        (indices,) = shapes[1:]
        return [*first[:axis], *indices, *first[axis + 1 :]]
    rest = [[*shape[:axis], *shape[axis + 1 :]] for shape in shapes if len(shape) == len(first)]
    if len(rest) != len(shapes) or any(one != rest[0] for one in rest):
        raise ValueError("the shapes do not fit")
    return [*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :]]


def _refuse_cuts(inputs: Sequence[Value | None], words: dict[str, Any]) -> None:
    """Refuse ends beyond the axis, which would cut off steps of longer sequences.

    Raises:
        ValueError: If there is such an end.
    """
    read = [None if one is None else _array(one).ravel().tolist() for one in inputs[1:4]]
    read += [None] * (3 - len(read))
    starts, ends, axes = (
        words.get(name) if numbers is None else numbers
        for name, numbers in zip(("starts", "ends", "axes"), read, strict=True)
    )
    shape = _array(inputs[0]).shape
    for place, (start, end) in enumerate(zip(starts or (), ends or (), strict=True)):
        size = shape[axes[place] if axes else place]
        if size < end < ENDLESS or -ENDLESS < start < -size:
            raise ValueError("it cuts longer axes")
