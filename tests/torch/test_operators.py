"""No operator of PyTorch's touches a value: its threads would spin on processors that threads of ours need."""

from __future__ import annotations

from typing import Any

import bnns_lstm.torch
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.utils._python_dispatch import TorchDispatchMode

# What gives the same memory by another name.
NAMES = frozenset(
    "aten::" + name
    for name in (
        "detach", "lift_fresh", "resolve_conj", "resolve_neg", "squeeze", "to", "transpose", "unsqueeze",
    )
)  # fmt: skip


class Operators(TorchDispatchMode):
    """The operators that were called, other than those of :data:`NAMES`, and those of counts and orders."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        is_copy = given.get("copy", False) or given.get("dtype", torch.float32) != torch.float32
        tensors = [each for each in args if isinstance(each, torch.Tensor)]
        counts = tensors != [] and all(each.dtype == torch.int64 for each in tensors)
        if not counts and (operator._schema.name not in NAMES or is_copy):
            self.found.append(str(operator))
        return operator(*args, **given)


def sequence(lengths: list[int]) -> PackedSequence:
    padded = torch.randn(max(lengths), len(lengths), 5)
    return pack_padded_sequence(padded, torch.tensor(lengths), enforce_sorted=False)


INPUTS = {
    "dense": ({}, lambda: torch.randn(6, 4, 5)),
    "batch first": ({"batch_first": True}, lambda: torch.randn(4, 6, 5)),
    "both directions": ({"bidirectional": True, "num_layers": 2}, lambda: torch.randn(6, 4, 5)),
    "packed": ({}, lambda: sequence([6, 4, 4, 1])),
    "packed, in another order": ({}, lambda: sequence([1, 4, 6, 4])),
    "packed, all as long": ({}, lambda: sequence([6, 6, 6, 6])),
}


def test_the_operators_of_pytorchs_own_way_are_seen() -> None:
    with Operators() as operators, torch.no_grad():
        torch.nn.LSTM(5, 8)(sequence([6, 4, 4, 1]))
    assert operators.found


@pytest.mark.parametrize(("options", "make"), INPUTS.values(), ids=INPUTS.keys())
def test_no_call_has_pytorch_compute_something(options: dict[str, Any], make: Any) -> None:
    lstm = bnns_lstm.torch.LSTM(5, 8, **options)
    stack = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    x = make()
    hx = torch.randn(stack, 4, 8), torch.randn(stack, 4, 8)
    for state in (None, hx):
        with Operators() as operators, torch.no_grad():
            y, _ = lstm(x, state)
        assert operators.found == []
        values = y.data if isinstance(y, PackedSequence) else y
        assert values.abs().max() > 0

        wanted = list(lstm.parameters())
        slopes = torch.randn(values.shape)
        with Operators() as operators:
            y, (h, _) = lstm(x, state)
            outputs = (y.data if isinstance(y, PackedSequence) else y), h
            found = torch.autograd.grad(outputs, wanted, (slopes, hx[0]))
        assert operators.found == []
        assert all(slope.abs().max() > 0 for slope in found)
