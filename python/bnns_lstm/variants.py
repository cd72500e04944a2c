"""How an LSTM may differ from the plain one: limits, coupled gates, the direction of reading, a projection.

In: arguments of a constructor, which may be wrong. Out: the same as the configuration has them, with a finding
where one says nothing that can be computed. It knows no configuration, and no array.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Literal

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import flag, is_a, real, whole
from bnns_lstm._show import shown
from bnns_lstm.errors import Issue

__all__ = [
    "DERIVED",
    "PLAIN",
    "Coupled",
    "Direction",
    "clip_of",
    "coupled_of",
    "direction_of",
    "hidden_clip_of",
    "projection_of",
]

Direction = Literal["forward", "reverse"]
Coupled = Literal["forget", "input"] | None

# What a plain LSTM has.
PLAIN: dict[str, Any] = {
    "cell_clip": None,
    "gate_clip": None,
    "gate_clip_hidden": True,
    "direction": "forward",
    "coupled": None,
    "proj_size": 0,
}
# The gate that is 1 minus another one, and that one.
DERIVED = {"forget": "input", "input": "forget"}


def clip_of(name: str, given: object, issues: list[Issue]) -> float | None:
    """A limit that float32 can hold, or None for no limit; None where it was reported."""
    if given is None:
        return None
    number = real(given)
    with np.errstate(all="ignore"):
        held = None if number is None else float(np.float32(number))
    if held is not None and isfinite(held) and held > 0:
        return number
    expected = "a finite number of float32 above 0, or None for no limit"
    code = codes.WRONG_TYPE if number is None else codes.INVALID_NUMBER
    issues.append(Issue(name, code, expected, shown(given)))
    return None


def hidden_clip_of(given: object, issues: list[Issue], *, has_limit: bool) -> bool:
    """Whether the limit of the gates holds for the hidden activation; True where it was reported."""
    found = flag(given)
    if found is None:
        issues.append(Issue("gate_clip_hidden", codes.WRONG_TYPE, "True or False", shown(given)))
    elif not found and not has_limit:
        expected = "True without a gate_clip: there is no limit to leave out"
        issues.append(Issue("gate_clip_hidden", codes.EXTENSION_CONFLICT, expected, "False"))
    return found is not False


def direction_of(given: Any, issues: list[Issue], *, is_bidirectional: bool) -> Direction:
    """The direction in which layers read; "forward" where it was reported."""
    if not is_a(given, str) or given not in ("forward", "reverse"):
        actual = "None" if given is None else shown(given)
        expected = '"forward" or "reverse" (both at once are bidirectional=True)'
        issues.append(Issue("direction", codes.UNKNOWN_CHOICE, expected, actual))
        return "forward"
    if given == "forward":
        return "forward"
    if is_bidirectional:
        expected = '"forward" with bidirectional=True, which reads in both directions already'
        issues.append(Issue("direction", codes.EXTENSION_CONFLICT, expected, shown(given)))
    return "reverse"


def coupled_of(given: Any, issues: list[Issue]) -> Coupled:
    """Which gate another one gives, or None; None where it was reported."""
    if given is None:
        return None
    if is_a(given, str) and given in DERIVED:
        return "forget" if given == "forget" else "input"
    expected = 'None, "forget" or "input"'
    issues.append(Issue("coupled", codes.UNKNOWN_CHOICE, expected, shown(given)))
    return None


def projection_of(given: object, most: int | None, issues: list[Issue]) -> int:
    """Values of a projected hidden state, or 0 for no projection; 0 where it was reported.

    Args:
        given: What should be that.
        most: The units of a layer, of which a projection has at most as many; None where they are not known.
        issues: Gets what is wrong.
    """
    number = whole(given)
    if number is not None and number >= 0 and (most is None or number <= most):
        return number
    code = codes.WRONG_TYPE if number is None else codes.OUT_OF_RANGE
    limit = "hidden_size" if most is None else f"{most}, the hidden_size"
    expected = f"a whole number from 1 to {limit}, or 0 for no projection"
    issues.append(Issue("proj_size", code, expected, shown(given)))
    return 0
