"""The memory of training caches: used again when nobody holds it, and never before."""

from __future__ import annotations

import bnns_lstm as bl
import numpy as np
from bnns_lstm.module.memory import Spare


def test_steps_of_a_training_loop_take_turns_with_two_caches() -> None:
    lstm = bl.LSTM(3, 8, seed=0)
    x = np.ones((5, 2, 3), np.float32)
    places = []
    for _ in range(6):
        y, _, tape = lstm.forward(x, training=True)
        lstm.backward(tape, np.ones_like(y))
        places.append(tape.cache.ctypes.data)
    assert len(set(places)) == 2
    assert places[2:] == places[:-2]


def test_a_tape_and_views_of_its_cache_keep_what_they_hold() -> None:
    lstm = bl.LSTM(3, 8, seed=0)
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    y, _, tape = lstm.forward(x, training=True)
    first = lstm.backward(tape, np.ones_like(y))
    part = lstm.forward(-x, training=True)[2].cache[64:128]
    held = part.copy()
    for _ in range(4):
        lstm.forward(x + 1, training=True)
    assert np.array_equal(part, held)
    again = lstm.backward(tape, np.ones_like(y))
    assert np.array_equal(again.input, first.input)


def test_another_size_is_other_memory() -> None:
    spare = Spare()
    place = spare.take(64).ctypes.data
    assert len(spare.kept) == 1
    same = spare.take(64)
    assert same.ctypes.data == place
    assert same.flags.writeable
    assert not spare.kept
    del same
    assert spare.take(65).size == 65
