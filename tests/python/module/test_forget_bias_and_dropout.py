"""`forget_bias` where there are no biases, and `dropout` where there is nothing between layers."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import bnns_lstm as bl
import numpy as np
import pytest


def test_a_forget_bias_without_biases_is_refused() -> None:
    with pytest.raises(bl.ArgumentError, match="forget_bias: expected 0 with bias=False") as caught:
        bl.LSTM(3, 4, bias=False, forget_bias=1.0)
    assert [issue.path for issue in caught.value.issues] == ["forget_bias"]
    assert not bl.LSTM(3, 4, bias=False, forget_bias=0.0).config.bias


def test_dropout_with_one_layer_warns_where_the_lstm_is_made() -> None:
    with pytest.warns(
        UserWarning, match="dropout=0.5 has no effect: it acts between layers"
    ) as found:
        lstm = bl.LSTM(3, 4, dropout=0.5, seed=0)
    assert [warning.filename for warning in found] == [__file__]
    assert lstm.config.dropout == 0.5
    bl.LSTM(3, 4, 2, dropout=0.5)
    bl.LSTM(3, 4, dropout=0.0)


def test_what_takes_over_dropout_of_one_layer_does_not_warn(tmp_path: Path) -> None:
    """Nobody has asked for it there: the value is kept as the source has it."""
    with pytest.warns(UserWarning, match="dropout"):
        lstm = bl.LSTM(3, 4, dropout=0.5, seed=0)
    x = np.ones((2, 1, 3), np.float32)
    lstm.save(tmp_path / "lstm.safetensors")
    source = SimpleNamespace(
        mode="LSTM", batch_first=False, dropout=0.5, proj_size=0, state_dict=lstm.state_dict
    )
    others = [
        bl.LSTM.load(tmp_path / "lstm.safetensors"),
        bl.LSTM.from_torch(source),
        bl.LSTM.from_layer_parameters(lstm.layer_parameters(x)),
        copy.deepcopy(lstm),
        pickle.loads(pickle.dumps(lstm)),
    ]
    for other in others:
        assert other.config == lstm.config
        np.testing.assert_array_equal(other(x)[0], lstm(x)[0])
