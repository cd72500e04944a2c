"""What an LSTM is, apart from the numbers of its weights.

In: the arguments of a constructor, which may be wrong. Out: :class:`LSTMConfig`, which compares by value and
cannot be changed, and the names of gates and functions. Modules and the formats of other libraries share it; it
knows neither of them, and no array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bnns_lstm import codes
from bnns_lstm._gates import (
    FUNCTIONS,
    GATES,
    NAMED,
    activations_of,
    default_activations,
    default_of,
    derived_function,
    gates_of,
    numbers_of,
    refuse_function,
)
from bnns_lstm._look import flag, is_a, real, whole
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.variants import (
    Coupled,
    Direction,
    clip_of,
    coupled_of,
    direction_of,
    hidden_clip_of,
    projection_of,
)

__all__ = [
    "FUNCTIONS",
    "GATES",
    "LSTMConfig",
    "Merge",
    "Peephole",
    "activations_of",
    "count",
    "default_activations",
    "derived_function",
    "gates_of",
    "truth",
]

Peephole = Literal["diagonal", "full"] | None
Merge = Literal["concat", "sum", "ave", "mul"] | None

MERGES: tuple[Merge, ...] = ("concat", "sum", "ave", "mul", None)


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
        merge: What the last layer's two directions become in the output: side by side (`"concat"`), their
            `"sum"`, average (`"ave"`) or product (`"mul"`), or a pair (None).
        cell_clip: What new cell states are limited to in both directions; None for no limit.
        gate_clip: What the arguments of all functions are limited to in both directions; None for no limit.
        gate_clip_hidden: Whether `gate_clip` limits the argument of the hidden state's function, too.
        direction: Whether each sample is read from its first step (`"forward"`) or from its last one
            (`"reverse"`).
        coupled: `"forget"`: the forget gate is 1 minus the input gate; `"input"`: the other way around. The
            gate that is computed has no weights, bias, peephole and function. None: all gates have their own.
        proj_size: Values of the hidden state where a matrix `[proj_size, hidden_size]` of each layer and
            direction makes it of the units' outputs; 0 where there is one for each unit and no such matrix.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.LSTM(3, 4, seed=0).config == bl.LSTMConfig(3, 4)
        True
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
    merge: Merge = "concat"
    cell_clip: float | None = None
    gate_clip: float | None = None
    gate_clip_hidden: bool = True
    direction: Direction = "forward"
    coupled: Coupled = None
    proj_size: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be computed, all at once."""
        issues: list[Issue] = []
        sizes = ("input_size", "hidden_size", "num_layers")
        found: dict[str, Any] = {name: count(name, getattr(self, name), issues) for name in sizes}
        dropout = real(self.dropout)
        if dropout is None or not 0 <= dropout < 1:
            actual = shown(self.dropout)
            issues.append(Issue("dropout", codes.INVALID_DROPOUT, "a ratio in [0, 1)", actual))
        for name in ("bias", "batch_first", "bidirectional"):
            found[name] = truth(name, getattr(self, name), issues)
        is_named = self.peephole is None or is_a(self.peephole, str)
        if not is_named or self.peephole not in (None, "diagonal", "full"):
            actual = shown(self.peephole) if self.peephole is not None else "None"
            issues.append(
                Issue("peephole", codes.UNKNOWN_CHOICE, 'None, "diagonal" or "full"', actual)
            )
        found["coupled"] = coupled_of(self.coupled, issues)
        found["activations"] = numbers_of(self.activations, issues)
        refuse_function(found["activations"], found["coupled"], issues)
        found["merge"] = _merge_of(self.merge, issues, is_alone=flag(self.bidirectional) is False)
        for name in ("cell_clip", "gate_clip"):
            found[name] = clip_of(name, getattr(self, name), issues)
        found["gate_clip_hidden"] = hidden_clip_of(
            self.gate_clip_hidden, issues, has_limit=self.gate_clip is not None
        )
        found["direction"] = direction_of(
            self.direction, issues, is_bidirectional=flag(self.bidirectional) is True
        )
        most = whole(self.hidden_size)
        if most is not None and most < 1:
            most = None
        found["proj_size"] = projection_of(self.proj_size, most, issues)
        if issues:
            raise ArgumentError(tuple(issues))
        # Numbers of NumPy's as Python's own.
        for name, value in (found | {"dropout": dropout}).items():
            object.__setattr__(self, name, value)

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates that have weights, in the order of the blocks of an array of all of them."""
        return gates_of(self.coupled)

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def units(self) -> int:
        """Cells of each layer and direction: the width of gates, biases and cell states."""
        return self.hidden_size

    @property
    def outputs(self) -> int:
        """Values of each layer and direction that go to the next step: the width of hidden states."""
        return self.proj_size or self.hidden_size

    @property
    def output_size(self) -> int:
        """Values per step of the output, or of each of a pair: with "concat" those of both directions."""
        return self.layer_size if self.merge == "concat" else self.outputs

    @property
    def layer_size(self) -> int:
        """Values per step that a layer gives to the one above: both directions, the forward one first."""
        return self.directions * self.outputs

    def activation(self, name: str) -> Activation:
        """The function of a gate, or of the hidden state.

        Example:
            >>> import bnns_lstm as bl
            >>> bl.LSTMConfig(3, 4).activation("candidate").function.name
            'TANH'
        """
        if not self.activations:
            return default_of(name)
        function, alpha, beta = self.activations[FUNCTIONS.index(name)]
        return Activation(NAMED.get(function, function), alpha, beta)


def count(name: str, given: object, issues: list[Issue], *, least: int = 1) -> int:
    """A whole number of at least 1, or 0 where that is allowed; the least one where it was reported."""
    number = whole(given)
    if number is not None and number >= least:
        return number
    code = codes.WRONG_TYPE if number is None else codes.OUT_OF_RANGE if number else codes.ZERO_SIZE
    expected = "a whole number above 0" if least else "a whole number of at least 0"
    issues.append(Issue(name, code, expected, shown(given)))
    return least


def truth(name: str, given: object, issues: list[Issue]) -> bool:
    """True or False; False where it was reported."""
    found = flag(given)
    if found is None:
        issues.append(Issue(name, codes.WRONG_TYPE, "True or False", shown(given)))
    return bool(found)


def _merge_of(given: Any, issues: list[Issue], *, is_alone: bool) -> Merge:
    """A way to merge directions, unless one stands alone; "concat" where it was reported."""
    actual = "None" if given is None else shown(given)
    if given is not None and not (is_a(given, str) and given in MERGES):
        expected = '"concat", "sum", "ave", "mul" or None'
        issues.append(Issue("merge", codes.UNKNOWN_CHOICE, expected, actual))
        return "concat"
    if is_alone and given != "concat":
        expected = (
            '"concat" without bidirectional=True: one direction has nothing to be merged with'
        )
        issues.append(Issue("merge", codes.UNSUPPORTED_HERE, expected, actual))
        return "concat"
    return MERGES[MERGES.index(given)]
