"""Paddle's second names: its `nn.LSTM` stores `weight_ih_l0` once more as `0.cell.weight_ih`.

In: entries under a prefix; later the network of those with first names. Out: which entries are second ones; an
error if one does not hold what the first one holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.stored import StoredLSTM
from bnns_lstm.formats.torch.source import Source

__all__ = ["refuse_differing", "seconds_of"]

SECOND = re.compile(
    r"(0|[1-9][0-9]{0,4})\.(cell|cell_fw|cell_bw)\.(weight_ih|weight_hh|bias_ih|bias_hh)"
)


def seconds_of(source: Source, prefix: str) -> dict[str, str]:
    """The full names of second entries, each with the name of the first one without the prefix."""
    own = source.under(prefix)
    firsts = set(own)
    found: dict[str, str] = {}
    for name in own:
        match = SECOND.fullmatch(name)
        if match is not None:
            first = f"{match[3]}_l{match[1]}" + ("_reverse" if match[2] == "cell_bw" else "")
            if first in firsts:
                found[prefix + name] = first
    return found


def refuse_differing(source: Source, seconds: Mapping[str, str], stored: StoredLSTM) -> None:
    """Compare second entries with the network of the first ones.

    Raises:
        WeightsError: Naming those that hold something else.
    """
    issues = list(_issues(source, seconds, stored))
    if issues:
        raise WeightsError(tuple(issues))


def _issues(
    source: Source, seconds: Mapping[str, str], stored: StoredLSTM
) -> Iterable[WeightsIssue]:
    for name, first in seconds.items():
        wanted, expected = (
            stored.parameters[first],
            f"what {first!r} holds, as Paddle stores it twice",
        )
        try:
            shape = source.shape(name)
            if shape != wanted.shape:
                wide = f"{expected}: {list(wanted.shape)}"
                yield WeightsIssue(name, wide, str(list(shape)), codes.SIZE_MISMATCH)
            elif not np.array_equal(source.read(name), wanted, equal_nan=True):
                yield WeightsIssue(name, expected, "other values", codes.AMBIGUOUS_CHOICE)
        except WeightsError as error:
            yield from error.issues
