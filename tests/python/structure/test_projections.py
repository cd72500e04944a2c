"""Projections at the level of structures: against the reference, against PyTorch's results, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import (
    assert_close,
    forward_or_reject,
    load_golden,
    outputs_of,
    parameters,
    random_layer,
    run,
    with_extensions,
    with_projection,
)
from gradients import (
    INCOMING,
    WAYS,
    assert_same_bits,
    backward,
    delta_parameters,
    filled_cache,
    gradients,
    incoming_of,
    room,
    shapes_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array, Layer

GOLDEN = "projection/torch"


@st.composite
def projected(draw: Any, **fixed: Any) -> Layer:
    """Any layer with a projection, plain or with other extensions."""
    gate_clip = draw(st.sampled_from([None, 0.6875]))
    more = bl.LSTMExtensions(
        cell_clip=draw(st.sampled_from([None, 0.25])),
        gate_clip=gate_clip,
        gate_clip_hidden=gate_clip is None or draw(st.booleans()),
        coupled=draw(st.sampled_from([None, None, "forget", "input"])),
        reverse=draw(st.booleans()),
    )
    if more.reverse:
        fixed["directions"] = 1
    layer = with_extensions(random_layer(draw(st.integers(0, 2**32 - 1)), **fixed), more)
    return with_projection(layer, draw(st.integers(1, layer.hidden_size)), draw(st.integers(0, 99)))


@settings(max_examples=100)
@given(projected(), st.integers(1, 3))
def test_outputs_are_those_of_the_reference(layer: Layer, n_threads: int) -> None:
    wanted = forward_or_reject(layer)
    for found, other in zip(run(layer, n_threads), wanted, strict=True):
        assert found.shape == other.shape
        assert_close(found, other, 5e-5)


@settings(max_examples=40)
@given(projected())
def test_gradients_are_the_same_in_every_way(layer: Layer) -> None:
    incoming = incoming_of(layer)
    first = gradients(layer, incoming)
    assert first["projection"].shape == layer.arrays["projection"].shape
    for way in WAYS.values():
        for n_threads in (1, 2, 3):
            found = gradients(layer, incoming, way=way, n_threads=n_threads)
            assert_same_bits(found, first)


@pytest.mark.parametrize("accumulate", [False, True], ids=["overwrite", "accumulate"])
@pytest.mark.parametrize("way", WAYS)
def test_pytorch_computes_the_same(way: str, accumulate: bool) -> None:
    layer, arrays = load_golden(GOLDEN)
    for found, name in zip(run(layer), ("y", "hn", "cn"), strict=True):
        assert_close(found, arrays[name], 2e-5, name)
    outgoing = room(shapes_of(layer), 1.0)
    incoming = {name: arrays[name] for name in INCOMING}
    delta = delta_parameters(layer, incoming, outgoing, accumulate=accumulate)
    backward(layer, delta, WAYS[way])
    for name, gradient in outgoing.items():
        wanted = arrays[f"grad.{name}"] + accumulate
        assert_close(gradient, wanted, 2e-5, name)


def test_gradients_of_a_projection_go_into_columns_too() -> None:
    layer, arrays = load_golden(GOLDEN)
    incoming, outgoing = {name: arrays[name] for name in INCOMING}, room(shapes_of(layer))
    shape = layer.arrays["projection"].shape
    memory = np.full((*shape[:2], shape[3], shape[2] + 1), np.nan, np.float32)
    outgoing["projection"] = memory[..., :-1].swapaxes(2, 3)
    backward(layer, delta_parameters(layer, incoming, outgoing))
    assert_close(outgoing["projection"], arrays["grad.projection"], 2e-5)
    assert np.isnan(memory[..., -1]).all()


def test_a_gradient_that_is_not_wanted_is_not_computed() -> None:
    layer, arrays = load_golden(GOLDEN)
    incoming, outgoing = {name: arrays[name] for name in INCOMING}, room(shapes_of(layer))
    del outgoing["projection"]
    delta = delta_parameters(layer, incoming, outgoing)
    delta.extensions = None
    backward(layer, delta)
    assert_close(outgoing["x"], arrays["grad.x"], 2e-5)


def test_prepared_layers_project_with_the_weights_of_their_last_packing() -> None:
    layer, arrays = load_golden(GOLDEN)
    layer.arrays["projection"] = layer.arrays["projection"].copy()
    outputs = outputs_of(layer)
    prepared = bl.prepare(parameters(layer, **outputs))
    assert "projection: 11 units to 4 outputs" in prepared.explain()
    prepared.forward()
    assert_close(outputs["data_desc"], arrays["y"], 2e-5)
    layer.arrays["projection"] *= 2
    prepared.update_weights()
    prepared.forward()
    wanted: tuple[Array, ...] = run(layer)
    for found, other in zip(outputs.values(), wanted, strict=True):
        np.testing.assert_array_equal(found, other)
    assert np.abs(outputs["data_desc"] - arrays["y"]).max() > 0.1
    plain = replace(parameters(random_layer(1), **outputs_of(random_layer(1))))
    with pytest.raises(bl.BNNSLSTMError):
        bl.prepare(plain, weights=prepared.weights)


def test_a_cache_belongs_to_a_projection() -> None:
    layer, arrays = load_golden(GOLDEN)
    params, filter_params = parameters(layer, **outputs_of(layer)), bl.FilterParameters()
    cache = filled_cache(params, filter_params)
    outgoing = room(shapes_of(layer))
    delta = delta_parameters(layer, {name: arrays[name] for name in INCOMING}, outgoing)
    layer.arrays["projection"][0, 1, 3, 10] += 1
    with pytest.raises(bl.CacheError) as caught:
        bl.direct_apply_lstm_batch_backward(params, delta, filter_params, cache)
    assert [issue.code for issue in caught.value.issues] == ["changed_weights"]


def issues(layer: Layer, **changes: Any) -> list[tuple[str, str]]:
    params = parameters(layer, **outputs_of(layer))
    assert params.extensions is not None
    params.extensions = replace(params.extensions, **changes)
    with pytest.raises(bl.DescriptorError) as caught:
        bl.validate(params)
    return [(issue.path, issue.code) for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"projection_size": 0}, "projection_size", "invalid_number"),
        ({"projection_size": 12}, "projection_size", "invalid_number"),
        ({"projection_size": -1}, "projection_size", "out_of_range"),
        ({"projection_size": 4.0}, "projection_size", "wrong_type"),
        ({"projection_desc": None}, "projection_desc.data", "null_data"),
        ({"projection_desc": [[1.0]]}, "projection_desc", "wrong_type"),
        ({"projection_desc": np.zeros((2, 2, 4, 11))}, "projection_desc.data_type", "unsupported_data_type"),
        ({"projection_desc": np.zeros((2, 2, 11, 4), np.float32)}, "projection_desc.size[2]", "size_mismatch"),
    ],
)  # fmt: skip
def test_wrong_projections_are_refused(changes: dict[str, Any], path: str, code: str) -> None:
    layer, _ = load_golden(GOLDEN)
    assert issues(layer, **changes)[0] == (f"extensions.{path}", code)


def test_weights_without_a_size_are_refused() -> None:
    layer = random_layer(2, any_activation=False)
    shape = (layer.num_layers, layer.directions, 1, layer.hidden_size)
    weights = np.zeros(shape, np.float32)
    layer = with_extensions(layer, bl.LSTMExtensions(cell_clip=1.0))
    found = issues(layer, projection_desc=weights)
    assert found == [("extensions.projection_desc", "extension_conflict")]


def test_outputs_over_the_projection_are_refused() -> None:
    layer, _ = load_golden(GOLDEN)
    params = parameters(layer, **outputs_of(layer))
    params.output_descriptor.hidden_desc = (
        layer.arrays["projection"].reshape(-1)[:48].reshape(layer.hidden_shape)
    )
    with pytest.raises(bl.DescriptorError) as caught:
        bl.validate(params)
    assert [issue.code for issue in caught.value.issues] == ["overlap"]


def test_a_gradient_of_no_projection_is_refused() -> None:
    layer = random_layer(2, any_activation=False)
    delta = delta_parameters(layer, incoming_of(layer), room(shapes_of(layer)))
    delta.extensions = bl.LSTMExtensions(projection_desc=np.zeros((1, 1), np.float32))
    with pytest.raises(bl.DescriptorError) as caught:
        backward(layer, delta)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("delta_params.extensions.projection_desc", "gradient_without_weight")
    ]
