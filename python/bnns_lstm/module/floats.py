"""One array of a caller as float32.

In: whatever a caller gives. Out: the array, over the caller's memory where that is possible, or a finding. It
knows no shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._arrays import NUMBERS, Fault, array_of, float32_of
from bnns_lstm.errors import Issue
from bnns_lstm.module.memory import FLOAT32, memory_for
from bnns_lstm.module.samples import Floats

__all__ = ["as_floats"]


def as_floats(
    given: Any, name: str, issues: list[Issue], *, convert: bool, writable: bool = False
) -> Floats | None:
    """An array of float32 over the caller's memory where that is possible."""
    # The usual array at once: the checks below would be a tenth of a small call.
    if type(given) is np.ndarray and given.dtype is FLOAT32 and not writable:
        return given
    array = array_of(given, "an array of float32", detach=False)
    if not isinstance(array, Fault) and (array.dtype != np.float32 or not array.dtype.isnative):
        types = NUMBERS if convert and not writable else ()
        way = f" (np.asarray({name}, np.float32), or LSTM(..., convert=True))"
        hint = "" if writable or convert else way
        with memory_for(f"{name}: {list(array.shape)}"):
            array = float32_of(array, types, f"float32{hint}")
    if isinstance(array, Fault):
        issues.append(Issue(name, array.code, array.expected, array.actual))
        return None
    if writable and not array.flags.writeable:
        issues.append(Issue(name, codes.READ_ONLY, "writable memory", "a read-only array"))
        return None
    return array
