"""The gates of an LSTM, and the functions that it applies.

In: what a caller gave for functions. Out: numbers of functions with their parameters, as a configuration has
them, with a finding for what is none. It knows no configuration, and no array.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import attempt, is_a, mapping, real, sequence, whole
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.enums import ActivationFunction
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.variants import DERIVED, Coupled

__all__ = [
    "FUNCTIONS",
    "GATES",
    "NAMED",
    "activations_of",
    "default_activations",
    "default_of",
    "derived_function",
    "gates_of",
    "numbers_of",
    "refuse_function",
]

# The gates in PyTorch's order, which is that of the blocks of an array of all gates.
GATES = ("input", "forget", "candidate", "output")
# Where an LSTM applies functions, and which it applies by default.
FUNCTIONS = (*GATES, "hidden")
DEFAULTS = ("sigmoid", "sigmoid", "tanh", "sigmoid", "tanh")
NAMED: dict[int, ActivationFunction] = {int(function): function for function in ActivationFunction}


def gates_of(coupled: Coupled) -> tuple[str, ...]:
    """The gates that have weights, in the order of `GATES`."""
    return tuple(gate for gate in GATES if gate != coupled)


def derived_function(coupled: str, actual: str) -> Issue:
    """A finding for the function of a gate that another one gives."""
    expected = f"nothing, as coupled={coupled!r} makes it 1 minus the {DERIVED[coupled]} gate"
    return Issue(f"activations[{coupled!r}]", codes.DERIVED_GATE, expected, actual)


def refuse_function(
    functions: tuple[tuple[int, float, float], ...], coupled: Coupled, issues: list[Issue]
) -> None:
    """The gate that another one gives has the default function, which is not used."""
    if functions and coupled is not None:
        default = default_of(coupled)
        found = functions[FUNCTIONS.index(coupled)]
        if found != (int(default.function), default.alpha, default.beta):
            issues.append(derived_function(coupled, shown(found)))


def numbers_of(given: object, issues: list[Issue]) -> tuple[tuple[int, float, float], ...]:
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
    return {name: default_of(name) for name in FUNCTIONS}


def default_of(name: str) -> Activation:
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
