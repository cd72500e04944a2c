"""Arrays for the gradients of all weights, made anew in each call.

In: a configuration; where memory comes from. Out: the arrays that prepared gradients are written into, and
views of them by PyTorch's names. Which array has which weight is asked once. It computes nothing.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from bnns_lstm.module.memory import MakeFloats, memory_for
from bnns_lstm.module.parameters import BLOCKS, Weights, places
from bnns_lstm.typing import Floats

__all__ = ["WeightGradients", "WeightGradientsMaker"]


class WeightGradients(NamedTuple):
    """The gradients of one call.

    Attributes:
        blocks_of_gates: The arrays, as :attr:`Weights.blocks_of_gates`.
        named: Views of them by PyTorch's names.
    """

    blocks_of_gates: tuple[Any, ...]
    named: dict[str, Floats]


class WeightGradientsMaker:
    """Makes such arrays for the weights of one configuration."""

    def __init__(self, weights: Weights) -> None:
        """For the gradients of these weights."""
        config = weights.config
        sizes = f"input_size={config.input_size}, hidden_size={config.hidden_size}"
        self._what = f"{sizes}, num_layers={config.num_layers}"
        arrays = [getattr(weights, field) for field in BLOCKS]
        self._blocks = [
            None if array is None else (field, array.shape)
            for field, array in zip(BLOCKS, arrays, strict=True)
        ]
        # A weight that has its array for itself is one view away from it, others are parts of one.
        self._alone: list[tuple[str, int, tuple[int, ...]]] = []
        self._parts: dict[int, tuple[tuple[int, ...], list[tuple[str, int]]]] = {}
        self._names = []
        for name, field, place, shape in places(config):
            at = BLOCKS.index(field)
            self._names.append(name)
            if arrays[at].size == prod(shape):
                self._alone.append((name, at, shape))
            else:
                self._parts.setdefault(at, ((-1, *shape), []))[1].append((name, place))

    def make(self, floats: MakeFloats) -> WeightGradients:
        """Arrays with any contents, of memory that `floats` gives.

        Raises:
            ComputeError: If there is none.
        """
        with memory_for(self._what):
            blocks: list[Any] = [None if one is None else floats(*one) for one in self._blocks]
        named: dict[str, Any] = dict.fromkeys(self._names)
        for name, at, shape in self._alone:
            named[name] = blocks[at].reshape(shape)
        for at, (rows, parts) in self._parts.items():
            flat = blocks[at].reshape(rows)
            for name, place in parts:
                named[name] = flat[place]
        return WeightGradients(tuple(blocks), named)
