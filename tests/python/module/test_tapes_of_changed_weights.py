"""A tape belongs to the weights of its training call."""

from __future__ import annotations

import pickle
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest

X = np.random.default_rng(4).normal(size=(5, 2, 3)).astype(np.float32)


def lstm_of(seed: int = 0, **config: Any) -> bl.LSTM:
    return bl.LSTM(3, 4, 2, bidirectional=True, peephole="full", seed=seed, **config)


def assert_refused(lstm: bl.LSTM, tape: Any, dy: Any) -> None:
    before = lstm.state_dict()
    with pytest.raises(bl.ArgumentError, match="call forward again, or put") as caught:
        lstm.backward(tape, dy)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("tape", "changed_weights")
    ]
    for name, array in lstm.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def assert_same(found: bl.Gradients, wanted: bl.Gradients) -> None:
    np.testing.assert_array_equal(found.input, wanted.input)
    for name, array in wanted.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], array)


@pytest.mark.parametrize(("proj_size", "count"), [(0, 20), (2, 24)])
def test_each_weight_counts_and_restored_weights_are_taken(proj_size: int, count: int) -> None:
    lstm = lstm_of(proj_size=proj_size)
    y, _, tape = lstm.forward(X, training=True)
    wanted = lstm.backward(tape, y)
    views = dict(lstm.parameters)
    assert len(views) == count
    for view in views.values():
        for index in (0, view.size // 2, -1):
            # A view that is kept: nobody says `update`.
            before = view.flat[index]
            view.flat[index] = before + 0.5
            assert_refused(lstm, tape, y)
            view.flat[index] = before
        assert_same(lstm.backward(tape, y), wanted)
        assert view.flags.writeable


def test_a_step_of_training_needs_a_new_tape() -> None:
    lstm = lstm_of()
    y, _, tape = lstm.forward(X, training=True)
    slopes = lstm.backward(tape, y).parameters
    for name, view in lstm.parameters.items():
        view[...] -= np.float32(1e-3) * slopes[name]
    lstm.update()
    assert_refused(lstm, tape, y)
    y, _, tape = lstm.forward(X, training=True)
    lstm.backward(tape, y)


def test_assigned_and_loaded_weights_are_changed_ones() -> None:
    lstm, other = lstm_of(), lstm_of(seed=1)
    y, _, tape = lstm.forward(X, training=True)
    own = lstm.state_dict()
    lstm.parameters["bias_hh_l1"] = other.parameters["bias_hh_l1"]
    assert_refused(lstm, tape, y)
    lstm.load_state_dict(other.state_dict())
    assert_refused(lstm, tape, y)
    lstm.load_state_dict(own)
    lstm.backward(tape, y)


def test_a_tape_of_another_lstm_is_one_of_other_weights() -> None:
    lstm = lstm_of()
    y, _, tape = lstm.forward(X, training=True)
    wanted = lstm.backward(tape, y)
    assert_refused(lstm_of(seed=1), tape, y)
    # The same weights in another LSTM, and a tape with copies of the weights.
    copied = pickle.loads(pickle.dumps(tape))
    assert_same(lstm_of().backward(copied, y), wanted)
    lstm.parameters["weight_hh_l0"][0, 0] += 1
    assert_refused(lstm, copied, y)
    assert_same(lstm_of().backward(tape, y), wanted)


def test_without_biases() -> None:
    lstm = lstm_of(bias=False)
    y, _, tape = lstm.forward(X, training=True)
    lstm.backward(tape, y)
    lstm.parameters["weight_ch_l0"][0, 0] += 1
    assert_refused(lstm, tape, y)


def test_what_else_is_wrong_with_a_cache_is_said_of_the_tape() -> None:
    lstm = lstm_of()
    y, _, tape = lstm.forward(X, training=True)
    tape.cache[:64] = 0
    with pytest.raises(bl.ArgumentError, match=r"tape: .*\[cache_not_filled\]"):
        lstm.backward(tape, y)
