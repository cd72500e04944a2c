"""PyTorch's compilers and tracers.

In: a function of a module. Out: the same, which `torch.compile` does not look into; or the refusal of whoever
would record tensors instead of computing them. It knows nothing of LSTMs.

`torch.compile` breaks its graph at such a call and goes on behind it. Its machinery is not imported for that:
only where somebody has imported it can anything be compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from bnns_lstm.torch.errors import TensorError, unsupported

__all__ = ["refuse_tracing", "scripting", "undisturbed"]

WAY = "torch.nn.LSTM there, or bnns_lstm's own formats (LSTM.to_onnx)"


def undisturbed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that `torch.compile` takes as it is."""
    return function if "torch._dynamo" not in sys.modules else _disabled(function)


@cache
def _disabled(function: Callable[..., Any]) -> Callable[..., Any]:
    found: Callable[..., Any] = torch.compiler.disable(function)
    return found


def refuse_tracing() -> None:
    """Refuse to be recorded: a record of this call could be neither saved nor run elsewhere.

    Raises:
        TensorError: Within `torch.export` and `torch.jit.trace`.
    """
    exporting: Callable[[], bool] | None = getattr(torch.compiler, "is_exporting", None)
    if exporting is not None and exporting():
        raise unsupported("torch.export", WAY, _found("a program"))
    if torch.jit.is_tracing():
        raise unsupported("torch.jit.trace", WAY, _found("a trace"))


def scripting() -> TensorError:
    """The refusal of `torch.jit.script`."""
    return unsupported("torch.jit.script", WAY, _found("a script"))


def _found(what: str) -> str:
    return f"bnns_lstm.torch.LSTM, which {what} cannot hold: it computes outside of PyTorch"
