"""ONNX' names of activations, with the parameters that each has and their defaults.

Formulas and order of use: ONNX' documentation of the operator LSTM; defaults: those of the operators of the
same names. Affine and ScaledTanh are no operators any more and have none. ThresholdedRelu has the default 1,
but ONNX Runtime 1.32 computes with another. These three need their parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import NamedTuple

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.enums import ActivationFunction as F
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import default_activations, is_default
from bnns_lstm.formats.convert import fail

__all__ = ["activations_of", "attributes_of"]


class _Entry(NamedTuple):
    """A function of BNNS, and ONNX' defaults for the parameters that its own has; NaN if there are none."""

    function: F
    alpha: float | None = None
    beta: float | None = None


NEEDED = nan


NAMES = {
    "Affine": _Entry(F.LINEAR_WITH_BIAS, NEEDED, NEEDED),
    "Elu": _Entry(F.ELU, 1.0),
    "HardSigmoid": _Entry(F.HARD_SIGMOID, 0.2, 0.5),
    "LeakyRelu": _Entry(F.LEAKY_RECTIFIED_LINEAR, 0.01),
    "Relu": _Entry(F.RECTIFIED_LINEAR),
    "ScaledTanh": _Entry(F.SCALED_TANH, NEEDED, NEEDED),
    "Sigmoid": _Entry(F.SIGMOID),
    "Softplus": _Entry(F.SOFTPLUS),
    "Softsign": _Entry(F.SOFTSIGN),
    "Tanh": _Entry(F.TANH),
    "ThresholdedRelu": _Entry(F.THRESHOLD, NEEDED),
}
LOWER = {name.lower(): name for name in NAMES}
# ONNX' three functions are those of these gates.
PLACES = (("input", "forget", "output"), ("candidate",), ("hidden",))


def activations_of(
    path: str,
    names: Sequence[str],
    alphas: Sequence[float],
    betas: Sequence[float],
    directions: int,
) -> dict[str, Activation] | None:
    """The activations of a node; None if they are the default ones.

    Args:
        path: What errors call the node.
        names: Its attribute `activations`; empty for the default.
        alphas: Its attribute `activation_alpha`: one for each function that has an alpha, in their order.
            Functions for which none is left have their default.
        betas: The same for beta.
        directions: 2 if it is bidirectional.

    Raises:
        WeightsError: If a function has no equal here, a parameter is left over, or the directions differ.
    """
    if not names:
        if alphas or betas:
            raise fail(
                f"{path}: activations",
                "names of the functions that activation_alpha and _beta are for",
                "none",
                codes.MISSING_ENTRY,
            )
        return None
    if len(names) != 3 * directions:
        raise fail(
            f"{path}: activations",
            f"{3 * directions} names",
            shown(list(names)),
            codes.SIZE_MISMATCH,
        )
    left = {"alpha": list(alphas), "beta": list(betas)}
    used = {"alpha": False, "beta": False}
    made = [_activation(path, name, left, used) for name in names]
    for name, rest in left.items():
        # Parameters that no function has mean nothing; others might be meant by position.
        if rest and used[name]:
            expected = "one for each function that has it, in their order"
            raise fail(
                f"{path}: activation_{name}",
                expected,
                f"{len(rest)} too many: {shown(rest)}",
                codes.UNEXPECTED_ENTRY,
            )
    if made[:3] != made[-3:]:
        found = f"{made[:3]} and {made[3:]}"
        raise fail(
            f"{path}: activations", "the same in both directions", found, codes.STACK_MISMATCH
        )
    activations = {gate: made[i] for i, gates in enumerate(PLACES) for gate in gates}
    return None if is_default(activations) else activations


