"""The arguments of a call, checked and brought into the order of the structure.

In: whatever a caller gives. Out: :class:`Batch`, float32 arrays `[steps, rows, values]` whose rows are sorted
by length, longest first, and begin with their first real step (`read_batch`); or an error that names every
argument that is wrong. `floats` reads an array, `lengths` which steps are real, `packed` a PackedSequence. No
LSTM is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import sequence
from bnns_lstm.config import LSTMConfig
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.floats import as_floats
from bnns_lstm.module.lengths import read_lengths, read_mask
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.packed import packed_of, refuse_others, unpacked
from bnns_lstm.module.samples import Floats, SampleOrder, active_rows, is_idle, lendable

__all__ = ["Batch", "as_floats", "read_batch", "read_state", "state_rows"]


@dataclass(frozen=True)
class Batch:
    """One call.

    Attributes:
        x: The input, `[steps, rows, values]`, rows in the order of the structure.
        state: The initial states, `[layers, directions, rows, outputs]` and `[..., units]`, if given.
        active: How many rows still run at each step, or None if all run to the end.
        samples: How the caller's arrays lie.
    """

    x: Floats
    state: tuple[Floats, Floats] | None
    active: npt.NDArray[np.uint32] | None
    samples: SampleOrder

    @property
    def steps(self) -> int:
        """Steps of the longest sample."""
        return int(self.x.shape[0])

    @property
    def rows(self) -> int:
        """Samples."""
        return int(self.x.shape[1])

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do: no step, no sample, or no sample with a step."""
        return is_idle(self.steps, self.rows, self.active)


def read_batch(
    config: LSTMConfig, x: Any, state: Any, lengths: Any, mask: Any = None, *, convert: bool
) -> Batch:
    """All arguments of a call.

    Raises:
        ArgumentError: With every argument that is wrong.
    """
    issues: list[Issue] = []
    packed = packed_of(x)
    counts = None
    if packed is not None:
        with memory_for("x: a PackedSequence"):
            floats, counts = unpacked(packed, config, issues, convert=convert)
    else:
        floats = as_floats(x, "x", issues, convert=convert)
    if floats is None:
        raise ArgumentError(tuple(issues))
    axes = "[batch, steps, input]" if config.batch_first else "[steps, batch, input]"
    if floats.ndim not in (2, 3) or floats.shape[-1] != config.input_size:
        expected = f"{axes} or [steps, input] with {config.input_size} inputs"
        raise ArgumentError((Issue("x", codes.SIZE_MISMATCH, expected, str(list(floats.shape))),))
    samples = SampleOrder(config.batch_first, floats.ndim == 3)
    steps, rows = samples.sizes_of(floats.shape)
    states = read_state(config, state, samples, rows, issues, convert=convert)
    starts = None
    if packed is not None:
        refuse_others(issues, lengths=lengths, mask=mask)
    elif lengths is not None and mask is not None:
        expected = "None together with lengths: both say which steps are real"
        issues.append(Issue("mask", codes.UNSUPPORTED_HERE, expected, "both"))
    elif mask is not None:
        counts, starts = read_mask(mask, samples, (steps, rows), issues)
    else:
        counts = read_lengths(lengths, steps, rows, issues)
    if issues:
        raise ArgumentError(tuple(issues))
    if counts is None or (counts == steps).all():
        return Batch(samples.to_rows(floats), state_rows(config, states, samples), None, samples)
    with memory_for(f"x: {steps} steps of {rows} samples"):
        samples = samples.arranged(counts, starts)
        in_rows = samples.to_rows(floats)
        active = active_rows(counts, steps)
    return Batch(in_rows, state_rows(config, states, samples), active, samples)


def read_state(
    config: LSTMConfig,
    state: Any,
    samples: SampleOrder,
    rows: int,
    issues: list[Issue],
    *,
    convert: bool,
    name: str = "state",
) -> tuple[Floats, Floats] | None:
    """Hidden and cell state as the caller has them; None where something is wrong."""
    if state is None:
        return None
    pair = sequence(state)
    if pair is None or len(pair) != 2:
        actual = type(state).__name__ if pair is None else f"{len(pair)} arrays"
        issues.append(Issue(name, codes.WRONG_TYPE, "a pair (h, c) or None", actual))
        return None
    stack = config.num_layers * config.directions
    axes = (
        "layers * directions, batch, hidden"
        if samples.is_batched
        else "layers * directions, hidden"
    )
    found = []
    for given, part, values in zip(pair, "hc", (config.outputs, config.units), strict=True):
        floats = as_floats(given, f"{name}.{part}", issues, convert=convert)
        if floats is None:
            continue
        wanted = samples.state_shape_of(stack, rows, values)
        if floats.shape != wanted:
            expected, actual = f"[{axes}] = {list(wanted)}", str(list(floats.shape))
            issues.append(Issue(f"{name}.{part}", codes.SIZE_MISMATCH, expected, actual))
            continue
        found.append(floats)
    return (found[0], found[1]) if len(found) == 2 else None


def state_rows(
    config: LSTMConfig, states: tuple[Floats, Floats] | None, samples: SampleOrder
) -> tuple[Floats, Floats] | None:
    """States as `read_state` gives them in the order of the structure."""
    if states is None:
        return None
    h, c = (lendable(samples.state_to_rows(state, config.num_layers)) for state in states)
    return h, c
