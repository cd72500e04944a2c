"""Training calls are planned once, and give what the structure level gives, in memory that nobody holds."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.module.quick_training import QuickTraining
from bnns_lstm.module.training import Training

CONFIGS: list[dict[str, Any]] = [
    {},
    {"batch_first": True},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "peephole": "full", "dropout": 0.4},
    {"num_layers": 2, "proj_size": 2, "bidirectional": True},
    {"coupled": "forget", "peephole": "diagonal", "direction": "reverse"},
    {"bias": False, "activations": {"candidate": "relu"}, "cell_clip": 0.3},
    {"bidirectional": True, "merge": "mul"},
    {"bidirectional": True, "merge": None, "batch_first": True},
]
CALLS: list[tuple[int, int, Any]] = [
    (1, 1, None),
    (6, 1, None),
    (1, 3, None),
    (6, 3, None),
    (6, 3, [6, 3, 3]),
    (6, 3, [0, 6, 2]),
]


def example(config: dict[str, Any], steps: int, rows: int) -> tuple[bl.LSTM, Any, Any]:
    lstm = bl.LSTM(3, 4, seed=1, **config)
    random = np.random.default_rng(2)
    axes = (rows, steps) if lstm.config.batch_first else (steps, rows)
    stack = lstm.config.num_layers * lstm.config.directions
    widths = lstm.config.outputs, lstm.config.units
    state = [random.normal(size=(stack, rows, width)).astype(np.float32) for width in widths]
    return lstm, random.normal(size=(*axes, 3)).astype(np.float32), bl.LSTMState(*state)


def everything(lstm: bl.LSTM, x: Any, state: Any, lengths: Any) -> list[Any]:
    """All arrays of training calls with a seed each, and of backward calls with each kind of gradient."""
    found: list[Any] = []
    for seed in (3, 4):
        y, final, tape = lstm.forward(x, state, lengths=lengths, training=True, dropout_seed=seed)
        for dy, d_state in ((y, None), (None, final), (y, final)):
            gradients = lstm.backward(tape, dy, d_state)
            found += [gradients.input, *gradients.state, *gradients.parameters.values()]
        found += [*(y if isinstance(y, tuple) else [y]), *final]
    return found


def assert_same_bits(found: list[Any], wanted: list[Any]) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert (one.shape, one.tobytes()) == (other.shape, other.tobytes())


class Spy:
    """Counts the calls of a method, and those for which it gave nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        self.calls = self.declined = 0
        method = getattr(owner, name)

        def spy(*arguments: Any) -> Any:
            found = method(*arguments)
            self.calls += 1
            self.declined += found is None
            return found

        monkeypatch.setattr(owner, name, spy)


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_bit_is_that_of_the_structure_level(
    config: dict[str, Any], call: tuple[int, int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    *sizes, lengths = call
    lstm, x, state = example(config, *sizes)
    with monkeypatch.context() as patched:
        for owner in (Training, QuickTraining):
            for name in ("forward", "backward"):
                patched.setattr(owner, name, lambda *_: None)
        wanted = everything(lstm, x, state, lengths)
    for name in ("forward", "backward"):  # the shorter way has tests of its own
        monkeypatch.setattr(QuickTraining, name, lambda *_: None)
    spies = [Spy(monkeypatch, Training, name) for name in ("forward", "backward")]
    assert_same_bits(everything(lstm, x, state, lengths), wanted)
    assert [(spy.calls, spy.declined) for spy in spies] == [(2, 0), (6, 0)]


def test_changed_weights_are_seen_by_a_plan_that_is_kept() -> None:
    lstm, x, state = example({"num_layers": 2}, 6, 3)
    view = lstm.parameters["weight_hh_l1"]
    bias = lstm.parameters["bias_hh_l0"]
    before = everything(lstm, x, state, None)
    view += 0.25  # nobody says `update`
    bias -= 0.5
    after = everything(lstm, x, state, None)
    other = bl.LSTM(3, 4, num_layers=2)
    other.load_state_dict(lstm.state_dict())
    assert_same_bits(after, everything(other, x, state, None))
    assert not np.array_equal(before[0], after[0])


def wide() -> tuple[bl.LSTM, Any]:
    """Arrays of 32 KiB and more: memory of smaller ones is not kept."""
    random = np.random.default_rng(5)
    return bl.LSTM(64, 64, seed=0), random.normal(size=(16, 8, 64)).astype(np.float32)


def test_a_training_loop_takes_turns_with_two_memories() -> None:
    lstm, x = wide()
    places: dict[str, list[int]] = {}
    for _ in range(6):
        y, _, tape = lstm.forward(x, training=True)
        gradients = lstm.backward(tape, y)
        arrays = {"y": y, "x": tape.params.input_descriptor.data_desc, "dx": gradients.input}
        for name, array in {**arrays, **gradients.parameters}.items():
            places.setdefault(name, []).append(array.ctypes.data)
    for name in ("y", "x", "dx", "weight_ih_l0", "weight_hh_l0"):
        assert len(set(places[name])) == 2, name
        assert places[name][2:] == places[name][:-2], name


def test_what_somebody_holds_stays_as_it_is() -> None:
    lstm, x = wide()
    held = []
    for number in range(5):
        y, state, tape = lstm.forward(x * number, training=True)
        gradients = lstm.backward(tape, y)
        # Views hold what they are views of.
        parts = [y[1:, ::2], gradients.input.T, gradients.parameters["weight_hh_l0"][7:9], state.h]
        held.append((parts, [part.copy() for part in parts]))
    del y, tape, gradients, parts
    places = [part.ctypes.data for parts, _ in held for part in parts]
    assert len(set(places)) == len(places)
    for number in range(3):
        y, _, tape = lstm.forward(x - number, training=True)
        lstm.backward(tape, y)
    del lstm
    for parts, copies in held:
        for part, copy in zip(parts, copies, strict=True):
            assert np.array_equal(part, copy)


def test_memory_of_earlier_calls_is_overwritten_to_the_last_element() -> None:
    lstm, x = wide()
    lengths = [16, 1, 7, 7, 0, 3, 16, 2]
    wanted = everything(lstm, x, None, lengths)
    for _ in range(3):
        y, final, tape = lstm.forward(x, lengths=lengths, training=True)
        gradients = lstm.backward(tape, y, final)
        for array in (y, *final, gradients.input, *gradients.parameters.values(), tape.cache):
            array.fill(255 if array.dtype == np.uint8 else np.nan)
    assert_same_bits(everything(lstm, x, None, lengths), wanted)


def test_a_tape_has_the_input_of_its_own_call() -> None:
    lstm, x = wide()
    y, _, tape = lstm.forward(x, training=True)
    dy = y.copy()
    wanted = lstm.backward(tape, dy)
    x.fill(7)
    y.fill(np.nan)
    found = lstm.backward(tape, dy)
    assert_same_bits([found.input], [wanted.input])
    assert_same_bits([*found.parameters.values()], [*wanted.parameters.values()])


@pytest.mark.parametrize("batch_first", [False, True])
def test_an_array_for_the_output_is_written_in_place(batch_first: bool) -> None:
    config = {"batch_first": batch_first}
    lstm, x, state = example(config, 6, 3)
    wanted, _, tape = lstm.forward(x, state, training=True)
    gradients = lstm.backward(tape, wanted)
    room = np.full((*x.shape[:2], 9), np.nan, np.float32)
    turned = np.empty((4, *x.shape[1::-1]), np.float32).T
    outs = [np.empty_like(wanted), room[..., 2:6], turned, wanted[::-1].copy()[::-1]]
    for out in outs:
        y, _, tape = lstm.forward(x, state, training=True, out=out)
        assert y is out
        assert np.array_equal(y, wanted)
        assert np.array_equal(lstm.backward(tape, out).input, gradients.input)
    assert np.isnan(room[..., :2]).all()
    assert np.isnan(room[..., 6:]).all()


def test_an_array_for_the_output_may_be_the_input() -> None:
    lstm = bl.LSTM(4, 4, seed=0)
    x = np.random.default_rng(0).normal(size=(6, 3, 4)).astype(np.float32)
    wanted, _, tape = lstm.forward(x, training=True)
    gradients = lstm.backward(tape, wanted)
    y, _, tape = lstm.forward(x, training=True, out=x)
    assert y is x
    assert np.array_equal(x, wanted)
    assert np.array_equal(lstm.backward(tape, x).input, gradients.input)


def test_threads_that_train_at_the_same_time_do_not_meet() -> None:
    lstm = bl.LSTM(16, 32, num_layers=2, dropout=0.5, seed=0)
    random = np.random.default_rng(1)
    inputs = [random.normal(size=(20, 1 + n % 3, 16)).astype(np.float32) for n in range(8)]

    def train(number: int) -> list[Any]:
        found: list[Any] = []
        for seed, x in itertools.product(range(4), inputs[number:] + inputs[:number]):
            y, state, tape = lstm.forward(x, training=True, dropout_seed=seed)
            gradients = lstm.backward(tape, y, state)
            found += [
                y,
                gradients.input,
                *(array.copy() for array in gradients.parameters.values()),
            ]
        return found

    wanted = [train(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(train, range(4)), wanted, strict=True):
            assert_same_bits(found, alone)


def test_few_kinds_of_calls_are_kept() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    for steps in range(1, 9):
        y, _, tape = lstm.forward(np.ones((steps, 2, 3), np.float32), training=True)
        lstm.backward(tape, y)
    training = lstm._engine.training
    assert len(training._calls.kept) == len(training._gradients.kept) == 4
