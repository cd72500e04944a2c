"""The arguments of a call, checked and brought into the order of the structure.

In: whatever a caller gives. Out: :class:`Batch`, float32 arrays `[steps, rows, values]` whose rows are sorted
by length, longest first; or an error that names every argument that is wrong. It computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._arrays import NUMBERS, Fault, array_of, float32_of
from bnns_lstm._look import attempt, reason, sequence
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.config import LSTMConfig
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.results import Floats

__all__ = ["Batch", "as_floats", "output_of", "read_batch", "read_state"]

FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True)
class Batch:
    """One call.

    Attributes:
        x: The input, `[steps, rows, values]`, rows in the order of the structure.
        state: The initial states, `[layers, directions, rows, hidden]`, if given.
        active: Rows that have each step, or None if all have all.
        order: Which sample of the caller is in each row, or None if they are in the caller's order.
        is_batched: Whether the caller's input has a batch axis.
    """

    x: Floats
    state: tuple[Floats, Floats] | None
    active: npt.NDArray[np.uint32] | None
    order: npt.NDArray[np.intp] | None
    is_batched: bool

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
    is_batched = floats.ndim == 3
    axes = "[batch, steps, input]" if config.batch_first else "[steps, batch, input]"
    if floats.ndim not in (2, 3) or floats.shape[-1] != config.input_size or 0 in floats.shape:
        expected = f"{axes} or [steps, input] with {config.input_size} inputs and no empty axis"
        raise ArgumentError((Issue("x", codes.SIZE_MISMATCH, expected, str(list(floats.shape))),))
    if not is_batched:
        floats = floats[:, np.newaxis]
    elif config.batch_first:
        floats = floats.swapaxes(0, 1)
    steps, rows = floats.shape[:2]
    states = read_state(config, state, rows, issues, is_batched=is_batched, convert=convert)
    counts = _read_lengths(lengths, steps, rows, issues)
    if issues:
        raise ArgumentError(tuple(issues))
    if counts is None or (counts == steps).all():
        return Batch(floats, states, None, None, is_batched)
    sorted_rows = np.argsort(-counts, kind="stable")
    order = None if (sorted_rows == np.arange(rows)).all() else sorted_rows
    if order is not None:
        with memory_for(f"x: {steps} steps of {rows} samples"):
            floats = floats[:, order]
        states = None if states is None else (states[0][:, :, order], states[1][:, :, order])
    active = (counts[np.newaxis] > np.arange(steps)[:, np.newaxis]).sum(1).astype(np.uint32)
    return Batch(floats, states, active, order, is_batched)


def output_of(
    config: LSTMConfig, batch: Batch | None, out: Any, issues: list[Issue]
) -> Floats | None:
    """The caller's array for the output of a call, in the axes of its input; its shape if that is known."""
    floats = as_floats(out, "out", issues, convert=False, writable=True)
    if floats is None or batch is None:
        return floats
    sizes = [batch.steps, batch.rows] if batch.is_batched else [batch.steps]
    wanted = [*(reversed(sizes) if config.batch_first else sizes), config.output_size]
    if list(floats.shape) != wanted:
        issues.append(Issue("out", codes.SIZE_MISMATCH, str(wanted), str(list(floats.shape))))
    return floats


def read_state(
    config: LSTMConfig,
    state: Any,
    rows: int,
    issues: list[Issue],
    *,
    is_batched: bool,
    convert: bool,
    name: str = "state",
) -> tuple[Floats, Floats] | None:
    """Hidden and cell state, each `[layers, directions, rows, hidden]`; None where something is wrong."""
    if state is None:
        return None
    pair = sequence(state)
    if pair is None or len(pair) != 2:
        actual = type(state).__name__ if pair is None else f"{len(pair)} arrays"
        issues.append(Issue(name, codes.WRONG_TYPE, "a pair (h, c) or None", actual))
        return None
    stack = config.num_layers * config.directions
    wanted = (stack, rows, config.hidden_size) if is_batched else (stack, config.hidden_size)
    found = []
    for given, path in zip(pair, (f"{name}.h", f"{name}.c"), strict=True):
        floats = as_floats(given, path, issues, convert=convert)
        if floats is None:
            continue
        if floats.shape != wanted:
            axes = (
                "[layers * directions, batch, hidden]"
                if is_batched
                else "[layers * directions, hidden]"
            )
            expected = f"{axes} = {list(wanted)}"
            issues.append(Issue(path, codes.SIZE_MISMATCH, expected, str(list(floats.shape))))
            continue
        shape = (config.num_layers, config.directions, rows, config.hidden_size)
        found.append(floats.reshape(shape))
    return (found[0], found[1]) if len(found) == 2 else None


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
