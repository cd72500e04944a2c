"""Projected hidden states: against the reference, its slopes, and what PyTorch has computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import StoredLSTM
from formats_tools import computed, layer_of
from reference import Array, forward
from torch_projections import CASES, INPUTS, LENGTHS, case_of

# LSTMs of 3 inputs and 4 units.
KINDS: dict[str, dict[str, Any]] = {
    "plain": {"proj_size": 2},
    "one value": {"proj_size": 1, "num_layers": 2, "bias": False},
    "as wide as the layer": {"proj_size": 4, "num_layers": 2},
    "both directions": {"proj_size": 3, "num_layers": 2, "bidirectional": True},
    "peepholes": {
        "proj_size": 2, "num_layers": 2, "peephole": "full", "activations": {"hidden": "softsign"},
    },
    "limits": {
        "proj_size": 2, "cell_clip": 0.25, "gate_clip": 0.5, "bidirectional": True, "peephole": "diagonal",
    },
    "coupled": {"proj_size": 2, "num_layers": 2, "coupled": "input", "peephole": "diagonal"},
    "reverse": {"proj_size": 3, "num_layers": 2, "direction": "reverse"},
    "everything": {
        "proj_size": 3, "num_layers": 3, "direction": "reverse", "coupled": "forget", "cell_clip": 0.25,
        "gate_clip": 0.5, "gate_clip_hidden": False, "peephole": "diagonal",
        "activations": {"candidate": "softsign"},
    },
}  # fmt: skip
every_kind = pytest.mark.parametrize("words", KINDS.values(), ids=KINDS)
STEPS, ROWS = 5, 3


def lstm_of(**words: Any) -> bl.LSTM:
    return bl.LSTM(3, 4, **({"seed": 1} | words))


def uniform(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-2, 2, shape).astype(np.float32)


def state_of(config: bl.LSTMConfig, rows: int = ROWS, seed: int = 3) -> bl.LSTMState:
    """Some state; hidden and cell states have widths of their own."""
    stack = (config.num_layers * config.directions, rows)
    h, c = uniform(*stack, config.outputs, seed=seed), uniform(*stack, 4, seed=seed + 1)
    return bl.LSTMState(h, c)


def assert_near(found: Any, wanted: Any, tolerance: float = 2e-6) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, atol=tolerance)


@every_kind
@pytest.mark.parametrize("num_threads", [1, 3])
def test_calls_are_those_of_the_reference(words: dict[str, Any], num_threads: int) -> None:
    lstm, x = lstm_of(num_threads=num_threads, **words), uniform(STEPS, ROWS, 3)
    state, stored = state_of(lstm.config), lstm._stored()
    for begin in (None, state):
        y, final = lstm(x, begin)
        assert_near((y, *final), computed(stored, x, *(begin or ())))
    width = lstm.config.directions * words["proj_size"]
    assert y.shape == (STEPS, ROWS, width)
    y, _, cells = lstm(x, state, return_cell_states=True)
    last = -1 if lstm.config.direction == "forward" else 0
    assert cells.shape == (STEPS, ROWS, lstm.config.directions * 4)
    np.testing.assert_array_equal(cells[last, :, :4], lstm(x, state)[1].c[-lstm.config.directions])


@every_kind
def test_samples_of_many_lengths_are_calls_of_their_own(words: dict[str, Any]) -> None:
    lstm, x = lstm_of(batch_first=True, **words), uniform(ROWS, STEPS, 3)
    state, lengths = state_of(lstm.config), (3, 5, 0)
    y, final = lstm(x, state, lengths=lengths)
    mask = np.arange(STEPS) < np.array(lengths)[:, np.newaxis]
    out = np.full_like(y, np.nan)
    assert lstm(x, state, mask=mask, out=out)[0] is out
    np.testing.assert_array_equal(out, y)
    for sample, length in enumerate(lengths):
        begin = bl.LSTMState(*(part[:, sample] for part in state))
        alone, end = lstm(x[sample, :length], begin)
        np.testing.assert_allclose(y[sample, :length], alone, atol=1e-6)
        assert not y[sample, length:].any()
        assert_near([part[:, sample] for part in final], end)


@every_kind
def test_gradients_are_slopes(words: dict[str, Any]) -> None:
    lstm, x = lstm_of(**words), uniform(STEPS, ROWS, 3, seed=5)
    state = state_of(lstm.config)
    y, _, tape = lstm.forward(x, state, training=True)
    np.testing.assert_array_equal(y, lstm(x, state)[0])
    dy, d_state = uniform(*y.shape, seed=6), state_of(lstm.config, seed=7)
    found = lstm.backward(tape, dy, d_state)
    layer = layer_of(lstm._stored(), x, *state)
    slopes = layer_of(
        StoredLSTM.from_config(lstm.config, dict(found.parameters)), found.input, *found.state
    ).arrays
    assert slopes.keys() == layer.arrays.keys()
    assert "projection" in slopes

    def loss(name: str, change: Array) -> float:
        arrays = layer.arrays | {name: layer.arrays[name].astype(np.float64) + change}
        parts = forward(replace(layer, arrays=arrays))
        return sum(
            float(np.sum(part * given.reshape(part.shape)))
            for part, given in zip(parts, (dy, *d_state), strict=True)
        )

    steep = 0
    for number, (name, gradient) in enumerate(slopes.items()):
        direction = uniform(*gradient.shape, seed=number).astype(np.float64)
        step = 1e-6 * direction
        slope = (loss(name, step) - loss(name, -step)) / 2e-6
        # The reference adds both biases, each of which has the gradient of their sum.
        own = float(np.sum(gradient * direction)) / (2 if name.endswith(".b") else 1)
        assert abs(own - slope) < 2e-4 * max(1, abs(slope)), name
        steep += abs(slope) > 0.01
    assert steep > len(slopes) / 2


@pytest.mark.parametrize("name", CASES)
def test_pytorch_has_computed_the_same(name: str) -> None:
    case, words = case_of(name), {**CASES[name]}
    lstm = bl.LSTM(INPUTS, words.pop("hidden_size"), **words)
    weights = {key: array for key, array in case.items() if key in lstm.parameters}
    assert weights.keys() == lstm.state_dict().keys()
    lstm.load_state_dict(weights)
    lengths = LENGTHS if name == "lengths" else None
    y, state, tape = lstm.forward(
        case["x"], (case["h0"], case["c0"]), lengths=lengths, training=True
    )
    assert_near((y, *state), (case["y"], case["hn"], case["cn"]), 1e-6)
    found = lstm.backward(tape, case["dy"], (case["dhn"], case["dcn"]))
    own = {"x": found.input, "h0": found.state.h, "c0": found.state.c, **found.parameters}
    wanted = {key.removeprefix("grad."): a for key, a in case.items() if key.startswith("grad.")}
    assert own.keys() == wanted.keys()
    for key, array in wanted.items():
        np.testing.assert_allclose(own[key], array, atol=1e-5, err_msg=key)


@every_kind
def test_threads_and_tapes_of_copies_change_no_bit(words: dict[str, Any]) -> None:
    lstm, x = lstm_of(num_threads=1, **words), uniform(STEPS, ROWS, 3)
    y, _, tape = lstm.forward(x, training=True)
    wanted = lstm.backward(tape, y)
    for number in (2, 3):
        other = lstm_of(num_threads=number, **words)
        np.testing.assert_array_equal(other(x)[0], y)
        *_, tape = other.forward(x, training=True)
        found = other.backward(tape, y)
        np.testing.assert_array_equal(found.input, wanted.input)
        for name, gradient in wanted.parameters.items():
            np.testing.assert_array_equal(found.parameters[name], gradient)


def test_dropout_acts_on_projected_values_between_layers() -> None:
    words: dict[str, Any] = {"proj_size": 2, "num_layers": 2, "bidirectional": True}
    lstm, x = lstm_of(dropout=0.5, **words), uniform(STEPS, ROWS, 3)
    y, _, tape = lstm.forward(x, training=True, dropout_seed=5)
    mask = bl.dropout_mask(tape.params, bl.FilterParameters(seed=5))
    assert mask.shape == (1, STEPS, ROWS, 4)
    np.testing.assert_allclose(y, forward(layer_of(lstm._stored(), x), mask)[0], atol=2e-6)
    assert (y != lstm(x)[0]).any()
