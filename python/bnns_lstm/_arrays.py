"""The one reader of arrays that callers give: to the module's calls, and as weights to the formats.

In: any object, or an array; and what of it is taken. Out: a plain NumPy array, float32 where that is asked for;
or a :class:`Fault`, what was expected and what was found. It does not know what the array is called or is for.

One rule for all: subclasses of NumPy's arrays count as plain ones, but masked ones are refused, as their mask
would be lost; what has no array interface is asked for DLPack; arrays of objects and of complex numbers are
refused; read-only and strided arrays are read as they are. Callers differ in two points:

- Calls take float32 in the machine's byte order, without a copy; with `convert`, all of :data:`NUMBERS` in any
  order. Weights of other libraries are :data:`WEIGHTS` in any order, always copied: integers among them are
  quantised, and no weights yet.
- Tensors that carry gradients, or lie on another device, are refused in calls, which would lose the gradient or
  hide a copy. Weights are taken over from them (`detach`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import attempt, is_a, reason
from bnns_lstm._show import show

__all__ = ["NUMBERS", "WEIGHTS", "Fault", "array_of", "float32_of"]

Array = npt.NDArray[Any]

# Names, because NumPy itself does not know bfloat16.
WEIGHTS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
NUMBERS = WEIGHTS | INTEGERS | {np.dtype(np.longdouble).name}


class Fault(NamedTuple):
    """What is wrong with an array, but for its name."""

    expected: str
    actual: str
    code: str


def array_of(given: Any, expected: str, *, detach: bool) -> Array | Fault:
    """Anything array-like as a plain array, over the same memory where that is possible.

    Args:
        given: An array, a tensor, or what `np.asarray` takes.
        expected: What errors call that.
        detach: Whether a tensor (it has `detach`, `cpu` and `numpy`) is taken from its device, and without
            its gradient.
    """
    if type(given) is np.ndarray:
        array = given
    else:
        found = attempt(lambda: _read(given, detach=detach))
        if isinstance(found, Exception):
            return Fault(expected, f"{type(given).__name__} ({reason(found)})", codes.WRONG_TYPE)
        array = found
    if array.dtype == object:
        return Fault(expected, f"{type(given).__name__} (objects)", codes.WRONG_TYPE)
    return array


def _read(given: Any, *, detach: bool) -> Array:
    """Through the object's own way to an array."""
    if detach and hasattr(given, "detach"):
        tensor = given.detach().cpu()
        # PyTorch's bfloat16 has no way to NumPy but through another type.
        given = (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()
    has_dlpack = hasattr(given, "__dlpack__") and not hasattr(given, "__array_interface__")
    found: Any = np.from_dlpack(given) if has_dlpack else np.asanyarray(given)
    if is_a(found, np.ma.MaskedArray):
        raise TypeError("its mask would be lost")
    plain: Array = np.ndarray.view(found, np.ndarray)
    return plain


def float32_of(
    array: Array, types: Collection[str], expected: str
) -> npt.NDArray[np.float32] | Fault:
    """A new array in C order: smaller floats exactly, others rounded; infinities and NaN stay what they are.

    Args:
        array: Numbers of any type and byte order.
        types: Which types are taken.
        expected: What errors call these.
    """
    if array.dtype.name not in types:
        return Fault(expected, str(array.dtype), codes.UNSUPPORTED_DATA_TYPE)
    with np.errstate(over="ignore"):
        floats: npt.NDArray[np.float32] = np.array(array, np.float32, order="C")
    if array.dtype.kind == "f" and array.dtype.itemsize > floats.dtype.itemsize:
        lost = np.isinf(floats) & np.isfinite(array)
        if lost.any():
            largest = show(float(array[lost][0]))
            return Fault("numbers within the range of float32", largest, codes.OUT_OF_RANGE)
    return floats
