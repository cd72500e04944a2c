"""Calls with lengths, with the batch first or with an array for the output: what the longer way gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.module.quick import Quick

LENGTHS: list[Any] = [
    None,
    [5, 5, 5, 5],
    [5, 3, 3, 1],
    [2, 5, 0, 4],
    (1, 2, 3, 4),
    np.array([4, 5, 1, 5]),
    np.array([4, 5, 1, 5], np.int32),
]
CONFIGS: list[dict[str, Any]] = [
    {},
    {"batch_first": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True, "proj_size": 3},
    {"peephole": "full", "direction": "reverse"},
]


def example(config: dict[str, Any]) -> tuple[bl.LSTM, Any, bl.LSTMState]:
    lstm = bl.LSTM(3, 4, seed=1, **config)
    random = np.random.default_rng(2)
    stack = lstm.config.num_layers * lstm.config.directions
    widths = lstm.config.outputs, lstm.config.units
    state = [random.normal(size=(stack, 4, width)).astype(np.float32) for width in widths]
    axes = (4, 5) if lstm.config.batch_first else (5, 4)
    return lstm, random.normal(size=(*axes, 3)).astype(np.float32), bl.LSTMState(*state)


def arrays_of(result: Any) -> list[Any]:
    y, state = result
    return [y, *state]


def assert_same_bits(found: list[Any], wanted: list[Any]) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert (one.shape, one.tobytes()) == (other.shape, other.tobytes())


class Spy:
    """Counts calls in the short way: those that it computed, and those that it left to the longer one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.computed = self.left = 0
        method = Quick.call

        def spy(*arguments: Any) -> Any:
            found = method(*arguments)
            self.computed += found is not None
            self.left += found is None
            return found

        monkeypatch.setattr(Quick, "call", spy)


