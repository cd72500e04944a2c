"""The five activations of an LSTM: which there are, which are the default, which a gate can have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf

import numpy as np

from bnns_lstm import codes
from bnns_lstm.activation import Activation
from bnns_lstm.config import FUNCTIONS, default_activations
from bnns_lstm.enums import ActivationFunction as F

__all__ = [
    "ACTIVATIONS",
    "default_activations",
    "differing",
    "fault_of",
    "fault_of_names",
    "is_default",
]

ACTIVATIONS = FUNCTIONS
# What float32 can hold.
LARGEST = float(np.finfo(np.float32).max)
# Functions of integers, channels or whole vectors, and random ones: no gate can have them.
NO_GATES = {
    F.INTEGER_LINEAR_SATURATE, F.INTEGER_LINEAR_SATURATE_PER_CHANNEL, F.SOFTMAX, F.GUMBEL, F.GUMBEL_MAX,
    F.LOG_SOFTMAX, F.PRELU_PER_CHANNEL,
}  # fmt: skip


def is_default(activations: Mapping[str, Activation] | None) -> bool:
    """Whether these are the default activations, whatever their unused parameters hold."""
    if activations is None:
        return True
    defaults = default_activations()
    return all(activations[name].function == defaults[name].function for name in ACTIVATIONS)


def differing(own: Mapping[str, Activation] | None, others: Mapping[str, Activation] | None) -> str:
    """The functions of one set that are not those of another one, for errors; None for the default ones."""
    own, others = own or default_activations(), others or default_activations()
    return ", ".join(f"{name}={own[name]!r}" for name in ACTIVATIONS if own[name] != others[name])


def fault_of_names(names: Collection[str]) -> str | None:
    """The code of what is wrong with the names of functions; None if they are :data:`ACTIVATIONS`."""
    if set(ACTIVATIONS) - set(names):
        return codes.MISSING_ENTRY
    return codes.UNEXPECTED_ENTRY if set(names) - set(ACTIVATIONS) else None


def fault_of(activation: object) -> str | None:
    """The code of what is wrong with a function for a gate; None if a gate can have it."""
    if not isinstance(activation, Activation):
        return codes.WRONG_TYPE
    for value in (activation.alpha, activation.beta):
        if not isinstance(value, float | int):
            return codes.WRONG_TYPE
        # NaN is within no bounds, and an integer may be larger than any float.
        if not (-LARGEST <= value <= LARGEST or value in (inf, -inf)):
            is_nan = value != value  # noqa: PLR0124
            return codes.INVALID_ACTIVATION_PARAMETER if is_nan else codes.OUT_OF_RANGE
    if activation.function not in set(F):
        return codes.UNKNOWN_ACTIVATION
    return codes.UNSUPPORTED_ACTIVATION if activation.function in NO_GATES else None
