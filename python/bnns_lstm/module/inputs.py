"""The arguments of a call, checked and brought into the order of the structure.

In: whatever a caller gives. Out: :class:`Batch`, float32 arrays `[steps, rows, values]` whose rows are sorted
by length, longest first; or an error that names every argument that is wrong. It computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm._look import attempt, is_a, reason, sequence
from bnns_lstm.config import LSTMConfig
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.results import Floats

__all__ = ["Batch", "as_floats", "output_of", "read_batch", "read_state"]


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
    array = given if type(given) is np.ndarray else attempt(lambda: _as_array(given))
    if isinstance(array, Exception):
        issues.append(Issue(name, "wrong_type", "an array of float32", _refusal(given, array)))
        return None
    if array.dtype != np.float32 or not array.dtype.isnative:
        if convert and array.dtype.kind in "fiu" and not writable:
            return _converted(array, name, issues)
        if array.dtype == object:
            actual = f"{type(given).__name__} (objects)"
            issues.append(Issue(name, "wrong_type", "an array of float32", actual))
            return None
        hint = "" if writable else f" (np.asarray({name}, np.float32), or LSTM(..., convert=True))"
        issues.append(Issue(name, "unsupported_data_type", f"float32{hint}", str(array.dtype)))
        return None
    if writable and not array.flags.writeable:
        issues.append(Issue(name, "read_only", "writable memory", "a read-only array"))
        return None
    return array


def _as_array(given: Any) -> npt.NDArray[Any]:
    """An array itself; others through the array interface or the buffer protocol, or else DLPack."""
    if is_a(given, np.ma.MaskedArray):
        raise TypeError("its mask would be lost")
    if is_a(given, np.ndarray):
        return np.ndarray.view(given, np.ndarray)
    has_dlpack = hasattr(given, "__dlpack__") and not hasattr(given, "__array_interface__")
    found: npt.NDArray[Any] = np.from_dlpack(given) if has_dlpack else np.asarray(given)
    return found


def _converted(array: npt.NDArray[Any], name: str, issues: list[Issue]) -> Floats | None:
    """Numbers as float32, unless one of them is too large for it."""
    with memory_for(f"{name}: {list(array.shape)}"), np.errstate(over="ignore"):
        floats: Floats = array.astype(np.float32)
    if array.dtype.kind == "f" and (np.isinf(floats) & np.isfinite(array)).any():
        expected = "numbers within the range of float32"
        issues.append(Issue(name, "out_of_range", expected, "a larger one"))
        return None
    return floats


def _refusal(given: object, error: Exception) -> str:
    """Why an object is no array."""
    return f"{type(given).__name__} ({reason(error)})"


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
        raise ArgumentError((Issue("x", "size_mismatch", expected, str(list(floats.shape))),))
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
        issues.append(Issue("out", "size_mismatch", str(wanted), str(list(floats.shape))))
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
        issues.append(Issue(name, "wrong_type", "a pair (h, c) or None", type(state).__name__))
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
            issues.append(Issue(path, "size_mismatch", expected, str(list(floats.shape))))
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
        actual = _refusal(lengths, counts)
        issues.append(Issue("lengths", "wrong_type", f"[{rows}] whole numbers", actual))
        return None
    if counts.dtype.kind not in "iu" or counts.shape != (rows,):
        code = "size_mismatch" if counts.dtype.kind in "iu" else "wrong_type"
        actual = f"{counts.dtype}{list(counts.shape)}"
        issues.append(Issue("lengths", code, f"[{rows}] whole numbers", actual))
        return None
    wrong = np.flatnonzero((counts < 0) | (counts > steps))
    for index in wrong:
        expected = f"a number from 0 to {steps} (steps of x)"
        issues.append(Issue(f"lengths[{index}]", "out_of_range", expected, str(counts[index])))
    if not issues and counts.max() == 0:
        issues.append(Issue("lengths", "sequence_empty", "at least one step", "no sample has one"))
    return None if issues else counts.astype(np.int64)
