"""What the backward pass computes, which of it, and that it writes nothing else."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import assert_close, outputs_of, parameters, random_layer, run
from gradients import (
    INCOMING,
    WAYS,
    assert_same_bits,
    delta_parameters,
    filled_cache,
    gradients,
    incoming_of,
    room,
    shapes_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=30)
@given(SEEDS, st.booleans())
def test_every_way_and_number_of_threads_gives_the_same_bits(seed: int, dropout: bool) -> None:
    layer = random_layer(seed)
    incoming = incoming_of(layer, seed)
    ratio = 0.4 if dropout else 0.0
    wanted = gradients(layer, incoming, n_threads=1, dropout=ratio)
    for way, n_threads in product(WAYS.values(), (1, 2, 5)):
        found = gradients(layer, incoming, way=way, n_threads=n_threads, dropout=ratio)
        assert_same_bits(found, wanted)


@pytest.mark.parametrize("directions", [1, 2])
def test_large_layers_give_the_same_bits(directions: int) -> None:
    layer = random_layer(
        5, batch=40, seq_len=70, input_size=33, hidden_size=65, num_layers=2, directions=directions,
        any_activation=False, lengths=True, peephole="full",
    )  # fmt: skip
    incoming = incoming_of(layer)
    wanted = gradients(layer, incoming, n_threads=1)
    assert all(np.isfinite(value).all() for value in wanted.values())
    for way, n_threads in product(WAYS.values(), (2, 3)):
        assert_same_bits(gradients(layer, incoming, way=way, n_threads=n_threads), wanted)


@settings(max_examples=40)
@given(st.data())
def test_any_wanted_gradients_and_nothing_else_is_written(data: st.DataObject) -> None:
    layer = random_layer(data.draw(SEEDS))
    way = WAYS[data.draw(st.sampled_from(sorted(WAYS)))]
    incoming, shapes = incoming_of(layer), shapes_of(layer)
    wanted = gradients(layer, incoming)
    names = data.draw(st.lists(st.sampled_from(sorted(shapes)), unique=True))
    added = {name for name in names if data.draw(st.booleans())}
    found = room({name: shapes[name] for name in names})
    descriptors: dict[str, Any] = dict(found)
    for name in added:
        found[name].fill(-1.0)
        flags = bl.NDArrayFlags.BACKPROP_ACCUMULATE
        descriptors[name] = bl.NDArrayDescriptor(found[name], flags=flags)
    outputs, filter_params = outputs_of(layer), way.filter_params()
    params = parameters(layer, **outputs)
    cache = filled_cache(params, filter_params) if way.has_cache else np.zeros(0, np.uint8)
    others = [*layer.arrays.values(), *incoming.values(), *outputs.values(), cache]
    before = [array.tobytes() for array in others]
    delta = delta_parameters(layer, incoming, descriptors)
    given_cache = cache if way.has_cache else None
    bl.direct_apply_lstm_batch_backward(params, delta, filter_params, given_cache)
    assert [array.tobytes() for array in others] == before
    assert_same_bits(
        {name: found[name] for name in found.keys() - added},
        {name: wanted[name] for name in found.keys() - added},
    )
    for name in added:
        assert_close(found[name], wanted[name] - 1, 1e-5, name)


@pytest.mark.parametrize("given_names", range(1, 8))
@pytest.mark.parametrize("way", WAYS)
def test_incoming_gradients_that_are_left_out_are_zeros(given_names: int, way: str) -> None:
    layer = random_layer(8, num_layers=2, directions=2, batch=3, seq_len=5, lengths=True)
    full = incoming_of(layer)
    some = {name: full[name] for at, name in enumerate(INCOMING) if given_names & 1 << at}
    zeros = {name: some.get(name, np.zeros_like(value)) for name, value in full.items()}
    found = gradients(layer, some, way=WAYS[way])
    for name, wanted in gradients(layer, zeros, way=WAYS[way]).items():
        np.testing.assert_array_equal(found[name], wanted, err_msg=name)
    # The gradients of all three are the sum of those of each.
    rest = {name: full[name] for name in full.keys() - some.keys()}
    if rest:
        other, both = gradients(layer, rest), gradients(layer, full)
        for name, value in found.items():
            assert_close(value + other[name], both[name], 1e-5, name)


@pytest.mark.parametrize("way", WAYS)
def test_states_that_are_left_out_have_gradients_too(way: str) -> None:
    layer = random_layer(8, h0=False, c0=False, num_layers=2)
    zeros = np.zeros(layer.state_shape, np.float32)
    with_zeros = deepcopy(layer)
    with_zeros.arrays.update(h0=zeros, c0=zeros.copy())
    incoming = incoming_of(layer)
    found = gradients(layer, incoming, way=WAYS[way])
    assert np.abs(found["h0"]).max() > 0
    assert_same_bits(found, gradients(with_zeros, incoming, way=WAYS[way]))


def test_everything_that_is_only_read_may_be_read_only() -> None:
    layer = random_layer(8, h0=True, c0=True, num_layers=2, lengths=True, peephole="full")
    incoming, outputs, filter_params = incoming_of(layer), outputs_of(layer), bl.FilterParameters()
    wanted = gradients(layer, incoming)
    params = parameters(layer, **outputs)
    cache = filled_cache(params, filter_params)
    for array in (*layer.arrays.values(), *incoming.values(), *outputs.values(), cache):
        array.setflags(write=False)
    for given_cache in (cache, None):
        found = room(shapes_of(layer))
        delta = delta_parameters(layer, incoming, found)
        bl.direct_apply_lstm_batch_backward(params, delta, filter_params, given_cache)
        assert_same_bits(found, wanted)


def test_outputs_are_those_of_a_call_without_a_cache() -> None:
    for seed, way in product(range(10), WAYS.values()):
        layer = random_layer(seed)
        outputs = outputs_of(layer)
        filled_cache(parameters(layer, **outputs), way.filter_params())
        for found, wanted in zip(outputs.values(), run(layer), strict=True):
            np.testing.assert_array_equal(found, wanted)
