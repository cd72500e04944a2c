"""Arrays for the gradients of weights: the places that the weights have, and nothing shared between calls."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import _native
from bnns_lstm.module.memory import zeros
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.weight_gradients import WeightGradientsMaker

CONFIGS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"num_layers": 3, "bidirectional": True},
    {"num_layers": 2, "proj_size": 2, "bidirectional": True},
    {"num_layers": 2, "peephole": "full"},
    {"peephole": "diagonal", "coupled": "forget"},
]


@pytest.mark.parametrize("options", CONFIGS, ids=str)
def test_each_gradient_lies_where_its_weight_does(options: dict[str, Any]) -> None:
    weights = Weights.made(bl.LSTMConfig(3, 5, **options))
    made = WeightGradientsMaker(weights).make(zeros)
    assert list(made.named) == list(weights.named)
    number = 0
    for ours, theirs in zip(made.blocks_of_gates, weights.blocks_of_gates, strict=True):
        assert (ours is None) == (theirs is None)
        if theirs is not None:
            numbers = np.arange(number, number + theirs.size, dtype=np.float32)
            number += theirs.size
            assert ours.shape == theirs.shape
            ours[...] = theirs[...] = numbers.reshape(theirs.shape)
    assert number == sum(array.size for array in weights.named.values())
    for name, array in weights.named.items():
        np.testing.assert_array_equal(made.named[name], array, strict=True)


def test_gradients_of_one_call_stay_when_another_is_made() -> None:
    lstm = bl.LSTM(64, 64, seed=0)  # large enough for memory that is used again
    x = np.ones((2, 3, 64), np.float32)
    first = lstm.forward(x, training=True)
    gradients = lstm.backward(first[2], np.ones_like(first[0])).parameters
    before = {name: array.copy() for name, array in gradients.items()}
    lstm.backward(first[2], np.full_like(first[0], 2))
    for name, array in before.items():
        np.testing.assert_array_equal(gradients[name], array)
        assert np.abs(array).max() > 0


def test_a_fingerprint_tells_every_bit_and_every_place() -> None:
    arrays = np.full((3, 100), 0.5, np.float32), np.full((2, 7), 0.5, np.float32)
    found = {_native._fingerprint(arrays), _native._fingerprint((arrays[0],))}
    assert _native._fingerprint(tuple(array.copy() for array in arrays)) in found
    changes = 0
    for array in arrays:
        for place in np.ndindex(array.shape):
            array.view(np.uint32)[place] ^= 1
            found.add(_native._fingerprint(arrays))
            array.view(np.uint32)[place] ^= 1
            changes += 1
    assert len(found) == changes + 2


@pytest.mark.parametrize(
    "odd", [np.zeros((3, 4)), np.zeros((4, 3), np.float32).T, [0.0]], ids=["float64", "T", "list"]
)
def test_a_fingerprint_of_other_arrays_is_refused(odd: Any) -> None:
    with pytest.raises(TypeError, match="arrays: expected arrays of float32 in C order"):
        _native._fingerprint((odd,))
