"""The attributes of an LSTM node: what is honoured, and what is refused by name.

In: a node. Out: :class:`Attributes`, or every attribute that cannot be taken over. It knows no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.enums import ActivationFunction as F
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import default_activations
from bnns_lstm.formats.onnx.activations import activations_of
from bnns_lstm.formats.onnx.ops import attributes
from bnns_lstm.variants import Coupled, Direction

__all__ = ["Attributes", "read_attributes"]

# The attributes that LSTM has had, and what their values are.
KINDS = {
    "activation_alpha": list, "activation_beta": list, "activations": list, "clip": float,
    "direction": bytes, "hidden_size": int, "input_forget": int, "layout": int,
    "output_sequence": int,
}  # fmt: skip
# Beyond it float32 has no other values of sigmoid and tanh: sigmoid is 0 below -103.98, all else is 1 or -1.
SATURATED = 104.0
SATURATING = {F.SIGMOID, F.TANH}


@dataclass(frozen=True)
class Attributes:
    """What the attributes of a node say.

    Attributes:
        directions: 2 if it is bidirectional.
        batch_first: Whether its layout is 1.
        hidden_size: The units, if it says so.
        activations: The functions; None for the default ones.
        clip: What the arguments of all functions are limited to, if that changes anything.
        direction: Whether the only direction reads from the first step or from the last one.
        coupled: "forget" if the forget gate is 1 minus the input gate: then its block and function say nothing.
    """

    directions: int
    batch_first: bool
    hidden_size: int | None
    activations: dict[str, Activation] | None
    clip: float | None = None
    direction: Direction = "forward"
    coupled: Coupled = None


def read_attributes(path: str, node: Any, issues: list[WeightsIssue]) -> Attributes:
    """The attributes of a node; what cannot be honoured is added to the issues.

    Raises:
        WeightsError: If attributes are not known, or their values are of another type.
    """
    words = attributes(node)
    _check_types(path, words)
    directions = 2 if words.get("direction") == b"bidirectional" else 1
    activations = None
    try:
        texts = [name.decode("ascii", "replace") for name in words.get("activations") or ()]
        alphas, betas = (words.get(f"activation_{name}") or () for name in ("alpha", "beta"))
        activations = activations_of(path, texts, alphas, betas, directions)
    except WeightsError as error:
        issues += error.issues
    clip = _clip(path, words["clip"], activations, issues) if "clip" in words else None
    issues += _choice_issues(path, words)
    coupled: Coupled = "forget" if words.get("input_forget") else None
    if activations is not None and coupled is not None:
        activations = {**activations, coupled: default_activations()[coupled]}
    return Attributes(
        directions,
        bool(words.get("layout")),
        words.get("hidden_size"),
        activations,
        clip,
        "reverse" if words.get("direction") == b"reverse" else "forward",
        coupled,
    )


def _check_types(path: str, words: Mapping[str, Any]) -> None:
    """Refuse attributes that are not known, or not what they should be."""
    issues = []
    for name, value in words.items():
        if name not in KINDS:
            expected = f"only the attributes of LSTM ({', '.join(KINDS)})"
            issues.append(
                WeightsIssue(f"{path}: attributes", expected, shown(name), codes.UNEXPECTED_ENTRY)
            )
        elif not isinstance(value, KINDS[name]):
            expected = f"a value of type {KINDS[name].__name__}"
            issues.append(WeightsIssue(f"{path}: {name}", expected, shown(value), codes.WRONG_TYPE))
    texts = words.get("activations")
    if isinstance(texts, list) and not all(isinstance(text, bytes) for text in texts):
        issues.append(
            WeightsIssue(
                f"{path}: activations", "names of functions", shown(texts), codes.WRONG_TYPE
            )
        )
    if issues:
        raise WeightsError(tuple(issues))


def _clip(
    path: str,
    clip: float,
    activations: Mapping[str, Activation] | None,
    issues: list[WeightsIssue],
) -> float | None:
    """A limit of what enters the activations; None where they do not change beyond it."""
    if not clip > 0:  # also what is no number
        expected = "a number above 0, or no such attribute"
        issues.append(WeightsIssue(f"{path}: clip", expected, f"{clip:g}", codes.INVALID_NUMBER))
        return None
    functions = (activations or default_activations()).values()
    is_saturated = all(one.function in SATURATING for one in functions) and clip >= SATURATED
    # The shortest decimal number that float32 holds as this one: 0.1 as a caller writes it.
    return None if is_saturated or clip == inf else float(str(np.float32(clip)))


def _choice_issues(path: str, words: Mapping[str, Any]) -> list[WeightsIssue]:
    """What has no equal here, with what comes near."""
    issues: list[WeightsIssue] = []
    if words.get("input_forget", 0) not in {0, 1}:
        found = shown(words["input_forget"])
        issues.append(WeightsIssue(f"{path}: input_forget", "0 or 1", found, codes.UNKNOWN_CHOICE))
    direction = words.get("direction", b"forward")
    if direction not in {b"forward", b"reverse", b"bidirectional"}:
        expected = "'forward', 'reverse' or 'bidirectional'"
        found = shown(direction.decode("ascii", "replace"))
        issues.append(WeightsIssue(f"{path}: direction", expected, found, codes.UNKNOWN_CHOICE))
    if words.get("layout", 0) not in {0, 1}:
        issues.append(
            WeightsIssue(f"{path}: layout", "0 or 1", shown(words["layout"]), codes.UNKNOWN_CHOICE)
        )
    return issues
