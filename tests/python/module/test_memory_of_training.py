"""What training calls hold: tapes nothing that is planned, an LSTM little, and no copy that nobody needs."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import _native
from bnns_lstm.module.recent import KEPT


class Watched:
    """Stands for what was prepared: a weak reference to that itself is not possible."""

    def __init__(self, prepared: Any) -> None:
        self.prepared = prepared

    def __getattr__(self, name: str) -> Any:
        return getattr(self.prepared, name)


def watch(monkeypatch: pytest.MonkeyPatch, name: str) -> weakref.WeakSet[Watched]:
    """All that a function of the native module prepares from now on, while it is there."""
    alive: weakref.WeakSet[Watched] = weakref.WeakSet()
    prepare = getattr(_native, name)

    def watched(*arguments: Any) -> Watched:
        found = Watched(prepare(*arguments))
        alive.add(found)
        return found

    monkeypatch.setattr(_native, name, watched)
    return alive


def test_a_tape_keeps_nothing_that_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, gradients = (
        watch(monkeypatch, name) for name in ("prepare_training", "prepare_gradients")
    )
    lstm = bl.LSTM(3, 4, seed=0)
    x = np.random.default_rng(0).normal(size=(20, 2, 3)).astype(np.float32)
    found = []
    for length in range(1, 13):
        y, state, tape = lstm.forward(x, lengths=[length, 20], training=True)
        found.append((tape, y, lstm.backward(tape, y)))
        lstm.backward(tape, y, state)
    gc.collect()
    assert len(calls) == len(gradients) == KEPT
    for tape, y, wanted in found:
        again = lstm.backward(tape, y)
        np.testing.assert_array_equal(again.input, wanted.input)
        for name, array in wanted.parameters.items():
            np.testing.assert_array_equal(again.parameters[name], array)
    gc.collect()
    assert len(calls) == len(gradients) == KEPT


def test_one_structure_of_gradients_is_kept() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    patterns = lstm._engine.training._patterns
    asked: list[Any] = [
        ((5, 2), True, True), ((5, 2), True, False), ((5, 2), False, True), ((6, 2), False, True),
    ]  # fmt: skip
    made: list[weakref.ref[Any]] = []
    for sizes, has_dy, has_states in asked:
        found = patterns.gradients(sizes, 0.0, has_dy=has_dy, has_states=has_states)
        assert patterns.gradients(sizes, 0.0, has_dy=has_dy, has_states=has_states) is found
        assert found.seq_len == sizes[0]
        given = found.output_descriptor
        assert (given.data_desc is not None, given.hidden_desc is not None) == (has_dy, has_states)
        made.append(weakref.ref(found.input_gate.hw_desc.base))
        del found, given
        gc.collect()
        assert [array() is not None for array in made] == [False] * (len(made) - 1) + [True]


@pytest.mark.parametrize("batch_first", [False, True])
def test_samples_in_another_order_are_copied_once(batch_first: bool) -> None:
    lstm = bl.LSTM(64, 1, batch_first=batch_first, seed=0)
    shape = (64, 50, 64) if batch_first else (50, 64, 64)
    x = np.ones(shape, np.float32)
    lengths = np.arange(64) % 50 + 1
    for _ in range(2):
        lstm.forward(x, lengths=lengths, training=True)  # the next call uses the memory of this one
    tracemalloc.start()
    try:
        lstm.forward(x, lengths=lengths, training=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes // 4
