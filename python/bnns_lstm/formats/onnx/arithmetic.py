"""The operators of ONNX with which exporters compute shapes, carried out in NumPy on small arrays.

In: a node's attributes and the numbers that it reads, all of them known. Out: the one array that it makes,
of at most :data:`LARGEST` numbers. Nothing here knows graphs, or the values that LSTM nodes make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import ceil, isfinite, prod
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ELEMENTWISE", "LARGEST", "compute"]

Array = npt.NDArray[Any]
Words = dict[str, Any]

# Shapes have a handful of numbers, ranges and indices as many as there are steps.
LARGEST = 1 << 14


def compute(kind: str, inputs: Sequence[Array], words: Words) -> Array | None:
    """What an operator makes of numbers; None for one that is not here.

    Raises:
        ValueError: If the node is not as the operator has to be, or the result would be too large. IndexError,
            TypeError and OverflowError come from wrong axes and sizes too.
    """
    with np.errstate(all="ignore"):
        if kind in ELEMENTWISE:
            if prod(np.broadcast_shapes(*(array.shape for array in inputs))) > LARGEST:
                raise ValueError("there are too many numbers")
            return np.asarray(ELEMENTWISE[kind](inputs, words))
        return _reduced(kind, inputs, words) if kind in REDUCTIONS else _range(kind, inputs)


def _range(kind: str, inputs: Sequence[Array]) -> Array | None:
    if kind != "Range":
        return None
    start, limit, step = (array.item() for array in inputs)
    if step == 0 or not all(isfinite(number) for number in (start, limit, step)):
        raise ValueError("the step is 0, or a number is not finite")
    count = max(0, ceil((limit - start) / step))
    if count > LARGEST:
        raise ValueError("there are too many numbers")
    return np.asarray(start + np.arange(count) * step, inputs[0].dtype)


def _reduced(kind: str, inputs: Sequence[Array], words: Words) -> Array:
    array = inputs[0]
    axes = inputs[1].ravel().tolist() if len(inputs) > 1 else words.get("axes")
    if not axes and words.get("noop_with_empty_axes"):
        return array
    axis = tuple(int(one) for one in axes) if axes else None
    keepdims = bool(words.get("keepdims", 1))
    return np.asarray(REDUCTIONS[kind](array, axis=axis, keepdims=keepdims), array.dtype)


def _divided(inputs: Sequence[Array], _words: Words) -> Array:
    """Integers are divided towards zero."""
    one, other = inputs
    if one.dtype.kind == "f" or other.dtype.kind == "f":
        return np.asarray(one / other)
    if not np.all(other):
        raise ValueError("a division by zero")
    return np.asarray(np.sign(one) * np.sign(other) * (np.abs(one) // np.abs(other)))


def _remainder(inputs: Sequence[Array], words: Words) -> Array:
    one, other = inputs
    if not np.all(other):
        raise ValueError("a division by zero")
    return np.asarray(np.fmod(one, other) if words.get("fmod") else np.mod(one, other))


def _one(function: Callable[[Array], Any]) -> Callable[[Sequence[Array], Words], Any]:
    def made(inputs: Sequence[Array], _words: Words) -> Any:
        (array,) = inputs
        return function(array)

    return made


def _two(function: Callable[[Array, Array], Any]) -> Callable[[Sequence[Array], Words], Any]:
    def made(inputs: Sequence[Array], _words: Words) -> Any:
        one, other = inputs
        return function(one, other)

    return made


def _all(function: Callable[[Array, Array], Any]) -> Callable[[Sequence[Array], Words], Any]:
    def made(inputs: Sequence[Array], _words: Words) -> Any:
        return reduce(function, inputs)

    return made


def _where(inputs: Sequence[Array], _words: Words) -> Array:
    condition, one, other = inputs
    return np.where(condition.astype(bool), one, other)


ELEMENTWISE: dict[str, Callable[[Sequence[Array], Words], Any]] = {
    "Abs": _one(np.abs), "Add": _two(np.add), "And": _two(np.logical_and), "Ceil": _one(np.ceil),
    "Div": _divided, "Equal": _two(np.equal), "Floor": _one(np.floor),
    "Greater": _two(np.greater), "GreaterOrEqual": _two(np.greater_equal),
    "Less": _two(np.less), "LessOrEqual": _two(np.less_equal), "Max": _all(np.maximum),
    "Min": _all(np.minimum), "Mod": _remainder, "Mul": _two(np.multiply), "Neg": _one(np.negative),
    "Not": _one(np.logical_not), "Or": _two(np.logical_or), "Sub": _two(np.subtract),
    "Where": _where,
}  # fmt: skip
REDUCTIONS: dict[str, Any] = {
    "ReduceMax": np.max, "ReduceMin": np.min, "ReduceProd": np.prod, "ReduceSum": np.sum,
}  # fmt: skip
