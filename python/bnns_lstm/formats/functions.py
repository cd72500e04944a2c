"""The five activations of an LSTM: which there are, which are the default, which a gate can have."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import numpy as np

from bnns_lstm.activation import Activation
from bnns_lstm.config import FUNCTIONS
from bnns_lstm.enums import ActivationFunction as F

__all__ = ["ACTIVATIONS", "default_activations", "is_default", "is_usable"]

ACTIVATIONS = FUNCTIONS
# What float32 can hold.
LARGEST = float(np.finfo(np.float32).max)
# Functions of integers, channels or whole vectors, and random ones: no gate can have them.
NO_GATES = {
    F.INTEGER_LINEAR_SATURATE, F.INTEGER_LINEAR_SATURATE_PER_CHANNEL, F.SOFTMAX, F.GUMBEL, F.GUMBEL_MAX,
    F.LOG_SOFTMAX, F.PRELU_PER_CHANNEL,
}  # fmt: skip


def default_activations() -> dict[str, Activation]:
    """What an LSTM has if nothing is said: sigmoid for input, forget and output, tanh for the others."""
    tanh = {"candidate", "hidden"}
    return {
        name: Activation.tanh() if name in tanh else Activation.sigmoid() for name in ACTIVATIONS
    }


def is_default(activations: Mapping[str, Activation] | None) -> bool:
    """Whether these are the default activations, whatever their unused parameters hold."""
    if activations is None:
        return True
    defaults = default_activations()
    return all(activations[name].function == defaults[name].function for name in ACTIVATIONS)


def is_usable(activation: object) -> bool:
    """Whether a gate can have this function, with these parameters."""
    if not isinstance(activation, Activation):
        return False
    # NaN is within no bounds, and an endless integer has no float.
    is_number = all(
        isinstance(value, float | int) and (-LARGEST <= value <= LARGEST or value in (inf, -inf))
        for value in (activation.alpha, activation.beta)
    )
    return is_number and activation.function in set(F) - NO_GATES
