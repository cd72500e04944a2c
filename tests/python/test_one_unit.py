"""Peepholes of one hidden unit, where a diagonal and a full matrix are the same number.

A diagonal `[L, D, H]` with H = 1 and D = 1 has the form of a matrix `[L, H, H]` and is read as one; with D = 2
it is read as a diagonal. Values and gradients are the same in every form.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import bnns_lstm as bl
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
        # Sums run in another order in a matrix.
        for name, found in flat(gradients(other, incoming, way=way)).items():
            assert_close(found, slopes[name], 1e-5, f"{shape}: {name}")


@pytest.mark.parametrize(("layers", "directions"), STACKS)
def test_a_gradient_in_the_other_form_is_right_or_refused(layers: int, directions: int) -> None:
    layer = layer_of(layers, directions)
    incoming = incoming_of(layer)
    slopes = flat(gradients(layer, incoming))
    is_matrix = directions == 1
    diagonal, matrix = (layers, directions, 1), (layers, directions, 1, 1)
    for own, other in ((diagonal, matrix), (matrix, diagonal)):
        shapes = shapes_of(layer) | {f"{gate}.cw": other for gate in GATES}
        found = room(shapes)
        delta = delta_parameters(layer, incoming, found)
        if is_matrix:
            backward(with_peepholes(layer, own), delta)
            for name, value in flat(found).items():
                assert_close(value, slopes[name], 1e-5, name)
            continue
        with pytest.raises(bl.DescriptorError) as caught:
            backward(with_peepholes(layer, own), delta)
        assert [(issue.path, issue.code) for issue in caught.value.issues] == [
            (f"delta_params.{gate}_gate.cw_desc", "gradient_form") for gate in GATES
        ]


@pytest.mark.parametrize(("layers", "directions"), STACKS)
def test_a_cache_serves_the_form_that_it_was_filled_with(layers: int, directions: int) -> None:
    """Where both forms are read as matrices, also the other one; elsewhere that one is another layer."""
    layer = layer_of(layers, directions)
    incoming, filter_params = incoming_of(layer), bl.FilterParameters()
    diagonal, matrix = (layers, directions, 1), (layers, directions, 1, 1)
    for filled_by, used_by in product((diagonal, matrix), repeat=2):
        first, second = with_peepholes(layer, filled_by), with_peepholes(layer, used_by)
        cache = filled_cache(parameters(first, **outputs_of(first)), filter_params)
        found = room(shapes_of(second))
        delta = delta_parameters(second, incoming, found)
        if filled_by == used_by or directions == 1:
            bl.direct_apply_lstm_batch_backward(parameters(second), delta, filter_params, cache)
            for name, value in flat(gradients(first, incoming)).items():
                assert (found[name].ravel() == value).all(), name
        else:
            with pytest.raises(bl.CacheError, match="foreign_cache"):
                bl.direct_apply_lstm_batch_backward(parameters(second), delta, filter_params, cache)


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
