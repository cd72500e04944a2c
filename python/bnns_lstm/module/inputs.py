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
from bnns_lstm.module.samples import Floats, SampleOrder

__all__ = ["Batch", "as_floats", "read_batch", "read_state", "state_rows"]


@dataclass(frozen=True)
class Batch:
    """One call.

    Attributes:
        x: The input, `[steps, rows, values]`, rows in the order of the structure.
        state: The initial states, `[layers, directions, rows, outputs]` and `[..., units]`, if given.
        active: Rows that have each step, or None if all have all.
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
    axes = "[batch, steps, input]" if config.batch_first else "[steps, batch, input]"
    if floats.ndim not in (2, 3) or floats.shape[-1] != config.input_size or 0 in floats.shape:
        expected = f"{axes} or [steps, input] with {config.input_size} inputs and no empty axis"
        raise ArgumentError((Issue("x", "size_mismatch", expected, str(list(floats.shape))),))
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
        issues.append(Issue(name, "wrong_type", "a pair (h, c) or None", type(state).__name__))
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
            issues.append(Issue(f"{name}.{part}", "size_mismatch", expected, actual))
            continue
        found.append(floats)
    return (found[0], found[1]) if len(found) == 2 else None


def state_rows(
    config: LSTMConfig, states: tuple[Floats, Floats] | None, samples: SampleOrder
) -> tuple[Floats, Floats] | None:
    """States as `read_state` gives them in the order of the structure."""
    if states is None:
        return None
    h, c = (samples.state_to_rows(state, config.num_layers) for state in states)
    return h, c


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
