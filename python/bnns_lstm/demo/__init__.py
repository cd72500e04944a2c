"""A demonstration: an LSTM that learns to forecast a yearly series. It is no part of the library.

In: the yearly sunspot numbers and a trained model, which lie in `sunspots.npz` next to this file, or a
user's series (`series`) and saved model (`storage`). Out: forecasts (`model`) and trained models (`train`),
computed by `bl.LSTM`. It must not know of arguments and what is printed: the command line, `bnns_lstm.cli`,
takes the one and does the other.
"""

from __future__ import annotations

__all__ = ["UserError"]


class UserError(Exception):
    """Something that the user can mend, said in one line."""