def _activation(
    path: str, name: str, left: dict[str, list[float]], used: dict[str, bool]
) -> Activation:
    """One function; its parameters are taken from what is left of them."""
    # ONNX Runtime takes any case, too.
    if name.lower() not in LOWER:
        raise fail(f"{path}: activations", ", ".join(NAMES), shown(name), codes.UNSUPPORTED_HERE)
    entry = NAMES[LOWER[name.lower()]]

    def parameter(key: str, default: float | None) -> float:
        if default is None:
            return 1.0
        used[key] = True
        if not left[key] and isnan(default):
            raise fail(
                f"{path}: activation_{key}", f"a value for {name}", "none", codes.MISSING_ENTRY
            )
        return _decimal(left[key].pop(0)) if left[key] else default

    alpha, beta = parameter("alpha", entry.alpha), parameter("beta", entry.beta)
    if entry.function == F.THRESHOLD:
        # x where x >= alpha; here it is x where x > alpha.
        below = np.nextafter(np.float32(alpha), np.float32(-np.inf))
        return Activation(F.THRESHOLD, _decimal(below), 0.0)
    return Activation(entry.function, alpha, beta)


def _decimal(value: float | np.float32) -> float:
    """The shortest number that is this float32, such as 0.2: models hold float32, and Python's are float64."""
    return float(str(np.float32(value)))


def attributes_of(
    activations: Mapping[str, Activation] | None,
) -> dict[str, list[str] | list[float]]:
    """The attributes of a node of one direction; none if the activations are the default ones.

    Raises:
        WeightsError: Naming each function that ONNX has not, and gates that must share one but do not.
    """
    if is_default(activations):
        return {}
    activations = activations or default_activations()
    issues: list[WeightsIssue] = []
    names: list[str] = []
    alphas: list[float] = []
    betas: list[float] = []
    for gates in PLACES:
        for gate in gates[1:]:
            if activations[gate] != activations[gates[0]]:
                expected = (
                    f"{activations[gates[0]]}, as in the {gates[0]} gate: ONNX has one for both"
                )
                issues.append(
                    WeightsIssue(
                        f"activations.{gate}",
                        expected,
                        repr(activations[gate]),
                        codes.NOT_EXPRESSIBLE,
                    )
                )
        written = _written(activations[gates[0]])
        if written is None:
            found = repr(activations[gates[0]])
            expected = f"a function that ONNX has ({', '.join(NAMES)})"
            issues.append(
                WeightsIssue(f"activations.{gates[0]}", expected, found, codes.NOT_EXPRESSIBLE)
            )
            continue
        names.append(written[0])
        alphas += [value for value in written[1:2] if value is not None]
        betas += [value for value in written[2:] if value is not None]
    if issues:
        raise WeightsError(tuple(issues))
    attributes: dict[str, list[str] | list[float]] = {"activations": names}
    attributes |= {"activation_alpha": alphas} if alphas else {}
    attributes |= {"activation_beta": betas} if betas else {}
    return attributes


# ONNX' name and parameters of a function.
Written = tuple[str, float | None, float | None]


def _written(activation: Activation) -> Written | None:
    """ONNX' name and parameters of a function, if it has the function."""
    function, alpha, beta = activation.function, float(activation.alpha), float(activation.beta)
    if function == F.THRESHOLD and beta == 0:
        alpha = float(np.nextafter(np.float32(alpha), np.float32(np.inf)))
    elif function == F.THRESHOLD or (function == F.SOFTPLUS and (alpha, beta) != (1, 1)):
        return None
    for name, entry in NAMES.items():
        if entry.function == function:
            own = (None if entry.alpha is None else alpha, None if entry.beta is None else beta)
            return name, *own
    return _equal(function, alpha, beta)


def _equal(function: int, alpha: float, beta: float) -> Written | None:
    """A function of ONNX with the parameters with which it is one that ONNX has no name for."""
    found: dict[int, Written | None] = {
        F.IDENTITY: ("Affine", 1.0, 0.0),
        F.LINEAR: ("Affine", alpha, 0.0),
        F.ABS: ("LeakyRelu", -1.0, None),
        F.CLAMP: ("HardSigmoid", 1.0, 0.0) if (alpha, beta) == (0, 1) else None,
        F.CELU: ("Elu", 1.0, None) if alpha == 1 else None,
    }
    return found.get(function)
