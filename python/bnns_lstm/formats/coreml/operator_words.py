"""Texts and flags of an operator `lstm` of an ML program: what is honoured, and what is refused by name.

In: an operator. Out: :class:`Words`, with a finding for everything that cannot be taken over. Source: the
description of the operator in coremltools. It knows no arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.errors import WeightsIssue
from bnns_lstm.formats.activations import is_default
from bnns_lstm.formats.coreml.operator_arrays import ARRAYS, ENDINGS
from bnns_lstm.formats.coreml.steps import LSTMLayer

__all__ = ["Words", "words_of"]

FUNCTIONS = {
    "linear": Activation.identity(),
    "relu": Activation.rectified_linear(),
    "sigmoid": Activation.sigmoid(),
    "tanh": Activation.tanh(),
}
# The inputs that name functions, their defaults, and what these are for.
PLACES = {
    "recurrent_activation": ("sigmoid", ("input", "forget", "output")),
    "cell_activation": ("tanh", ("candidate",)),
    "activation": ("tanh", ("hidden",)),
}
DIRECTIONS = ("forward", "reverse", "bidirectional")
KNOWN = {
    "x", "initial_h", "initial_c", "direction", "output_sequence", *PLACES,
    *(name + ending for name in ARRAYS for ending in ENDINGS),
}  # fmt: skip
UNCLEAR = {
    "clip": "none, as the description does not say whether it limits the candidate or the cell state",
    "peephole": "none, as the description has no formula with it",
    "peephole_back": "none, as the description has no formula with it",
}
BACKWARDS = (
    "'forward' or 'bidirectional' where output_sequence is true, as the description does not say in which "
    "order the outputs stand"
)


@dataclass(frozen=True)
class Words:
    """What an operator says of itself.

    Attributes:
        direction: "forward", "reverse" or "bidirectional".
        activations: The functions; None for the default ones.
    """

    direction: str
    activations: Mapping[str, Activation] | None


def words_of(layer: LSTMLayer, issues: list[WeightsIssue]) -> Words:
    """The texts and flags of an operator; what cannot be honoured is added to the issues."""
    operation, values = layer.step.message, layer.network.values
    given = {entry.key for entry in operation.inputs}
    for name in sorted(given):
        if name in UNCLEAR:
            path = f"{layer.path}: {name}"
            issues.append(WeightsIssue(path, UNCLEAR[name], "a value", codes.UNSUPPORTED_HERE))
        elif name not in KNOWN:
            expected = f"only inputs of lstm ({', '.join(sorted(KNOWN))})"
            path = f"{layer.path}: inputs"
            issues.append(WeightsIssue(path, expected, shown(name), codes.UNEXPECTED_ENTRY))
    flag = values.flag(values.argument(operation, "output_sequence"))
    if "output_sequence" in given and flag is None:
        path = f"{layer.path}: output_sequence"
        issues.append(WeightsIssue(path, "true or false", "no constant", codes.NOT_CONSTANT))
    return Words(_direction(layer, issues), _activations(layer, issues))


def _direction(layer: LSTMLayer, issues: list[WeightsIssue]) -> str:
    direction = _word(layer, "direction", "forward", issues)
    path = f"{layer.path}: direction"
    if direction not in DIRECTIONS:
        expected = "'forward', 'reverse' or 'bidirectional'"
        issues.append(WeightsIssue(path, expected, shown(direction), codes.UNKNOWN_CHOICE))
    elif direction == "reverse" and layer.step.gives_all:
        issues.append(WeightsIssue(path, BACKWARDS, "'reverse'", codes.UNSUPPORTED_HERE))
    return direction


def _activations(layer: LSTMLayer, issues: list[WeightsIssue]) -> dict[str, Activation] | None:
    """The functions; None for the default ones."""
    made: dict[str, Activation] = {}
    for name, (default, gates) in PLACES.items():
        word = _word(layer, name, default, issues)
        if word.lower() not in FUNCTIONS:
            expected = f"{', '.join(FUNCTIONS)}: the description gives no parameters of others"
            path = f"{layer.path}: {name}"
            issues.append(WeightsIssue(path, expected, shown(word), codes.UNSUPPORTED_HERE))
        made |= dict.fromkeys(gates, FUNCTIONS.get(word.lower(), FUNCTIONS[default]))
    return None if is_default(made) else made


def _word(layer: LSTMLayer, name: str, default: str, issues: list[WeightsIssue]) -> str:
    """A text that an operator has as an input, or its default."""
    operation, values = layer.step.message, layer.network.values
    if all(entry.key != name for entry in operation.inputs):
        return default
    found: str | None = values.text(values.argument(operation, name))
    if found is None:
        path = f"{layer.path}: {name}"
        issues.append(WeightsIssue(path, "a text", "no constant text", codes.NOT_CONSTANT))
    return default if found is None else found
