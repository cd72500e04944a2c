"""A stack of LSTMs to and from other libraries and files.

In: models and files of others. Out: a stack, an LSTM for each of their layers; for files also the way back. The
formats themselves are in `formats`, which is imported where it is needed.
"""

from __future__ import annotations

from bnns_lstm.module.stack_stateful import StackStateful

__all__ = ["StackFiles"]


class StackFiles(StackStateful):
    """The part of a stack that reads and writes others' formats."""
