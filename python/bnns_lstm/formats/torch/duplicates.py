"""Paddle's second names: its `nn.LSTM` stores `weight_ih_l0` once more as `0.cell.weight_ih`.

In: entries under a prefix. Out: the same without second names, each of which holds what the first one holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.torch.source import Source

__all__ = ["without_duplicates"]

SECOND = re.compile(
    r"(0|[1-9][0-9]{0,4})\.(cell|cell_fw|cell_bw)\.(weight_ih|weight_hh|bias_ih|bias_hh)"
)


def without_duplicates(source: Source, prefix: str) -> Source:
    """The same entries, each once.

    Raises:
        WeightsError: Naming second entries that differ from the first.
    """
    own = source.under(prefix)
    firsts = set(own)
    second: dict[str, str] = {}
    for name in own:
        match = SECOND.fullmatch(name)
        if match is not None:
            first = f"{match[3]}_l{match[1]}" + ("_reverse" if match[2] == "cell_bw" else "")
            if first in firsts:
                second[prefix + name] = prefix + first
    issues = list(_issues(source, second.items()))
    if issues:
        raise WeightsError(tuple(issues))
    return source.with_instead(second, {}) if second else source


def _issues(source: Source, pairs: Iterable[tuple[str, str]]) -> Iterable[WeightsIssue]:
    """Second entries that are not equal to the first."""
    for name, first in pairs:
        try:
            found, wanted = source.read(name), source.read(first)
        except WeightsError as error:
            yield from error.issues
            continue
        if not np.array_equal(found, wanted, equal_nan=True):
            code = codes.SIZE_MISMATCH if found.shape != wanted.shape else codes.AMBIGUOUS_CHOICE
            expected, actual = (
                f"what {shown(first)} holds, as Paddle stores it twice",
                "other values",
            )
            if found.shape != wanted.shape:
                expected, actual = f"{expected}: {list(wanted.shape)}", str(list(found.shape))
            yield WeightsIssue(name, expected, actual, code)
