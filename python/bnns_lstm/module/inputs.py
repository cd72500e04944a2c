"""The arguments of a call, checked and brought into the order of the structure.

In: whatever a caller gives. Out: :class:`Batch`, float32 arrays `[steps, rows, values]` whose rows are sorted
by length, longest first (`read_batch`); or an error that names every argument that is wrong. No LSTM is
computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._arrays import NUMBERS, Fault, array_of, float32_of
from bnns_lstm._look import attempt, reason, sequence
from bnns_lstm.config import LSTMConfig
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.samples import Floats, SampleOrder, lendable

__all__ = ["Batch", "as_floats", "read_batch", "read_state", "state_rows"]

FLOAT32 = np.dtype(np.float32)


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


def as_floats(
    given: Any, name: str, issues: list[Issue], *, convert: bool, writable: bool = False
) -> Floats | None:
    """An array of float32 over the caller's memory where that is possible."""
    # The usual array at once: the checks below would be a tenth of a small call.
    if type(given) is np.ndarray and given.dtype is FLOAT32 and not writable:
        return given
    array = array_of(given, "an array of float32", detach=False)
    if not isinstance(array, Fault) and (array.dtype != np.float32 or not array.dtype.isnative):
        types = NUMBERS if convert and not writable else ()
        way = f" (np.asarray({name}, np.float32), or LSTM(..., convert=True))"
        hint = "" if writable or convert else way
        with memory_for(f"{name}: {list(array.shape)}"):
            array = float32_of(array, types, f"float32{hint}")
    if isinstance(array, Fault):
        issues.append(Issue(name, array.code, array.expected, array.actual))
        return None
    if writable and not array.flags.writeable:
        issues.append(Issue(name, codes.READ_ONLY, "writable memory", "a read-only array"))
        return None
    return array


def read_batch(config: LSTMConfig, x: Any, state: Any, lengths: Any, *, convert: bool) -> Batch:
    """All arguments of a call.

    Raises:
        ArgumentError: With every argument that is wrong.
    """
    issues: list[Issue] = []
    floats = as_floats(x, "x", issues, convert=convert)
    if floats is None:
        raise ArgumentError(tuple(issues))
    axes = "[batch, steps, input]" if config.batch_first else "[steps, batch, input]"
    if floats.ndim not in (2, 3) or floats.shape[-1] != config.input_size or 0 in floats.shape:
        expected = f"{axes} or [steps, input] with {config.input_size} inputs and no empty axis"
        raise ArgumentError((Issue("x", codes.SIZE_MISMATCH, expected, str(list(floats.shape))),))
    samples = SampleOrder(config.batch_first, floats.ndim == 3)
    steps, rows = samples.sizes_of(floats.shape)
    states = read_state(config, state, samples, rows, issues, convert=convert)
    counts = _read_lengths(lengths, steps, rows, issues)
    if issues:
        raise ArgumentError(tuple(issues))
    if counts is None or (counts == steps).all():
        return Batch(samples.to_rows(floats), state_rows(config, states, samples), None, samples)
    order = np.argsort(-counts, kind="stable")
    if not (order == np.arange(rows)).all():
        samples = samples._replace(rows=order)
    with memory_for(f"x: {steps} steps of {rows} samples"):
        in_rows = samples.to_rows(floats)
        active = (counts[np.newaxis] > np.arange(steps)[:, np.newaxis]).sum(1).astype(np.uint32)
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


def _read_lengths(
    lengths: Any, steps: int, rows: int, issues: list[Issue]
) -> npt.NDArray[np.int64] | None:
    if lengths is None:
        return None
    counts = attempt(lambda: np.asarray(lengths))
    if isinstance(counts, Exception):
        actual = f"{type(lengths).__name__} ({reason(counts)})"
        issues.append(Issue("lengths", codes.WRONG_TYPE, f"[{rows}] whole numbers", actual))
        return None
    if counts.dtype.kind not in "iu" or counts.shape != (rows,):
        code = codes.SIZE_MISMATCH if counts.dtype.kind in "iu" else codes.WRONG_TYPE
        actual = f"{counts.dtype}{list(counts.shape)}"
        issues.append(Issue("lengths", code, f"[{rows}] whole numbers", actual))
        return None
    wrong = np.flatnonzero((counts < 0) | (counts > steps))
    for index in wrong:
        expected = f"a number from 0 to {steps} (steps of x)"
        issues.append(
            Issue(f"lengths[{index}]", codes.INVALID_NUMBER, expected, str(counts[index]))
        )
    if not issues and counts.max() == 0:
        issues.append(
            Issue(
                "lengths", codes.SEQUENCE_EMPTY, "at least one step", "only samples without steps"
            )
        )
    return None if issues else counts.astype(np.int64)
