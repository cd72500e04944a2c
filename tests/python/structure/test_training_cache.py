"""The training cache: how large it is, where it may lie, and that it is read."""

from __future__ import annotations

from math import ceil, isqrt
from pathlib import Path

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer
from calls import WAYS_WITH_CACHE, small_layer
from gradients import (
    WAYS,
    assert_same_bits,
    delta_parameters,
    filled_cache,
    gradients,
    incoming_of,
    room,
    shapes_of,
)
from hypothesis import given
from hypothesis import strategies as st

Filter = bl.FilterParameters
TRAINING = Path(__file__).parents[3] / "docs" / "training.md"


def formula(s: int, n: int, layers: int, d: int, h: int, every: int | str) -> int:
    """Bytes as in docs/training.md."""
    if every == 0:
        return 64 + 24 * layers * d * n * s * h
    step = isqrt(s - 1) + 1 if every == "sqrt" else int(every)
    outputs = 4 * (layers - 1) * d * n * s * h if d == 2 and layers > 1 else 0
    return 64 + 8 * layers * d * n * h * ceil(s / step) + outputs


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 99, 2**31, "sqrt"]))
def test_the_capacity_is_that_of_the_formula(seed: int, every: int | str) -> None:
    layer = random_layer(seed)
    sizes = (layer.seq_len, layer.batch, layer.num_layers, layer.directions, layer.hidden_size)
    params = parameters(layer, **outputs_of(layer))
    found = bl.compute_lstm_training_cache_capacity(params, Filter(checkpoint_steps=every))
    assert found == formula(*sizes, every)
    if every == 0:
        assert bl.compute_lstm_training_cache_capacity(params) == found


def table() -> list[list[int]]:
    """The rows of the table in docs/training.md: S, N, L, D, H, bytes, bytes with checkpoints, k."""
    lines = TRAINING.read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("| S | N |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        plain = line.replace(",", "").replace("(k =", "|").replace(")", "")
        rows.append([int(cell) for cell in plain.strip("|").split("|")])
    return rows


def test_the_table_in_the_manual_is_right() -> None:
    assert len(table()) == 6
    for s, n, layers, d, h, every_step, square_root, k in table():
        layer = random_layer(
            1, seq_len=s, batch=n, num_layers=layers, directions=d, hidden_size=h, input_size=1,
            peephole=None,
        )  # fmt: skip
        params = parameters(layer, hidden_desc=np.empty(layer.state_shape, np.float32))
        for every, wanted in ((0, every_step), ("sqrt", square_root), (k, square_root)):
            filter_params = Filter(checkpoint_steps=every)
            assert bl.compute_lstm_training_cache_capacity(params, filter_params) == wanted


def test_the_capacity_of_a_wrong_structure_is_refused() -> None:
    params = parameters(small_layer())
    with pytest.raises(bl.DescriptorError) as caught:
        bl.compute_lstm_training_cache_capacity(params, Filter(checkpoint_steps=-1))
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("output_descriptor", "missing_output"),
        ("filter_params.checkpoint_steps", "out_of_range"),
    ]


@pytest.mark.parametrize("way", WAYS_WITH_CACHE)
def test_a_cache_may_lie_anywhere_and_be_larger(way: str) -> None:
    layer, filter_params = small_layer(), WAYS[way].filter_params()
    incoming = incoming_of(layer)
    wanted = gradients(layer, incoming)
    params = parameters(layer, **outputs_of(layer))
    capacity = bl.compute_lstm_training_cache_capacity(params, filter_params)
    for start in range(18):
        memory = np.full(capacity + 60, 0x5A, np.uint8)
        own = slice(start, start + capacity)
        bl.direct_apply_lstm_batch_training_caching(params, filter_params, memory[start:])
        # Whatever lies behind the capacity is not written, and does not count; nor does the address.
        other = np.zeros(capacity + 17, np.uint8)[17 - start % 18 :][:capacity]
        other[:] = memory[own]
        for cache in (memory[start:], memory[own], other):
            found = room(shapes_of(layer))
            delta = delta_parameters(layer, incoming, found)
            bl.direct_apply_lstm_batch_backward(params, delta, filter_params, cache)
            assert_same_bits(found, wanted)
        memory[own] = 0x5A
        assert (memory == 0x5A).all()


@pytest.mark.parametrize("way", WAYS_WITH_CACHE)
def test_the_backward_call_takes_what_is_in_the_cache(way: str) -> None:
    layer, filter_params = small_layer(), WAYS[way].filter_params()
    params, found = parameters(layer, **outputs_of(layer)), room(shapes_of(layer), 0)
    cache = filled_cache(params, filter_params)
    cache[64:] = 0xFF  # NaN, behind the header.
    delta = delta_parameters(layer, incoming_of(layer), found)
    bl.direct_apply_lstm_batch_backward(params, delta, filter_params, cache)
    assert all(np.isnan(found[name]).any() for name in ("x", "h0", "input.hw", "output.iw1"))
