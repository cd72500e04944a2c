"""Results in the axes and the order of the caller.

In: arrays in the order of the structure. Out: copies, with samples and axes as the call had them. It computes
nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm.errors import Issue
from bnns_lstm.module.config import LSTMConfig
from bnns_lstm.module.inputs import Batch, as_floats
from bnns_lstm.module.results import Floats, LSTMState, Tape

__all__ = ["arranged", "final_state", "output_gradient"]


def arranged(
    config: LSTMConfig, batch: Batch, rows: Floats, target: Floats | None = None
) -> Floats:
    """A sequence `[steps, rows, values]` as the caller knows it: a copy, or the target if there is one."""
    found: Floats = rows[:, np.argsort(batch.order)] if batch.order is not None else rows
    if not batch.is_batched:
        found = found[:, 0]
    elif config.batch_first:
        found = found.swapaxes(0, 1)
    if target is None:
        return np.array(found, order="C")
    target[...] = found
    return target


def final_state(config: LSTMConfig, batch: Batch, h: Any, c: Any) -> LSTMState:
    """States `[layers, directions, rows, hidden]` as the caller knows them, as copies."""
    stack = config.num_layers * config.directions
    both = []
    for state in (h, c):
        flat = state.reshape(stack, -1, config.hidden_size)
        if batch.order is not None:
            flat = flat[:, np.argsort(batch.order)]
        both.append(np.array(flat if batch.is_batched else flat[:, 0]))
    return LSTMState(*both)


def output_gradient(
    config: LSTMConfig, tape: Tape, dy: Any, issues: list[Issue], *, convert: bool
) -> Floats | None:
    """The gradient of the output in the order of the structure; None where none was given, or is wrong."""
    if dy is None:
        return None
    floats = as_floats(dy, "dy", issues, convert=convert)
    if floats is None:
        return None
    steps, rows, width = tape.params.seq_len, tape.params.batch_size, config.output_size
    wanted = [rows, steps, width] if config.batch_first else [steps, rows, width]
    wanted = wanted if tape.is_batched else [steps, width]
    if list(floats.shape) != wanted:
        issues.append(Issue("dy", codes.SIZE_MISMATCH, f"{wanted}", str(list(floats.shape))))
        return None
    if not tape.is_batched:
        floats = floats[:, np.newaxis]
    elif config.batch_first:
        floats = floats.swapaxes(0, 1)
    return floats if tape.order is None else floats[:, tape.order]
