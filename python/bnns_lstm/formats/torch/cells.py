"""Numbered cells, as `nn.ModuleList` holds them: `cells.0.weight_ih`, `cells.1.weight_ih` and so on.

In: names under a prefix. Out: the prefix of each cell, the lowest first. It reads no values.
"""

from __future__ import annotations

import re

from bnns_lstm import codes
from bnns_lstm._show import listed, named
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.torch.names import spelled
from bnns_lstm.formats.torch.prefixes import is_cell
from bnns_lstm.formats.torch.source import Source

__all__ = ["numbered"]

NUMBERED = re.compile(r"(0|[1-9][0-9]{0,4})\.(.*)", re.DOTALL)
# How many entries of something else get an issue of their own.
MOST = 20


def numbered(source: Source, prefix: str) -> list[str]:
    """The prefixes of the cells under a prefix; none if what stands there is no list of cells.

    Raises:
        WeightsError: Naming a cell that is missing, and entries that belong to none.
    """
    own = source.under(prefix)
    cells: dict[int, list[str]] = {}
    for name in own:
        match = NUMBERED.fullmatch(name)
        if match is not None:
            cells.setdefault(int(match[1]), []).append(match[2])
    if not any(is_cell(names) for names in cells.values()) or spelled(own) is not None:
        return []
    issues = []
    missing = [number for number in range(len(cells)) if number not in cells]
    known = f"only cells {', '.join(map(str, sorted(cells)[:20]))}"
    if missing:
        path, found = f"{prefix}{missing[0]}.weight_ih", f"no such entry, {known}"
        issues.append(WeightsIssue(path, "a matrix", found, codes.MISSING_ENTRY))
    surplus = [name for name in own if NUMBERED.fullmatch(name) is None]
    expected = f"entries of the cells alone, {listed([f'{prefix}{n}.' for n in sorted(cells)])}"
    issues += [
        WeightsIssue(
            named(prefix + name),
            expected,
            "an unexpected entry",
            codes.UNEXPECTED_ENTRY,
        )
        for name in surplus[:MOST]
    ]
    if len(surplus) > MOST:
        actual = f"{len(surplus) - MOST} more unexpected entries, {listed(surplus[MOST:])}"
        issues.append(
            WeightsIssue(f"entries under {prefix!r}", expected, actual, codes.UNEXPECTED_ENTRY)
        )
    if issues:
        raise WeightsError(tuple(issues))
    return [f"{prefix}{number}." for number in range(len(cells))]
