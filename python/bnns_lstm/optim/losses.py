"""Losses with their gradients. In: outputs and targets. Out: a number, and its slope in the outputs' shape.

`reduction` is "mean", the mean over all elements (of `cross_entropy`, over all targets), or "sum".
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._arrays import Fault, array_of
from bnns_lstm._look import is_a
from bnns_lstm._show import shown
from bnns_lstm.errors import Issue
from bnns_lstm.module.arguments import refuse
from bnns_lstm.optim.arrays import floats_of
from bnns_lstm.typing import Floats

__all__ = ["Reduction", "cross_entropy", "l1_loss", "mse_loss"]

Reduction: TypeAlias = Literal["mean", "sum"]


def mse_loss(
    output: npt.ArrayLike, target: npt.ArrayLike, reduction: Reduction = "mean"
) -> tuple[float, Floats]:
    """The mean squared error, and its gradient with respect to the output.

    Raises:
        ArgumentError: For arrays of different shapes, and every other argument that is wrong.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> loss, slope = bl.optim.mse_loss(np.float32([1, 2]), np.float32([1, 4]))
        >>> loss, slope.tolist()
        (2.0, [0.0, -2.0])
    """
    error, count = _errors(output, target, reduction)
    loss = float((error * error).mean() if reduction == "mean" else (error * error).sum())
    return loss, error * np.float32(2 / count)


def l1_loss(
    output: npt.ArrayLike, target: npt.ArrayLike, reduction: Reduction = "mean"
) -> tuple[float, Floats]:
    """The mean absolute error, and its gradient with respect to the output, 0 where there is no error.

    Raises:
        ArgumentError: For arrays of different shapes, and every other argument that is wrong.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> loss, slope = bl.optim.l1_loss(np.float32([1, 2]), np.float32([1, 4]))
        >>> loss, slope.tolist()
        (1.0, [0.0, -0.5])
    """
    error, count = _errors(output, target, reduction)
    loss = float(np.abs(error).mean() if reduction == "mean" else np.abs(error).sum())
    return loss, np.sign(error) * np.float32(1 / count)


def cross_entropy(
    scores: npt.ArrayLike, target: npt.ArrayLike, reduction: Reduction = "mean"
) -> tuple[float, Floats]:
    """The cross entropy of the softmax of scores, and its gradient with respect to them.

    Args:
        scores: `[..., classes]`, before the softmax.
        target: `[...]`, the number of the right class.
        reduction: "mean" or "sum".

    Raises:
        ArgumentError: For classes that there are not, and every other argument that is wrong.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> loss, slope = bl.optim.cross_entropy(np.zeros((1, 2), np.float32), [1])
        >>> round(loss, 6), slope.tolist()
        (0.693147, [[0.5, -0.5]])
    """
    issues: list[Issue] = []
    floats = floats_of(scores, "scores", issues)
    classes = _classes(floats, target, issues)
    _check_reduction(reduction, issues)
    refuse(issues)
    assert floats is not None  # noqa: S101  # or there was a finding
    assert classes is not None  # noqa: S101
    rows = floats.reshape(-1, floats.shape[-1])
    right = (np.arange(len(rows)), classes.ravel())
    # Without the largest score no exponential is endless, and the softmax is the same.
    shifted = rows - rows.max(axis=1, keepdims=True)
    chances = np.exp(shifted)
    sums = chances.sum(axis=1, keepdims=True)
    losses = np.log(sums[:, 0]) - shifted[right]
    slope = chances / sums
    slope[right] -= 1
    if reduction == "sum":
        return float(losses.sum()), slope.reshape(floats.shape)
    slope /= np.float32(len(rows))
    return float(losses.mean()), slope.reshape(floats.shape)


def _errors(output: Any, target: Any, reduction: Any) -> tuple[Floats, int]:
    """Output minus target, and what slopes are divided by."""
    issues: list[Issue] = []
    floats = floats_of(output, "output", issues)
    wanted = floats_of(target, "target", issues)
    _check_reduction(reduction, issues)
    if floats is not None and wanted is not None:
        if floats.shape != wanted.shape:
            expected = f"{list(floats.shape)}, as the output"
            issues.append(Issue("target", codes.SIZE_MISMATCH, expected, str(list(wanted.shape))))
        elif not floats.size:
            actual = str(list(floats.shape))
            issues.append(Issue("output", codes.ZERO_SIZE, "at least one element", actual))
    refuse(issues)
    assert floats is not None  # noqa: S101  # or there was a finding
    error: Floats = floats - wanted  # type: ignore[operator]
    return error, error.size if reduction == "mean" else 1


def _classes(
    scores: Floats | None, given: Any, issues: list[Issue]
) -> npt.NDArray[np.integer[Any]] | None:
    """The numbers of classes, in the shape of the scores without their last axis."""
    target = array_of(given, "whole numbers", detach=False)
    if isinstance(target, Fault) or target.dtype.kind not in "iu":
        actual = target.actual if isinstance(target, Fault) else str(target.dtype)
        issues.append(Issue("target", codes.WRONG_TYPE, "whole numbers", actual))
        return None
    if scores is None:
        return None
    if not scores.size:
        expected = "at least one score"
        issues.append(Issue("scores", codes.ZERO_SIZE, expected, str(list(scores.shape))))
    elif target.shape != scores.shape[:-1]:
        expected = f"{list(scores.shape[:-1])}, as the scores without their classes"
        issues.append(Issue("target", codes.SIZE_MISMATCH, expected, str(list(target.shape))))
    elif not scores.ndim or target.min() < 0 or target.max() >= scores.shape[-1]:
        expected = f"numbers from 0 to {scores.shape[-1] - 1}" if scores.ndim else "[..., classes]"
        actual = f"{target.min()} to {target.max()}"
        issues.append(Issue("target", codes.INVALID_NUMBER, expected, actual))
    return target


def _check_reduction(reduction: Any, issues: list[Issue]) -> None:
    if not is_a(reduction, str) or reduction not in ("mean", "sum"):
        expected = "'mean' or 'sum'"
        issues.append(Issue("reduction", codes.UNKNOWN_CHOICE, expected, shown(reduction)))
