"""A forward and a backward call of a small layer that may be refused, and what they must leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer
from gradients import WAYS, delta_parameters, incoming_of, room, shapes_of
from reference import Layer

WAYS_WITH_CACHE = [name for name in WAYS if WAYS[name].has_cache]
# Bytes that are enough for the caches of all these layers.
ENOUGH = 100_000


def small_layer(**sizes: int) -> Layer:
    """2 layers, 2 directions, 3 samples, 4 steps, if `sizes` does not say otherwise."""
    fixed = {
        "num_layers": 2, "directions": 2, "batch": 3, "seq_len": 4, "input_size": 5, "hidden_size": 5,
    }  # fmt: skip
    return random_layer(
        1, h0=True, c0=True, bias=True, peephole="diagonal", lengths=False, any_activation=False,
        **(fixed | sizes),
    )  # fmt: skip


class Calls:
    """A forward and a backward call that is refused, and whether anything was written."""

    def __init__(self, layer: Layer, filter_params: bl.FilterParameters, **changes: Any) -> None:
        self.filter_params = filter_params
        self.outputs = outputs_of(layer)
        self.params = replace(parameters(layer, **self.outputs), **changes)
        self.found = room(shapes_of(layer), 0.5)
        delta = delta_parameters(layer, incoming_of(layer), self.found)
        self.delta = replace(delta, lstm_flags=self.params.lstm_flags)

    def forward(self, cache: Any) -> None:
        bl.direct_apply_lstm_batch_training_caching(self.params, self.filter_params, cache)

    def backward(self, cache: Any) -> None:
        bl.direct_apply_lstm_batch_backward(self.params, self.delta, self.filter_params, cache)

    def refused(
        self, name: str, cache: Any, error: type[bl.CacheError | bl.DescriptorError]
    ) -> list[tuple[str, str]]:
        """Path and code of each issue of this call."""
        before = cache.tobytes() if isinstance(cache, np.ndarray) else None
        with pytest.raises(bl.BNNSLSTMError) as caught:
            getattr(self, name)(cache)
        assert type(caught.value) is error
        assert isinstance(caught.value, ValueError)
        assert before is None or cache.tobytes() == before
        assert all(np.isnan(array).all() for array in self.outputs.values())
        assert all((array == 0.5).all() for array in self.found.values())
        return [(issue.path, issue.code) for issue in caught.value.issues]
