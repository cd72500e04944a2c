"""Streams through a stack of LSTMs: step by step, to the bit what one long call gives."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array
from stacks import assert_equal, random_stack, random_states


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 3),
    cuts=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    is_given=st.booleans(),
)
def test_steps_and_chunks_give_the_bits_of_one_call(
    seed: int, rows: int, cuts: list[int], is_given: bool
) -> None:
    stack, random = random_stack(seed, directions=1, batch_first=False)
    x = random.uniform(-1, 1, (sum(cuts), rows, stack.configs[0].input_size)).astype(np.float32)
    state = random_states(stack, rows, random) if is_given else None
    if state is not None:
        zeros = stack(x[:0], state)[1]  # those that are None as zeros
        state = list(zeros)
    y, final = stack(x, state)
    stream = stack.stream(rows, state)
    done = 0
    for count in cuts:
        chunk = x[done : done + count]
        found = stream.step(chunk[0])[np.newaxis] if count == 1 else stream.process(chunk)
        assert_equal(found, y[done : done + count])
        done += count
    assert_equal(stream.state, final)


def example(rows: int = 1) -> tuple[bl.Stack, Any, Array]:
    stack = bl.Stack([bl.LSTM(3, 5, 2, seed=0), bl.LSTM(5, 4, peephole="full", seed=1)])
    x = np.random.default_rng(0).uniform(-1, 1, (5, rows, 3)).astype(np.float32)
    return stack, stack.stream(rows), x


def test_one_stream_needs_no_batch_axis() -> None:
    stack, stream, x = example()
    y = stack(x)[0]
    assert_equal(stream.step(x[0, 0]), y[0, 0])
    assert_equal(stream.process(x[1:, 0]), y[1:, 0])


@pytest.mark.parametrize("chosen", [[1], np.array([False, True, False]), 1, (1,)])
def test_some_streams_begin_again(chosen: Any) -> None:
    stack, stream, x = example(3)
    stream.process(x)
    stream.reset(chosen)
    fresh = stack(x[:1])[0][0]
    went_on = stack(np.concatenate([x, x[:1]]))[0][-1]
    found = stream.step(x[0])
    assert_equal(found[1], fresh[1])
    assert_equal(found[[0, 2]], went_on[[0, 2]])
    stream.reset([])
    assert all(h.any() for h, _ in stream.state)
    stream.reset()
    assert not any(part.any() for pair in stream.state for part in pair)


def test_states_are_set_all_or_none() -> None:
    stack, stream, x = example()
    y, final = stack(x)
    _, middle = stack(x[:2])
    stream.state = middle
    assert_equal(stream.process(x[2:]), y[2:])
    assert_equal(stream.state, final)
    for wrong, path in (
        ((middle[0], None), "state[1]"),
        ((middle[0], (middle[1].h, middle[0].c)), "state[1].c"),
        (middle[:1], "state"),
        (middle[0], "state[0]"),
        (None, "state[0]"),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            stream.state = wrong
        assert caught.value.issues[0].path == path
        assert_equal(stream.state, final)


def test_streams_see_new_weights_from_the_next_step_on() -> None:
    stack, stream, x = example()
    stream.step(x[0])
    before = stream.state
    stack.parameters["1.weight_ih_l0"] *= 2
    wanted = stack(x[1:2], before)[0][0]
    assert_equal(stream.step(x[1]), wanted)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_begin_where_the_stream_is(way: Any) -> None:
    stack, stream, x = example()
    stream.process(x[:2])
    other = way(stream)
    assert_equal(other.process(x[2:]), stack(x)[0][2:])
    assert_equal(stream.process(x[2:]), stack(x)[0][2:])
    assert repr(stream) == f"<StackStream of {stack!r}, batch size 1>"


def test_each_bidirectional_lstm_is_named() -> None:
    two = {"bidirectional": True}
    stack = bl.Stack([bl.LSTM(3, 4, **two), bl.LSTM(8, 4), bl.LSTM(4, 4, **two)])
    with pytest.raises(bl.ArgumentError) as caught:
        stack.stream()
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("lstms[0].stream", bl.codes.UNSUPPORTED_HERE),
        ("lstms[2].stream", bl.codes.UNSUPPORTED_HERE),
    ]
