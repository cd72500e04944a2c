"""Arrays for the gradients of all weights, made anew in each call.

In: a configuration; where memory comes from. Out: the arrays that prepared gradients are written into, and
views of them by PyTorch's names. Which array has which weight is asked once. It computes nothing.
"""

from __future__ import annotations

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
        arrays = {field: getattr(weights, field) for field in BLOCKS}
        found = list(places(config))
        flat = {field: (-1, *shape) for _, field, _, shape in found}
        self._blocks = [
            None if array is None else (field, array.shape, flat[field])
            for field, array in arrays.items()
        ]
        self._views = [(name, BLOCKS.index(field), place) for name, field, place, _ in found]

    def make(self, floats: MakeFloats) -> WeightGradients:
        """Arrays with any contents, of memory that `floats` gives.

        Raises:
            ComputeError: If there is none.
        """
        blocks: list[Any] = []
        flat: list[Any] = []
        with memory_for(self._what):
            for one in self._blocks:
                if one is None:
                    blocks.append(None)
                    flat.append(None)
                    continue
                field, shape, rows = one
                block = floats(field, shape)
                blocks.append(block)
                flat.append(block.reshape(rows))
        named = {name: flat[at][place] for name, at, place in self._views}
        return WeightGradients(tuple(blocks), named)
