"""Memory: what to say where there is none, and what is used again once nobody holds it.

In: what arrays are for, or a number of bytes. Out: an error that names it, or an array of bytes with any
contents. Fresh pages cost more than a training call of a small layer that fills them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from bnns_lstm.errors import ComputeError

__all__ = ["Spare", "memory_for"]

Bytes = npt.NDArray[np.uint8]


@contextmanager
def memory_for(what: str) -> Iterator[None]:
    """Where nothing but arrays are made: refuse sizes that no memory has by what asks for them.

    Raises:
        ComputeError: "`what`: expected arrays that fit into memory".
    """
    try:
        yield
    except (MemoryError, ValueError):  # what NumPy raises, the second beyond the range of addresses
        raise ComputeError(f"{what}: expected arrays that fit into memory") from None


class Spare:
    """The memory of one array that is gone, for the next one of its size."""

    def __init__(self) -> None:
        """None yet."""
        self.kept: list[Bytes] = []

    def take(self, size: int) -> Bytes:
        """An array of `size` bytes; its memory comes back when neither it nor a view of it is left."""
        try:
            owner = self.kept.pop()
        except IndexError:
            owner = None
        if owner is None or owner.size != size:
            with memory_for("the training cache of x"):
                owner = np.empty(size, np.uint8)
        # Behind a memoryview: views of the array then hold the array, and not the owner of its memory.
        array: Bytes = np.frombuffer(owner.data, np.uint8)
        weakref.finalize(array, self._give_back, owner).atexit = False
        return array

    def _give_back(self, owner: Bytes) -> None:
        """Runs whenever the last reference goes, so it takes no lock; at worst too much is dropped."""
        self.kept[:] = [owner]
