"""Dropout between layers: seeds from PyTorch's generator, masks, evaluation."""

from __future__ import annotations

import copy

import bnns_lstm as bl
import bnns_lstm.torch
import numpy as np
import pytest
import torch
from pairs import GRADIENTS, VALUES, gradients, pair, results, same
from torch.nn.utils.rnn import pack_sequence


def made() -> bnns_lstm.torch.LSTM:
    return bnns_lstm.torch.LSTM(3, 16, 2, dropout=0.5)


def test_manual_seed_repeats_a_run() -> None:
    lstm, x = made(), torch.randn(5, 2, 3)
    runs = []
    for _ in range(2):
        torch.manual_seed(11)
        runs.append([lstm(x)[0].detach() for _ in range(3)])
    for first, second in zip(*runs, strict=True):
        assert torch.equal(first, second)
    # Masks differ from call to call, and from seed to seed.
    assert not torch.equal(runs[0][0], runs[0][1])
    torch.manual_seed(12)
    assert not torch.equal(lstm(x)[0], runs[0][0])


def test_the_mask_is_that_of_the_seed_that_was_drawn() -> None:
    lstm, x = made(), torch.randn(5, 2, 3)
    torch.manual_seed(13)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    torch.manual_seed(13)
    y = lstm(x)[0]
    twin = bl.LSTM.from_torch(lstm)
    expected, _, _ = twin.forward(x.numpy(), training=True, dropout_seed=seed)
    np.testing.assert_array_equal(y.detach().numpy(), expected)


def test_evaluation_drops_nothing() -> None:
    theirs, ours = pair(3, 16, 2, dropout=0.5)
    x = torch.randn(5, 2, 3)
    with torch.no_grad():
        same(results(theirs.eval(), x), results(ours.eval(), x), VALUES)
        trained = ours.train()(x)[0]
        assert not torch.equal(trained, ours.eval()(x)[0])
        # Without a graph, training mode drops all the same.
        torch.manual_seed(1)
        first = ours.train()(x)[0]
        torch.manual_seed(1)
    assert torch.equal(ours(x)[0], first)


def test_nothing_is_drawn_where_nothing_is_dropped() -> None:
    x = torch.randn(5, 2, 3)
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last"):
        single = bnns_lstm.torch.LSTM(3, 4, dropout=0.5)
    for lstm in (bnns_lstm.torch.LSTM(3, 4, 2), single, made().eval()):
        state = torch.get_rng_state()
        lstm(x)
        assert torch.equal(torch.get_rng_state(), state)
    made_lstm = made()
    state = torch.get_rng_state()
    made_lstm(x)
    assert not torch.equal(torch.get_rng_state(), state)


def test_gradients_are_those_of_the_dropped_pass() -> None:
    """The same mask put between two layers of PyTorch's gives the same gradients."""
    lower, _ = pair(3, 16)
    upper, _ = pair(16, 16)
    lstm = made()
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(lstm, f"{name}_l0").copy_(getattr(lower, f"{name}_l0"))
            getattr(lstm, f"{name}_l1").copy_(getattr(upper, f"{name}_l0"))
    x = torch.randn(5, 2, 3)
    torch.manual_seed(17)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    torch.manual_seed(17)
    found = gradients(lstm, x)
    params = bl.LSTM.from_torch(lstm).layer_parameters(x.numpy())
    mask = torch.from_numpy(bl.dropout_mask(params, bl.FilterParameters(seed=seed)))
    assert set(mask.unique().tolist()) == {0.0, 2.0}

    class Chain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lower, self.upper = lower, upper

        def forward(self, given, _):
            below, (h, c) = self.lower(given)
            above, (hn, cn) = self.upper(below * mask[0])
            return above, (torch.cat([h, hn]), torch.cat([c, cn]))

    expected = gradients(Chain(), x)
    renamed = {
        name.replace("dlower.", "d").replace("_l0", "_l1" if "upper" in name else "_l0")
        .replace("dupper.", "d"): value
        for name, value in expected.items()
    }  # fmt: skip
    same(renamed, found, GRADIENTS)


def test_packed_sequences_drop_too() -> None:
    lstm = made()
    x = pack_sequence([torch.randn(4, 3), torch.randn(2, 3)])
    torch.manual_seed(1)
    first = lstm(x)[0].data
    second = lstm(x)[0].data
    torch.manual_seed(1)
    assert torch.equal(lstm(x)[0].data, first)
    assert not torch.equal(first, second)


def test_dropout_may_be_changed_as_an_attribute() -> None:
    lstm, x = made(), torch.randn(5, 2, 3)
    lstm.dropout = 0.0
    assert torch.equal(lstm(x)[0], copy.deepcopy(lstm).eval()(x)[0])
    lstm.dropout = 1.0
    with pytest.raises(bnns_lstm.torch.TensorError, match=r"dropout: expected a ratio in \[0, 1\)"):
        lstm(x)
    with pytest.raises(bl.ArgumentError, match="invalid_dropout"):
        bnns_lstm.torch.LSTM(3, 4, 2, dropout=1.0)
