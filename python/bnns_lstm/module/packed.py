"""PyTorch's PackedSequence as an input.

In: an object with the attributes of one. Out: the array that it was packed from, with zeros beyond each
sample's end, in the caller's order, and the lengths. PyTorch is not imported.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._arrays import Fault, array_of
from bnns_lstm._look import attempt
from bnns_lstm.config import LSTMConfig
from bnns_lstm.errors import Issue
from bnns_lstm.module.floats import as_floats
from bnns_lstm.module.lengths import Counts
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.samples import Floats

__all__ = ["Packed", "packed_of", "refuse_others", "unpacked"]

Numbers = npt.NDArray[np.int64]


class Packed(NamedTuple):
    """The attributes of a PackedSequence, as they were found.

    Attributes:
        data: All steps, `[rows, input]`: the first steps of all samples, the second ones, and so on.
        batch_sizes: How many samples have each step, which does not increase.
        sorted_indices: Which sample of the caller each row of a step belongs to; None for the same order.
        unsorted_indices: Which row of a step each sample of the caller has; None for the same order.
    """

    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


def packed_of(x: Any) -> Packed | None:
    """The attributes, where an object has them all."""
    if type(x) is np.ndarray:
        return None
    found = attempt(lambda: Packed(*(getattr(x, name) for name in Packed._fields)))
    return found if isinstance(found, Packed) else None


def refuse_others(issues: list[Issue], **given: Any) -> None:
    """Findings for arguments that say which steps are real: a PackedSequence says so itself."""
    for name, value in given.items():
        if value is not None:
            expected = "None with a PackedSequence, which has lengths of its own"
            actual = type(value).__name__
            issues.append(Issue(name, codes.UNSUPPORTED_HERE, expected, actual))


def unpacked(
    packed: Packed, config: LSTMConfig, issues: list[Issue], *, convert: bool
) -> tuple[Floats | None, Counts | None]:
    """The padded array in the order of axes of `config`, and the lengths; None where something is wrong."""
    data = as_floats(packed.data, "x.data", issues, convert=convert)
    if data is not None and (data.ndim != 2 or data.shape[1] != config.input_size):
        expected = f"[rows, {config.input_size}], all steps of all samples"
        issues.append(Issue("x.data", codes.SIZE_MISMATCH, expected, str(list(data.shape))))
    sizes = _whole(packed.batch_sizes, "x.batch_sizes", None, issues)
    if data is None or sizes is None or issues:
        return None, None
    _check_sizes(sizes, len(data), issues)
    if issues:
        return None, None
    steps, rows = len(sizes), int(sizes.max(initial=0))
    order = _order(packed, rows, issues)
    if issues:
        return None, None
    axes = (rows, steps) if config.batch_first else (steps, rows)
    with memory_for(f"x: {steps} steps of {rows} samples"):
        padded: Floats = np.zeros((*axes, config.input_size), np.float32)
        by_step = padded.swapaxes(0, 1) if config.batch_first else padded
        counts = np.zeros(rows, np.int64)
        first = 0
        for step, size in enumerate(sizes.tolist()):
            by_step[step, order[:size]] = data[first : first + size]
            counts[order[:size]] += 1
            first += size
    return padded, counts


def _check_sizes(sizes: Numbers, rows: int, issues: list[Issue]) -> None:
    """Findings for sizes of steps that no samples of any lengths have, or others than the data."""
    wrong = np.flatnonzero((sizes < 1) | (sizes > rows))
    if wrong.size:
        path, actual = f"x.batch_sizes[{wrong[0]}]", str(sizes[wrong[0]])
        expected = f"a number from 1 to {rows} (rows of x.data)"
        issues.append(Issue(path, codes.INVALID_NUMBER, expected, actual))
        return
    more = np.flatnonzero(sizes[1:] > sizes[:-1])
    if more.size:
        step = int(more[0]) + 1
        expected = f"at most {sizes[step - 1]}, as at the step before"
        path, actual = f"x.batch_sizes[{step}]", str(sizes[step])
        issues.append(Issue(path, codes.SEQUENCE_INCREASING, expected, actual))
    elif int(sizes.sum()) != rows:
        expected = f"{rows} together, the rows of x.data"
        issues.append(Issue("x.batch_sizes", codes.SIZE_MISMATCH, expected, str(int(sizes.sum()))))


def _order(packed: Packed, rows: int, issues: list[Issue]) -> Numbers:
    """Which sample of the caller each row of a step belongs to."""
    given = {name: getattr(packed, name) for name in ("sorted_indices", "unsorted_indices")}
    plain = np.arange(rows)
    if all(value is None for value in given.values()):
        return plain
    found = []
    for name, value in given.items():
        path = f"x.{name}"
        indices = _whole(value, path, (rows,), issues)
        if indices is not None and (np.sort(indices) != plain).any():
            expected = f"each number below {rows} once"
            issues.append(Issue(path, codes.INVALID_NUMBER, expected, "other numbers"))
        elif indices is not None:
            found.append(indices)
    if len(found) == 2 and (found[0][found[1]] != plain).any():
        expected = "the way back from x.sorted_indices"
        issues.append(Issue("x.unsorted_indices", codes.INVALID_NUMBER, expected, "another order"))
    return found[0].astype(np.int64) if found else plain


def _whole(
    given: Any, path: str, shape: tuple[int, ...] | None, issues: list[Issue]
) -> Numbers | None:
    """A row of whole numbers, also of another device."""
    expected = f"{'one row' if shape is None else list(shape)} of whole numbers"
    array = array_of(given, expected, detach=True)
    if isinstance(array, Fault):
        issues.append(Issue(path, array.code, array.expected, array.actual))
        return None
    if array.dtype.kind not in "iu" or array.ndim != 1 or array.shape != (shape or array.shape):
        code = codes.SIZE_MISMATCH if array.dtype.kind in "iu" else codes.WRONG_TYPE
        issues.append(Issue(path, code, expected, f"{array.dtype}{list(array.shape)}"))
        return None
    # Of an unsigned type as they are: numbers beyond int64 stay too large.
    numbers: Numbers = array if array.dtype == np.uint64 else array.astype(np.int64)
    return numbers
