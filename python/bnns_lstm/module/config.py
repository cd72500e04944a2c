"""What an LSTM is, apart from the numbers of its weights.

In: the arguments of a constructor, which may be wrong. Out: :class:`LSTMConfig`, which compares by value and
cannot be changed. It knows no array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bnns_lstm.activation import Activation
from bnns_lstm.errors import ArgumentError, Issue

__all__ = ["FUNCTIONS", "LSTMConfig", "Peephole"]

Peephole = Literal["diagonal", "full"] | None

# Where an LSTM applies functions, and which it applies by default.
FUNCTIONS = ("input", "forget", "candidate", "output", "hidden")
DEFAULTS = ("sigmoid", "sigmoid", "tanh", "sigmoid", "tanh")


@dataclass(frozen=True)
class LSTMConfig:
    """The configuration of an LSTM.

    Attributes:
        input_size: Values per step that the lowest layer reads.
        hidden_size: Units of each layer and direction.
        num_layers: Layers, one upon the other.
        bias: Whether gates have biases.
        batch_first: Whether inputs and outputs are `[batch, steps, values]`, not
            `[steps, batch, values]`.
        dropout: Share of the values dropped between layers in training, at least 0 and below 1.
        bidirectional: Whether each layer reads the sequence in both directions.
        peephole: Whether gates see the cell state: not (None), unit by unit (`"diagonal"`), or all of it
            (`"full"`).
        activations: Function, alpha and beta of each of input, forget, candidate and output gate and of the
            hidden state.
    """

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    peephole: Peephole = None
    activations: tuple[tuple[int, float, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be computed, all at once."""
        issues = [
            Issue(name, "out_of_range", "a whole number above 0", repr(value))
            for name, value in (
                ("input_size", self.input_size),
                ("hidden_size", self.hidden_size),
                ("num_layers", self.num_layers),
            )
            if isinstance(value, bool) or not isinstance(value, int) or value < 1
        ]
        is_ratio = isinstance(self.dropout, int | float) and 0 <= self.dropout < 1
        if not is_ratio or isinstance(self.dropout, bool):
            issues.append(
                Issue("dropout", "invalid_dropout", "a ratio in [0, 1)", repr(self.dropout))
            )
        issues += [
            Issue(name, "wrong_type", "True or False", repr(value))
            for name, value in (
                ("bias", self.bias),
                ("batch_first", self.batch_first),
                ("bidirectional", self.bidirectional),
            )
            if not isinstance(value, bool)
        ]
        if self.peephole not in (None, "diagonal", "full"):
            issues.append(
                Issue("peephole", "out_of_range", 'None, "diagonal" or "full"', repr(self.peephole))
            )
        if issues:
            raise ArgumentError(tuple(issues))

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """Values per step of the output: both directions, the forward one first."""
        return self.directions * self.hidden_size

    def activation(self, name: str) -> Activation:
        """The function of a gate, or of the hidden state."""
        if not self.activations:
            made: Activation = getattr(Activation, DEFAULTS[FUNCTIONS.index(name)])()
            return made
        return Activation(*self.activations[FUNCTIONS.index(name)])


def activations_of(given: Mapping[str, Any] | None) -> tuple[tuple[int, float, float], ...]:
    """The functions that were asked for, the default ones elsewhere; empty if all are the default ones.

    Raises:
        ArgumentError: For names that do not exist.
    """
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        expected = f"a mapping of {', '.join(FUNCTIONS)} to functions"
        raise ArgumentError((Issue("activations", "wrong_type", expected, type(given).__name__),))
    issues = [
        Issue(
            f"activations[{name!r}]", "out_of_range", f"one of {', '.join(FUNCTIONS)}", repr(name)
        )
        for name in given
        if name not in FUNCTIONS
    ]
    found = []
    for name, default in zip(FUNCTIONS, DEFAULTS, strict=True):
        function = _function(given.get(name, default))
        if function is None:
            expected = "an Activation, or the name of one without parameters of its own"
            issues.append(
                Issue(f"activations[{name!r}]", "unknown_activation", expected, repr(given[name]))
            )
        else:
            found.append((int(function.function), float(function.alpha), float(function.beta)))
    if issues:
        raise ArgumentError(tuple(issues))
    standard = [(int(f.function), f.alpha, f.beta) for f in map(_default, DEFAULTS)]
    return () if found == standard else tuple(found)


def _default(name: str) -> Activation:
    made: Activation = getattr(Activation, name)()
    return made


def _function(given: object) -> Activation | None:
    if isinstance(given, Activation):
        return given
    if not isinstance(given, str) or given.startswith("_"):
        return None
    maker = getattr(Activation, given, None)
    try:
        made = maker() if callable(maker) else None
    except TypeError:  # it has parameters without defaults
        return None
    return made if isinstance(made, Activation) else None
