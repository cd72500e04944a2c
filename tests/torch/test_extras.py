"""Peepholes and functions per gate, which PyTorch has not: values and gradients of `bl.LSTM`."""

from __future__ import annotations

import copy
from typing import Any

import bnns_lstm as bl
import bnns_lstm.torch
import numpy as np
import pytest
import torch

OPTIONS: list[dict[str, Any]] = [
    {"peephole": "diagonal"},
    {"peephole": "full", "bidirectional": True, "num_layers": 2},
    {"activations": {"input": "hard_sigmoid", "candidate": bl.Activation.elu(0.7)}},
    {"peephole": "diagonal", "activations": {"hidden": "relu"}, "proj_size": 2, "num_layers": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
@pytest.mark.parametrize("batch_first", [False, True])
def test_values_and_gradients(options: dict[str, Any], batch_first: bool) -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, batch_first=batch_first, **options)
    twin = bl.LSTM.from_torch(lstm)
    assert twin.config == lstm.config
    x = torch.randn(5, 2, 3, requires_grad=True)
    y, (h, c) = lstm(x)
    expected, state, tape = twin.forward(x.detach().numpy(), training=True)
    for found, wanted in zip((y, h, c), (expected, *state), strict=True):
        np.testing.assert_array_equal(found.detach().numpy(), wanted)
    with torch.no_grad():
        np.testing.assert_array_equal(lstm(x)[0].numpy(), expected)

    dy, dh, dc = (torch.randn(each.shape) for each in (y, h, c))
    torch.autograd.backward((y, h, c), (dy, dh, dc))
    gradients = twin.backward(tape, dy.numpy(), (dh.numpy(), dc.numpy()))
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), gradients.input)
    named = dict(lstm.named_parameters())
    assert named.keys() == gradients.parameters.keys()
    for name, wanted in gradients.parameters.items():
        assert named[name].grad is not None
        np.testing.assert_array_equal(named[name].grad.numpy(), wanted, err_msg=name)
        assert wanted.any(), name


def test_peepholes_are_parameters_as_others() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, 2, peephole="diagonal", bidirectional=True)
    names = [name for name, _ in lstm.named_parameters() if "_ch_" in name]
    assert names == [
        *("weight_ch_l0", "weight_ch_l0_reverse", "weight_ch_l1", "weight_ch_l1_reverse"),
    ]
    assert lstm.weight_ch_l0.shape == (16,)
    fresh = bnns_lstm.torch.LSTM(3, 4, 2, peephole="diagonal", bidirectional=True)
    fresh.load_state_dict(lstm.state_dict())
    x = torch.randn(5, 2, 3)
    assert torch.equal(fresh(x)[0], lstm(x)[0])
    with torch.no_grad():
        before = lstm(x)[0]
        lstm.weight_ch_l1_reverse.add_(1)
        assert not torch.equal(lstm(x)[0], before)


def test_peepholes_learn_to_tell_time() -> None:
    """A loss that only peepholes can lower: everything else is frozen."""
    lstm = bnns_lstm.torch.LSTM(3, 4, peephole="diagonal")
    x, wanted = torch.randn(9, 2, 3), torch.rand(9, 2, 4) - 0.5
    for name, weight in lstm.named_parameters():
        weight.requires_grad_("_ch_" in name)
    optimizer = torch.optim.Adam([lstm.weight_ch_l0], lr=0.1)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (lstm(x)[0] - wanted).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.97 * losses[0]


def test_functions_may_not_be_changed_behind_a_modules_back() -> None:
    functions = {"input": "hard_sigmoid"}
    lstm = bnns_lstm.torch.LSTM(3, 4, activations=functions)
    functions["input"] = "relu"
    assert lstm.activations == {"input": "hard_sigmoid"}
    assert copy.deepcopy(lstm).config == lstm.config
