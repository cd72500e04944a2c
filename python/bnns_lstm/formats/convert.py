"""Other libraries' tensors as float32 arrays, with one rule for all of them, and the error of a single finding.

float32 is copied; float16 and bfloat16 become float32 exactly; float64 is rounded to the nearest float32 and
refused where that overflows. Integers, booleans and complex numbers are no weights and are refused. Infinities
and NaN stay what they are. `bnns_lstm._arrays` says what is an array at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm._arrays import WEIGHTS, Fault, array_of, float32_of
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.stored import Floats

__all__ = ["FLOATS", "as_array", "fail", "to_float32", "widen_bfloat16"]

FLOATS = WEIGHTS


def fail(path: str, expected: str, actual: str, code: str) -> WeightsError:
    """An error with one issue, to be raised."""
    return WeightsError((WeightsIssue(path, expected, actual, code),))


def as_array(path: str, value: object) -> npt.NDArray[Any]:
    """Anything array-like as NumPy's array, tensors of PyTorch on any device included.

    Args:
        path: What the value is called in errors.
        value: A tensor (it has `detach`, `cpu` and `numpy`) or what `np.asarray` takes.

    Raises:
        WeightsError: If it is neither, or an array of objects, or a masked one.
    """
    found = array_of(value, "a tensor or an array of numbers", detach=True)
    if isinstance(found, Fault):
        raise fail(path, *found)
    return found


def to_float32(path: str, array: npt.NDArray[Any]) -> Floats:
    """A new array in C order, by the rule above.

    Raises:
        WeightsError: If its type is none of the four, or a value does not fit.
    """
    found = float32_of(array, FLOATS, "float16, bfloat16, float32 or float64")
    if isinstance(found, Fault):
        raise fail(path, *found)
    return found


def widen_bfloat16(bits: npt.NDArray[np.uint16]) -> Floats:
    """The numbers of which these are the upper halves: exact."""
    wide: Floats = (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return wide
