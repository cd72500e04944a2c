"""Caches that are refused: the exception, the path, the code, and that nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters
from calls import ENOUGH, WAYS_WITH_CACHE, Calls, small_layer
from gradients import WAYS, assert_same_bits, filled_cache, gradients, incoming_of, odd_cache
from reference import Array
from wrong_caches import BOTH, CACHE_CODES, CACHE_ROWS, read_only

Filter = bl.FilterParameters


@pytest.mark.parametrize("way", WAYS_WITH_CACHE)
def test_a_cache_one_byte_too_small_is_refused(way: str) -> None:
    layer, filter_params = small_layer(), WAYS[way].filter_params()
    calls = Calls(layer, filter_params)
    cache = filled_cache(parameters(layer, **outputs_of(layer)), filter_params)
    for name in ("forward", "backward"):
        for length in (cache.size - 1, 64, 63, 1, 0):
            found = calls.refused(name, cache[:length].copy(), bl.CacheError)
            assert found == [("cache", "cache_too_small")]
    with pytest.raises(
        bl.CacheError, match=rf"at least {cache.size} bytes, found {cache.size - 1}"
    ):
        calls.forward(cache[:-1])
    calls.backward(cache)
    assert_same_bits(calls.found, gradients(layer, incoming_of(layer)))


@pytest.mark.parametrize("way", WAYS_WITH_CACHE)
def test_a_cache_that_was_never_filled_is_refused(way: str) -> None:
    layer, filter_params = small_layer(), WAYS[way].filter_params()
    calls = Calls(layer, filter_params)
    cache = filled_cache(parameters(layer, **outputs_of(layer)), filter_params)
    without_header, other_place = cache.copy(), odd_cache(cache.size + 1)
    without_header[:64] = 0
    other_place[1:] = cache
    noise = np.random.default_rng(2).integers(0, 256, cache.size, np.uint8)
    for unfilled in (
        np.zeros_like(cache), np.full_like(cache, 0xFF), noise, without_header, other_place,
    ):  # fmt: skip
        found = calls.refused("backward", unfilled, bl.CacheError)
        assert found == [("cache", "cache_not_filled")]


def test_a_refused_forward_call_fills_nothing() -> None:
    layer = small_layer()
    calls = Calls(layer, Filter(), dropout=2.0)
    cache = np.zeros(ENOUGH, np.uint8)
    assert calls.refused("forward", cache, bl.DescriptorError) == [("dropout", "invalid_dropout")]
    found = Calls(layer, Filter()).refused("backward", cache, bl.CacheError)
    assert found == [("cache", "cache_not_filled")]


@pytest.mark.parametrize(("make", "refused_by", "code"), CACHE_ROWS)
def test_arrays_that_are_no_cache_of_this_call_are_refused(
    make: Callable[[Array], Any], refused_by: tuple[str, ...], code: str
) -> None:
    layer = small_layer()
    calls = Calls(layer, Filter())
    cache = make(filled_cache(parameters(layer, **outputs_of(layer)), Filter()))
    error = bl.CacheError if code in CACHE_CODES else bl.DescriptorError
    for name in refused_by:
        assert calls.refused(name, cache, error) == [("cache", code)]
    # The other call takes it.
    for name in set(BOTH) - set(refused_by):
        getattr(calls, name)(cache)


def test_the_backward_call_takes_a_read_only_cache() -> None:
    layer = small_layer()
    calls = Calls(layer, Filter())
    calls.backward(read_only(filled_cache(parameters(layer, **outputs_of(layer)), Filter())))
    assert_same_bits(calls.found, gradients(layer, incoming_of(layer)))


def test_a_wrong_structure_is_told_first_and_a_wrong_array_with_it() -> None:
    layer = small_layer()
    calls = Calls(layer, Filter(n_threads=5000), dropout=2.0)
    short, wrong = np.zeros(3, np.uint8), np.zeros(3, np.int8)
    for name, root in (("forward", ""), ("backward", "params.")):
        issues = [
            (f"{root}dropout", "invalid_dropout"),
            ("filter_params.n_threads", "too_many_threads"),
        ]
        assert calls.refused(name, short, bl.DescriptorError) == issues
        issues.append(("cache", "unsupported_data_type"))
        assert calls.refused(name, wrong, bl.DescriptorError) == issues


OWNERS = pytest.mark.parametrize("same_owner", [True, False])


def shared(array: Array, size: int, *, same_owner: bool) -> tuple[Array, Array]:
    """An array like this one, and a cache of this size, that begin at the same address."""
    memory = bytearray(max(size, array.nbytes))
    owner = np.frombuffer(memory, np.uint8)
    other = owner if same_owner else np.frombuffer(memory, np.uint8)
    floats = owner[: array.nbytes].view(np.float32).reshape(array.shape)
    floats[...] = array
    cache = other[:size]
    assert np.shares_memory(floats, cache)
    return floats, cache


@OWNERS
@pytest.mark.parametrize("field", ["output_descriptor", "input_descriptor"])
def test_a_cache_that_overlaps_another_array_is_refused(field: str, same_owner: bool) -> None:
    layer = small_layer()
    calls = Calls(layer, Filter())
    size = bl.compute_lstm_training_cache_capacity(calls.params)
    desc = getattr(calls.params, field)
    desc.data_desc, cache = shared(desc.data_desc, size, same_owner=same_owner)
    calls.outputs["data_desc"] = outputs_of(layer)["data_desc"]
    assert calls.refused("forward", cache, bl.DescriptorError) == [("cache", "overlap")]


@OWNERS
def test_a_cache_that_overlaps_a_gradient_is_refused(same_owner: bool) -> None:
    layer = small_layer()
    calls = Calls(layer, Filter())
    filled = filled_cache(parameters(layer, **outputs_of(layer)), Filter())
    gradient, cache = shared(calls.found.pop("x"), filled.size, same_owner=same_owner)
    cache[:] = filled
    calls.delta.input_descriptor.data_desc = gradient
    assert calls.refused("backward", cache, bl.DescriptorError) == [("cache", "overlap")]
