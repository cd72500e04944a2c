"""Gradients that are too long are shortened. In: gradients. Out: their norm, and themselves, in place."""

from __future__ import annotations

import math

import numpy as np

from bnns_lstm import codes
from bnns_lstm.errors import ArgumentError, ComputeError, Issue
from bnns_lstm.optim.numbers import number
from bnns_lstm.optim.weights import GradientsLike, Trained
from bnns_lstm.typing import Floats

__all__ = ["clip_grad_norm_"]


def clip_grad_norm_(
    gradients: GradientsLike, max_norm: float, *, error_if_nonfinite: bool = False
) -> float:
    """Shorten gradients in place to a norm of `max_norm`, if that of all of them together is larger.

    As `torch.nn.utils.clip_grad_norm_`, but for the 1e-6 that PyTorch adds to the norm before it divides.

    Args:
        gradients: What `backward` gives, a mapping of names to arrays, or a list of these.
        max_norm: The largest norm.
        error_if_nonfinite: Refuse a norm that is infinite or NaN. Otherwise gradients are multiplied by 0 or
            by NaN then.

    Returns:
        The norm that they had.

    Raises:
        ArgumentError: With every argument that is wrong.
        ComputeError: With `error_if_nonfinite`, if the norm is infinite or NaN; nothing was changed then.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> gradients = {"w": np.array([3, 4], np.float32)}
        >>> bl.optim.clip_grad_norm_(gradients, 1.0), gradients["w"].tolist()
        (5.0, [0.6000000238418579, 0.800000011920929])
    """
    issues: list[Issue] = []
    limit = number("max_norm", max_norm, issues)
    if not isinstance(error_if_nonfinite, bool):
        actual = type(error_if_nonfinite).__name__
        issues.append(Issue("error_if_nonfinite", codes.WRONG_TYPE, "True or False", actual))
    arrays: list[Floats] = []
    try:
        arrays = list(Trained(gradients, "gradients").named.values())
    except ArgumentError as error:
        issues = [*error.issues, *issues]
    if issues:
        raise ArgumentError(tuple(issues))
    norm = math.hypot(*map(_norm, arrays))
    if error_if_nonfinite and not math.isfinite(norm):
        raise ComputeError(f"the norm of the gradients is {norm}, and no factor makes it finite")
    if not norm <= limit:  # NaN is neither: it goes into every gradient, as PyTorch has it
        for array in arrays:
            np.multiply(array, np.float32(limit / norm), out=array)
    return norm


def _norm(array: Floats) -> float:
    """The norm of one array; in float64 where its square is beyond float32."""
    with np.errstate(over="ignore"):
        norm = float(np.sqrt(np.sum(array * array)))
    return norm if math.isfinite(norm) else float(np.linalg.norm(array.astype(np.float64)))
