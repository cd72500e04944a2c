"""What `bnns_lstm.torch` raises, and how findings are written there."""

from __future__ import annotations

from bnns_lstm import codes
from bnns_lstm.errors import ArgumentError, Issue

__all__ = ["TensorError", "refuse", "unsupported"]


class TensorError(ArgumentError, RuntimeError):
    """Tensors, or a use of the module, that cannot be computed. Nothing was computed.

    PyTorch raises `RuntimeError` where tensors do not fit, and `ValueError` where one has the wrong type: this
    is both.

    Attributes:
        issues: All faults, each with the name of the argument or parameter as its path; never empty.

    Example:
        >>> import bnns_lstm.torch, torch
        >>> try:
        ...     bnns_lstm.torch.LSTM(3, 4)(torch.zeros(5, 2, 3, dtype=torch.float64))
        ... except bnns_lstm.torch.TensorError as error:
        ...     print(error.issues[0].path, error.issues[0].code)
        input unsupported_data_type
    """


def refuse(issues: list[Issue]) -> None:
    """Raise what was found, if anything was.

    Raises:
        TensorError: With all of it.
    """
    if issues:
        raise TensorError(tuple(issues))


def unsupported(path: str, expected: str, actual: str) -> TensorError:
    """The error of one use that is not there."""
    return TensorError((Issue(path, codes.UNSUPPORTED_HERE, expected, actual),))
