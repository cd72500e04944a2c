"""How the samples of a call lie: with the caller, and in the rows of the structure.

In: arrays as the caller has them, or as the structure has them. Out: the same as the other side has them.
Which steps of a sample are real is known from `inputs.read_batch`: the structure says how many samples each
step has, so longer ones come first (`SampleOrder.arranged`), and each begins with its first real step. It knows
no weights, and computes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bnns_lstm.typing import Floats

__all__ = ["Floats", "SampleOrder", "active_rows", "is_idle", "is_lendable", "lendable"]


def is_lendable(array: Floats) -> bool:
    """Whether the structure can read and write an array: aligned, no stride of 0 or below."""
    strides = array.strides
    return array.flags.aligned and (not strides or min(strides) > 0)


def lendable(array: Floats) -> Floats:
    """The same numbers where the structure can read them."""
    return array if is_lendable(array) else array.copy()


def is_idle(steps: int, rows: int, active: npt.NDArray[np.uint32] | None) -> bool:
    """Whether a call of these sizes has nothing to do; `active` is how many rows run at each step."""
    return steps == 0 or rows == 0 or (active is not None and not active.any())


def active_rows(counts: npt.NDArray[np.int64], steps: int) -> npt.NDArray[np.uint32]:
    """How many samples of so many steps still run at each step."""
    active: npt.NDArray[np.uint32] = (counts > np.arange(steps)[:, np.newaxis]).sum(1, np.uint32)
    return active


class SampleOrder(NamedTuple):
    """The caller's axes and order, against `[steps, rows, values]` with rows sorted by length.

    Attributes:
        batch_first: Whether the caller's sequences are `[batch, steps, values]`. States never are.
        is_batched: Whether the caller's arrays have an axis for the batch.
        rows: Which sample of the caller is in each row, or None if they are in the caller's order.
        starts: The first real step of each row's sample, or None if all begin with their first one. What
            stands before it goes behind the others: a row is the sample turned around by so many steps.
        back: In which row each sample of the caller is, if `inverted` has found it; each way back to the caller
            finds it anew otherwise.
    """

    batch_first: bool
    is_batched: bool
    rows: npt.NDArray[np.intp] | None = None
    starts: npt.NDArray[np.intp] | None = None
    back: npt.NDArray[np.intp] | None = None

    def arranged(
        self, counts: npt.NDArray[np.int64], starts: npt.NDArray[np.int64] | None
    ) -> SampleOrder:
        """With rows for samples of so many steps, which begin at these ones: in the order of `counts`."""
        order = np.argsort(-counts, kind="stable")
        begin = None if starts is None else starts[order]
        is_sorted = bool((order == np.arange(len(counts))).all())
        rows = None if is_sorted else order
        return self._replace(rows=rows, starts=begin, back=None).inverted()

    def inverted(self) -> SampleOrder:
        """The same with `back`, for several arrays that go to the caller."""
        return self if self.rows is None else self._replace(back=self._inverse(self.rows))

    @property
    def is_in_place(self) -> bool:
        """Whether rows are the caller's samples as they are, so that only axes differ."""
        return self.rows is None and self.starts is None

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

    def place_of(self, step: int, sample: int) -> tuple[int, ...]:
        """Where a step of a sample stands in a sequence of the caller."""
        if not self.is_batched:
            return (step,)
        return (sample, step) if self.batch_first else (step, sample)

    def state_shape_of(self, stack: int, rows: int, values: int) -> tuple[int, ...]:
        """The caller's shape of a state of so many layers and directions."""
        return (stack, rows, values) if self.is_batched else (stack, values)

    def to_rows(self, sequence: Floats) -> Floats:
        """A sequence of the caller as `[steps, rows, values]`, without a copy where nothing moves."""
        by_step = sequence
        if not self.is_batched:
            by_step = sequence[:, np.newaxis]
        elif self.batch_first:
            by_step = sequence.swapaxes(0, 1)
        if self.starts is None:
            return self._sorted(by_step)
        steps, rows = by_step.shape[:2]
        turned = (np.arange(steps)[:, np.newaxis] + self.starts) % steps
        found: Floats = by_step[turned, np.arange(rows) if self.rows is None else self.rows]
        return found

    def fill_rows(self, sequence: Floats, target: Floats) -> None:
        """A sequence of the caller into the target `[steps, rows, values]`, which is C-contiguous, copied once.

        Every sample must begin with its first step.
        """
        if self.rows is None:
            np.copyto(target, self.to_rows(sequence))
        elif self.batch_first or not sequence.flags.c_contiguous:
            # By the index of the target, since `take` would copy what is not contiguous before it reads it.
            by_step = sequence.swapaxes(0, 1) if self.batch_first else sequence
            target[:, self._inverse(self.rows)] = by_step
        else:
            sequence.take(self.rows, 1, target, "clip")

    def state_to_rows(self, state: Floats, layers: int) -> Floats:
        """A state of the caller as `[layers, directions, rows, values]`."""
        batched = state if self.is_batched else state[:, np.newaxis]
        stack, *rest = batched.shape
        return self._sorted(batched.reshape(layers, stack // layers, *rest))

    def to_caller(self, rows: Floats, target: Floats | None = None) -> Floats:
        """A sequence `[steps, rows, values]` as the caller knows it: a copy, or the target if there is one."""
        found = rows if self.starts is None else self._turned_back(rows, self.starts)
        if not self.is_batched:
            found = found[:, 0]
        elif self.batch_first:
            found = found.swapaxes(0, 1)
        if self.rows is not None and self.starts is None:
            # With "clip", which no index needs, NumPy makes no copy before it writes into the target.
            back, axis = self._inverse(self.rows), 0 if self.batch_first else 1
            moved: Floats = found.take(back, axis, target, "clip")
            return moved
        if target is None:
            return np.array(found, order="C")
        target[...] = found
        return target

    def state_to_caller(self, state: Floats) -> Floats:
        """A state `[layers, directions, rows, values]` as the caller knows it, as a copy."""
        layers, directions, *rest = state.shape
        found = state.reshape(layers * directions, *rest)
        if self.rows is not None:
            moved: Floats = found.take(self._inverse(self.rows), 1)
            return moved
        return np.array(found if self.is_batched else found[:, 0], order="C")

    def _sorted(self, array: Floats) -> Floats:
        # Rows are the last axis but one, in sequences and in states.
        return array if self.rows is None else array.take(self.rows, -2)

    def _turned_back(self, array: Floats, starts: npt.NDArray[np.intp]) -> Floats:
        steps, rows = array.shape[:2]
        back = np.arange(rows) if self.rows is None else self._inverse(self.rows)
        found: Floats = array[(np.arange(steps)[:, np.newaxis] - starts[back]) % steps, back]
        return found

    def _inverse(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        return np.argsort(rows) if self.back is None else self.back
