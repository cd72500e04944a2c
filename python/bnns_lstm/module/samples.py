"""How the samples of a call lie: with the caller, and in the rows of the structure.

In: arrays as the caller has them, or as the structure has them. Out: the same as the other side has them.
The order of the rows is chosen in `inputs.read_batch` and only applied here: the structure says how many
samples each step has, so longer ones come first. It knows no weights, and computes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "SampleOrder", "lendable"]

Floats = npt.NDArray[np.float32]


def lendable(array: Floats) -> Floats:
    """The same numbers where the structure can read them: aligned, no stride of 0 or below."""
    is_plain = array.flags.aligned and all(stride > 0 for stride in array.strides)
    return array if is_plain else array.copy()


class SampleOrder(NamedTuple):
    """The caller's axes and order, against `[steps, rows, values]` with rows sorted by length.

    Attributes:
        batch_first: Whether the caller's sequences are `[batch, steps, values]`. States never are.
        is_batched: Whether the caller's arrays have an axis for the batch.
        rows: Which sample of the caller is in each row, or None if they are in the caller's order.
    """

    batch_first: bool
    is_batched: bool
    rows: npt.NDArray[np.intp] | None = None

    def sizes_of(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Steps and rows of a sequence in the caller's shape."""
        if not self.is_batched:
            return shape[0], 1
        return (shape[1], shape[0]) if self.batch_first else (shape[0], shape[1])

    def shape_of(self, steps: int, rows: int, values: int) -> tuple[int, ...]:
        """The caller's shape of a sequence."""
        if not self.is_batched:
            return steps, values
        return (rows, steps, values) if self.batch_first else (steps, rows, values)

    def state_shape_of(self, stack: int, rows: int, values: int) -> tuple[int, ...]:
        """The caller's shape of a state of so many layers and directions."""
        return (stack, rows, values) if self.is_batched else (stack, values)

    def to_rows(self, sequence: Floats) -> Floats:
        """A sequence of the caller as `[steps, rows, values]`, without a copy where rows are not sorted."""
        if not self.is_batched:
            return sequence[:, np.newaxis]
        return self._sorted(sequence.swapaxes(0, 1) if self.batch_first else sequence)

    def state_to_rows(self, state: Floats, layers: int) -> Floats:
        """A state of the caller as `[layers, directions, rows, values]`."""
        batched = state if self.is_batched else state[:, np.newaxis]
        return self._sorted(batched.reshape(layers, -1, *batched.shape[1:]))

    def to_caller(self, rows: Floats, target: Floats | None = None) -> Floats:
        """A sequence `[steps, rows, values]` as the caller knows it: a copy, or the target if there is one."""
        found = self._unsorted(rows)
        if not self.is_batched:
            found = found[:, 0]
        elif self.batch_first:
            found = found.swapaxes(0, 1)
        if target is None:
            return np.array(found, order="C")
        target[...] = found
        return target

    def state_to_caller(self, state: Floats) -> Floats:
        """A state `[layers, directions, rows, values]` as the caller knows it, as a copy."""
        found = self._unsorted(state.reshape(-1, *state.shape[2:]))
        return np.array(found if self.is_batched else found[:, 0], order="C")

    def _sorted(self, array: Floats) -> Floats:
        # Rows are the last axis but one, in sequences and in states.
        return array if self.rows is None else array[..., self.rows, :]

    def _unsorted(self, array: Floats) -> Floats:
        return array if self.rows is None else array[..., np.argsort(self.rows), :]
