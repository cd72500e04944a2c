"""One array of a caller as float32. In: whatever a caller gives. Out: the array, over its memory, or a finding.

It knows no shape, and converts nothing: what is trained, and its gradients, are float32 everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._arrays import Fault, array_of
from bnns_lstm.errors import Issue
from bnns_lstm.typing import Floats

__all__ = ["floats_of"]

FLOAT32 = np.dtype(np.float32)


def floats_of(
    given: Any, name: str, issues: list[Issue], *, writable: bool = False
) -> Floats | None:
    """An array of float32 over the caller's memory; None, and a finding, for anything else."""
    array = array_of(given, "an array of float32", detach=False)
    if isinstance(array, Fault):
        issues.append(Issue(name, array.code, array.expected, array.actual))
        return None
    if array.dtype != FLOAT32:
        expected = "float32 (np.asarray(array, np.float32))"
        issues.append(Issue(name, codes.UNSUPPORTED_DATA_TYPE, expected, str(array.dtype)))
        return None
    if writable and not array.flags.writeable:
        issues.append(Issue(name, codes.READ_ONLY, "writable memory", "a read-only array"))
        return None
    return array
