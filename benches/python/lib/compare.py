"""Whether two engines computed the same.

In: the files that workers wrote. Out: the largest difference, relative to the largest value.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from bnns_lstm.formats.safetensors.files import SafetensorsFile

# The largest difference from the right result that is taken for rounding, relative to the largest value of the
# compared array. Sums of some thousand products in Float32 differ by less than a tenth of it.
TOLERANCE = 1e-4

Named = dict[str, npt.NDArray[np.float32]]


def read_ways(file: Path) -> list[Named]:
    """The results of each way, by name; a safetensors file has those of one way."""
    if file.suffix == ".safetensors":
        opened = SafetensorsFile(file)
        try:
            return [{name: opened.read(name) for name in opened.entries}]
        finally:
            opened.close()
    ways: dict[int, Named] = {}
    with np.load(file) as arrays:
        for key in arrays.files:
            number, _, name = key.partition("/")
            ways.setdefault(int(number), {})[name] = arrays[key]
    return [ways[number] for number in sorted(ways)]


def difference(wanted: Named, other: Named) -> float:
    """The largest difference, relative to the largest value of each array; infinite for what does not fit."""
    if wanted.keys() != other.keys():
        return float("inf")
    worst = 0.0
    for name, right in wanted.items():
        found = other[name]
        finite = np.isfinite(found).all() and np.isfinite(right).all()
        if found.shape != right.shape or not finite:
            return float("inf")
        worst = max(worst, float(np.abs(found - right).max() / np.abs(right).max()))
    return worst
