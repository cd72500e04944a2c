"""The functions of Core ML's LSTM layers.

In: the three functions of a direction, of the gates, the candidate and the hidden state. Out: ours. Source:
NeuralNetwork.proto, which allows recurrent layers six functions, two of them with the parameters below alone.
coremltools' own builder leaves all parameters out; absent ones are those.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm.activation import Activation
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import is_default
from bnns_lstm.formats.convert import fail

__all__ = ["activations_of"]

# The three functions are those of these.
PLACES = (("input", "forget", "output"), ("candidate",), ("hidden",))
PLAIN = {
    "ReLU": Activation.rectified_linear(),
    "tanh": Activation.tanh(),
    "sigmoid": Activation.sigmoid(),
}
# The only parameters that the format allows.
FIXED = {
    "scaledTanh": Activation.scaled_tanh(1.71, 2 / 3),
    "sigmoidHard": Activation.hard_sigmoid(0.2, 0.5),
}
KNOWN = "linear, sigmoid, tanh, ReLU, scaledTanh and sigmoidHard, as the format allows"


def activations_of(path: str, functions: Sequence[Any]) -> dict[str, Activation] | None:
    """The functions of a direction; None for the default ones.

    Args:
        path: What errors call them.
        functions: Messages `Activation`.

    Raises:
        WeightsError: If there are not three, or one is none that the format allows here.
    """
    if len(functions) != len(PLACES):
        expected = "3: of the gates, the candidate and the hidden state"
        raise fail(path, expected, str(len(functions)), codes.SIZE_MISMATCH)
    made: dict[str, Activation] = {}
    issues: list[WeightsIssue] = []
    for number, (gates, function) in enumerate(zip(PLACES, functions, strict=True)):
        try:
            found = _function(f"{path}[{number}]", function)
        except WeightsError as error:  # noqa: PERF203 - the issues of all are wanted
            issues += error.issues
        else:
            made |= dict.fromkeys(gates, found)
    if issues:
        raise WeightsError(tuple(issues))
    return None if is_default(made) else made


def _function(path: str, function: Any) -> Activation:
    kind = function.WhichOneof("kind")
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is None:
        raise fail(path, KNOWN, "none, or one that is not known", codes.MISSING_ENTRY)
    if kind not in {"linear", *FIXED}:
        raise fail(path, KNOWN, kind, codes.UNSUPPORTED_HERE)
    own = getattr(function, kind)
    alpha, beta = own.alpha, own.beta
    is_absent = alpha == beta == 0
    if kind == "linear":
        if is_absent or (alpha, beta) == (1, 0):
            return Activation.identity()
        if alpha != 0 and isfinite(alpha) and isfinite(beta):
            return Activation.linear_with_bias(_decimal(alpha), _decimal(beta))
        expected = "a finite alpha other than 0 and a finite beta, or neither of them"
        raise fail(path, expected, f"alpha {alpha:g}, beta {beta:g}", codes.INVALID_NUMBER)
    fixed = FIXED[kind]
    if is_absent or (alpha, beta) == (
        float(np.float32(fixed.alpha)),
        float(np.float32(fixed.beta)),
    ):
        return fixed
    expected = f"{kind} with alpha {fixed.alpha:g} and beta {fixed.beta:g}, as the format allows"
    raise fail(path, expected, f"alpha {alpha:g} and beta {beta:g}", codes.UNSUPPORTED_HERE)


def _decimal(value: float) -> float:
    """The shortest number that is this float32: files hold float32, and Python's are float64."""
    return float(str(np.float32(value)))
