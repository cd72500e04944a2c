"""One call as the structure level sees it.

In: tensors that were checked. Out: :class:`Call`, what a call is apart from its arrays, and arrays with the
structure's axes, which are views of the tensors' memory or become it. Dense inputs and outputs are not copied;
packed ones are, and what the structure cannot read in place (an axis whose elements are one, as `expand` makes
it). It computes nothing, and has PyTorch compute nothing but what autocast converts: `packed`
says why.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from bnns_lstm.config import LSTMConfig
from bnns_lstm.descriptors import FilterParameters
from bnns_lstm.module.memory import MakeFloats
from bnns_lstm.module.samples import lendable
from bnns_lstm.torch.packed import Packing
from bnns_lstm.torch.tensors import array
from bnns_lstm.typing import Floats

__all__ = ["MOST_THREADS", "NOTHING", "Arrays", "Blank", "Call", "Three"]

# Of the structure's field.
MOST_THREADS = 1024

# A sequence and both states, each of which may be missing.
Arrays = tuple[Any, Any, Any]
Three = tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]


class Blank(NamedTuple):
    """Memory for a sequence and both states of a call, or for gradients of them.

    Attributes:
        arrays: With the structure's axes.
        own: The same memory with the caller's axes, before it is packed and put into the caller's order.
    """

    arrays: Arrays
    own: Arrays


NOTHING = Blank((None, None, None), (None, None, None))


class Call(NamedTuple):
    """A call apart from its arrays.

    Attributes:
        config: What the module computes.
        batch_first: Whether sequences are `[batch, steps, values]`.
        packing: How sequences are packed; None if they are not.
        dropout: Share of the values that are dropped between layers.
        seed: Which ones.
        threads: Threads to use at most.
    """

    config: LSTMConfig
    batch_first: bool
    packing: Packing | None
    dropout: float
    seed: int
    threads: int

    @property
    def filter_params(self) -> FilterParameters:
        """Threads and seed, as the structure takes them."""
        return FilterParameters(self.threads, self.seed)

    @property
    def active(self) -> Any:
        """How many samples each step has, or None if all run to the end."""
        return None if self.packing is None else self.packing.active

    def sizes(self, x: torch.Tensor) -> tuple[int, int]:
        """Steps and samples of an input."""
        if self.packing is not None:
            return self.packing.steps, self.packing.samples
        first, second = x.shape[:2]
        return (second, first) if self.batch_first else (first, second)

    def sequence(self, tensor: torch.Tensor, use: str, floats: MakeFloats) -> Floats:
        """A sequence with the structure's axes, `[steps, batch, values]`, padded in memory of `floats`."""
        found = array(tensor)
        if self.packing is not None:
            return lendable(self.packing.padded(found, use, floats))
        return lendable(found.swapaxes(0, 1) if self.batch_first else found)

    def state(self, tensor: torch.Tensor) -> Floats:
        """A state with the structure's axes, `[layers, directions, batch, values]`."""
        found = array(tensor)
        if self.packing is not None:
            found = self.packing.sorted(found)
        config = self.config
        return lendable(found.reshape(config.num_layers, config.directions, *found.shape[1:]))

    def arrays(self, tensors: Any, use: str, floats: MakeFloats) -> Arrays:
        """Arrays of a sequence and of both states, each of which may be None."""
        x, h, c = tensors
        return (
            None if x is None else self.sequence(x, use, floats),
            None if h is None else self.state(h),
            None if c is None else self.state(c),
        )

    def blank(
        self,
        use: str,
        sizes: tuple[int, int, int],
        floats: MakeFloats,
        wanted: tuple[bool, bool, bool] = (True, True, True),
    ) -> Blank:
        """Memory, whatever it holds, for a sequence and for both states.

        Args:
            use: What the sequence is.
            sizes: Steps, samples, and values of the sequence.
            floats: Gives the memory of the sequence.
            wanted: Which of the three; the others are None.
        """
        steps, rows, width = sizes
        config = self.config
        places = config.num_layers, config.directions
        x = own = h = c = own_h = own_c = None
        if wanted[0]:
            own = floats(use, (rows, steps, width) if self.batch_first else (steps, rows, width))
            x = own.swapaxes(0, 1) if self.batch_first else own
        if wanted[1]:
            own_h = np.empty((places[0] * places[1], rows, config.outputs), np.float32)
            h = own_h.reshape(*places, rows, config.outputs)
        if wanted[2]:
            own_c = np.empty((places[0] * places[1], rows, config.units), np.float32)
            c = own_c.reshape(*places, rows, config.units)
        return Blank((x, h, c), (own, own_h, own_c))

    def tensors(self, x: Any, h: Any, c: Any) -> Any:
        """Those of :attr:`Blank.own` as the caller knows them: tensors over their memory, or packed ones."""
        packing = self.packing
        if packing is not None:
            x = None if x is None else packing.packed(x)
            h, c = (None if state is None else packing.unsorted(state) for state in (h, c))
        return (
            None if x is None else torch.from_numpy(x),
            None if h is None else torch.from_numpy(h),
            None if c is None else torch.from_numpy(c),
        )
