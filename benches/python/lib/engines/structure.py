"""This package at the level of the structure: each call checks the structures and packs the weights."""

from __future__ import annotations

import bnns_lstm as bl
import numpy as np
from cases import Arrays, Unsupported, Way
from layer import Gradients, Layer
from rows import Row

DISTRIBUTION = "bnns-lstm"


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`."""
    if row.kind == "train" or not hasattr(bl, "prepare"):
        raise Unsupported("`ours` is the same")
    return [forward(row, arrays, threads)]


def forward(row: Row, arrays: Arrays, threads: int) -> Way:
    """One call of the structure's forward function."""
    layer = Layer(row, arrays)
    filter_params = bl.FilterParameters(n_threads=threads)

    def call() -> None:
        bl.direct_apply_lstm_batch_training_caching(layer.params, filter_params)

    return Way(call, layer.results, "structure")


def train(row: Row, arrays: Arrays, threads: int) -> Way:
    """The forward function with a cache, then the backward function for all gradients.

    Both pack the weights anew, as a trainer must who changes them in between.
    """
    if not hasattr(bl, "direct_apply_lstm_batch_backward"):
        raise Unsupported("this version has no backward pass")
    layer = Layer(row, arrays)
    gradients = Gradients(layer)
    filter_params = bl.FilterParameters(n_threads=threads)
    capacity = bl.compute_lstm_training_cache_capacity(layer.params, filter_params)
    cache = np.zeros(capacity, np.uint8)

    def call() -> None:
        bl.direct_apply_lstm_batch_training_caching(layer.params, filter_params, cache)
        bl.direct_apply_lstm_batch_backward(layer.params, gradients.params, filter_params, cache)

    return Way(call, gradients.results, "structure")
