"""Arrays of training calls: where the cache has the cell states, and gradients that no memory has."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import _native
from bnns_lstm.module import memory


def example(**config: Any) -> tuple[bl.LSTM, Any]:
    lstm = bl.LSTM(3, 5, seed=1, **config)
    return lstm, np.random.default_rng(2).uniform(-1, 1, (6, 4, 3)).astype(np.float32)


def test_gradients_that_no_memory_has_are_refused_by_what_they_belong_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lstm, x = example()
    y, _, tape = lstm.forward(x, training=True)

    own = memory.Spares.floats

    def no_memory(spares: Any, use: str, shape: Any) -> Any:
        if use == "hidden":
            raise MemoryError
        return own(spares, use, shape)

    monkeypatch.setattr(memory.Spares, "floats", no_memory)
    with pytest.raises(
        bl.ComputeError, match="input_size=3, hidden_size=5, num_layers=1: expected"
    ):
        lstm.backward(tape, y)


@pytest.mark.parametrize(
    "config",
    [{}, {"num_layers": 3, "bidirectional": True}, {"batch_first": True, "peephole": "full"}],
)
def test_the_cache_has_the_cell_states_where_the_native_module_says(config: dict[str, Any]) -> None:
    lstm, x = example(**config)
    _, state, tape = lstm.forward(x, training=True)
    offset, shape, strides = _native._cached_cell_states(tape.params, tape.filter_params)
    cells = np.ndarray(shape, np.float32, tape.cache, offset, strides)
    directions = lstm.config.directions
    assert shape == (tape.params.seq_len, tape.params.batch_size, directions, 5)
    last = np.stack([cells[0 if d else -1, :, d] for d in range(directions)])
    np.testing.assert_array_equal(last, state.c[-directions:])
    checkpoints = bl.FilterParameters(checkpoint_steps=2)
    assert _native._cached_cell_states(tape.params, checkpoints) is None
