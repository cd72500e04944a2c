"""Weights by name from a caller's mapping.

In: whatever a caller gives, and the arrays that it must have entries for. Out: float32 arrays of these names
and shapes; or an error that names every entry that is missing, surplus or misshapen. It writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import mapping
from bnns_lstm._show import listed
from bnns_lstm._show import named as shown_name
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.floats import as_floats
from bnns_lstm.module.samples import Floats

__all__ = ["read_entries"]


def read_entries(
    named: Mapping[str, Floats], given: Any, converting: Collection[str]
) -> dict[str, Floats]:
    """Copies of the arrays of a mapping that has exactly these names and shapes.

    Args:
        named: Arrays by name.
        given: What should be such a mapping.
        converting: The names of those that may have other types of numbers.

    Raises:
        ArgumentError: For every entry that is wrong.
    """
    issues: list[Issue] = []
    entries = mapping(given)
    if entries is None:
        expected, actual = "a mapping of names to arrays", type(given).__name__
        raise ArgumentError((Issue("given", codes.WRONG_TYPE, expected, actual),))
    found = {}
    for name, array in named.items():
        if name not in entries:
            wanted = f"an array of shape {list(array.shape)}"
            issues.append(Issue(name, codes.MISSING_ENTRY, wanted, "no such entry"))
            continue
        floats = as_floats(entries[name], name, issues, convert=name in converting)
        if floats is not None and floats.shape != array.shape:
            actual = str(list(floats.shape))
            issues.append(Issue(name, codes.SIZE_MISMATCH, str(list(array.shape)), actual))
        elif floats is not None:
            # Copies: what is given may be views of these very weights.
            found[name] = floats.copy()
    issues += [
        Issue(
            shown_name(name),
            codes.UNEXPECTED_ENTRY,
            f"only {listed(named)}",
            "an unexpected entry",
        )
        for name in entries
        if name not in named
    ]
    if issues:
        raise ArgumentError(tuple(issues))
    return found
