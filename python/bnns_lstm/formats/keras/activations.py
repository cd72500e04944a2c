"""Keras' names of activations, and back."""

from __future__ import annotations

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.enums import ActivationFunction
from bnns_lstm.errors import WeightsIssue

__all__ = ["NAMES", "alike", "function_of", "name_of"]

# Keras' names. What is not here has no equal: gelu (through erf), mish, exponential, softmax and others.
FUNCTIONS = {
    "celu": Activation.celu(),
    "elu": Activation.elu(),
    "hard_silu": Activation.hard_swish(),
    "hard_swish": Activation.hard_swish(),
    "hard_tanh": Activation.clamp(-1.0, 1.0),
    "leaky_relu": Activation.leaky_rectified_linear(0.2),
    "linear": Activation.identity(),
    "log_sigmoid": Activation.log_sigmoid(),
    "relu": Activation.relu(),
    "relu6": Activation.clamp(0.0, 6.0),
    "selu": Activation.selu(),
    "sigmoid": Activation.sigmoid(),
    "silu": Activation.silu(),
    "soft_shrink": Activation.soft_shrink(),
    "softplus": Activation.softplus(),
    "softsign": Activation.softsign(),
    "swish": Activation.silu(),
    "tanh": Activation.tanh(),
    "tanh_shrink": Activation.tanh_shrink(),
}
# By the first number of the version.
HARD_SIGMOID = {
    "1": Activation.hard_sigmoid(0.2, 0.5),
    "2": Activation.hard_sigmoid(0.2, 0.5),
    "3": Activation.hard_sigmoid(1 / 6, 0.5),
}
NAMES = (*FUNCTIONS, "hard_sigmoid")
# These have no parameter, whatever their fields hold.
PLAIN = {ActivationFunction.SIGMOID, ActivationFunction.TANH}


def function_of(
    path: str, found: object, version: str | None, issues: list[WeightsIssue]
) -> Activation:
    """A function by Keras' name, or as Keras 3 stores one."""
    name = "linear" if found is None else found
    if isinstance(name, dict) and str(name.get("module")).startswith(("keras", "builtins")):
        name = name.get("config") if name.get("class_name") == "function" else name
    if name == "hard_sigmoid":
        activation = HARD_SIGMOID.get((version or "").partition(".")[0])
        if activation is not None:
            return activation
        expected = "the version of Keras, on which hard_sigmoid's slope depends"
        issues.append(WeightsIssue(path, expected, shown(version), codes.MISSING_ENTRY))
    elif not isinstance(name, str) or name not in FUNCTIONS:
        expected = f"a function that has an equal here ({', '.join(FUNCTIONS)}, hard_sigmoid)"
        issues.append(WeightsIssue(path, expected, shown(name), codes.UNSUPPORTED_HERE))
    else:
        return FUNCTIONS[name]
    return Activation.tanh()


def name_of(activation: Activation) -> str | None:
    """Keras' name of a function; None if it has none.

    `hard_sigmoid` is Keras 2's with the slope 0.2, and Keras 3's with 1/6.
    """
    for name, own in FUNCTIONS.items():
        if alike(activation, own):
            return name
    return "hard_sigmoid" if any(alike(activation, own) for own in HARD_SIGMOID.values()) else None


def alike(one: Activation, other: Activation) -> bool:
    """Whether two functions are the same, their parameters as float32."""
    if one.function != other.function or one.function in PLAIN:
        return one.function == other.function
    values = [[np.float32(each.alpha), np.float32(each.beta)] for each in (one, other)]
    return values[0] == values[1]
