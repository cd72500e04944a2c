"""How samples lie: every form of a caller's arrays goes to rows and comes back as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bnns_lstm.module.samples import SampleOrder, is_lendable, lendable

STEPS, ROWS, VALUES, LAYERS = 2, 3, 4, 2
X = np.arange(STEPS * ROWS * VALUES, dtype=np.float32).reshape(STEPS, ROWS, VALUES)
STATE = np.arange(2 * LAYERS * ROWS * VALUES, dtype=np.float32).reshape(LAYERS * 2, ROWS, VALUES)
SORTED = np.array([2, 0, 1])


@pytest.mark.parametrize("rows", [None, SORTED])
@pytest.mark.parametrize("batch_first", [False, True])
def test_sequences_and_states_of_a_batch_go_to_rows_and_back(
    batch_first: bool, rows: np.ndarray | None
) -> None:
    samples = SampleOrder(batch_first, is_batched=True, rows=rows)
    given = X.swapaxes(0, 1) if batch_first else X
    assert samples.shape_of(STEPS, ROWS, VALUES) == given.shape
    assert samples.sizes_of(given.shape) == (STEPS, ROWS)
    in_rows = samples.to_rows(given)
    np.testing.assert_array_equal(in_rows, X if rows is None else X[:, SORTED])
    back = samples.to_caller(in_rows)
    np.testing.assert_array_equal(back, given)
    assert back.flags.c_contiguous
    assert not np.shares_memory(back, X)
    target = np.zeros_like(given)
    assert samples.to_caller(in_rows, target) is target
    np.testing.assert_array_equal(target, given)

    assert samples.state_shape_of(LAYERS * 2, ROWS, VALUES) == STATE.shape
    state = samples.state_to_rows(STATE, LAYERS)
    both = STATE.reshape(LAYERS, 2, ROWS, VALUES)
    np.testing.assert_array_equal(state, both if rows is None else both[:, :, SORTED])
    np.testing.assert_array_equal(samples.state_to_caller(state), STATE)
    assert not np.shares_memory(samples.state_to_caller(state), STATE)


@pytest.mark.parametrize("starts", [None, np.array([0, 1, 1])])
def test_the_way_back_is_found_once(
    starts: np.ndarray | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are sorted once, and their order is turned around once, whatever goes back to the caller."""
    calls: list[int] = []
    argsort = np.argsort

    def counted(*words: Any, **named: Any) -> Any:
        calls.append(1)
        return argsort(*words, **named)

    monkeypatch.setattr(np, "argsort", counted)
    samples = SampleOrder(batch_first=False, is_batched=True).arranged(np.array([1, 2, 2]), starts)
    assert samples.rows is not None
    for _ in range(2):
        np.testing.assert_array_equal(samples.to_caller(samples.to_rows(X)), X)
        in_rows = samples.state_to_rows(STATE, LAYERS)
        np.testing.assert_array_equal(samples.state_to_caller(in_rows), STATE)
    assert len(calls) == 2
    other = SampleOrder(
        batch_first=False, is_batched=True, rows=samples.rows, starts=samples.starts
    )
    again = other.inverted()
    assert again.back is not None
    np.testing.assert_array_equal(again.back, samples.back)
    np.testing.assert_array_equal(other.to_caller(other.to_rows(X)), X)
    plain = SampleOrder(batch_first=False, is_batched=True)
    assert plain.inverted() is plain
    assert plain.arranged(np.array([2, 2, 1]), None).back is None


@pytest.mark.parametrize("batch_first", [False, True])
def test_what_has_no_batch_axis_is_one_row(batch_first: bool) -> None:
    samples = SampleOrder(batch_first, is_batched=False)
    x, state = X[:, 0], STATE[:, 0]
    assert samples.shape_of(STEPS, 1, VALUES) == x.shape
    assert samples.sizes_of(x.shape) == (STEPS, 1)
    np.testing.assert_array_equal(samples.to_rows(x), X[:, :1])
    np.testing.assert_array_equal(samples.to_caller(samples.to_rows(x)), x)
    assert samples.state_shape_of(LAYERS * 2, 1, VALUES) == state.shape
    in_rows = samples.state_to_rows(state, LAYERS)
    assert in_rows.shape == (LAYERS, 2, 1, VALUES)
    np.testing.assert_array_equal(samples.state_to_caller(in_rows), state)


@pytest.mark.parametrize("rows", [None, SORTED])
@pytest.mark.parametrize("batch_first", [False, True])
def test_rows_are_filled_from_sequences_in_any_memory(
    batch_first: bool, rows: np.ndarray | None
) -> None:
    samples = SampleOrder(batch_first, is_batched=True, rows=rows)
    given = np.ascontiguousarray(X.swapaxes(0, 1)) if batch_first else X
    for same in (
        given,
        np.asfortranarray(given),
        given[::-1].copy()[::-1],
        given.repeat(2, 2)[..., ::2],
    ):
        for order in (samples, samples.inverted()):
            target = np.full_like(X, np.nan)
            order.fill_rows(same, target)
            np.testing.assert_array_equal(target, X if rows is None else X[:, SORTED])


def test_a_sequence_without_a_batch_fills_its_one_row() -> None:
    target = np.full((STEPS, 1, VALUES), np.nan, np.float32)
    SampleOrder(batch_first=False, is_batched=False).fill_rows(X[:, 0], target)
    np.testing.assert_array_equal(target, X[:, :1])


def test_what_cannot_be_lent_is_copied() -> None:
    unaligned = np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32)
    for array in (X, X[..., ::2], X.T, np.float32(3) * np.ones((), np.float32)):
        assert is_lendable(array)
        assert lendable(array) is array
    for array in (X[::-1], np.broadcast_to(X[:1], X.shape), unaligned):
        assert not is_lendable(array)
        copied = lendable(array)
        assert is_lendable(copied)
        np.testing.assert_array_equal(copied, array)
