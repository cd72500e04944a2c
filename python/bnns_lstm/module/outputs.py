"""Arrays of the caller that have the shape of the output: where it goes, and its gradient.

In: whatever a caller gives. Out: float32 arrays, or a finding that names what is wrong; and whether an output
is as usual, of which nothing is reported. It computes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm.config import LSTMConfig
from bnns_lstm.errors import Issue
from bnns_lstm.module.floats import as_floats
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.memory import FLOAT32, memory_for
from bnns_lstm.module.merge import Parts, named_parts, refuse_overlap, separated
from bnns_lstm.module.results import Floats, Tape
from bnns_lstm.module.samples import lendable

__all__ = ["is_usual_output", "output_gradient", "output_of"]


def is_usual_output(out: Any, shape: tuple[int, ...]) -> bool:
    """Whether an output of this shape can go there, however the array lies."""
    if type(out) is not np.ndarray or out.shape != shape:
        return False
    return out.dtype is FLOAT32 and out.flags.writeable


def output_of(
    config: LSTMConfig, batch: Batch | None, out: Any, issues: list[Issue]
) -> Parts | None:
    """The caller's array for the output of a call, or two; shapes are checked if the input's is known."""
    given = named_parts(config.merge, out, "out", issues)
    parts = []
    for name, part in given or ():
        floats = as_floats(part, name, issues, convert=False, writable=True)
        if floats is not None:
            parts.append(floats)
            if batch is not None:
                wanted = batch.samples.shape_of(batch.steps, batch.rows, config.output_size)
                _check_shape(floats, wanted, name, issues)
    refuse_overlap(tuple(parts), "out", issues)
    return tuple(parts)


def output_gradient(tape: Tape, dy: Any, issues: list[Issue], *, convert: bool) -> Floats | None:
    """The gradient of the structure's output in its order; None where none was given, or is wrong."""
    if dy is None:
        return None
    config, params, samples = tape.config, tape.params, tape.samples
    wanted = samples.shape_of(params.seq_len, params.batch_size, config.output_size)
    # The usual array at once, as in `as_floats`.
    is_usual = type(dy) is np.ndarray and dy.dtype is FLOAT32 and dy.shape == wanted
    if is_usual and config.merge == "concat":
        return lendable(samples.to_rows(dy))
    found: list[Issue] = []
    given = named_parts(config.merge, dy, "dy", found)
    parts = []
    for name, part in given or ():
        floats = as_floats(part, name, found, convert=convert)
        if floats is not None and _check_shape(floats, wanted, name, found):
            parts.append(samples.to_rows(floats))
    issues += found
    if found:
        return None
    with memory_for(f"dy: {params.seq_len} steps of {params.batch_size} samples"):
        both = separated(config.merge, tuple(parts), params.output_descriptor.data_desc)
        return lendable(both)


def _check_shape(floats: Floats, wanted: tuple[int, ...], name: str, issues: list[Issue]) -> bool:
    """Whether an array has a shape; a finding where it has not."""
    if floats.shape == wanted:
        return True
    issues.append(Issue(name, codes.SIZE_MISMATCH, str(list(wanted)), str(list(floats.shape))))
    return False
