"""Peepholes of one hidden unit, where a diagonal and a full matrix are the same number.

Both are read as matrices, so that values, gradients and caches are the same, to the bit, in every form.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import assert_close, outputs_of, parameters, random_layer, run
from gradients import (
    WAYS,
    backward,
    delta_parameters,
    filled_cache,
    gradients,
    incoming_of,
    room,
    shapes_of,
)
from reference import GATES, Array, Layer, forward

STACKS = list(product((1, 2, 3), (1, 2)))


def layer_of(layers: int, directions: int, **fixed: object) -> Layer:
    """A diagonal peephole on each gate, of one hidden unit unless `fixed` says otherwise."""
    return random_layer(
        3, num_layers=layers, directions=directions, peephole="diagonal", any_activation=False,
        batch=3, seq_len=5, **({"hidden_size": 1} | fixed),
    )  # fmt: skip


def with_peepholes(layer: Layer, shape: tuple[int, ...]) -> Layer:
    """The same numbers in other forms."""
    peepholes = {f"{gate}.cw": layer.arrays[f"{gate}.cw"].reshape(shape) for gate in GATES}
    return replace(layer, arrays=layer.arrays | peepholes)


def forms(layers: int, directions: int) -> list[tuple[int, ...]]:
    """Shapes of a diagonal and of a matrix, with and without leading ones."""
    found = [(layers, directions, 1), (layers, directions, 1, 1)]
    if layers == 1:
        found += [shape[1:] for shape in found]
    if layers == directions == 1:
        found.append((1,))
    return list(dict.fromkeys(found))


def flat(found: dict[str, Array]) -> dict[str, Array]:
    return {name: value.ravel() for name, value in found.items()}


@pytest.mark.parametrize(("layers", "directions"), STACKS)
def test_diagonal_and_matrix_of_one_unit_are_the_same_layer(layers: int, directions: int) -> None:
    layer = layer_of(layers, directions)
    wanted, incoming = forward(layer), incoming_of(layer)
    slopes = flat(gradients(layer, incoming))
    for shape, way in product(forms(layers, directions), WAYS.values()):
        other = with_peepholes(layer, shape)
        for found, expected in zip(run(other), wanted, strict=True):
            assert_close(found, expected, 1e-5, str(shape))
        for name, found in flat(gradients(other, incoming, way=way)).items():
            assert_close(found, slopes[name], 1e-5, f"{shape}: {name}")


@pytest.mark.parametrize(("layers", "directions"), STACKS)
def test_a_gradient_may_have_the_other_form(layers: int, directions: int) -> None:
    layer = layer_of(layers, directions)
    incoming = incoming_of(layer)
    slopes = flat(gradients(layer, incoming))
    for own, other in product(forms(layers, directions), repeat=2):
        found = room(shapes_of(layer) | {f"{gate}.cw": other for gate in GATES})
        backward(with_peepholes(layer, own), delta_parameters(layer, incoming, found))
        for name, value in flat(found).items():
            assert (value == slopes[name]).all(), f"{own}, {other}: {name}"


@pytest.mark.parametrize(("layers", "directions"), STACKS)
def test_a_gradient_in_the_other_form_is_added_through_its_strides(
    layers: int, directions: int
) -> None:
    layer = layer_of(layers, directions)
    incoming = incoming_of(layer)
    slopes = gradients(layer, incoming)
    matrix = with_peepholes(layer, (layers, directions, 1, 1))
    found = room(shapes_of(layer))
    wide = {gate: np.ones((layers, directions, 3), np.float32) for gate in GATES}
    delta = delta_parameters(layer, incoming, found)
    for gate, array in wide.items():
        flags = bl.NDArrayFlags.BACKPROP_ACCUMULATE
        desc = bl.NDArrayDescriptor(array[..., 1:2], flags=flags)
        getattr(delta, f"{gate}_gate").cw_desc = desc
    backward(matrix, delta)
    for gate, array in wide.items():
        wanted = slopes[f"{gate}.cw"].reshape(layers, directions) + np.float32(1)
        assert_close(array[..., 1], wanted, 1e-5, gate)
        assert (array[..., ::2] == 1).all()


@pytest.mark.parametrize("hidden", [2, 3])
def test_a_gradient_in_the_other_form_of_more_units_is_refused(hidden: int) -> None:
    for layers, directions in STACKS:
        layer = layer_of(layers, directions, hidden_size=hidden)
        incoming = incoming_of(layer)
        matrix = (layers, directions, hidden, hidden)
        delta = delta_parameters(
            layer, incoming, room(shapes_of(layer) | {f"{gate}.cw": matrix for gate in GATES})
        )
        with pytest.raises(bl.DescriptorError) as caught:
            backward(layer, delta)
        assert [(issue.path, issue.code) for issue in caught.value.issues] == [
            (f"delta_params.{gate}_gate.cw_desc", "gradient_form") for gate in GATES
        ]


@pytest.mark.parametrize(("layers", "directions"), STACKS)
def test_a_cache_serves_both_forms(layers: int, directions: int) -> None:
    layer = layer_of(layers, directions)
    incoming, filter_params = incoming_of(layer), bl.FilterParameters()
    diagonal, matrix = (layers, directions, 1), (layers, directions, 1, 1)
    for filled_by, used_by in product((diagonal, matrix), repeat=2):
        first, second = with_peepholes(layer, filled_by), with_peepholes(layer, used_by)
        cache = filled_cache(parameters(first, **outputs_of(first)), filter_params)
        found = room(shapes_of(second))
        delta = delta_parameters(second, incoming, found)
        bl.direct_apply_lstm_batch_backward(parameters(second), delta, filter_params, cache)
        for name, value in flat(gradients(first, incoming)).items():
            assert (found[name].ravel() == value).all(), name


@pytest.mark.parametrize(("layers", "directions"), STACKS)
@pytest.mark.parametrize("peephole", ["diagonal", "full"])
def test_a_module_of_one_unit_keeps_its_form_through_the_structure(
    layers: int, directions: int, peephole: Any
) -> None:
    lstm = bl.LSTM(3, 1, layers, bidirectional=directions == 2, peephole=peephole, seed=0)
    x = np.random.default_rng(1).uniform(-1, 1, (5, 2, 3)).astype(np.float32)
    again = bl.LSTM.from_layer_parameters(lstm.layer_parameters(x))
    assert again.config == lstm.config
    assert (again(x)[0] == lstm(x)[0]).all()
    y, _, tape = again.forward(x, training=True)
    found = again.backward(tape, y).parameters["weight_ch_l0"]
    assert found.shape == ((4,) if peephole == "diagonal" else (4, 1))


@pytest.mark.parametrize("hidden", [2, 3])
def test_two_units_are_told_apart_by_their_shape(hidden: int) -> None:
    """Also where layers or directions are as many as units."""
    for layers, directions in STACKS:
        layer = layer_of(layers, directions, hidden_size=hidden)
        shapes: list[tuple[int, ...]] = [(layers, directions, hidden)]
        if layers == 1:
            shapes.append((directions, hidden))
        wanted = run(layer)
        for shape in shapes:
            for found, expected in zip(run(with_peepholes(layer, shape)), wanted, strict=True):
                assert (found == expected).all()
        for found, expected in zip(wanted, forward(layer), strict=True):
            assert_close(found, expected, 1e-5)
