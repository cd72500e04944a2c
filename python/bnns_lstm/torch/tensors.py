"""Tensors as arrays.

In: whatever a caller gave for a tensor. Out: a NumPy array over the tensor's own memory, or a finding that
names it. It knows no shapes: those are compared by PyTorch's own checks.
"""

from __future__ import annotations

from typing import Any

import torch

from bnns_lstm import codes
from bnns_lstm._look import attempt, reason
from bnns_lstm.errors import Issue
from bnns_lstm.typing import Floats

__all__ = ["array", "check", "is_half", "is_plain", "pair_of", "tensor_of"]

PLAIN = frozenset({torch.Tensor, torch.nn.Parameter})


def check(given: Any, path: str, issues: list[Issue]) -> None:
    """A finding for what is no tensor of float32 that lies in the memory of the CPU."""
    # The usual ones at once: the rest would be a good part of a small call.
    if is_plain(given):
        return
    if not isinstance(given, torch.Tensor):
        issues.append(Issue(path, codes.WRONG_TYPE, "a torch.Tensor", type(given).__name__))
        return
    if given.device.type != "cpu":
        expected, actual = "a tensor on the CPU: no other device is computed on", str(given.device)
        issues.append(Issue(path, codes.UNSUPPORTED_HERE, expected, actual))
    if given.dtype != torch.float32:
        expected = f"torch.float32, the only type that is computed ({path}.to(torch.float32))"
        issues.append(Issue(path, codes.UNSUPPORTED_DATA_TYPE, expected, str(given.dtype)))
    if given.layout != torch.strided:
        issues.append(Issue(path, codes.UNSUPPORTED_LAYOUT, "torch.strided", str(given.layout)))
    if any(issue.path == path for issue in issues):
        return
    # Fake tensors and those of several machines have no memory of their own.
    found = attempt(lambda: array(given))
    if isinstance(found, Exception):
        expected, actual = "a tensor with memory", f"{type(given).__name__} ({reason(found)})"
        issues.append(Issue(path, codes.UNSUPPORTED_HERE, expected, actual))


def is_plain(given: Any) -> bool:
    """Whether this is just a tensor, or a parameter, whose memory is that of the CPU, of float32."""
    if type(given) not in PLAIN:
        return False
    # Comparisons of objects: enumerations of PyTorch's are there once.
    return given.is_cpu and given.dtype is torch.float32 and given.layout is torch.strided


def array(tensor: torch.Tensor) -> Floats:
    """A tensor's memory as an array; a copy where it stands for other numbers."""
    # The usual one at once: of a small call, a view of PyTorch's is a good part.
    if not tensor.requires_grad and type(tensor) is torch.Tensor and not tensor.is_neg():
        plain: Floats = tensor.numpy()
        return plain
    # A view of conjugated numbers may stand for the negative ones of its memory.
    found: Floats = tensor.detach().resolve_neg().numpy()
    return found


def tensor_of(floats: Floats) -> torch.Tensor:
    """An array's memory as a tensor."""
    return torch.from_numpy(floats)


def is_half(tensor: object) -> bool:
    """Whether it has a type that autocast makes of float32."""
    return isinstance(tensor, torch.Tensor) and tensor.dtype in (torch.float16, torch.bfloat16)


def pair_of(given: Any, issues: list[Issue]) -> tuple[Any, Any] | None:
    """The two initial states; None where there are none, or what was given is no pair."""
    if given is None:
        return None
    if isinstance(given, tuple | list) and len(given) == 2:
        return given[0], given[1]
    is_sequence = isinstance(given, tuple | list)
    actual = f"{len(given)} of them" if is_sequence else type(given).__name__
    issues.append(Issue("hx", codes.WRONG_TYPE, "a pair of tensors (h_0, c_0), or None", actual))
    return None
