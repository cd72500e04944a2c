"""The training cache: its size, where it may lie, and which one a backward call accepts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer
from gradients import delta_parameters, filled_cache, incoming_of, odd_cache, room, shapes_of
from hypothesis import given
from hypothesis import strategies as st
from reference import Array, Layer

HEADER = 64


def some_layer(**fixed: Any) -> Layer:
    return random_layer(
        4,
        **({"num_layers": 3, "directions": 1, "seq_len": 5, "batch": 3, "hidden_size": 5} | fixed),
    )


def params_of(layer: Layer, **changes: Any) -> bl.LayerParametersLSTM:
    return replace(parameters(layer, **outputs_of(layer)), **changes)


@given(seed=st.integers(0, 2**32), every=st.integers(0, 7))
def test_the_capacity_is_what_the_docs_say(seed: int, every: int) -> None:
    layer = random_layer(seed)
    found = bl.compute_lstm_training_cache_capacity(
        params_of(layer), bl.FilterParameters(checkpoint_steps=every)
    )
    steps, batch, hidden = layer.seq_len, layer.batch, layer.hidden_size
    layers, directions = layer.num_layers, layer.directions
    vectors = layers * directions * batch * hidden * 4
    if every == 0:
        assert found == HEADER + 6 * steps * vectors
        return
    checkpoints = -(-steps // min(every, steps))
    handed_up = (layers - 1) * directions * batch * hidden * 4 * steps if directions == 2 else 0
    assert found == HEADER + 2 * checkpoints * vectors + handed_up


@pytest.mark.parametrize("offset", range(1, 9))
def test_a_cache_may_begin_at_any_byte(offset: int) -> None:
    layer = some_layer()
    params = params_of(layer)
    size = bl.compute_lstm_training_cache_capacity(params)
    cache = np.full(size + offset, 7, np.uint8)[offset:]
    bl.direct_apply_lstm_batch_training_caching(params, None, cache)
    found = room(shapes_of(layer))
    bl.direct_apply_lstm_batch_backward(
        params, delta_parameters(layer, incoming_of(layer), found), None, cache
    )
    assert all(np.isfinite(array).all() for array in found.values())


def test_bytes_beyond_the_capacity_stay_as_they_are() -> None:
    params = params_of(some_layer())
    size = bl.compute_lstm_training_cache_capacity(params)
    cache = odd_cache(size + 10)
    bl.direct_apply_lstm_batch_training_caching(params, None, cache)
    assert (cache[size:] == 0xA5).all()
    assert not (cache[:size] == 0xA5).all()


def test_one_byte_too_few_is_refused_by_both_calls() -> None:
    layer = some_layer()
    params = params_of(layer)
    cache = odd_cache(bl.compute_lstm_training_cache_capacity(params) - 1)
    found = room(shapes_of(layer))
    delta = delta_parameters(layer, incoming_of(layer), found)
    for call in (
        lambda: bl.direct_apply_lstm_batch_training_caching(params, None, cache),
        lambda: bl.direct_apply_lstm_batch_backward(params, delta, None, cache),
    ):
        with pytest.raises(bl.CacheError) as caught:
            call()
        assert [(issue.path, issue.code) for issue in caught.value.issues] == [
            ("cache", "cache_too_small")
        ]
        assert caught.value.issues[0].actual.startswith(str(cache.size))
    assert (cache == 0xA5).all()
    assert np.isnan(params.output_descriptor.data_desc).all()  # type: ignore[union-attr]
    assert all(np.isnan(array).all() for array in found.values())


def with_lengths(layer: Layer) -> bl.LayerParametersLSTM:
    params = params_of(layer)
    params.sequence_descriptor = np.array([3, 3, 2, 1, 1])
    return params


def other_function(layer: Layer) -> bl.LayerParametersLSTM:
    params = params_of(layer)
    params.input_gate.activation = bl.Activation.hard_sigmoid(0.2, 0.5)
    return params


NONE = bl.FilterParameters()
# How the cache comes about that a backward call of `some_layer(lengths=False)` is given.
ROWS: dict[str, tuple[Callable[[Layer], Array], str]] = {
    "zeros": (lambda _: np.zeros(10**6, np.uint8), "cache_not_filled"),
    "other seed": (
        lambda layer: filled_cache(params_of(layer, dropout=0.5), bl.FilterParameters(seed=1)),
        "foreign_cache",
    ),
    "other dropout": (lambda layer: filled_cache(params_of(layer), NONE), "foreign_cache"),
    "other lengths": (
        lambda layer: filled_cache(replace(with_lengths(layer), dropout=0.5), NONE),
        "foreign_cache",
    ),
    "other activation": (
        lambda layer: filled_cache(replace(other_function(layer), dropout=0.5), NONE),
        "foreign_cache",
    ),
    "other sizes": (
        lambda _: filled_cache(
            params_of(some_layer(lengths=False, hidden_size=19), dropout=0.5), NONE
        ),
        "foreign_cache",
    ),
}


@pytest.mark.parametrize(("make", "code"), ROWS.values(), ids=list(ROWS))
def test_a_cache_of_another_layer_is_refused(make: Callable[[Layer], Array], code: str) -> None:
    layer = some_layer(lengths=False, any_activation=False)
    found = room(shapes_of(layer))
    delta = delta_parameters(layer, incoming_of(layer), found)
    with pytest.raises(bl.CacheError) as caught:
        bl.direct_apply_lstm_batch_backward(params_of(layer, dropout=0.5), delta, None, make(layer))
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [("cache", code)]
    assert all(np.isnan(array).all() for array in found.values())


def test_checkpoints_must_be_those_of_the_forward_call() -> None:
    layer = some_layer(lengths=False)
    params = params_of(layer)
    cache = filled_cache(params, bl.FilterParameters(checkpoint_steps=2))
    delta = delta_parameters(layer, incoming_of(layer), room(shapes_of(layer)))
    with pytest.raises(bl.CacheError) as caught:
        bl.direct_apply_lstm_batch_backward(
            params, delta, bl.FilterParameters(checkpoint_steps=3), np.resize(cache, 10**6)
        )
    assert caught.value.issues[0].code == "foreign_cache"


def read_only() -> Array:
    cache = np.zeros(10**6, np.uint8)
    cache.setflags(write=False)
    return cache


@pytest.mark.parametrize(
    ("cache", "code"),
    [
        (b"bytes", "wrong_type"),
        (5, "wrong_type"),
        (np.zeros(10**6, np.int8), "unsupported_data_type"),
        (np.zeros((1000, 1000), np.uint8), "rank_mismatch"),
        (np.zeros(10**6, np.uint8)[::2], "not_contiguous"),
        (read_only(), "read_only"),
    ],
)
def test_what_is_no_cache_is_refused_by_the_forward_call(cache: Any, code: str) -> None:
    params = params_of(some_layer())
    with pytest.raises(bl.DescriptorError) as caught:
        bl.direct_apply_lstm_batch_training_caching(params, None, cache)
    [issue] = caught.value.issues
    assert issue.path.startswith("cache")
    assert issue.code == code
    assert np.isnan(params.output_descriptor.data_desc).all()  # type: ignore[union-attr]
