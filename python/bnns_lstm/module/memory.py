"""Memory: what to say where there is none, and what is used again once nobody holds it.

In: what arrays are for, their shapes. Out: an error that names it, or arrays with any contents. Fresh pages
cost more than a training call of a small layer that fills them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm.errors import ComputeError
from bnns_lstm.typing import Floats

__all__ = ["FLOAT32", "MakeFloats", "Spare", "Spares", "memory_for", "unwritten", "zeros"]

Bytes = npt.NDArray[np.uint8]
# What gives an array of float32: from what it is for, and its shape.
MakeFloats = Callable[[str, tuple[int, ...]], Floats]

FLOAT32, BYTE = np.dtype(np.float32), np.dtype(np.uint8)
# Bytes from which on memory is kept: below, allocators give used pages anyway.
SMALL = 32768


class memory_for:  # noqa: N801  # a function, but for its speed: each call enters it several times
    """Where nothing but arrays are made: refuse sizes that no memory has by what asks for them.

    Args:
        what: What asks for memory.
        shape: Of what, if that is to be said.

    Raises:
        ComputeError: "`what`: expected arrays that fit into memory".
    """

    __slots__ = ("_shape", "_what")

    def __init__(self, what: str, shape: Sequence[int] | None = None) -> None:
        """Name what asks for memory."""
        self._what = what
        self._shape = shape

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Say it in place of what NumPy raises, a ValueError beyond the range of addresses."""
        if kind is not None and issubclass(kind, (MemoryError, ValueError)):
            what = self._what if self._shape is None else f"{self._what}, {list(self._shape)}"
            raise ComputeError(f"{what}: expected arrays that fit into memory") from None


def zeros(_: str, shape: tuple[int, ...]) -> Floats:
    """A new array of zeros, whatever it is for."""
    return np.zeros(shape, FLOAT32)


def unwritten(_: str, shape: tuple[int, ...]) -> Floats:
    """A new array with any contents, whatever it is for."""
    return np.empty(shape, FLOAT32)


class _Lease:
    """Stands between an array and the owner of its memory: gone when no view of the array is left."""

    __slots__ = ("__array_interface__", "_kept", "_owner")

    def __init__(self, kept: list[Any], owner: Any, interface: dict[str, Any]) -> None:
        self._kept = kept
        self._owner = owner
        self.__array_interface__ = interface

    def __del__(self) -> None:
        """Runs whenever the last reference goes, so it takes no lock; at worst too much is dropped."""
        self._kept[:] = [(self._owner, self.__array_interface__)]


class Spare:
    """The memory of one array that is gone, for the next one of its shape and type."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        """None yet."""
        self.kept: list[tuple[npt.NDArray[Any], dict[str, Any]]] = []

    def take(self, shape: int | tuple[int, ...], dtype: np.dtype[Any] = BYTE) -> npt.NDArray[Any]:
        """An array with any contents; its memory comes back when neither it nor a view of it is left."""
        shape = shape if isinstance(shape, tuple) else (shape,)
        try:
            owner, interface = self.kept.pop()
        except IndexError:
            owner = None
        if owner is None or owner.shape != shape or owner.dtype != dtype:
            owner = np.empty(shape, dtype)
            interface = owner.__array_interface__
        return np.asarray(_Lease(self.kept, owner, interface))


class Spares(local):
    """The memory of arrays that are gone, one for each use; each thread has its own."""

    def __init__(self) -> None:
        """None yet."""
        self.by_use: dict[str, Spare] = {}

    def floats(self, use: str, shape: tuple[int, ...]) -> Floats:
        """An array of float32 with any contents."""
        if prod(shape) * FLOAT32.itemsize < SMALL:
            return np.empty(shape, FLOAT32)
        return self._of(use).take(shape, FLOAT32)

    def cache(self, size: int) -> Bytes:
        """A training cache of so many bytes."""
        with memory_for("the training cache of x"):
            return self._of("cache").take(size)

    def _of(self, use: str) -> Spare:
        found = self.by_use.get(use)
        if found is None:
            found = self.by_use[use] = Spare()
        return found
