"""Every way in which weights change is seen by the next call."""

from __future__ import annotations

from typing import Any

import bnns_lstm.torch
import pytest
import torch
from pairs import VALUES, both, loss_of, pair, results, same
from probes import X, is_at_home, output
from torch import nn


def write(lstm: Any, value: torch.Tensor) -> None:
    with torch.no_grad():
        lstm.weight_hh_l1.copy_(value)


def load(lstm: Any, value: torch.Tensor) -> None:
    lstm.load_state_dict({**lstm.state_dict(), "weight_hh_l1": value})


def assign(lstm: Any, value: torch.Tensor) -> None:
    lstm.load_state_dict({**lstm.state_dict(), "weight_hh_l1": value}, assign=True)


def replace(lstm: Any, value: torch.Tensor) -> None:
    lstm.weight_hh_l1 = nn.Parameter(value)


def replace_data(lstm: Any, value: torch.Tensor) -> None:
    lstm.weight_hh_l1.data = value


def through_numpy(lstm: Any, value: torch.Tensor) -> None:
    lstm.weight_hh_l1.detach().numpy()[...] = value.numpy()


def to_vector(lstm: Any, value: torch.Tensor) -> None:
    write(lstm, value)
    vector = nn.utils.parameters_to_vector(lstm.parameters()).detach().clone()
    nn.utils.vector_to_parameters(vector, lstm.parameters())


CHANGES = {
    "in place": write,
    "load_state_dict": load,
    "load_state_dict, assigned": assign,
    "another parameter": replace,
    "another memory": replace_data,
    ".data.copy_": lambda lstm, value: lstm.weight_hh_l1.data.copy_(value),
    "NumPy": through_numpy,
    "nn.init": lambda lstm, value: (nn.init.zeros_(lstm.weight_hh_l1), write(lstm, value)),
    "a vector": to_vector,
    "another device and back": lambda lstm, value: (write(lstm, value), lstm.half().float()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_every_change_is_seen_by_the_next_call(change: Any, again: bool) -> None:
    theirs, ours = pair(3, 4, 2)
    both((theirs, ours), X)
    for number in range(2 if again else 1):
        # Values that float16 has, for the way through another type.
        value = (torch.randn(16, 4) * (number + 1)).half().float()
        for module in (theirs, ours):
            for weight in module.parameters():
                weight.data.copy_(weight.half().float())
        before = output(ours)
        change(theirs, value.clone())
        change(ours, value.clone())
        assert not torch.equal(output(ours), before)
        with torch.no_grad():
            same(results(theirs, X), results(ours, X), VALUES)
        both((theirs, ours), X)


def test_a_change_of_one_bit_is_seen() -> None:
    """-0.0 and 0.0 are equal numbers, and NaN is none that is equal to itself."""
    lstm = bnns_lstm.torch.LSTM(3, 4)
    with torch.no_grad():
        lstm.weight_ih_l0.zero_()
    output(lstm)
    lstm.weight_ih_l0.data[0, 0] = float("nan")
    assert output(lstm).isnan().any()
    lstm.weight_ih_l0.data[0, 0] = 0.5
    assert not output(lstm).isnan().any()


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop], ids=str)
def test_optimisers_are_seen_without_a_word(make: Any) -> None:
    modules = pair(3, 4, 2)
    optimizers = [make(module.parameters(), lr=0.05) for module in modules]
    for _ in range(4):
        with torch.no_grad():
            same(results(modules[0], X), results(modules[1], X), 1e-4)
        for module, optimizer in zip(modules, optimizers, strict=True):
            optimizer.zero_grad()
            loss_of(results(module, X)).backward()
            optimizer.step()
    assert is_at_home(modules[1])
