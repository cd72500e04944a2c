"""The operators of ONNX that move numbers without computing any, carried out in NumPy.

They stand between constants and the LSTM nodes that use them, and between the nodes of a stack. In: a node
and the arrays that it reads. Out: the arrays that it makes, views where NumPy can. Who calls bounds what
Concat, Expand and Gather may make. Nothing here knows graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm.formats.onnx.data_types import DATA_TYPES, NUMBERS

__all__ = ["MOVERS", "PLAIN", "apply", "attributes", "outputs_of"]

Array = npt.NDArray[Any]
Words = dict[str, Any]

# Of AttributeProto.AttributeType: the field that holds the value.
FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
LARGEST_RANK = 8


def attributes(node: Any) -> Words:
    """The attributes of a node by name: numbers, bytes, tensors and lists; None for any other."""
    found: Words = {}
    for attribute in node.attribute:
        name = FIELDS.get(attribute.type)
        value: Any = None if name is None else getattr(attribute, name)
        found[attribute.name] = list(value) if name in {"floats", "ints", "strings"} else value
    return found


def apply(node: Any, inputs: Sequence[Array | None], output: int = 0) -> Array:
    """What an operator of :data:`MOVERS` makes of its inputs.

    Args:
        node: The `onnx.NodeProto`.
        inputs: The values of its inputs; None where there is none.
        output: Which of its outputs.

    Raises:
        ValueError: If the node is not as the operator has to be, or would do more than move numbers.
    """
    made = outputs_of(node, inputs)
    if output >= len(made):
        raise ValueError(f"{node.op_type} has one such output")
    return made[output]


def outputs_of(node: Any, inputs: Sequence[Array | None]) -> list[Array]:
    """All outputs of an operator of :data:`MOVERS`; of Dropout the first alone, the mask is no moved number.

    Raises:
        ValueError: As :func:`apply`. IndexError, TypeError and OverflowError come from wrong axes too.
    """
    words = attributes(node)
    if not inputs or inputs[0] is None:
        raise ValueError("an input is missing")
    first, rest = inputs[0], list(inputs[1:])
    if node.op_type == "Split":
        return _split(first, rest, words, len(node.output))
    return [OPERATORS[node.op_type](first, rest, words)]


def _integers(
    rest: Sequence[Array | None], place: int, words: Words, name: str
) -> list[int] | None:
    """What is an input in new versions of an operator and was an attribute in old ones."""
    if place < len(rest):
        array = rest[place]
        if array is not None:
            return [int(size) for size in array.ravel()]
    found = words.get(name)
    return None if found is None else list(found)


def _same(array: Array, _rest: Sequence[Array | None], _words: Words) -> Array:
    return array


def _dropout(array: Array, rest: Sequence[Array | None], words: Words) -> Array:
    training = rest[1] if len(rest) > 1 else None
    if (training is not None and np.any(training)) or words.get("is_test") == 0:
        raise ValueError("dropout is active")
    return array


def _cast(array: Array, _rest: Sequence[Array | None], words: Words) -> Array:
    if words.get("to") not in NUMBERS:
        raise ValueError("the type is none of the supported ones")
    return np.array(array, DATA_TYPES[words["to"]].numpy)


def _concat(array: Array, rest: Sequence[Array | None], words: Words) -> Array:
    parts = [array, *(part for part in rest if part is not None)]
    joined: Array = np.concatenate(parts, axis=words.get("axis", 1))
    return joined


def _transpose(array: Array, _rest: Sequence[Array | None], words: Words) -> Array:
    moved: Array = array.transpose(words.get("perm"))
    return moved


def _reshape(array: Array, rest: Sequence[Array | None], words: Words) -> Array:
    shape = _integers(rest, 0, words, "shape")
    if shape is None or len(shape) > LARGEST_RANK:
        raise ValueError("the shape is missing or too long")
    if not words.get("allowzero"):
        # A size of 0 means that of the input.
        old = array.shape
        shape = [old[i] if size == 0 and i < len(old) else size for i, size in enumerate(shape)]
    return array.reshape(shape)


def _squeeze(array: Array, rest: Sequence[Array | None], words: Words) -> Array:
    axes = _integers(rest, 0, words, "axes")
    return np.squeeze(array, axis=None if axes is None else tuple(axes))


def _unsqueeze(array: Array, rest: Sequence[Array | None], words: Words) -> Array:
    axes = _integers(rest, 0, words, "axes")
    if axes is None or array.ndim + len(axes) > LARGEST_RANK:
        raise ValueError("the axes are missing or too many")
    return np.expand_dims(array, tuple(axes))


def _slice(array: Array, rest: Sequence[Array | None], words: Words) -> Array:
    names = enumerate(("starts", "ends", "axes", "steps"))
    starts, ends, axes, steps = (_integers(rest, place, words, name) for place, name in names)
    if starts is None or ends is None:
        raise ValueError("starts or ends are missing")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    slices = [slice(None)] * array.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        slices[axis] = slice(start, end, step)
    return array[tuple(slices)]


def _split(array: Array, rest: Sequence[Array | None], words: Words, count: int) -> list[Array]:
    axis = words.get("axis", 0)
    sizes = _integers(rest, 0, words, "split")
    if sizes is None:
        # All parts alike, but the last one may be smaller.
        size = -(-array.shape[axis] // count)
        return np.split(array, [size * number for number in range(1, count)], axis)
    if len(sizes) != count or min(sizes) < 0 or sum(sizes) != array.shape[axis]:
        raise ValueError("the parts do not make up the whole")
    return np.split(array, np.cumsum(sizes)[:-1], axis)


def _flatten(array: Array, _rest: Sequence[Array | None], words: Words) -> Array:
    axis = words.get("axis", 1)
    if not -array.ndim <= axis <= array.ndim:
        raise ValueError("the axis is none of the array's")
    axis += array.ndim if axis < 0 else 0
    return array.reshape(prod(array.shape[:axis]), prod(array.shape[axis:]))


def _expand(array: Array, rest: Sequence[Array | None], _words: Words) -> Array:
    shape = _integers(rest, 0, {}, "")
    if shape is None or len(shape) > LARGEST_RANK:
        raise ValueError("the shape is missing or too long")
    return np.broadcast_to(array, np.broadcast_shapes(array.shape, tuple(shape)))


def _gather(array: Array, rest: Sequence[Array | None], words: Words) -> Array:
    indices = rest[0] if rest else None
    if indices is None or array.ndim + indices.ndim - 1 > LARGEST_RANK:
        raise ValueError("the indices are missing or have too many axes")
    return np.asarray(np.take(array, indices.astype(np.int64), words.get("axis", 0)))


# The first input holds the numbers, of Concat each.
OPERATORS: dict[str, Callable[[Array, Sequence[Array | None], Words], Array]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Dropout": _dropout,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Identity": _same,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
# Every operator that moves numbers.
MOVERS = OPERATORS.keys() | {"Split"}
# Those between constants and the nodes that use them: none makes more numbers than it is given.
PLAIN = MOVERS - {"Expand", "Flatten", "Gather"}
