"""Caches that another layer or another call has filled, and those of a call that means the same."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from calls import ENOUGH, WAYS_WITH_CACHE, Calls, small_layer
from gradients import WAYS, assert_same_bits
from reference import GATES, Layer

Filter = bl.FilterParameters


def activation(place: str, **fields: Any) -> Callable[[Layer], None]:
    def change(layer: Layer) -> None:
        layer.activations[place] = replace(layer.activations[place], **fields)

    return change


def peephole(gate: str, *, full: bool) -> Callable[[Layer], None]:
    def change(layer: Layer) -> None:
        diagonal = layer.arrays.pop(f"{gate}.cw")
        if full:
            layer.arrays[f"{gate}.cw"] = np.einsum("ldh,hk->ldhk", diagonal, np.eye(5)).astype("f4")

    return change


def lengths(*sizes: int) -> Callable[[Layer], None]:
    def change(layer: Layer) -> None:
        layer.arrays["batch_sizes"] = np.array(sizes, np.uint32)

    return change


SIGMOID = bl.ActivationFunction.SIGMOID
# What differs between the forward and the backward call: another layer, or another call of it.
LAYERS: dict[str, Layer | Callable[[Layer], None]] = {
    "input size": small_layer(input_size=6),
    "hidden size": small_layer(hidden_size=6),
    "batch size": small_layer(batch=4),
    "layers": small_layer(num_layers=3),
    "steps": small_layer(seq_len=5),
    "directions": small_layer(directions=1),
    "lengths": lengths(3, 3, 2, 1),
    "last length": lengths(3, 3, 3, 2),
    "hidden activation": activation("hidden", function=SIGMOID),
    **{f"activation of {gate}": activation(gate, function=22) for gate in GATES},
    **{f"full peephole of {gate}": peephole(gate, full=True) for gate in GATES},
    **{f"no peephole of {gate}": peephole(gate, full=False) for gate in GATES},
}
HALF = {"dropout": 0.5}
CALLS = {
    "no dropout": ((Filter(), HALF), (Filter(), {})),
    "ratio of dropout": ((Filter(), HALF), (Filter(), {"dropout": 0.25})),
    "seed of dropout": ((Filter(seed=1), HALF), (Filter(seed=2), HALF)),
    "high bits of the seed": ((Filter(seed=1), HALF), (Filter(seed=1 + 2**63), HALF)),
    "checkpoints": ((Filter(), {}), (Filter(checkpoint_steps=1), {})),
    "one checkpoint": ((Filter(), {}), (Filter(checkpoint_steps=4), {})),
    "distance of checkpoints": ((Filter(0, 0, 2), {}), (Filter(0, 0, 3), {})),
    "square root": ((Filter(0, 0, "sqrt"), {}), (Filter(0, 0, 1), {})),
}


def foreign(first: Calls, second: Calls) -> None:
    cache = np.zeros(ENOUGH, np.uint8)
    first.forward(cache)
    found = second.refused("backward", cache, bl.CacheError)
    assert found == [("cache", "foreign_cache")]
    first.backward(cache)  # It was not the cache's fault.


@pytest.mark.parametrize("way", WAYS_WITH_CACHE)
@pytest.mark.parametrize("difference", LAYERS)
def test_a_cache_of_another_layer_is_refused(difference: str, way: str) -> None:
    base = small_layer()
    change = LAYERS[difference]
    other = deepcopy(base) if callable(change) else change
    if callable(change):
        change(other)
    filter_params = WAYS[way].filter_params()
    for first, second in ((base, other), (other, base)):
        foreign(Calls(first, filter_params), Calls(second, filter_params))


@pytest.mark.parametrize("difference", CALLS)
def test_a_cache_of_another_call_is_refused(difference: str) -> None:
    layer = small_layer()
    one, other = CALLS[difference]
    for first, second in ((one, other), (other, one)):
        calls = [Calls(layer, filter_params, **fields) for filter_params, fields in (first, second)]
        foreign(*calls)


def test_a_cache_of_other_activation_parameters_is_refused() -> None:
    layer, other = small_layer(), small_layer()
    for layers, alpha in ((layer, 0.25), (other, 0.5)):
        layers.activations["output"] = bl.Activation.leaky_rectified_linear(alpha)
    foreign(Calls(layer, Filter()), Calls(other, Filter()))
    layer.activations["output"] = other.activations["output"] = bl.Activation.clamp(-0.5, 1)
    activation("output", beta=0.75)(other)
    foreign(Calls(layer, Filter()), Calls(other, Filter()))


def test_a_cache_knows_the_default_activations_flag() -> None:
    layer = small_layer()
    layer.activations["candidate"] = bl.Activation.identity()
    foreign(Calls(layer, Filter()), Calls(layer, Filter(), lstm_flags=3))


# Calls that differ, but mean the same cache.
SAME = {
    "threads": ((Filter(n_threads=1), {}), (Filter(n_threads=2), {})),
    "seed without dropout": ((Filter(seed=1), {}), (Filter(seed=2), {})),
    "default activations": ((Filter(), {}), (Filter(), {"lstm_flags": 3})),
    "type of the lengths": (
        (Filter(), {"sequence_descriptor": np.array([3, 3, 2, 1], np.uint32)}),
        (Filter(), {"sequence_descriptor": np.array([3, 3, 2, 1], np.int8)}),
    ),
    "square root": ((Filter(0, 0, "sqrt"), {}), (Filter(0, 0, 2), {})),
    "more than all steps": ((Filter(0, 0, 4), {}), (Filter(0, 0, 2**40), {})),
}


@pytest.mark.parametrize("difference", SAME)
def test_a_cache_of_an_equal_call_is_taken(difference: str) -> None:
    layer = small_layer()
    one, other = (Calls(layer, params, **fields) for params, fields in SAME[difference])
    cache = np.zeros(ENOUGH, np.uint8)
    one.forward(cache)
    one.backward(cache)
    other.backward(cache)
    assert_same_bits(other.found, one.found)
