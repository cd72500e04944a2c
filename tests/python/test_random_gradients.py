"""Gradients of random layers against central differences of the f64 reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
from build import outputs_of, parameters, random_layer
from gradients import INCOMING, WAYS, backward, delta_parameters, incoming_of, room, shapes_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import Array, Layer, forward

# Functions without kinks: a central difference needs a derivative on both sides.
SMOOTH = [
    bl.Activation.sigmoid(), bl.Activation.tanh(), bl.Activation.scaled_tanh(0.8, 0.7),
    bl.Activation.linear(0.6), bl.Activation.gelu_approximation(), bl.Activation.softplus(),
    bl.Activation.softsign(), bl.Activation.log_sigmoid(), bl.Activation.tanh_shrink(),
    bl.Activation.silu(),
]  # fmt: skip
# The difference of f64 is off by about STEP² times a third derivative, plus 1e-16 / STEP.
STEP = 1e-5
# f32 rounds each of the sums that a gradient is made of.
TOLERANCE = 3e-4
# Beyond this, rounding errors of f32 have been multiplied too often to compare.
LARGEST = 100


def loss(layer: Layer, incoming: dict[str, Array], mask: Array | None) -> float:
    """The sum of outputs times incoming gradients, at active steps."""
    y, hn, cn = forward(layer, mask)
    assume(max(np.abs(part).max() for part in (y, hn, cn)) < LARGEST)
    total = 0.0
    for name, part in zip(INCOMING, (y, hn, cn), strict=True):
        if name in incoming:
            total += float(np.sum(part * incoming[name].astype(np.float64)))
    return total


def moved(layer: Layer, name: str, by: Array) -> Layer:
    """The layer with something added to one of its arrays, in f64; absent states are zeros."""
    absent = np.zeros(layer.state_shape)
    arrays = {key: value.astype(np.float64) for key, value in layer.arrays.items()}
    if "batch_sizes" in arrays:
        arrays["batch_sizes"] = layer.arrays["batch_sizes"]
    arrays[name] = arrays.get(name, absent) + by
    return replace(layer, arrays=arrays)


def check(layer: Layer, wanted: list[str], incoming: dict[str, Array], **how: Any) -> None:
    """Compare each wanted gradient along a random direction."""
    mask = how.pop("mask", None)
    shapes = shapes_of(layer)
    found = room({name: shapes[name] for name in wanted})
    backward(layer, delta_parameters(layer, incoming, found), **how)
    random = np.random.default_rng(5)
    for name, gradient in found.items():
        direction = random.uniform(-1, 1, gradient.shape)
        ahead, behind = (
            loss(moved(layer, name, sign * STEP * direction), incoming, mask) for sign in (1, -1)
        )
        slope = (ahead - behind) / (2 * STEP)
        terms = np.abs(gradient * direction).sum()
        error = abs(float(np.sum(gradient.astype(np.float64) * direction)) - slope)
        assert error <= TOLERANCE * max(1.0, terms), (name, error, slope)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    way=st.sampled_from(sorted(WAYS)),
    n_threads=st.sampled_from([1, 2]),
    data=st.data(),
)
def test_any_wanted_gradients_are_slopes(seed: int, way: str, n_threads: int, data: Any) -> None:
    layer = random_layer(seed, batch=2, any_activation=False)
    for gate in layer.activations:
        layer.activations[gate] = replace(data.draw(st.sampled_from(SMOOTH)))
    names = sorted(shapes_of(layer))
    wanted = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=6))
    given_ones = data.draw(st.lists(st.sampled_from(INCOMING), unique=True, min_size=1))
    incoming = {name: value for name, value in incoming_of(layer).items() if name in given_ones}
    check(layer, wanted, incoming, way=WAYS[way], n_threads=n_threads)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), way=st.sampled_from(sorted(WAYS)))
def test_gradients_under_dropout_are_slopes_under_its_mask(seed: int, way: str) -> None:
    layer = random_layer(seed, batch=2, num_layers=3, any_activation=False)
    params = replace(parameters(layer, **outputs_of(layer)), dropout=0.4)
    mask = bl.dropout_mask(params)
    assert set(np.unique(mask)) <= {np.float32(0), np.float32(1 / (1 - np.float32(0.4)))}
    wanted = ["x", "h0", "input.iw0", "forget.iw1", "candidate.hw"]
    check(layer, wanted, incoming_of(layer), way=WAYS[way], dropout=0.4, mask=mask)
