"""Copies, pickles and files of modules."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import bnns_lstm.torch
import pytest
import torch
from pairs import gradients, same
from probes import X, is_at_home, output
from torch import nn


def through_pickle(lstm: Any) -> Any:
    return pickle.loads(pickle.dumps(lstm))


def through_file(lstm: Any) -> Any:
    file = io.BytesIO()
    torch.save(lstm, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("way", [copy.deepcopy, through_pickle, through_file])
def test_copies_are_equal_and_have_weights_of_their_own(way: Callable[[Any], Any]) -> None:
    lstm = bnns_lstm.torch.LSTM(
        3, 4, 2, peephole="diagonal", activations={"input": bl.Activation.elu(0.5)}
    )
    lstm.eval().weight_hh_l0.requires_grad_(requires_grad=False)
    before = output(lstm)
    twin = way(lstm)
    assert repr(twin) == repr(lstm)
    assert not twin.training
    assert not twin.weight_hh_l0.requires_grad
    assert torch.equal(output(twin), before)
    assert is_at_home(twin)
    assert is_at_home(lstm)
    with torch.no_grad():
        twin.weight_hh_l1.add_(1)
    assert torch.equal(output(lstm), before)
    assert not torch.equal(output(twin), before)
    same(gradients(twin, X), gradients(way(twin), X), 0)


def test_a_copy_after_a_training_call_and_one_of_a_model() -> None:
    model = nn.Sequential(bnns_lstm.torch.LSTM(3, 4))
    model[0](X)[0].sum().backward()
    twin = copy.deepcopy(model)
    assert torch.equal(output(twin[0]), output(model[0]))


def test_a_shallow_copy_shares_the_parameters() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    twin = copy.copy(lstm)
    assert twin.weight_hh_l0 is lstm.weight_hh_l0
    with torch.no_grad():
        lstm.weight_hh_l0.add_(1)
    assert torch.equal(output(twin), output(lstm))
    assert is_at_home(lstm)
    assert is_at_home(twin)


def test_a_saved_state_dict_holds_each_weight_once(tmp_path: Path) -> None:
    lstm = bnns_lstm.torch.LSTM(3, 64)
    path = tmp_path / "weights.pt"
    torch.save(lstm.state_dict(), path)
    assert path.stat().st_size < 1.2 * 4 * sum(p.numel() for p in lstm.parameters()) + 8192
    fresh = bnns_lstm.torch.LSTM(3, 64)
    fresh.load_state_dict(torch.load(path, weights_only=True))
    assert torch.equal(output(fresh), output(lstm))
