"""No step, no sample, or no sample with a step: empty or zero outputs, and the states that were given."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from reference import Array

STEPS, ROWS = 4, 2
# How nothing comes about: the sizes of x, and what is said of its steps.
WAYS: dict[str, tuple[int, int, dict[str, Any]]] = {
    "no step": (0, ROWS, {}),
    "no sample": (STEPS, 0, {}),
    "neither": (0, 0, {}),
    "no step, lengths": (0, ROWS, {"lengths": [0] * ROWS}),
    "no sample, lengths": (STEPS, 0, {"lengths": []}),
    "no sample, mask": (STEPS, 0, {"mask": np.zeros((STEPS, 0), np.bool_)}),
    "lengths of 0": (STEPS, ROWS, {"lengths": [0] * ROWS}),
    "a mask without a step": (STEPS, ROWS, {"mask": np.zeros((STEPS, ROWS), np.bool_)}),
}
CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "stack": {"num_layers": 2, "dropout": 0.5, "bidirectional": True},
    "batch first": {"batch_first": True, "peephole": "diagonal"},
    "sum": {"bidirectional": True, "merge": "sum"},
    "pair": {"bidirectional": True, "merge": None, "batch_first": True},
    "projection": {"bidirectional": True, "num_layers": 2, "proj_size": 2},
    "sum of projections": {"bidirectional": True, "merge": "sum", "proj_size": 2},
}


def parts_of(y: Any) -> tuple[Array, ...]:
    return y if isinstance(y, tuple) else (y,)


def assert_still(y: Any, state: Any, begin: Any, shape: tuple[int, ...]) -> None:
    for part in parts_of(y):
        assert part.shape == shape
        assert part.dtype == np.float32
        assert not part.any()
    for found, given in zip(state, begin, strict=True):
        np.testing.assert_array_equal(found, given)
        assert not np.shares_memory(found, given)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize(("steps", "rows", "words"), WAYS.values(), ids=WAYS.keys())
def test_outputs_are_zero_or_empty_and_states_stay(
    steps: int, rows: int, words: dict[str, Any], config: dict[str, Any]
) -> None:
    lstm = bl.LSTM(3, 5, **config, seed=0)
    is_first, directions, width = (
        lstm.config.batch_first,
        lstm.config.directions,
        lstm.config.outputs,
    )
    if is_first and "mask" in words:
        words = {"mask": words["mask"].T}
    axes = (rows, steps) if is_first else (steps, rows)
    x = np.full((*axes, 3), np.nan, np.float32)
    merged = config.get("merge", "concat") != "concat"
    shape = (*axes, width if merged else width * directions)
    random = np.random.default_rng(1)
    stack = (lstm.config.num_layers * directions, rows, 5)

    def drawn() -> bl.LSTMState:
        h, c = random.uniform(-1, 1, (2, *stack)).astype(np.float32)
        return bl.LSTMState(h[..., :width], c)

    begin = drawn()
    for state in (None, begin):
        given = state or [np.zeros_like(part) for part in begin]
        assert_still(*lstm(x, state, **words), given, shape)
        *found, cells = lstm(x, state, **words, return_cell_states=True)
        assert_still(*found, given, shape)
        assert cells.shape == (*axes, 5 * directions)
        assert not cells.any()
        outs = tuple(np.full(shape, np.nan, np.float32) for _ in parts_of(found[0]))
        y, final = lstm(x, state, **words, out=outs if len(outs) > 1 else outs[0])
        assert all(one is other for one, other in zip(parts_of(y), outs, strict=True))
        assert_still(y, final, given, shape)

        y, final, tape = lstm.forward(x, state, **words, training=True)
        assert_still(y, final, given, shape)
        dh, dc = drawn()
        dy = each_of(y, lambda part: np.full_like(part, np.nan))
        for used in (tape, pickle.loads(pickle.dumps(tape))):
            gradients = lstm.backward(used, dy, (dh, dc))
            assert gradients.input.shape == x.shape
            assert not gradients.input.any()
            np.testing.assert_array_equal(gradients.state.h, dh)
            np.testing.assert_array_equal(gradients.state.c, dc)
            assert gradients.parameters.keys() == lstm.state_dict().keys()
            assert not any(gradient.any() for gradient in gradients.parameters.values())
        assert not lstm.backward(tape, dy).state.h.any()
        assert "0 bytes" in repr(tape)


def each_of(y: Any, change: Any) -> Any:
    return tuple(change(part) for part in y) if isinstance(y, tuple) else change(y)


def test_one_sample_without_a_step_and_none_at_all_agree() -> None:
    lstm = bl.LSTM(3, 5, seed=0)
    x = np.ones((4, 2, 3), np.float32)
    state = bl.LSTMState(*np.random.default_rng(0).normal(size=(2, 1, 2, 5)).astype(np.float32))
    y, some = lstm(x, state, lengths=[4, 0])
    z, none = lstm(x, state, lengths=[0, 0])
    np.testing.assert_array_equal(y[:, 1], z[:, 1])
    for one, other in zip(some, none, strict=True):
        np.testing.assert_array_equal(one[:, 1], other[:, 1])


def test_an_input_without_a_batch_and_without_steps() -> None:
    lstm = bl.LSTM(3, 5, seed=0)
    state = bl.LSTMState(*np.ones((2, 1, 5), np.float32))
    y, final, tape = lstm.forward(np.zeros((0, 3), np.float32), state, training=True)
    assert_still(y, final, state, (0, 5))
    gradients = lstm.backward(tape, y, state)
    assert gradients.input.shape == (0, 3)
    np.testing.assert_array_equal(gradients.state.h, state.h)
    for mask in (np.zeros(4, np.bool_), [False] * 4):
        assert_still(*lstm(np.ones((4, 3), np.float32), state, mask=mask), state, (4, 5))
    assert_still(*lstm(np.zeros((0, 3), np.float32), state, mask=[]), state, (0, 5))


def test_arguments_are_checked_all_the_same() -> None:
    lstm = bl.LSTM(3, 5, seed=0)
    x = np.zeros((0, 2, 3), np.float32)
    for call, paths in (
        (lambda: lstm(x, lengths=[1, 0]), ["lengths[0]"]),
        (lambda: lstm(x, lengths=[0]), ["lengths"]),
        (lambda: lstm(x, np.zeros(3)), ["state"]),
        (lambda: lstm(x, out=np.zeros((1, 2, 5), np.float32)), ["out"]),
        (lambda: lstm(np.zeros((0, 2, 4), np.float32)), ["x"]),
        (lambda: lstm(np.zeros((0,), np.float32)), ["x"]),
        (lambda: lstm.backward(lstm.forward(x, training=True)[2]), ["dy"]),
        (lambda: lstm.backward(lstm.forward(x, training=True)[2], x), ["dy"]),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            call()
        assert [issue.path for issue in caught.value.issues] == paths


def test_calls_with_something_to_do_go_on_as_before() -> None:
    lstm = bl.LSTM(3, 5, seed=0)
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    wanted = lstm(x)[0]
    for steps, rows in ((0, 2), (4, 0)):
        lstm(x[:steps, :rows])
        np.testing.assert_array_equal(lstm(x)[0], wanted)
    assert all(0 not in key[0] for key in lstm._engine.kept)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_chunk_without_steps_leaves_a_stream_where_it_is(rows: int) -> None:
    stream = bl.LSTM(3, 5, 2, seed=0).stream(batch_size=rows)
    stream.step(np.ones((rows, 3), np.float32))
    before = stream.state
    assert stream.process(np.zeros((0, rows, 3), np.float32)).shape == (0, rows, 5)
    if rows == 1:
        assert stream.process(np.zeros((0, 3), np.float32)).shape == (0, 5)
    np.testing.assert_array_equal(stream.state.c, before.c)
    with pytest.raises(bl.ArgumentError, match="batch_size: expected a whole number of at least 0"):
        bl.LSTM(3, 5).stream(batch_size=-1)


def test_a_stream_of_no_samples_gives_empty_outputs_and_states() -> None:
    lstm, narrow = bl.LSTM(3, 5, 2, seed=0), bl.LSTM(3, 5, 2, proj_size=2, seed=0)
    stack = bl.Stack([lstm, bl.LSTM(5, 4, seed=1)])
    for stream, width in ((lstm.stream(0), 5), (stack.stream(0), 4), (narrow.stream(0), 2)):
        assert stream.step(np.zeros((0, 3), np.float32)).shape == (0, width)
        for steps in (0, 7):
            assert stream.process(np.zeros((steps, 0, 3), np.float32)).shape == (steps, 0, width)
        stream.reset()
        stream.reset([])
        stream.state = copy.copy(stream).state
        for x_t in (np.zeros((1, 3), np.float32), np.zeros(3, np.float32)):
            with pytest.raises(bl.ArgumentError, match=r"x_t: expected \[0, 3\]"):
                stream.step(x_t)
    assert lstm.stream(0).state.h.shape == (2, 0, 5)
    assert [state.c.shape for state in stack.stream(0).state] == [(2, 0, 5), (1, 0, 4)]
