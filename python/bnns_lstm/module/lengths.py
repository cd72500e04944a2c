"""Which steps of a call are real: lengths, or a mask.

In: whatever a caller gives. Out: how many steps each sample has, and where they begin, or findings; and for
usual lengths, of which nothing is reported, how samples of such lengths lie. It knows the sizes of the input,
and not its values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._arrays import Fault, array_of
from bnns_lstm._look import attempt, reason
from bnns_lstm.errors import Issue
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.samples import SampleOrder, active_rows

__all__ = ["Counts", "arranged", "read_lengths", "read_mask", "usual_counts"]

Counts = npt.NDArray[np.int64]
INT64 = np.dtype(np.int64)
# How many faults of a mask get an issue of their own.
MOST = 20


def read_lengths(lengths: Any, steps: int, rows: int, issues: list[Issue]) -> Counts | None:
    """Steps of each sample, in the caller's order; None for all steps of all, or where something is wrong."""
    if lengths is None:
        return None
    counts = attempt(lambda: np.asarray(lengths))
    if isinstance(counts, Exception):
        actual = f"{type(lengths).__name__} ({reason(counts)})"
        issues.append(Issue("lengths", codes.WRONG_TYPE, f"[{rows}] whole numbers", actual))
        return None
    if counts.size == 0 and counts.dtype.kind == "f":  # an empty list
        counts = counts.astype(np.int64)
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
    return None if issues else counts.astype(np.int64)


def usual_counts(lengths: Any) -> Counts | None:
    """A row of whole numbers as an array; None for anything else."""
    counts = lengths
    if type(counts) is not np.ndarray:
        if type(counts) is not list and type(counts) is not tuple:
            return None
        counts = attempt(lambda: np.asarray(lengths))
    is_usual = type(counts) is np.ndarray and counts.dtype is INT64 and counts.ndim == 1
    return counts if is_usual else None


def arranged(
    samples: SampleOrder, sizes: tuple[int, int], counts: Counts
) -> tuple[SampleOrder, npt.NDArray[np.uint32] | None] | None:
    """How samples of so many steps lie, and how many of them run at each step, None if all run to the end.

    None in place of both where the counts do not fit the sizes, or where no sample has a step.
    """
    issues: list[Issue] = []
    found = read_lengths(counts, *sizes, issues)
    if found is None or not found.any():
        return None
    if (found == sizes[0]).all():
        return samples, None
    return samples.arranged(found, None), active_rows(found, sizes[0])


def read_mask(
    mask: Any, samples: SampleOrder, sizes: tuple[int, int], issues: list[Issue]
) -> tuple[Counts | None, Counts | None]:
    """Steps of each sample, and the first of them, in the caller's order; None where something is wrong.

    Args:
        mask: True, or 1, where a step is real; the shape of the input without its last axis.
        samples: How the caller's arrays lie.
        sizes: Steps and samples of the input.
        issues: Gets what is wrong, such as a gap between real steps.
    """
    steps, rows = sizes
    wanted = samples.shape_of(steps, rows, 1)[:-1]
    expected = f"{list(wanted)} of True where a step is real, and False"
    array = array_of(mask, expected, detach=True)  # it has no gradient to lose
    if isinstance(array, Fault):
        issues.append(Issue("mask", array.code, array.expected, array.actual))
        return None, None
    is_empty_list = array.size == 0 and array.dtype.kind == "f"
    has_type = is_empty_list or array.dtype.kind in "biu"
    if not has_type or array.shape != wanted:
        code = codes.SIZE_MISMATCH if has_type else codes.WRONG_TYPE
        issues.append(Issue("mask", code, expected, f"{array.dtype}{list(array.shape)}"))
        return None, None
    with memory_for(f"mask: {list(array.shape)}"):
        real = array != 0
        wrong = np.argwhere(array != real)[:MOST]
    for place in wrong:
        actual = str(array[tuple(place)])
        issues.append(Issue(_path(place), codes.INVALID_NUMBER, "0 or 1", actual))
    if len(wrong):
        return None, None
    by_step: npt.NDArray[np.bool_] = real[:, np.newaxis] if not samples.is_batched else real
    if samples.is_batched and samples.batch_first:
        by_step = real.T
    return _spans(by_step, samples, issues)


def _spans(
    by_step: npt.NDArray[np.bool_], samples: SampleOrder, issues: list[Issue]
) -> tuple[Counts, Counts | None]:
    """Steps of each sample, and the first of them; a finding for each sample with a gap between them."""
    with memory_for(f"mask: {by_step.shape[1]} samples"):
        counts: Counts = by_step.sum(0, dtype=np.int64)
        if not counts.any():
            return counts, None
        starts = by_step.argmax(0)
        ends = len(by_step) - by_step[::-1].argmax(0)
        with_gaps = np.flatnonzero((counts > 0) & (ends - starts != counts))[:MOST]
    expected = (
        "True: padding may stand before and after the real steps of a sample, not between them"
    )
    for sample in map(int, with_gaps):
        start = int(starts[sample])
        gap = start + int(by_step[start:, sample].argmin())
        path, actual = _path(samples.place_of(gap, sample)), f"a gap in sample {sample}"
        issues.append(Issue(path, codes.UNSUPPORTED_HERE, expected, actual))
    return counts, starts if starts.any() else None


def _path(place: Any) -> str:
    return f"mask[{', '.join(map(str, place))}]"
