"""Arrays of the caller that have the shape of the output: where it goes, and its gradient.

In: whatever a caller gives. Out: float32 arrays, or a finding that names what is wrong. It computes nothing.
"""

from __future__ import annotations

from typing import Any

from bnns_lstm import codes
from bnns_lstm.config import LSTMConfig
from bnns_lstm.errors import Issue
from bnns_lstm.module.inputs import Batch, as_floats
from bnns_lstm.module.results import Floats, Tape
from bnns_lstm.module.samples import lendable

__all__ = ["output_gradient", "output_of"]


def output_of(
    config: LSTMConfig, batch: Batch | None, out: Any, issues: list[Issue]
) -> Floats | None:
    """The caller's array for the output of a call; its shape is checked if the input's is known."""
    floats = as_floats(out, "out", issues, convert=False, writable=True)
    if floats is None or batch is None:
        return floats
    wanted = batch.samples.shape_of(batch.steps, batch.rows, config.output_size)
    if floats.shape != wanted:
        issues.append(Issue("out", codes.SIZE_MISMATCH, str(list(wanted)), str(list(floats.shape))))
    return floats


def output_gradient(tape: Tape, dy: Any, issues: list[Issue], *, convert: bool) -> Floats | None:
    """The gradient of the output in the order of the structure; None where none was given, or is wrong."""
    if dy is None:
        return None
    floats = as_floats(dy, "dy", issues, convert=convert)
    if floats is None:
        return None
    steps, rows = tape.params.seq_len, tape.params.batch_size
    wanted = tape.samples.shape_of(steps, rows, tape.config.output_size)
    if floats.shape != wanted:
        issues.append(Issue("dy", codes.SIZE_MISMATCH, str(list(wanted)), str(list(floats.shape))))
        return None
    return lendable(tape.samples.to_rows(floats))
