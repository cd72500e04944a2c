"""PyTorch's packed sequences.

In: a PackedSequence. Out: a padded tensor `[steps, batch, values]` and how many samples each step has, which is
what the structure reads; and the way back. Both are operations of PyTorch's, which knows their gradients.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

__all__ = ["PackedSequence", "packed", "padded", "permuted"]


def padded(
    sequence: PackedSequence, data: torch.Tensor
) -> tuple[torch.Tensor, npt.NDArray[np.uint32] | None, torch.Tensor]:
    """The padded tensor, samples in the order of the packed ones; samples of each step; steps of each sample.

    Args:
        sequence: What tells the sizes.
        data: Its values.
    """
    plain = PackedSequence(data, sequence.batch_sizes)
    values, lengths = pad_packed_sequence(plain)
    sizes = sequence.batch_sizes.numpy()
    active = None if (sizes == sizes[0]).all() else sizes.astype(np.uint32)
    return values, active, lengths


def packed(like: PackedSequence, values: torch.Tensor, lengths: torch.Tensor) -> PackedSequence:
    """A padded tensor as a packed sequence with the sizes and the order of another one."""
    found = pack_padded_sequence(values, lengths)
    return PackedSequence(found.data, like.batch_sizes, like.sorted_indices, like.unsorted_indices)


def permuted(
    state: tuple[torch.Tensor, torch.Tensor], order: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both states with their samples in another order."""
    if order is None:
        return state
    return state[0].index_select(1, order), state[1].index_select(1, order)
