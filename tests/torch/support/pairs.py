"""PyTorch's LSTM and ours with the same weights, and what both give for the same tensors.

In: the arguments of a constructor, tensors. Out: results and gradients by name. Tolerances are those of
float32: both sum in orders of their own.
"""

from __future__ import annotations

import warnings
from typing import Any

import bnns_lstm.torch
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

VALUES, GRADIENTS = 2e-6, 3e-5


def pair(*sizes: int, **options: Any) -> tuple[nn.LSTM, bnns_lstm.torch.LSTM]:
    """Theirs and ours; weights larger than PyTorch's initial ones, so that gates are not all half open."""
    theirs, ours = nn.LSTM(*sizes, **options), bnns_lstm.torch.LSTM(*sizes, **options)
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.mul_(1.7)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def results(module: Any, x: Any, hx: Any = None) -> dict[str, Tensor]:
    """Output and states of a call."""
    with warnings.catch_warnings():  # of oneDNN, which has no projections
        warnings.filterwarnings("ignore", "LSTM with projections is not supported")
        y, (h, c) = module(x, hx)
    return {"y": y.data if isinstance(y, PackedSequence) else y, "h": h, "c": c}


def loss_of(found: dict[str, Tensor]) -> Tensor:
    """A number to which every element of every result adds with a factor of its own."""
    total = torch.zeros(())
    for number, value in enumerate(found.values()):
        generator = torch.Generator().manual_seed(number)
        factors = torch.randn(value.shape, generator=generator)
        total = total + (factors * value).sum() + 0.5 * (value * value).sum()
    return total


def gradients(module: Any, x: Any, hx: Any = None) -> dict[str, Tensor]:
    """Results of a training call, and gradients of all that it was given, by name."""
    module.zero_grad()
    data = (x.data if isinstance(x, PackedSequence) else x).clone().requires_grad_()
    given = x._replace(data=data) if isinstance(x, PackedSequence) else data
    state = None if hx is None else tuple(each.clone().requires_grad_() for each in hx)
    found = results(module, given, state)
    loss_of(found).backward()
    found |= {"dx": data.grad}
    if state is not None:
        found |= {"dh": state[0].grad, "dc": state[1].grad}
    return found | {
        f"d{name}": weight.grad
        for name, weight in module.named_parameters()
        if weight.requires_grad
    }


def same(theirs: dict[str, Tensor], ours: dict[str, Tensor], tolerance: float) -> None:
    """Assert that both have the same names, shapes and values, and that not all of these are 0."""
    assert theirs.keys() == ours.keys()
    for name, value in theirs.items():
        assert ours[name].shape == value.shape, name
        assert ours[name].dtype == value.dtype, name
        scale = max(1.0, float(value.detach().abs().max())) if value.numel() else 1.0
        torch.testing.assert_close(
            ours[name],
            value,
            rtol=0,
            atol=tolerance * scale,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    assert theirs["y"].abs().max() > 0


def both(modules: tuple[Any, Any], x: Any, hx: Any = None) -> None:
    """Assert that two modules give the same, without and with gradients."""
    theirs, ours = modules
    with torch.no_grad():
        expected = results(theirs, x, hx)
        for _ in range(2):  # the first call of a shape, and one that finds it prepared
            same(expected, results(ours, x, hx), VALUES)
    same(gradients(theirs, x, hx), gradients(ours, x, hx), GRADIENTS)
