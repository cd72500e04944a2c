"""Other libraries' tensors as float32 arrays, with one rule for all of them.

float32 is copied; float16 and bfloat16 become float32 exactly; float64 is rounded to the nearest float32 and
refused where that overflows. Integers, booleans and complex numbers are no weights and are refused. Infinities
and NaN stay what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm._look import attempt, reason
from bnns_lstm._show import show
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.stored import Floats

__all__ = ["FLOATS", "as_array", "fail", "to_float32", "widen_bfloat16"]

# Names, because NumPy itself does not know bfloat16.
FLOATS = {"float16", "bfloat16", "float32", "float64"}


def fail(path: str, expected: str, actual: str) -> WeightsError:
    """An error with one issue, to be raised."""
    return WeightsError((WeightsIssue(path, expected, actual),))


def as_array(path: str, value: object) -> npt.NDArray[Any]:
    """Anything array-like as NumPy's array, tensors of PyTorch on any device included.

    Args:
        path: What the value is called in errors.
        value: A tensor (it has `detach`, `cpu` and `numpy`) or what `np.asarray` takes.

    Raises:
        WeightsError: If it is neither.
    """
    array = attempt(lambda: _as_array(value))
    if isinstance(array, Exception):
        raise fail(path, "a tensor or an array", f"{type(value).__name__} ({reason(array)})")
    if array.dtype == object:
        raise fail(path, "a tensor or an array of numbers", type(value).__name__)
    return array


def _as_array(value: Any) -> npt.NDArray[Any]:
    """Through PyTorch's own way where there is one."""
    if hasattr(value, "detach"):
        tensor = value.detach().cpu()
        # PyTorch's bfloat16 has no way to NumPy but through another type.
        value = (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()
    return np.asarray(value)


def to_float32(path: str, array: npt.NDArray[Any]) -> Floats:
    """A new array in C order, by the rule above.

    Raises:
        WeightsError: If its type is none of the four, or a value does not fit.
    """
    if array.dtype.name not in FLOATS:
        wanted = "float16, bfloat16, float32 or float64"
        raise fail(path, wanted, str(array.dtype))
    with np.errstate(over="ignore"):
        floats = np.array(array, np.float32, order="C")
    if array.dtype == np.float64:
        lost = np.isinf(floats) & np.isfinite(array)
        if lost.any():
            largest = show(float(array[lost][0]))
            raise fail(path, "numbers within the range of float32", largest)
    return floats


def widen_bfloat16(bits: npt.NDArray[np.uint16]) -> Floats:
    """The numbers of which these are the upper halves: exact."""
    wide: Floats = (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return wide
