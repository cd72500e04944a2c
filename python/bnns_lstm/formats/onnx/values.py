"""What is known of a value of an ONNX graph while it is followed, and the sizes that it is followed with.

A value is known by its numbers, or by the places in outputs of LSTM nodes that its elements come from, or by
its shape alone, or not at all. Nothing here knows operators or graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ELSEWHERE", "ROUNDS", "Sizes", "Value", "blank", "known", "nothing", "places"]

Array = npt.NDArray[Any]

# The place of an element that comes from no LSTM node, or was computed.
ELSEWHERE = np.int32(-1)
# Sizes for axes that have none: each axis takes the next one of a round; with more axes than sizes they are
# used again.
ROUNDS = ((3, 5, 7, 11, 13, 17, 19, 23), (8, 2, 9, 5, 7, 3, 11, 13))
# No shape is larger than this, be it of numbers that nobody makes.
LARGEST_SHAPE = 1 << 40
LARGEST_RANK = 8


@dataclass(frozen=True)
class Value:
    """What is known of a value.

    Attributes:
        array: Its numbers, or the place of each element; None where not even the shape is known.
        is_known: Whether these are the numbers.
        is_blank: Whether the shape is all that is known.
        cause: Which node computed it or cannot be followed; empty if its elements were moved alone.
    """

    array: Array | None
    is_known: bool = False
    is_blank: bool = False
    cause: str = ""


def blank(shape: Sequence[int], cause: str = "") -> Value:
    """A value of which the shape is known; takes no memory.

    Raises:
        ValueError: If the shape is none.
    """
    if len(shape) > LARGEST_RANK or min(shape, default=0) < 0 or prod(shape) > LARGEST_SHAPE:
        raise ValueError("the shape is too large or has negative sizes")
    return Value(np.broadcast_to(ELSEWHERE, tuple(shape)), is_blank=True, cause=cause)


def known(array: Array) -> Value:
    """A value by its numbers."""
    return Value(array, is_known=True)


def nothing(cause: str) -> Value:
    """A value of which nothing is known."""
    return Value(None, cause=cause)


def places(array: Array, cause: str = "") -> Value:
    """A value by the places of its elements."""
    return Value(array, cause=cause)


@dataclass
class Sizes:
    """Sizes of axes, by the names that the model gives them.

    Attributes:
        round: The sizes to draw from.
        chosen: The size of each name that was asked for.
        drawn: How many sizes were drawn.
    """

    round: Sequence[int]
    chosen: dict[str, int] = field(default_factory=dict)
    drawn: int = 0

    def of(self, name: str) -> int:
        """The size of an axis; each axis without a name has its own."""
        if name not in self.chosen or not name:
            self.chosen[name] = self.round[self.drawn % len(self.round)]
            self.drawn += 1
        return self.chosen[name]

    def shape(self, info: Any) -> list[int] | None:
        """The shape that a `ValueInfoProto` declares; None if it has none."""
        kind = info.type.tensor_type
        if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
            return None
        return [
            axis.dim_value if axis.dim_value > 0 else self.of(axis.dim_param)
            for axis in kind.shape.dim
        ]
