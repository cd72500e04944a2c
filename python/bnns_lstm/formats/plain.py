"""What an LSTM has beyond the plain one, for writers of formats that have not got it.

In: a network. Out: a finding for each field that differs. It knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator

from bnns_lstm import codes
from bnns_lstm.errors import WeightsIssue
from bnns_lstm.formats.stored import StoredLSTM
from bnns_lstm.variants import PLAIN

__all__ = ["projection_issue", "variant_issues"]

# h = W_hr·u for the units' outputs u, so that W·h = (W·W_hr)·u wherever something reads h.
UNPROJECTED = (
    "an LSTM without a projection computes the same from initial states of zeros, if its weight_hh is "
    "weight_hh @ weight_hr, what reads its outputs has weights @ weight_hr, too, and the last outputs are "
    "multiplied by weight_hr.T"
)


def variant_issues(
    stored: StoredLSTM, reason: str, *, has_projection: bool = False
) -> Iterator[WeightsIssue]:
    """A finding for each limit and direction that a plain LSTM has not.

    Args:
        stored: The network.
        reason: Ends what is expected.
        has_projection: Whether the format has projections.
    """
    for name, default in PLAIN.items():
        found = getattr(stored, name)
        if name != "proj_size" and found != default:
            yield WeightsIssue(name, f"{default!r}{reason}", repr(found), codes.NOT_EXPRESSIBLE)
    if not has_projection:
        yield from projection_issue(stored)


def projection_issue(stored: StoredLSTM) -> Iterator[WeightsIssue]:
    """A finding for a projection, with what computes the same without one."""
    if stored.proj_size:
        expected, found = f"0: {UNPROJECTED}", str(stored.proj_size)
        yield WeightsIssue("proj_size", expected, found, codes.NOT_EXPRESSIBLE)
