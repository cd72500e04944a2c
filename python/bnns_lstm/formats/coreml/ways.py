"""What stands between two LSTMs of a network: whether one reads the outputs of the other.

In: a network and the number of an LSTM. Out: the LSTM whose outputs it reads as they are, or why there is none;
and which steps a value depends on; what becomes of an array behind steps that move axes. Weights and constants
are not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bnns_lstm._show import shown
from bnns_lstm.formats.coreml.steps import Move, Network, Step

__all__ = ["DEEPEST", "Below", "below", "depends_on", "moved"]

# Steps between two LSTMs; converters write up to four.
DEEPEST = 50


class Below(NamedTuple):
    """What an LSTM reads.

    Attributes:
        number: The LSTM whose outputs it reads; None if there is none.
        reason: What it reads instead.
    """

    number: int | None
    reason: str = ""


def below(network: Network, number: int) -> Below:
    """The LSTM whose outputs an LSTM reads, with nothing between that changes them."""
    passed: list[Step] = []
    reader = number
    for _ in range(DEEPEST):
        step = network.steps[reader]
        if not step.input:
            return Below(None, "no input")
        value = step.input[0]
        maker = network.maker(value, reader)
        if maker is None:
            return Below(None, f"{shown(value)}, which nothing before it makes")
        found = network.steps[maker]
        if found.is_lstm:
            if value != found.output[0]:
                return Below(None, f"a state of {network.label(maker)}")
            return _arrived(network, maker, passed[::-1])
        if len(found.input) != 1 or len(found.output) != 1 or found.move is None:
            return Below(None, network.label(maker))
        passed.append(found)
        reader = maker
    return Below(None, f"more than {DEEPEST} layers")


def depends_on(
    network: Network, values: Iterable[str], reader: int, steps: Collection[int]
) -> list[int]:
    """Which of some steps the values that a step reads depend on, not by way of each other."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = [(value, reader) for value in values]
    while waiting:
        maker = network.maker(*waiting.pop())
        if maker is None or maker in seen:
            continue
        seen.add(maker)
        if maker in steps:
            found.add(maker)
        else:
            waiting += [(value, maker) for value in network.steps[maker].input]
    return sorted(found)


def moved(array: npt.NDArray[Any], move: Move) -> npt.NDArray[Any]:
    """An array behind a step.

    Raises:
        ValueError: If it has not these axes (or IndexError, or OverflowError).
    """
    if move.kind == "squeeze":
        return np.squeeze(array, move.axes)
    if move.kind == "identity" or move.axes is None:
        return array
    return (np.expand_dims if move.kind == "expand" else np.transpose)(array, move.axes)


def _arrived(network: Network, maker: int, passed: list[Step]) -> Below:
    """Whether outputs still have their axes behind steps that move them."""
    axes: tuple[str, ...] | None = network.axes
    for step in passed:
        axes = _names(axes or (), step.move) if step.move is not None else None
        if axes is None:
            return Below(None, f"{shown(step.name)} ({step.kind}) with other axes")
    if axes != network.axes:
        return Below(None, f"its outputs as [{', '.join(axes or ())}]")
    return Below(maker)


def _names(axes: tuple[str, ...], move: Move) -> tuple[str, ...] | None:
    """The axes behind a step; None if they do not fit, or it is not known which they are."""
    kind, given = move
    if kind == "identity":
        return axes
    if given is None:
        return None
    rank = len(axes) + (len(given) if kind == "expand" else 0)
    places = [place + rank if place < 0 else place for place in given]
    if len(set(places)) != len(places) or not all(0 <= place < rank for place in places):
        return None
    if kind == "transpose":
        return tuple(axes[place] for place in places) if len(places) == rank else None
    if kind == "squeeze":
        is_one = all(axes[place] == "1" for place in places)
        return (
            tuple(one for place, one in enumerate(axes) if place not in places) if is_one else None
        )
    rest = iter(axes)
    return tuple("1" if place in places else next(rest) for place in range(rank))
