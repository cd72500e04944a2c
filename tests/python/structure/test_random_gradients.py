"""Gradients of random layers against central differences of the f64 reference.

A layer, where its numbers lie, which gradients come in and which are wanted, dropout and how the backward
pass gets at the forward pass: all is drawn. Each wanted gradient is compared along a direction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import bnns_lstm as bl
import numpy as np
from build import (
    forward_or_reject,
    outputs_of,
    parameters,
    random_layer,
    with_extensions,
    with_projection,
)
from gradients import (
    INCOMING,
    WAYS,
    Way,
    backward,
    delta_parameters,
    incoming_of,
    room,
    shapes_of,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from memory import batch_major, in_a_larger_array
from reference import Array, Layer

# Functions without kinks and jumps: a central difference needs a derivative.
SMOOTH = [
    bl.Activation.identity(), bl.Activation.sigmoid(), bl.Activation.tanh(),
    bl.Activation.scaled_tanh(0.8, 0.7), bl.Activation.scaled_tanh(-1.2, 1.5),
    bl.Activation.linear(0.6), bl.Activation.linear_with_bias(0.5, 0.1),
    bl.Activation.gelu_approximation(), bl.Activation.softplus(), bl.Activation.softplus(0.5, 2.0),
    bl.Activation.softsign(), bl.Activation.elu(1.0), bl.Activation.celu(0.8),
    bl.Activation.log_sigmoid(), bl.Activation.tanh_shrink(), bl.Activation.silu(),
]  # fmt: skip
# In f64 the difference is off by about STEP² times a third derivative, and by 1e-16 / STEP times the loss.
STEP = 1e-5
# A gradient in f32 is a sum of products along paths through the layer, each rounded some ten to a hundred
# times by 6e-8. Over 12,000 gradients the largest error was 7e-6, of the sum of the magnitudes of the terms
# of the slope. Where that sum is nearly 0, terms that cancelled inside remain: FLOOR is little against the
# incoming gradients, which are up to 1, and no error below a sum of 0.01 was above 2e-8.
TOLERANCE = 3e-5
FLOOR = 0.01
# Beyond this slope, layers multiply rounding errors, and third derivatives count.
STEEPEST = 1000


@dataclass(frozen=True)
class Case:
    """One backward pass."""

    layer: Layer
    incoming: dict[str, Array]
    wanted: list[str]
    way: Way
    n_threads: int
    dropout: float
    seed: int
    has_strides: bool
    is_batch_major: bool

    def mask(self) -> Array:
        params = replace(parameters(self.layer, **outputs_of(self.layer)), dropout=self.dropout)
        return bl.dropout_mask(params, bl.FilterParameters(seed=self.seed))


@st.composite
def cases(draw: Any, **fixed: Any) -> Case:
    """Any case; `fixed` is for `random_layer`."""
    peephole = draw(st.sampled_from(["mixed", None, "diagonal", "full"]))
    if peephole != "mixed":
        fixed["peephole"] = peephole
    layer = random_layer(
        draw(st.integers(0, 2**32 - 1)),
        batch=draw(st.integers(1, 3)),
        any_activation=False,
        **fixed,
    )
    for gate in layer.activations:
        layer.activations[gate] = replace(draw(st.sampled_from(SMOOTH)))
    # Limits have kinks.
    more = bl.LSTMExtensions(
        coupled=draw(st.sampled_from([None, None, "forget", "input"])),
        reverse=layer.directions == 1 and draw(st.booleans()),
    )
    layer = with_extensions(layer, more)
    layer = with_projection(layer, draw(st.sampled_from([None, None, 1, 3, 19])))

    def some(names: Any, largest: int) -> list[str]:
        chosen = st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=largest)
        return list(draw(chosen))

    incoming = incoming_of(layer, draw(st.integers(0, 9)))
    return Case(
        layer,
        {name: incoming[name] for name in some(INCOMING, 3)},
        some(sorted(shapes_of(layer)), 6),
        WAYS[draw(st.sampled_from(sorted(WAYS)))],
        n_threads=draw(st.integers(1, 3)),
        dropout=draw(st.sampled_from([0.0, 0.3, 0.6])),
        seed=draw(st.sampled_from([0, 1, 2**64 - 1])),
        has_strides=draw(st.booleans()),
        is_batch_major=draw(st.booleans()),
    )


def computed(case: Case) -> dict[str, Array]:
    """The wanted gradients, as the library computes them in the memory of the case."""
    random = np.random.default_rng(1)
    shapes = shapes_of(case.layer)

    def placed(arrays: dict[str, Array]) -> dict[str, Any]:
        if not case.has_strides:
            return dict(arrays)
        return {
            name: value if name == "batch_sizes" else in_a_larger_array(value, random)[0]
            for name, value in arrays.items()
        }

    layer = replace(case.layer, arrays=placed(case.layer.arrays))
    incoming = placed(case.incoming)
    found = placed(room({name: shapes[name] for name in case.wanted}))
    outgoing: dict[str, Any] = dict(found)
    changes: dict[str, Any] = {}
    if case.is_batch_major:
        states = (layer.arrays.get("h0"), layer.arrays.get("c0"))
        x = batch_major(layer.arrays["x"])
        changes["input_descriptor"] = bl.LSTMDataDescriptor(x, *states)
        if "dy" in incoming:
            incoming["dy"] = batch_major(incoming["dy"])
        if "x" in found:
            outgoing["x"] = batch_major(found["x"])
            found["x"] = np.swapaxes(outgoing["x"].data, 0, 1)
    delta = delta_parameters(layer, incoming, outgoing)
    how = {"dropout": case.dropout, "seed": case.seed, **changes}
    backward(layer, delta, case.way, case.n_threads, **how)
    return found


def loss(case: Case, mask: Array, name: str, by: Array) -> float:
    """The sum of outputs times incoming gradients, with something added to one array in f64."""
    arrays = dict(case.layer.arrays)
    # An initial state that is absent is 0.
    absent = np.zeros(case.layer.hidden_shape if name == "h0" else case.layer.state_shape)
    arrays[name] = arrays.get(name, absent).astype(np.float64) + by
    outputs = forward_or_reject(replace(case.layer, arrays=arrays), mask)
    return sum(
        float(np.sum(part * case.incoming[place].astype(np.float64)))
        for place, part in zip(INCOMING, outputs, strict=True)
        if place in case.incoming
    )


def check(case: Case) -> None:
    """Compare each wanted gradient along a random direction with the slope of the loss."""
    mask = case.mask()
    random = np.random.default_rng(5)
    for name, gradient in computed(case).items():
        direction = random.uniform(-1, 1, gradient.shape)
        ahead, behind = (loss(case, mask, name, sign * STEP * direction) for sign in (1, -1))
        slope = (ahead - behind) / (2 * STEP)
        assume(abs(slope) < STEEPEST)
        terms = gradient.astype(np.float64) * direction
        error = abs(terms.sum() - slope)
        assert error <= TOLERANCE * (FLOOR + np.abs(terms).sum()), (name, error, slope)


@settings(max_examples=100)
@given(cases())
def test_any_wanted_gradients_are_slopes(case: Case) -> None:
    check(case)


@settings(max_examples=25)
@given(cases(num_layers=3))
def test_gradients_of_stacks_are_slopes(case: Case) -> None:
    check(case)