@pytest.mark.parametrize("has_state", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS, ids=repr)
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_bit_is_that_of_the_longer_way(
    config: dict[str, Any], lengths: Any, has_state: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstm, x, given = example(config)
    state = given if has_state else None
    with monkeypatch.context() as patched:
        patched.setattr(Quick, "call", lambda *_: None)
        wanted = arrays_of(lstm(x, state, lengths=lengths))
    spy = Spy(monkeypatch)
    # Arrays of the caller with any strides, also such as have negative ones.
    spread = np.full((*x.shape[:2], 6), np.nan, np.float32)
    spread[..., ::2] = x
    turned = np.asarray(x.T, order="C").T
    for _ in range(2):
        for same in (x, spread[..., ::2], turned, x[::-1].copy()[::-1]):
            out = np.full_like(wanted[0], np.nan)
            found = arrays_of(lstm(same, state, lengths=lengths, out=out))
            assert found[0] is out
            assert_same_bits(found, wanted)
            assert_same_bits(arrays_of(lstm(same, state, lengths=lengths)), wanted)
    # Lengths of another type are left to the longer way, and so are negative strides where nothing moves.
    if getattr(lengths, "dtype", np.int64) != np.int64:
        assert spy.computed == 0
    elif lengths is None and not lstm.config.batch_first:
        assert spy.computed == 6  # a plain call has a way of its own
    else:
        is_moved = lengths is not None and sorted(lengths, reverse=True) != list(lengths)
        assert spy.computed == (16 if is_moved else 12)


@pytest.mark.parametrize("batch_first", [False, True])
def test_an_output_goes_wherever_it_can_be_written(batch_first: bool) -> None:
    lstm, x, state = example({"batch_first": batch_first})
    room = np.zeros((*x.shape[:2], 9), np.float32)
    # At an address that is odd.
    odd = np.zeros(4 * 4 * x.shape[0] * x.shape[1] + 1, np.uint8)
    shape = (*x.shape[:2], 4)
    outs = [
        room[..., 3:7],
        np.zeros(shape[::-1], np.float32).T,
        np.zeros(shape, np.float32)[::-1],
        odd[1:].view(np.float32).reshape(shape),
    ]
    for lengths in (None, [5, 4, 4, 2], [1, 5, 2, 5]):
        wanted = lstm(x, state, lengths=lengths)
        for out in outs:
            y, final = lstm(x, state, lengths=lengths, out=out)
            assert y is out
            assert_same_bits([out, *final], arrays_of(wanted))
        assert not room[..., :3].any()
        assert not room[..., 7:].any()


@pytest.mark.parametrize("lengths", [None, [5, 4, 4, 2], [1, 5, 2, 5]], ids=repr)
def test_an_output_over_the_input_or_a_state_is_computed_from_what_was_there(lengths: Any) -> None:
    lstm = bl.LSTM(4, 4, seed=0)
    random = np.random.default_rng(0)
    memory = random.normal(size=6 * 4 * 4).astype(np.float32)
    c = random.normal(size=(1, 4, 4)).astype(np.float32)

    def given() -> tuple[Any, Any, Any, Any]:
        """Input, state, and places for the output that overlap with them, of other arrays over one memory."""
        own = memory.copy()
        x = np.frombuffer(own.data, np.float32, 80).reshape(5, 4, 4)
        later = np.frombuffer(own.data, np.float32, 80, 64).reshape(5, 4, 4)
        return x, later, own[80:].reshape(1, 4, 4), own[16:].reshape(5, 4, 4)

    x, _, first, _ = given()
    wanted = lstm(x, (first, c), lengths=lengths)
    for place in (0, 1, 3):
        arrays = given()
        state = bl.LSTMState(arrays[2], c)
        found = lstm(arrays[0], state, lengths=lengths, out=arrays[place])
        assert_same_bits(arrays_of(found), arrays_of(wanted))


@pytest.mark.parametrize("has_out", [False, True])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lengths": [6, 1, 1, 1]}, r"lengths\[0\]"),
        ({"lengths": [5, 1, 1]}, "lengths: "),
        ({"lengths": [True, True, True, True]}, "lengths: "),
        ({"lengths": [2.0, 1.0, 1.0, 1.0]}, "lengths: "),
        ({"lengths": [[1], [2, 3]]}, "lengths: "),
        ({"lengths": [2, -1, 1, 1]}, r"lengths\[1\]"),
        ({"state": "rows"}, "state.h"),
        ({"state": "type"}, "state.c"),
        ({"x": "type"}, "x: "),
        ({"x": "shape"}, "x: "),
        ({"out": "type"}, "out: "),
        ({"out": "shape"}, "out: "),
        ({"out": "read-only"}, "out: "),
    ],
)
def test_what_is_wrong_is_named_as_ever(wrong: dict[str, Any], message: str, has_out: bool) -> None:
    lstm, x, state = example({})
    good = {"lengths": [1, 5, 2, 3], "out": np.zeros((5, 4, 4), np.float32) if has_out else None}
    lstm(x, state, **good)
    kind = wrong.get("state")
    if kind == "rows":
        state = bl.LSTMState(np.zeros((1, 5, 4), np.float32), state.c)
    if kind == "type":
        state = bl.LSTMState(state.h, state.c.astype(np.float64))  # type: ignore[arg-type]
    x = {"type": x.astype(np.float64), "shape": x[..., :2]}.get(wrong.get("x", ""), x)
    out = np.zeros((5, 4, 4), np.float32)
    out.flags.writeable = wrong.get("out") != "read-only"
    outs = {"type": out.astype(np.float64), "shape": out[:4], "read-only": out}
    given = {
        "lengths": wrong.get("lengths", good["lengths"]),
        "out": outs.get(wrong.get("out", ""), good["out"]),
    }
    for _ in range(2):
        with pytest.raises(bl.ArgumentError, match=message):
            lstm(x, state, **given)
    assert not out.any()


def test_changed_weights_are_seen() -> None:
    lstm, x, state = example({"batch_first": True})
    other = bl.LSTM(3, 4, batch_first=True, seed=9)
    before = arrays_of(lstm(x, state, lengths=[1, 5, 2, 3]))
    lstm.load_state_dict(other.state_dict())
    after = arrays_of(lstm(x, state, lengths=[1, 5, 2, 3]))
    assert_same_bits(after, arrays_of(other(x, state, lengths=[1, 5, 2, 3])))
    assert not np.array_equal(before[0], after[0])


def test_threads_at_once_give_what_each_gives_alone() -> None:
    lstm = bl.LSTM(8, 16, batch_first=True, seed=0)
    random = np.random.default_rng(3)
    x = random.normal(size=(6, 9, 8)).astype(np.float32)
    calls = [[9, 1, 5, 5, 2, 7], [1, 2, 3, 4, 5, 6], None, [9] * 6, [3, 9, 3, 9, 3, 9]]

    def compute(number: int) -> list[Any]:
        found = []
        for turn in range(60):
            lengths = calls[(number + turn) % 5]
            out = np.full((6, 9, 16), np.nan, np.float32) if turn % 2 else None
            found += arrays_of(lstm(x, lengths=lengths, out=out))
        return found

    wanted = [compute(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(compute, range(4)), wanted, strict=True):
            assert_same_bits(found, alone)


def test_few_kinds_of_calls_are_kept() -> None:
    lstm, x, _ = example({"batch_first": True})
    for last in range(1, 6):
        for first in range(1, 6):
            lstm(x, lengths=[first, 5, 5, last])
    calls = lstm._engine._other_calls
    assert len(calls._calls.kept) == len(calls._layers.kept) == 4
