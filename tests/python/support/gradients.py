"""Gradients of a layer: room for them, the structure that holds them, and one backward call.

Gradients are named as in `tests/golden/README.md`: incoming ones `dy`, `dhn` and `dcn`, outgoing ones like the
input that they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import bnns_lstm as bl
import numpy as np
from build import extensions_of, outputs_of, parameters
from reference import GATES, Array, Layer

INCOMING = ("dy", "dhn", "dcn")


@dataclass(frozen=True)
class Way:
    """How a backward call gets at what the forward call computed."""

    has_cache: bool = True
    checkpoint_steps: int | Literal["sqrt"] = 0

    def filter_params(self, n_threads: int = 0, seed: int = 0) -> bl.FilterParameters:
        return bl.FilterParameters(n_threads, seed, self.checkpoint_steps)


WAYS = {
    "cache": Way(),
    "no cache": Way(has_cache=False),
    "every third step": Way(checkpoint_steps=3),
    "square root": Way(checkpoint_steps="sqrt"),
    "no cache, square root": Way(has_cache=False, checkpoint_steps="sqrt"),
}


def incoming_of(layer: Layer, seed: int = 0) -> dict[str, Array]:
    """Some gradients with respect to the outputs, also at steps where a sample is not active."""
    random = np.random.default_rng(seed)
    y, hn, cn = outputs_of(layer).values()
    shapes = zip(INCOMING, (y.shape, hn.shape, cn.shape), strict=True)
    return {name: random.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes}


def shapes_of(layer: Layer) -> dict[str, tuple[int, ...]]:
    """The shapes of all outgoing gradients; initial states have some where the layer has none."""
    states = {"h0": layer.hidden_shape, "c0": layer.state_shape}
    given = {name: value.shape for name, value in layer.arrays.items() if name != "batch_sizes"}
    return given | states


def room(shapes: Mapping[str, tuple[int, ...]], value: float = np.nan) -> dict[str, Array]:
    """Arrays of these shapes, filled with `value`."""
    return {name: np.full(shape, value, np.float32) for name, shape in shapes.items()}


def delta_parameters(
    layer: Layer,
    incoming: Mapping[str, Any],
    outgoing: Mapping[str, Any],
    *,
    accumulate: bool = False,
) -> bl.LayerParametersLSTM:
    """The structure that holds these gradients, arrays or descriptors; names that are missing are None."""

    def to(name: str) -> Any:
        found = outgoing.get(name)
        if accumulate and isinstance(found, np.ndarray):
            return bl.NDArrayDescriptor(found, flags=bl.NDArrayFlags.BACKPROP_ACCUMULATE)
        return found

    def gate(name: str) -> bl.LSTMGateDescriptor:
        pair = (to(f"{name}.iw0"), to(f"{name}.iw1"))
        return bl.LSTMGateDescriptor(pair, *(to(f"{name}.{field}") for field in ("hw", "cw", "b")))

    return replace(
        parameters(layer),
        sequence_descriptor=None,
        input_descriptor=bl.LSTMDataDescriptor(to("x"), to("h0"), to("c0")),
        output_descriptor=bl.LSTMDataDescriptor(*map(incoming.get, INCOMING)),
        hidden_activation=None,
        extensions=extensions_of(layer, to("projection")),
        **{f"{name}_gate": gate(name) for name in GATES},
    )


def odd_cache(size: int) -> Array:
    """So many bytes at an odd address, with something in them."""
    memory = np.full(size + 1, 0xA5, np.uint8)
    start = 1 - memory.ctypes.data % 2
    return memory[start : start + size]


def filled_cache(params: bl.LayerParametersLSTM, filter_params: bl.FilterParameters) -> Array:
    """The cache that a forward call has left, of just the right size."""
    cache = odd_cache(bl.compute_lstm_training_cache_capacity(params, filter_params))
    bl.direct_apply_lstm_batch_training_caching(params, filter_params, cache)
    return cache


def backward(
    layer: Layer,
    delta_params: bl.LayerParametersLSTM,
    way: Way = WAYS["cache"],
    n_threads: int = 0,
    seed: int = 0,
    **changes: Any,
) -> None:
    """A forward call, if there is a cache to fill, and the backward call; `changes` are of `params`."""
    params = replace(parameters(layer, **outputs_of(layer)), **changes)
    filter_params = way.filter_params(n_threads, seed)
    cache = filled_cache(params, filter_params) if way.has_cache else None
    bl.direct_apply_lstm_batch_backward(params, delta_params, filter_params, cache)


def gradients(layer: Layer, incoming: Mapping[str, Any], **how: Any) -> dict[str, Array]:
    """All gradients in arrays of their own; `how` is that of `backward`."""
    outgoing = room(shapes_of(layer))
    backward(layer, delta_parameters(layer, incoming, outgoing), **how)
    return outgoing


def assert_same_bits(found: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    """Compare arrays with the same names, bit by bit; any two NaN are the same.

    Where a library computes the products of matrices, only rounding may differ.
    """
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        if bl.info()["products"] != "panels":
            scale = max(1.0, float(np.nanmax(np.abs(wanted[name]), initial=0.0)))
            np.testing.assert_allclose(value, wanted[name], rtol=0, atol=1e-5 * scale, err_msg=name)
            continue
        np.testing.assert_array_equal(value, wanted[name], err_msg=name)
        same = np.isnan(value) | (np.signbit(value) == np.signbit(wanted[name]))
        assert same.all(), f"{name}: zeros of another sign"
