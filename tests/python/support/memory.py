"""The same numbers in other memory: with gaps, with other strides, batch-major."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
from reference import Array


def in_a_larger_array(value: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """The same numbers with other strides: a view, and the array of sevens around it."""
    axes = random.permutation(value.ndim)
    large = np.full([2 * value.shape[axis] + 3 for axis in axes], 7, value.dtype)
    steps = random.integers(1, 3, value.ndim)
    slices = [slice(1, 1 + value.shape[axis] * steps[axis], steps[axis]) for axis in axes]
    view = large[tuple(slices)].transpose(np.argsort(axes))
    view[...] = value
    return view, large


def batch_major(value: Array, **fields: Any) -> bl.NDArrayDescriptor:
    """A copy of a sequence `[S, N, E]` in memory of its own, `[N, S, E]`."""
    swapped = np.ascontiguousarray(np.swapaxes(value, 0, 1))
    return bl.NDArrayDescriptor(swapped, layout=bl.DataLayout.NSE, **fields)
