"""What is no training cache of a call: a table of how a good cache is changed, who refuses it, and the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
from build import outputs_of, parameters
from calls import small_layer
from gradients import filled_cache
from reference import Array


def read_only(cache: Array) -> Array:
    cache.setflags(write=False)
    return cache


def of_another_layer(cache: Array) -> Array:
    layer = small_layer(input_size=6)
    found = filled_cache(parameters(layer, **outputs_of(layer)), bl.FilterParameters())
    assert found.size == cache.size
    return found


def of_other_weights(cache: Array) -> Array:
    layer = small_layer()
    layer.arrays["output.b"][-1, -1, -1] += 1
    found = filled_cache(parameters(layer, **outputs_of(layer)), bl.FilterParameters())
    assert found.size == cache.size
    return found


BOTH = ("forward", "backward")
# What is refused, made from a good cache; by which calls, and the code.
CACHE_ROWS: list[tuple[Callable[[Array], Any], tuple[str, ...], str]] = [
    (lambda cache: cache.tolist(), BOTH, "wrong_type"),
    (lambda cache: cache.tobytes(), BOTH, "wrong_type"),
    (lambda cache: bytearray(cache.tobytes()), BOTH, "wrong_type"),
    (lambda cache: cache.data, BOTH, "wrong_type"),
    (lambda cache: cache.size, BOTH, "wrong_type"),
    (bl.NDArrayDescriptor, BOTH, "wrong_type"),
    (np.ma.masked_array, BOTH, "wrong_type"),
    (lambda cache: cache.view(np.int8), BOTH, "unsupported_data_type"),
    (lambda cache: cache.view(np.bool_), BOTH, "unsupported_data_type"),
    (lambda cache: cache.astype(np.float64), BOTH, "unsupported_data_type"),
    (lambda cache: cache.astype(np.int32), BOTH, "unsupported_data_type"),
    (lambda cache: cache.view("V1"), BOTH, "unsupported_data_type"),
    (lambda cache: np.array(cache[0]), BOTH, "rank_mismatch"),
    (lambda cache: cache[None], BOTH, "rank_mismatch"),
    (lambda cache: cache[(None,) * 9], BOTH, "rank_mismatch"),
    (lambda cache: np.repeat(cache, 2)[::2], BOTH, "not_contiguous"),
    (lambda cache: cache[::-1].copy()[::-1], BOTH, "not_contiguous"),
    (lambda cache: np.repeat(cache[:, None], 3, 1)[:, 0], BOTH, "not_contiguous"),
    (read_only, ("forward",), "read_only"),
    (lambda cache: cache[:-1].copy(), BOTH, "cache_too_small"),
    (lambda cache: np.zeros(0, cache.dtype), BOTH, "cache_too_small"),
    (np.zeros_like, ("backward",), "cache_not_filled"),
    (of_another_layer, ("backward",), "foreign_cache"),
    (of_other_weights, ("backward",), "changed_weights"),
]
CACHE_CODES = {"cache_too_small", "cache_not_filled", "foreign_cache", "changed_weights"}
