"""What stands between two layers of a Core ML network: whether one reads the outputs of the other.

In: a network and the number of an LSTM layer. Out: the LSTM layer whose outputs it reads as they are, or why
there is none; and which layers a value depends on. Source of what layers do: NeuralNetwork.proto. Weights and
constants are not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from bnns_lstm._show import shown
from bnns_lstm.formats.coreml.kinds import LSTMS
from bnns_lstm.formats.coreml.networks import Network

__all__ = ["Below", "below", "depends_on", "is_identity"]

# What an LSTM layer reads and gives.
AXES = ("steps", "batch", "values", "1", "1")
# Layers between two LSTM layers; converters write up to four.
DEEPEST = 50
MOVING = {"squeeze", "expandDims", "transpose"}


class Below(NamedTuple):
    """What an LSTM layer reads.

    Attributes:
        number: The LSTM layer whose outputs it reads; None if there is none.
        reason: What it reads instead.
    """

    number: int | None
    reason: str = ""


def below(network: Network, number: int) -> Below:
    """The LSTM layer whose outputs an LSTM layer reads, with nothing between that changes them."""
    passed: list[Any] = []
    reader = number
    for _ in range(DEEPEST):
        layer = network.layers[reader]
        if not layer.input:
            return Below(None, "no input")
        value = layer.input[0]
        maker = network.maker(value, reader)
        if maker is None:
            return Below(None, f"{shown(value)}, which no layer before it makes")
        found = network.layers[maker]
        kind = found.WhichOneof("kind")
        if kind in LSTMS:
            if value != found.output[0]:
                return Below(None, f"a state of {network.label(maker)}")
            return _arrived(maker, passed[::-1])
        if len(found.input) != 1 or len(found.output) != 1 or not _is_harmless(found):
            return Below(None, network.label(maker))
        passed.append(found)
        reader = maker
    return Below(None, f"more than {DEEPEST} layers")


def is_identity(layer: Any) -> bool:
    """Whether a layer gives its input as it is."""
    kind = layer.WhichOneof("kind")
    if kind == "activation" and layer.activation.WhichOneof("kind") == "linear":
        linear = layer.activation.linear
        return bool(linear.alpha == 1 and linear.beta == 0)
    return bool(kind == "copy")


def depends_on(
    network: Network, values: Iterable[str], reader: int, layers: Collection[int]
) -> list[int]:
    """Which of some layers the values that a layer reads depend on, not by way of each other."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = [(value, reader) for value in values]
    while waiting:
        maker = network.maker(*waiting.pop())
        if maker is None or maker in seen:
            continue
        seen.add(maker)
        if maker in layers:
            found.add(maker)
        else:
            waiting += [(value, maker) for value in network.layers[maker].input]
    return sorted(found)


def _is_harmless(layer: Any) -> bool:
    return is_identity(layer) or layer.WhichOneof("kind") in MOVING


def _arrived(maker: int, passed: list[Any]) -> Below:
    """Whether outputs still have their axes behind layers that move them."""
    axes: tuple[str, ...] | None = AXES
    for layer in passed:
        if not is_identity(layer):
            axes = _moved(axes, layer)
        if axes is None:
            return Below(None, f"{shown(layer.name)} ({layer.WhichOneof('kind')}) with other axes")
    if axes != AXES:
        return Below(None, f"its outputs as [{', '.join(axes or ())}]")
    return Below(maker)


def _moved(axes: tuple[str, ...] | None, layer: Any) -> tuple[str, ...] | None:
    """The axes behind a layer; None if it does something else than to move them."""
    if axes is None:
        return None
    kind = layer.WhichOneof("kind")
    own = getattr(layer, kind)
    given = list(own.axes)
    rank = len(axes) + (len(given) if kind == "expandDims" else 0)
    places = [place + rank if place < 0 else place for place in given]
    if len(set(places)) != len(places) or not all(0 <= place < rank for place in places):
        return None
    if kind == "transpose":
        return tuple(axes[place] for place in places) if len(places) == rank else None
    if kind == "squeeze":
        is_one = all(axes[place] == "1" for place in places)
        if own.squeezeAll or not is_one:
            return None
        return tuple(axis for place, axis in enumerate(axes) if place not in places)
    rest = iter(axes)
    return tuple("1" if place in places else next(rest) for place in range(rank))
