"""Stacks of LSTMs for tests, and what calling one after the other gives."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
from build import ELEMENTWISE
from reference import Array


def random_stack(
    seed: int, *, directions: int | None = None, dropout: float = 0.0, **fixed: Any
) -> tuple[bl.Stack, np.random.Generator]:
    """LSTMs of any kind upon each other, and the generator that they were drawn with."""
    random = np.random.default_rng(seed)

    def draw(*choices: Any) -> Any:
        return choices[random.integers(len(choices))]

    count, width = draw(1, 2, 2, 3), draw(1, 3, 5)
    words = {"batch_first": draw(False, True), **fixed}
    lstms = []
    for number in range(count):
        is_last = number == count - 1
        two = draw(1, 2) if directions is None else directions
        merges = ["concat", "sum", "ave", "mul", *([None] if is_last else [])]
        activations = {"candidate": draw(*ELEMENTWISE), "hidden": bl.Activation.tanh()}
        own = {
            "bias": draw(True, False), "peephole": draw(None, "diagonal", "full"),
            "activations": draw(None, activations), "bidirectional": two == 2,
            "merge": draw(*merges) if two == 2 else "concat", **words,
        }  # fmt: skip
        layers = draw(1, 1, 2)
        own["dropout"] = dropout if layers > 1 else 0.0
        units = draw(1, 2, 4, 7)
        own["proj_size"] = draw(0, 0, 1, units)
        lstm = bl.LSTM(width, units, layers, seed=seed + number, **own)
        width = lstm.config.output_size
        lstms.append(lstm)
    return bl.Stack(lstms), random


def one_after_the_other(
    stack: bl.Stack, x: Any, state: Any = None, **words: Any
) -> tuple[Any, tuple[bl.LSTMState, ...]]:
    """The last output, and the final states of all."""
    states = []
    for lstm, begin in zip(stack.lstms, state or [None] * len(stack.lstms), strict=True):
        x, final = lstm(x, begin, **words)
        states.append(final)
    return x, tuple(states)


def random_states(stack: bl.Stack, rows: int | None, random: np.random.Generator) -> list[Any]:
    """A pair for each LSTM, without a batch axis if `rows` is None; for some of them None."""
    states: list[Any] = []
    for config in stack.configs:
        layers = config.num_layers * config.directions
        batch = () if rows is None else (rows,)
        h = random.uniform(-1, 1, (layers, *batch, config.outputs)).astype(np.float32)
        c = random.uniform(-1, 1, (layers, *batch, config.units)).astype(np.float32)
        states.append((h, c) if random.integers(3) else None)
    return states


def assert_equal(found: Any, wanted: Any) -> None:
    """The same arrays to the bit, however they stand in tuples and dictionaries."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for name, array in wanted.items():
            assert_equal(found[name], array)
    elif isinstance(wanted, tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_equal(one, other)
    else:
        array: Array = wanted
        assert found.dtype == array.dtype == np.float32
        np.testing.assert_array_equal(found, array)
