"""Memory that is used again once nobody holds it.

In: a number of bytes. Out: an array of them, with any contents. Fresh pages cost more than a training call of
a small layer that fills them.
"""

from __future__ import annotations

import weakref

import numpy as np
import numpy.typing as npt

__all__ = ["Spare"]

Bytes = npt.NDArray[np.uint8]


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
            owner = np.empty(size, np.uint8)
        # Behind a memoryview: views of the array then hold the array, and not the owner of its memory.
        array: Bytes = np.frombuffer(owner.data, np.uint8)
        weakref.finalize(array, self._give_back, owner).atexit = False
        return array

    def _give_back(self, owner: Bytes) -> None:
        """Runs whenever the last reference goes, so it takes no lock; at worst too much is dropped."""
        self.kept[:] = [owner]
