"""Layers of a neural network and operators of an ML program, in one form: what they read, make and move.

In: what `networks` and `programs` find in a model. Out: a :class:`Network` of :class:`Step`, with the way from
a value to the step that makes it. What steps compute is not known here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bnns_lstm._show import named, shown

__all__ = ["LSTMLayer", "Move", "Network", "Step"]


class Move(NamedTuple):
    """What a step does to the axes of the value that it reads; it changes no number.

    Attributes:
        kind: "identity", "squeeze", "expand" or "transpose".
        axes: Which axes, as NumPy counts them; of "squeeze", None for all that have one element.
    """

    kind: str
    axes: tuple[int, ...] | None = ()


@dataclass(frozen=True)
class Step:
    """A layer or an operator.

    Attributes:
        name: What it is called.
        kind: What it is.
        input: The values that it reads, by their names.
        output: The values that it makes.
        made: These, and those that branches in it make.
        message: Where it stands in the file.
        move: What it does to axes, if that is all that it does.
        is_lstm: Whether it is an LSTM.
        gives_all: Whether it gives the outputs of all steps in time, where it is an LSTM.
    """

    name: str
    kind: str
    input: Sequence[str]
    output: Sequence[str]
    made: Collection[str]
    message: Any
    move: Move | None = None
    is_lstm: bool = False
    gives_all: bool = True


class Network:
    """Steps in the order in which they are computed.

    Attributes:
        prefix: What stands before their names: empty, or the model or layer that the network is in and `/`.
        steps: The steps.
        axes: What an LSTM in it reads and gives.
        values: What knows the constants of an ML program; None of a neural network.
    """

    def __init__(
        self, prefix: str, steps: Sequence[Step], axes: tuple[str, ...], values: Any = None
    ) -> None:
        self.prefix, self.steps, self.axes, self.values = prefix, steps, axes, values
        self._makers: dict[str, list[int]] = {}
        for number, step in enumerate(steps):
            for value in step.made:
                self._makers.setdefault(value, []).append(number)

    def maker(self, value: str, reader: int) -> int | None:
        """The number of the last step before a reader that makes a value; None for the network's inputs."""
        numbers = self._makers.get(value, [])
        place = bisect_left(numbers, reader)
        return numbers[place - 1] if place else None

    def name(self, number: int) -> str:
        """A step's name, for callers and errors."""
        return self.prefix + self.steps[number].name

    def label(self, number: int) -> str:
        """A step's name and kind, for errors."""
        return f"{shown(self.name(number))} ({named(self.steps[number].kind)})"

    def lstms(self) -> Iterator[LSTMLayer]:
        """Its LSTMs, not those in branches and loops."""
        for number, step in enumerate(self.steps):
            if step.is_lstm:
                yield LSTMLayer(self, number)


class LSTMLayer:
    """An LSTM in its network.

    Attributes:
        network: The network.
        number: Which of its steps.
        step: The step.
        name: Its name.
        path: The name as the path of an issue.
    """

    def __init__(self, network: Network, number: int) -> None:
        self.network, self.number = network, number
        self.step = network.steps[number]
        self.name = network.name(number)
        self.path = named(self.name)

    @property
    def content(self) -> Any:
        """The message of the kind of a layer of a neural network."""
        return getattr(self.step.message, self.step.kind)
