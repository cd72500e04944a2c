"""What an LSTM has beyond the plain one, for writers of formats that have not got it.

In: a network. Out: a finding for each field that differs. It knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator

from bnns_lstm import codes
from bnns_lstm.errors import WeightsIssue
from bnns_lstm.formats.stored import StoredLSTM
from bnns_lstm.variants import PLAIN

__all__ = ["variant_issues"]


def variant_issues(stored: StoredLSTM, reason: str) -> Iterator[WeightsIssue]:
    """A finding for each limit and direction that a plain LSTM has not; `reason` ends what is expected."""
    for name, default in PLAIN.items():
        found = getattr(stored, name)
        if found != default:
            yield WeightsIssue(name, f"{default!r}{reason}", repr(found), codes.NOT_EXPRESSIBLE)
