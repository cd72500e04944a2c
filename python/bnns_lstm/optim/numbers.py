"""Numbers that say how something is trained. In: what a caller gave. Out: the number, or a finding."""

from __future__ import annotations

import math

from bnns_lstm import codes
from bnns_lstm._look import real, whole
from bnns_lstm._show import shown
from bnns_lstm.errors import Issue

__all__ = ["count", "number"]


def number(
    name: str, given: object, issues: list[Issue], *, below: float = math.inf, above: bool = False
) -> float:
    """A finite number of at least 0; with `above` more than 0; less than `below`."""
    found = real(given)
    if found is not None and 0 <= found < below and (found > 0 or not above):
        return found
    least = "greater than 0" if above else "of at least 0"
    expected = f"a finite number {least}" + (f" and below {below:g}" if below < math.inf else "")
    code = codes.WRONG_TYPE if found is None else codes.INVALID_NUMBER
    issues.append(Issue(name, code, expected, shown(given)))
    return 0.0


def count(name: str, given: object, issues: list[Issue]) -> int:
    """A whole number of at least 1."""
    found = whole(given)
    if found is not None and found >= 1:
        return found
    code = codes.WRONG_TYPE if found is None else codes.INVALID_NUMBER
    issues.append(Issue(name, code, "a whole number of at least 1", shown(given)))
    return 1
