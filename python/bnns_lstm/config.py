"""What an LSTM is, apart from the numbers of its weights.

In: the arguments of a constructor, which may be wrong. Out: :class:`LSTMConfig`, which compares by value and
cannot be changed, and the names of gates and functions. Modules and the formats of other libraries share it; it
knows neither of them, and no array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bnns_lstm import codes
from bnns_lstm._look import attempt, flag, is_a, mapping, real, sequence, whole
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.enums import ActivationFunction
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.variants import (
    DERIVED,
    Coupled,
    Direction,
    clip_of,
    coupled_of,
    direction_of,
    hidden_clip_of,
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

# The gates in PyTorch's order, which is that of the blocks of an array of all gates.
GATES = ("input", "forget", "candidate", "output")
# Where an LSTM applies functions, and which it applies by default.
FUNCTIONS = (*GATES, "hidden")
DEFAULTS = ("sigmoid", "sigmoid", "tanh", "sigmoid", "tanh")
MERGES: tuple[Merge, ...] = ("concat", "sum", "ave", "mul", None)
NAMED: dict[int, ActivationFunction] = {int(function): function for function in ActivationFunction}


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
        found["activations"] = _numbers_of(self.activations, issues)
        _refuse_function(found["activations"], found["coupled"], issues)
        found["merge"] = _merge_of(self.merge, issues, is_alone=flag(self.bidirectional) is False)
        for name in ("cell_clip", "gate_clip"):
            found[name] = clip_of(name, getattr(self, name), issues)
        found["gate_clip_hidden"] = hidden_clip_of(
            self.gate_clip_hidden, issues, has_limit=self.gate_clip is not None
        )
        found["direction"] = direction_of(
            self.direction, issues, is_bidirectional=flag(self.bidirectional) is True
        )
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
        return self.hidden_size

    @property
    def output_size(self) -> int:
        """Values per step of the output, or of each of a pair: with "concat" those of both directions."""
        return self.layer_size if self.merge == "concat" else self.outputs

    @property
    def layer_size(self) -> int:
        """Values per step that a layer gives to the one above: both directions, the forward one first."""
        return self.directions * self.outputs

    def activation(self, name: str) -> Activation:
        """The function of a gate, or of the hidden state."""
        if not self.activations:
            return _default(name)
        function, alpha, beta = self.activations[FUNCTIONS.index(name)]
        return Activation(NAMED.get(function, function), alpha, beta)


def gates_of(coupled: Coupled) -> tuple[str, ...]:
    """The gates that have weights, in the order of `GATES`."""
    return tuple(gate for gate in GATES if gate != coupled)


def derived_function(coupled: str, actual: str) -> Issue:
    """A finding for the function of a gate that another one gives."""
    expected = f"nothing, as coupled={coupled!r} makes it 1 minus the {DERIVED[coupled]} gate"
    return Issue(f"activations[{coupled!r}]", codes.DERIVED_GATE, expected, actual)


def _refuse_function(
    functions: tuple[tuple[int, float, float], ...], coupled: Coupled, issues: list[Issue]
) -> None:
    """The gate that another one gives has the default function, which is not used."""
    if functions and coupled is not None:
        default = _default(coupled)
        found = functions[FUNCTIONS.index(coupled)]
        if found != (int(default.function), default.alpha, default.beta):
            issues.append(derived_function(coupled, shown(found)))


def count(name: str, given: object, issues: list[Issue]) -> int:
    """A whole number above 0; 1 where it was reported."""
    number = whole(given)
    if number is not None and number >= 1:
        return number
    code = codes.WRONG_TYPE if number is None else codes.OUT_OF_RANGE if number else codes.ZERO_SIZE
    issues.append(Issue(name, code, "a whole number above 0", shown(given)))
    return 1


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


def _numbers_of(given: object, issues: list[Issue]) -> tuple[tuple[int, float, float], ...]:
    """Function, alpha and beta of each of `FUNCTIONS`, or nothing; nothing where it was reported."""
    entries = sequence(given)
    found = []
    for entry in entries or ():
        values = sequence(entry)
        if values is not None and len(values) == 3:
            number, alpha, beta = whole(values[0]), real(values[1]), real(values[2])
            if number is not None and alpha is not None and beta is not None:
                found.append((number, alpha, beta))
    if entries is None or len(found) != len(entries) or len(found) not in (0, len(FUNCTIONS)):
        expected = f"(), or a function's number, alpha and beta for each of {', '.join(FUNCTIONS)}"
        issues.append(Issue("activations", codes.WRONG_TYPE, expected, shown(given)))
        return ()
    return tuple(found)


def activations_of(given: Mapping[str, Any] | None) -> tuple[tuple[int, float, float], ...]:
    """The functions that were asked for, the default ones elsewhere; empty if all are the default ones.

    Raises:
        ArgumentError: For names that do not exist.
    """
    if given is None:
        return ()
    functions = mapping(given)
    if functions is None:
        expected = f"a mapping of {', '.join(FUNCTIONS)} to functions"
        raise ArgumentError(
            (Issue("activations", codes.WRONG_TYPE, expected, type(given).__name__),)
        )
    issues = [
        Issue(
            f"activations[{shown(name)}]",
            codes.UNEXPECTED_ENTRY,
            f"one of {', '.join(FUNCTIONS)}",
            shown(name),
        )
        for name in functions
        if name not in FUNCTIONS
    ]
    found = []
    defaults = default_activations()
    for name, default in defaults.items():
        values = _values(_function(functions.get(name, default)))
        if values is None:
            expected = "an Activation, or the name of one without parameters of its own"
            issues.append(
                Issue(
                    f"activations[{name!r}]",
                    codes.UNKNOWN_ACTIVATION,
                    expected,
                    shown(functions[name]),
                )
            )
        else:
            found.append(values)
    if issues:
        raise ArgumentError(tuple(issues))
    standard = [(int(f.function), f.alpha, f.beta) for f in defaults.values()]
    return () if found == standard else tuple(found)


def default_activations() -> dict[str, Activation]:
    """What an LSTM has if nothing is said, for each of `FUNCTIONS`."""
    return {name: _default(name) for name in FUNCTIONS}


def _default(name: str) -> Activation:
    made: Activation = getattr(Activation, DEFAULTS[FUNCTIONS.index(name)])()
    return made


def _values(function: Activation | None) -> tuple[int, float, float] | None:
    """Function, alpha and beta; None where one is no number, or where there is more to it than these."""
    if function is None or attempt(lambda: function != _plain(function)) is not False:
        return None
    number, alpha, beta = whole(function.function), real(function.alpha), real(function.beta)
    if number is None or alpha is None or beta is None:
        return None
    return number, alpha, beta


def _plain(function: Activation) -> Activation:
    """Without the fields of integer and of per-channel functions."""
    # A NaN differs from itself: it is refused where the function is known.
    plain = Activation(function.function)
    plain.alpha, plain.beta = function.alpha, function.beta
    return plain


def _function(given: Any) -> Activation | None:
    if is_a(given, Activation):
        own: Activation = given
        return own
    if not is_a(given, str) or given.startswith("_"):
        return None
    maker = getattr(Activation, given, None)
    try:
        made = maker() if callable(maker) else None
    except TypeError:  # it has parameters without defaults
        return None
    return made if isinstance(made, Activation) else None
