"""PyTorch's packed sequences.

In: a PackedSequence. Out: :class:`Packing`, where its rows stand among padded ones, and the way of arrays there
and back. Nothing here is an operation of PyTorch's on values: those that are large enough run on its threads,
which then spin for milliseconds on the processors that threads of ours need.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import PackedSequence

from bnns_lstm import codes
from bnns_lstm.errors import Issue
from bnns_lstm.module.memory import MakeFloats, memory_for
from bnns_lstm.torch.errors import TensorError
from bnns_lstm.typing import Floats

__all__ = ["PackedSequence", "Packing", "packing_of", "permuted"]

Order = npt.NDArray[np.int64]


class Packing(NamedTuple):
    """How a packed sequence stands for a padded one, `[steps, samples, values]`.

    Attributes:
        steps: Of the longest sample.
        samples: How many there are.
        active: How many samples each step has; None if all have all steps.
        places: For each packed row, the row of `[steps * samples, values]`; None if these are the same.
        order: Which sample of the caller each one is; None if they are the caller's, or in an unusual order.
        back: The inverse of `order`.
    """

    steps: int
    samples: int
    active: npt.NDArray[np.uint32] | None
    places: Order | None
    order: Order | None
    back: Order | None

    def padded(self, rows: Floats, use: str, floats: MakeFloats) -> Floats:
        """Rows as a padded sequence, in memory of `floats`, with any contents where no sample has a step."""
        shape = (self.steps, self.samples, rows.shape[1])
        with memory_for("input.data, padded", shape):
            if self.places is None:
                return rows.reshape(shape)
            room = floats(use, shape)
            room.reshape(-1, shape[2])[self.places] = rows
            return room

    def packed(self, padded: Floats) -> Floats:
        """The rows of a padded sequence in C order."""
        rows = padded.reshape(-1, padded.shape[-1])
        return rows if self.places is None else rows.take(self.places, 0)

    def sorted(self, state: Floats) -> Floats:
        """A state `[..., samples, values]` of the caller in the order of this sequence."""
        return state if self.order is None else state.take(self.order, -2)

    def unsorted(self, state: Floats) -> Floats:
        """The way back."""
        return state if self.back is None else state.take(self.back, -2)


def packing_of(sequence: PackedSequence, rows: int) -> Packing:
    """How a sequence of so many rows is packed. Orders that are no inverses of each other are left out.

    Raises:
        TensorError: For sizes that are not those of a packed sequence of so many rows.
    """
    sizes = sequence.batch_sizes.numpy()
    if sizes.ndim != 1 or not len(sizes) or sizes[-1] < 1 or (sizes[1:] > sizes[:-1]).any():
        expected = "the samples of each step, at least one, never more than in the step before"
        raise of_sequence("batch_sizes", expected, str(sizes.tolist()))
    if rows != sizes.sum():
        raise of_sequence("data", f"as many rows as batch_sizes has ({sizes.sum()})", str(rows))
    steps, samples = len(sizes), int(sizes[0])
    active = index = None
    if sizes[-1] != samples:
        active = sizes.astype(np.uint32)
        index = np.flatnonzero(np.arange(samples) < sizes[:, np.newaxis])
    order, back = sequence.sorted_indices, sequence.unsorted_indices
    if not has_usual_order(sequence, samples):
        return Packing(steps, samples, active, index, None, None)
    return Packing(steps, samples, active, index, order.numpy(), back.numpy())


def has_usual_order(sequence: PackedSequence, samples: int) -> bool:
    """Whether there are orders: the caller's samples in another one, and the way back."""
    orders = sequence.sorted_indices, sequence.unsorted_indices
    for each in orders:
        is_row = isinstance(each, torch.Tensor) and each.shape == (samples,)
        if not is_row or not each.is_cpu or each.dtype is not torch.int64:
            return False
    order, back = (each.numpy() for each in orders)
    numbers = np.arange(samples)
    return np.array_equal(np.sort(back), numbers) and np.array_equal(order[back], numbers)


def of_sequence(field: str, expected: str, actual: str) -> TensorError:
    """The error of a field of a packed sequence."""
    return TensorError((Issue(f"input.{field}", codes.SIZE_MISMATCH, expected, actual),))


def permuted(
    state: tuple[torch.Tensor, torch.Tensor], order: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both states with their samples in an order that is no usual one: PyTorch knows its gradients."""
    if order is None:
        return state
    return state[0].index_select(1, order), state[1].index_select(1, order)
