"""The usual training calls take the shortest way, and give what the structure level gives."""

from __future__ import annotations

import copy
import gc
import pickle
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
    {"num_layers": 2, "bidirectional": True, "bias": False},
    {"num_layers": 2, "proj_size": 2, "bidirectional": True, "batch_first": True},
    {"coupled": "forget", "peephole": "diagonal", "direction": "reverse"},
    {"peephole": "full", "gate_clip": 0.3},
]


def floats(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def example(config: dict[str, Any], rows: int) -> tuple[bl.LSTM, Any, Any]:
    """An LSTM, an input of 6 steps (of no batch for 0 rows), and initial states."""
    lstm = bl.LSTM(3, 4, seed=1, **config)
    axes: tuple[int, ...] = (rows, 6) if lstm.config.batch_first else (6, rows)
    batch: tuple[int, ...] = (rows,)
    if rows == 0:
        axes, batch = (6,), ()
    stack = lstm.config.num_layers * lstm.config.directions
    state = (floats(stack, *batch, lstm.config.outputs), floats(stack, *batch, lstm.config.units))
    return lstm, floats(*axes, 3), state


def everything(lstm: bl.LSTM, x: Any, state: Any) -> list[Any]:
    """All arrays of a training call, of its gradients, and of its structure."""
    y, final, tape = lstm.forward(x, state, training=True)
    gradients = lstm.backward(tape, y)
    read, written = tape.params.input_descriptor, tape.params.output_descriptor
    return [
        y, *final, gradients.input, *gradients.state, *gradients.parameters.values(),
        read.data_desc, read.hidden_desc, read.cell_state_desc,
        written.data_desc, written.hidden_desc, written.cell_state_desc,
    ]  # fmt: skip


class Counted:
    """Counts what the quick way has computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found = {"forward": 0, "backward": 0}
        for name in self.found:
            monkeypatch.setattr(QuickTraining, name, self.spy(name))

    def spy(self, name: str) -> Any:
        method = getattr(QuickTraining, name)

        def spy(*arguments: Any) -> Any:
            found = method(*arguments)
            self.found[name] += found is not None
            return found

        return spy


@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("kind", ["none", "pair", "LSTMState"])
def test_every_bit_is_that_of_the_structure_level(
    config: dict[str, Any], rows: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstm, x, pair = example(config, rows)
    state = {"none": None, "pair": pair, "LSTMState": bl.LSTMState(*pair)}[kind]
    with monkeypatch.context() as patched:
        for owner in (Training, QuickTraining):
            for name in ("forward", "backward"):
                patched.setattr(owner, name, lambda *_: None)
        wanted = everything(lstm, x, state)
    everything(lstm, x, state)  # plans
    counted = Counted(monkeypatch)
    for _ in range(2):
        found = everything(lstm, x, state)
        for one, other in zip(found, wanted, strict=True):
            assert (one.shape, one.tobytes()) == (other.shape, other.tobytes())
    assert counted.found == {"forward": 2, "backward": 2}
    names = list(lstm.backward(lstm.forward(x, state, training=True)[2], found[0]).parameters)
    assert names == list(lstm.parameters)


def quick() -> tuple[bl.LSTM, Any]:
    """An LSTM that has planned calls of an input."""
    lstm, x, _ = example({}, 3)
    lstm.forward(x, training=True)
    return lstm, x


def test_a_tape_makes_its_structure_once_and_gradients_are_the_same_with_it() -> None:
    lstm, x = quick()
    y, _, tape = lstm.forward(x, training=True)
    wanted = lstm.backward(tape, y)
    assert "params" not in vars(tape)
    params = tape.params
    assert tape.params is params
    assert (params.seq_len, params.batch_size, params.dropout) == (6, 3, 0)
    assert "6 steps, 3 samples" in repr(tape)
    found = lstm.backward(tape, y)
    assert np.array_equal(found.input, wanted.input)
    params.input_descriptor.data_desc = np.zeros_like(
        x
    )  # a structure that was read is the one that counts
    other = lstm.backward(tape, y).parameters["weight_ih_l0"]
    assert not other.any()
    assert wanted.parameters["weight_ih_l0"].any()


def test_initial_states_of_a_structure_are_its_own() -> None:
    lstm, x = quick()
    wanted = lstm.forward(x, training=True)[0]
    tape = lstm.forward(x, training=True)[2]
    tape.params.input_descriptor.hidden_desc.fill(7)
    tape.params.input_descriptor.cell_state_desc.fill(7)
    assert np.array_equal(lstm.forward(x, training=True)[0], wanted)


def test_states_that_are_changed_after_the_call_are_not_seen_by_gradients() -> None:
    lstm, x, (h, c) = example({}, 3)
    for _ in range(2):
        y, _, tape = lstm.forward(x, (h, c), training=True)
    wanted = lstm.backward(tape, y)
    h.fill(5)
    c.fill(5)
    found = lstm.backward(tape, y)
    assert np.array_equal(found.input, wanted.input)
    assert np.array_equal(found.parameters["weight_hh_l0"], wanted.parameters["weight_hh_l0"])


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda tape: pickle.loads(pickle.dumps(tape))]
)
def test_a_copy_of_a_tape_gives_the_same_gradients(copied: Any) -> None:
    lstm, x = quick()
    y, _, tape = lstm.forward(x, training=True)
    other = copied(tape)
    assert vars(other).keys() == type(tape).__dataclass_fields__.keys()
    assert np.array_equal(lstm.backward(other, y).input, lstm.backward(tape, y).input)


def test_a_tape_has_no_other_attributes() -> None:
    lstm, x = quick()
    tape = lstm.forward(x, training=True)[2]
    with pytest.raises(AttributeError, match="no attribute 'parms'"):
        tape.parms  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(bl.Tape.__new__(bl.Tape), "params")


def test_changed_weights_are_refused_and_taken_again() -> None:
    lstm, x = quick()
    y, _, tape = lstm.forward(x, training=True)
    wanted = lstm.backward(tape, y)
    lstm.parameters["weight_hh_l0"] *= 2
    with pytest.raises(bl.ArgumentError) as caught:
        lstm.backward(tape, y)
    assert [(one.path, one.code) for one in caught.value.issues] == [
        ("tape", bl.codes.CHANGED_WEIGHTS)
    ]
    lstm.parameters["weight_hh_l0"] /= 2
    assert np.array_equal(lstm.backward(tape, y).input, wanted.input)


def test_what_is_not_usual_is_named_as_ever() -> None:
    lstm, x = quick()
    y, _, tape = lstm.forward(x, training=True)
    wrong: list[tuple[Any, str]] = [
        (lambda: lstm.forward(x[..., :2], training=True), "x"),
        (lambda: lstm.forward(x.astype(np.float64), training=True), "x"),
        (lambda: lstm.forward(x, (y[0], y[0]), training=True), "state.h"),
        (lambda: lstm.backward(tape, y[:-1]), "dy"),
        (lambda: lstm.backward(tape, y.astype(np.float64)), "dy"),
        (lambda: lstm.backward(tape), "dy"),
        (lambda: lstm(x, (y, y)), "state.h"),
        (lambda: lstm(x, (y[:1], y[:1].astype(np.float64))), "state.c"),
    ]
    for call, path in wrong:
        with pytest.raises(bl.ArgumentError) as caught:
            call()
        assert caught.value.issues[0].path == path
    # Gradients that lie in any way are read.
    turned = np.asfortranarray(y)[::-1]
    found = lstm.backward(tape, turned)
    assert np.array_equal(found.input, lstm.backward(tape, turned.copy()).input)


def test_the_memory_of_a_call_goes_with_its_tape() -> None:
    lstm, x = quick()
    gc.collect()
    gc.disable()
    try:
        tape = lstm.forward(x, training=True)[2]
        kept = tape.cache.ctypes.data
        assert lstm.forward(x, training=True)[2].cache.ctypes.data != kept
        del tape
        assert lstm.forward(x, training=True)[2].cache.ctypes.data == kept
    finally:
        gc.enable()


def test_threads_that_train_at_the_same_time_do_not_meet() -> None:
    lstm = bl.LSTM(16, 32, batch_first=True, seed=0)
    inputs = [floats(1 + number % 3, 20, 16) * (number + 1) for number in range(6)]

    def train(first: int) -> list[Any]:
        found: list[Any] = []
        for x in 4 * (inputs[first:] + inputs[:first]):
            y, state, tape = lstm.forward(x, training=True)
            gradients = lstm.backward(tape, y)
            found += [y, state.c, gradients.input, gradients.parameters["weight_hh_l0"]]
        return found

    wanted = [train(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(train, range(4)), wanted, strict=True):
            assert len(found) == len(alone) == 4 * 4 * 6
            for one, other in zip(found, alone, strict=True):
                assert (one.shape, one.tobytes()) == (other.shape, other.tobytes())


def test_few_kinds_of_calls_are_kept() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    for steps in range(1, 9):
        for _ in range(2):
            lstm.forward(floats(steps, 2, 3), training=True)
    assert len(lstm._engine.quick_training._kinds.kept) == 4


def test_dropout_draws_a_seed_for_each_call() -> None:
    lstm = bl.LSTM(3, 16, num_layers=2, dropout=0.5, seed=0)
    x = floats(6, 3, 3)
    found = [lstm.forward(x, training=True)[0] for _ in range(3)]
    assert not np.array_equal(found[1], found[2])
