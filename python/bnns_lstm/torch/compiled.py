"""PyTorch's compilers and tracers.

In: a function of a module. Out: the same, which `torch.compile` does not look into; or the refusal of whoever
would record tensors instead of computing them. It knows nothing of LSTMs.

`torch.compile` breaks its graph at such a call and goes on behind it. Its machinery is not imported for that:
only where somebody has imported it can anything be compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import signature
from typing import Any

import torch

from bnns_lstm.torch.errors import TensorError, unsupported

__all__ = ["refuse_tracing", "scripting", "undisturbed"]

# Functions that `torch.compile` leaves alone, by the functions that it would look into.
DISABLED: dict[Callable[..., Any], Callable[..., Any]] = {}
WAY = "torch.nn.LSTM there, or bnns_lstm's own formats (LSTM.to_onnx)"


def undisturbed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that `torch.compile` takes as it is."""
    if "torch._dynamo" not in sys.modules:
        return function
    if function not in DISABLED:
        # Of version 2.7 on, the reason stands in PyTorch's messages.
        has_reason = "reason" in signature(torch.compiler.disable).parameters
        why = {"reason": _found("a graph")} if has_reason else {}
        DISABLED[function] = torch.compiler.disable(function, **why)
    return DISABLED[function]


def _nothing() -> None:
    """What a function of PyTorch's says that not all of its versions have."""


# Asked in each call.
_IS_EXPORTING = getattr(torch.compiler, "is_exporting", _nothing)
_TRANSFORM = getattr(getattr(torch._C, "_functorch", None), "peek_interpreter_stack", _nothing)


def refuse_tracing() -> None:
    """Refuse to be recorded: a record of this call could be neither saved nor run elsewhere.

    Raises:
        TensorError: Within `torch.export`, `torch.jit.trace` and the transforms of `torch.func`.
    """
    if _IS_EXPORTING():
        raise unsupported("torch.export", WAY, _found("a program"))
    if torch.jit.is_tracing():
        raise unsupported("torch.jit.trace", WAY, _found("a trace"))
    if _TRANSFORM() is not None:
        expected = "backward() or torch.autograd.grad(), or torch.nn.LSTM"
        raise unsupported("torch.func", expected, _found("a transform"))


def scripting() -> TensorError:
    """The refusal of `torch.jit.script`."""
    return unsupported("torch.jit.script", WAY, _found("a script"))


def _found(what: str) -> str:
    return f"bnns_lstm.torch.LSTM, which {what} cannot contain: it computes outside of PyTorch"
