"""One call as the structure level sees it.

In: tensors that were checked. Out: :class:`Call`, what a call is apart from its arrays, and views of the
tensors with the structure's axes. Inputs and outputs are not copied; what the structure cannot read in place
(an axis whose elements are one, as `expand` makes it) is. It computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bnns_lstm.config import LSTMConfig
from bnns_lstm.descriptors import FilterParameters, LSTMDataDescriptor
from bnns_lstm.module.samples import lendable
from bnns_lstm.torch.tensors import array
from bnns_lstm.typing import Floats

__all__ = ["Call", "Output"]

# Of the structure's field.
MOST_THREADS = 1024


@dataclass(frozen=True)
class Output:
    """What a call gives, with the arrays that it writes: output sequence and final states."""

    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    desc: LSTMDataDescriptor


@dataclass(frozen=True)
class Call:
    """A call apart from its arrays.

    Attributes:
        config: What the module computes.
        batch_first: Whether sequences are `[batch, steps, values]`.
        active: How many samples each step has, or None if all run to the end.
        dropout: Share of the values that are dropped between layers.
        seed: Which ones.
        threads: Threads to use at most.
    """

    config: LSTMConfig
    batch_first: bool
    active: npt.NDArray[np.uint32] | None
    dropout: float
    seed: int
    threads: int

    @property
    def filter_params(self) -> FilterParameters:
        """Threads and seed, as the structure takes them."""
        return FilterParameters(min(self.threads, MOST_THREADS), self.seed)

    def sizes(self, x: torch.Tensor) -> tuple[int, int]:
        """Steps and samples of an input."""
        first, second = x.shape[:2]
        return (second, first) if self.batch_first else (first, second)

    def sequence(self, tensor: torch.Tensor) -> Floats:
        """A sequence with the structure's axes, `[steps, batch, values]`."""
        floats = array(tensor)
        return lendable(floats.swapaxes(0, 1) if self.batch_first else floats)

    def state(self, tensor: torch.Tensor) -> Floats:
        """A state with the structure's axes, `[layers, directions, batch, values]`."""
        floats = array(tensor)
        config = self.config
        return lendable(floats.reshape(config.num_layers, config.directions, *floats.shape[1:]))

    def data(self, sequence: Any, hidden: Any, cell: Any) -> LSTMDataDescriptor:
        """Tensors of a sequence and of both states, each of which may be None."""
        return LSTMDataDescriptor(
            None if sequence is None else self.sequence(sequence),
            None if hidden is None else self.state(hidden),
            None if cell is None else self.state(cell),
        )

    def output(self, x: torch.Tensor) -> Output:
        """New tensors for the output and the final states, whatever they hold."""
        steps, rows = self.sizes(x)
        config = self.config
        stack = config.num_layers * config.directions
        first = (rows, steps) if self.batch_first else (steps, rows)
        tensors = (
            torch.empty((*first, config.layer_size), dtype=torch.float32, device="cpu"),
            torch.empty((stack, rows, config.outputs), dtype=torch.float32, device="cpu"),
            torch.empty((stack, rows, config.units), dtype=torch.float32, device="cpu"),
        )
        return Output(tensors, self.data(*tensors))
