"""Streams: step by step, to the bit what one long call gives."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=40, deadline=None)
@given(
    layers=st.integers(1, 3),
    rows=st.integers(1, 4),
    cuts=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    peephole=st.sampled_from([None, "diagonal", "full"]),
    proj_size=st.sampled_from([0, 0, 2, 6]),
)
def test_steps_and_chunks_give_the_bits_of_one_call(
    layers: int, rows: int, cuts: list[int], peephole: Any, proj_size: int
) -> None:
    lstm = bl.LSTM(3, 6, layers, peephole=peephole, proj_size=proj_size, seed=5)
    x = np.random.default_rng(1).uniform(-1, 1, (sum(cuts), rows, 3)).astype(np.float32)
    y, state = lstm(x)
    stream = lstm.stream(rows)
    done = 0
    for count in cuts:
        chunk = x[done : done + count]
        found = stream.step(chunk[0])[np.newaxis] if count == 1 else stream.process(chunk)
        np.testing.assert_array_equal(found, y[done : done + count])
        done += count
    np.testing.assert_array_equal(stream.state.h, state.h)
    np.testing.assert_array_equal(stream.state.c, state.c)


def example(rows: int = 1) -> tuple[bl.LSTM, Any, Any]:
    lstm = bl.LSTM(2, 4, 2, seed=3)
    x = np.random.default_rng(1).uniform(-1, 1, (5, rows, 2)).astype(np.float32)
    return lstm, lstm.stream(rows), x


def test_one_stream_needs_no_batch_axis() -> None:
    lstm, stream, x = example()
    y = lstm(x)[0]
    np.testing.assert_array_equal(stream.step(x[0, 0]), y[0, 0])
    np.testing.assert_array_equal(stream.process(x[1:, 0]), y[1:, 0])


def test_some_streams_begin_again() -> None:
    lstm, stream, x = example(3)
    stream.process(x)
    stream.reset([1])
    fresh = lstm(x[:1])[0][0]
    went_on = lstm(np.concatenate([x, x[:1]]))[0][-1]
    found = stream.step(x[0])
    np.testing.assert_array_equal(found[1], fresh[1])
    np.testing.assert_array_equal(found[[0, 2]], went_on[[0, 2]])
    stream.reset()
    np.testing.assert_array_equal(stream.process(x), lstm(x)[0])
    with pytest.raises(bl.ArgumentError, match="indices of 3 streams"):
        stream.reset([5])


def test_states_go_in_and_out_as_copies() -> None:
    lstm, stream, x = example(2)
    stream.process(x[:3])
    saved = stream.state
    after = stream.process(x[3:])
    stream.state = saved
    saved.h[...] = 9
    np.testing.assert_array_equal(stream.process(x[3:]), after)
    np.testing.assert_array_equal(lstm.stream(2, lstm(x[:3])[1]).process(x[3:]), after)


def test_changed_weights_are_used_from_the_next_step_on() -> None:
    lstm, stream, x = example()
    stream.step(x[0])
    lstm.parameters["weight_ih_l0"][...] *= 2
    stream.reset()
    np.testing.assert_array_equal(stream.process(x), lstm(x)[0])
    lstm.load_state_dict(bl.LSTM(2, 4, 2, seed=8).state_dict())
    lstm(x)
    stream.reset()
    np.testing.assert_array_equal(stream.process(x), lstm(x)[0])


def test_a_stream_never_waits_for_the_end() -> None:
    with pytest.raises(bl.ArgumentError, match="the backward direction needs the end"):
        bl.LSTM(2, 4, bidirectional=True).stream()
    for size in (-1, True, 1.5):
        with pytest.raises(bl.ArgumentError, match="batch_size"):
            bl.LSTM(2, 4).stream(size)


@pytest.mark.parametrize(
    ("x_t", "path"),
    [(np.zeros(3, "f4"), "x_t"), (np.zeros((2, 2), "f4"), "x_t"), (np.zeros((1, 2)), "x_t"), (None, "x_t")],
)  # fmt: skip
def test_impossible_steps(x_t: Any, path: str) -> None:
    _, stream, _ = example()
    with pytest.raises(bl.ArgumentError) as caught:
        stream.step(x_t)
    assert [issue.path for issue in caught.value.issues] == [path]
    assert not stream.state.h.any()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("config", [{}, {"num_layers": 2, "peephole": "full"}])
def test_chunks_of_one_length_are_the_same_to_the_bit(rows: int, config: dict[str, Any]) -> None:
    lstm = bl.LSTM(3, 5, seed=1, **config)
    x = np.random.default_rng(2).uniform(-1, 1, (160, rows, 3)).astype(np.float32)
    wanted, state = lstm(x)
    for length in (1, 5, 8, 80, 160):
        stream = lstm.stream(rows)
        for start in range(0, 160, length):
            found = stream.process(x[start : start + length])
            np.testing.assert_array_equal(found, wanted[start : start + length])
        for one, other in zip(stream.state, state, strict=True):
            np.testing.assert_array_equal(one, other)
    # Weights that change between chunks, and steps between them.
    stream, other = lstm.stream(rows), lstm.stream(rows)
    for number in range(6):
        chunk = x[5 * number : 5 * number + 5]
        np.testing.assert_array_equal(
            stream.process(chunk), [other.step(x_t).copy() for x_t in chunk]
        )
        np.testing.assert_array_equal(stream.step(x[0]), other.step(x[0]))
        lstm.parameters["weight_hh_l0"][...] *= 0.9
