"""A batch in shards. In: arrays, and their axes of samples. Out: views of them; or what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._arrays import Fault, array_of
from bnns_lstm.errors import ArgumentError, Issue

__all__ = ["cut"]

Array = npt.NDArray[Any]


def cut(batch: Sequence[Any], axes: int | Sequence[int], shards: int) -> list[tuple[Array, ...]]:
    """The batch in so many shards of samples that follow each other; fewer where there are fewer samples.

    Args:
        batch: Arrays.
        axes: The axis of samples of each; with one for all, arrays of one axis have it there.
        shards: How many.

    Raises:
        ArgumentError: For arrays that do not fit together.
    """
    issues: list[Issue] = []
    arrays: list[Array] = []
    for number, given in enumerate(batch):
        array = array_of(given, "an array", detach=False)
        if isinstance(array, Fault):
            path = f"batch[{number}]"
            issues.append(Issue(path, array.code, array.expected, array.actual))
        else:
            arrays.append(array)
    every = [axes] * len(batch) if isinstance(axes, int) else list(axes)
    if not batch or len(every) != len(batch):
        expected = f"{len(every)} arrays, one for each of axes" if every else "at least one array"
        issues.append(Issue("batch", codes.SIZE_MISMATCH, expected, str(len(batch))))
    if issues:
        raise ArgumentError(tuple(issues))
    places = [0 if array.ndim == 1 else axis for array, axis in zip(arrays, every, strict=True)]
    sizes = [_size(array, axis) for array, axis in zip(arrays, places, strict=True)]
    for number, (array, axis, size) in enumerate(zip(arrays, places, sizes, strict=True)):
        if size != sizes[0] or size < 1:
            wanted = f"{sizes[0]} samples" if sizes[0] > 0 else "at least one sample"
            expected = f"{wanted} along axis {axis} (axes= says which axis that is)"
            actual = f"{array.dtype}{list(array.shape)}"
            issues.append(Issue(f"batch[{number}]", codes.SIZE_MISMATCH, expected, actual))
    if issues:
        raise ArgumentError(tuple(issues))
    number = min(shards, sizes[0])
    pairs = zip(arrays, places, strict=True)
    return list(zip(*(np.array_split(array, number, axis) for array, axis in pairs), strict=True))


def _size(array: Array, axis: int) -> int:
    return array.shape[axis] if -array.ndim <= axis < array.ndim else -1
