"""A cache belongs to the weights of its forward call: others are refused, whichever they are."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from calls import ENOUGH, WAYS_WITH_CACHE, Calls, small_layer
from gradients import WAYS, assert_same_bits
from reference import GATES, Array, Layer

FIELDS = ("iw0", "iw1", "hw", "cw", "b")
NAMES = [f"{gate}.{field}" for gate in GATES for field in FIELDS]
CHANGED = [("cache", "changed_weights")]


def changes(array: Array) -> dict[str, Array]:
    """This array with one change or another, the last axis' places swapped among them."""
    ulp, sign, turned = array.copy(), array.copy(), array[..., ::-1].copy()
    ulp.flat[-1] = np.nextafter(ulp.flat[-1], np.float32(9))
    sign.flat[0] *= -1
    step = np.random.default_rng(3).normal(0, 1e-5, array.shape).astype(np.float32)
    return {
        "one ulp": ulp,
        "one sign": sign,
        "order": turned,
        "other layer or direction": np.roll(array, 1, axis=int(array.shape[0] == 1)),
        "a constant": array + np.float32(0.25),
        "twice": array * 2,
        "a step": array - step,
    }


@pytest.mark.parametrize("way", WAYS_WITH_CACHE)
@pytest.mark.parametrize("name", NAMES)
def test_changed_weights_are_refused(name: str, way: str) -> None:
    layer, filter_params = small_layer(), WAYS[way].filter_params()
    first, cache = Calls(layer, filter_params), np.zeros(ENOUGH, np.uint8)
    first.forward(cache)
    for change, array in changes(layer.arrays[name]).items():
        assert (array != layer.arrays[name]).any(), change
        other = deepcopy(layer)
        other.arrays[name] = array
        assert Calls(other, filter_params).refused("backward", cache, bl.CacheError) == CHANGED
    # It was not the cache's fault; and other arrays with the same weights are the same weights.
    first.backward(cache)
    again = Calls(deepcopy(layer), filter_params)
    again.backward(cache)
    assert_same_bits(again.found, first.found)


def test_the_sign_of_zero_counts() -> None:
    layer = small_layer()
    layer.arrays["input.hw"][0, 0, 0, 0] = 0
    cache = np.zeros(ENOUGH, np.uint8)
    Calls(layer, bl.FilterParameters()).forward(cache)
    layer.arrays["input.hw"][0, 0, 0, 0] = -0.0
    calls = Calls(layer, bl.FilterParameters())
    assert calls.refused("backward", cache, bl.CacheError) == CHANGED


def with_strides(layer: Layer, stored: Any) -> Layer:
    """The same weights, stored otherwise."""
    other = deepcopy(layer)
    for name in NAMES:
        other.arrays[name] = stored(layer.arrays[name])
        np.testing.assert_array_equal(other.arrays[name], layer.arrays[name])
    return other


STORED = {
    "columns": lambda array: np.asfortranarray(array),
    "rows of columns": lambda array: array.swapaxes(-1, -2).copy().swapaxes(-1, -2),
    "every other": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "gaps between rows": lambda array: np.repeat(array, 3, axis=-2)[..., ::3, :],
}


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_strides_and_threads_do_not_matter(stored: str, n_threads: int) -> None:
    layer = small_layer()
    filter_params, cache = bl.FilterParameters(n_threads), np.zeros(ENOUGH, np.uint8)
    first = Calls(layer, filter_params)
    first.forward(cache)
    first.backward(cache)
    other = Calls(with_strides(layer, STORED[stored]), bl.FilterParameters(1))
    other.backward(cache)
    assert_same_bits(other.found, first.found)


def test_the_refusal_says_what_to_do() -> None:
    layer, cache = small_layer(), np.zeros(ENOUGH, np.uint8)
    Calls(layer, bl.FilterParameters()).forward(cache)
    layer.arrays["forget.b"] += 1
    with pytest.raises(
        bl.CacheError, match=r"cache: .*these weights.*call forward again, or restore"
    ):
        Calls(layer, bl.FilterParameters()).backward(cache)


def test_without_a_cache_nothing_is_remembered() -> None:
    layer = small_layer()
    Calls(layer, bl.FilterParameters()).forward(np.zeros(ENOUGH, np.uint8))
    layer.arrays["forget.hw"] *= 2
    Calls(layer, bl.FilterParameters()).backward(None)
