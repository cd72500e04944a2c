"""What a layer may have beyond BNNS: against the reference, against ONNX Runtime where it can; refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import (
    assert_close,
    forward_or_reject,
    outputs_of,
    parameters,
    random_layer,
    run,
    with_extensions,
    with_projection,
)
from gradients import (
    WAYS,
    assert_same_bits,
    backward,
    delta_parameters,
    gradients,
    incoming_of,
    room,
    shapes_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_oracle import onnx_layer, onnx_like
from reference import Array, Layer


@st.composite
def extensions(draw: Any) -> bl.LSTMExtensions:
    """Any extensions; of limits, some that act, are exact in f32, and no kink of an activation."""
    limits = st.sampled_from([None, 0.25, 0.6875])
    gate_clip = draw(limits)
    return bl.LSTMExtensions(
        cell_clip=draw(limits),
        gate_clip=gate_clip,
        gate_clip_hidden=gate_clip is None or draw(st.booleans()),
        coupled=draw(st.sampled_from([None, "forget", "input"])),
        reverse=draw(st.booleans()),
    )


projections = st.sampled_from([None, 1, 2, 5, 19])


def layer_of(
    seed: int, more: bl.LSTMExtensions, projection: int | None = None, **fixed: Any
) -> Layer:
    if more.reverse:
        fixed["directions"] = 1
    return with_projection(with_extensions(random_layer(seed, **fixed), more), projection)


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), extensions(), projections, st.integers(1, 3))
def test_outputs_are_those_of_the_reference(
    seed: int, more: bl.LSTMExtensions, projection: int | None, n_threads: int
) -> None:
    layer = layer_of(seed, more, projection)
    wanted = forward_or_reject(layer)
    for found, other in zip(run(layer, n_threads), wanted, strict=True):
        assert_close(found, other, 5e-5)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), extensions(), projections, st.booleans())
def test_gradients_are_the_same_in_every_way(
    seed: int, more: bl.LSTMExtensions, projection: int | None, any_activation: bool
) -> None:
    layer = layer_of(seed, more, projection, any_activation=any_activation)
    incoming = incoming_of(layer)
    first = gradients(layer, incoming)
    for way in WAYS.values():
        for n_threads in (1, 2):
            found = gradients(layer, incoming, way=way, n_threads=n_threads)
            assert_same_bits(found, first)


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        [
            ({"input_forget": 1}, bl.LSTMExtensions(coupled="forget")),
            ({"direction": "reverse"}, bl.LSTMExtensions(reverse=True)),
            # ONNX Runtime leaves the hidden activation's argument alone.
            ({"clip": 0.3}, bl.LSTMExtensions(gate_clip=0.3, gate_clip_hidden=False)),
            (
                {"clip": 0.4, "input_forget": 1, "direction": "reverse"},
                bl.LSTMExtensions(
                    gate_clip=0.4, gate_clip_hidden=False, coupled="forget", reverse=True
                ),
            ),
        ]
    ),
    st.booleans(),
)
def test_what_onnx_runtime_has_is_what_it_computes(
    seed: int, pair: tuple[dict[str, Any], bl.LSTMExtensions], lengths: bool
) -> None:
    attributes, more = pair
    layer = onnx_like(seed, directions=1, peephole=None, lengths=lengths)
    wanted = onnx_layer(layer, ("Sigmoid", "Tanh", "Tanh"), attributes)
    for found, other in zip(run(with_extensions(layer, more)), wanted, strict=True):
        assert_close(found, other, 2e-5)


def test_the_hidden_activation_is_limited_as_onnx_says_unless_it_is_left_alone() -> None:
    layer = random_layer(3, hidden_size=8, seq_len=1, c0=True, any_activation=False)
    found = [
        run(with_extensions(layer, bl.LSTMExtensions(gate_clip=0.2, gate_clip_hidden=hidden)))
        for hidden in (True, False)
    ]
    largest = [np.abs(outputs[0]).max() for outputs in found]
    # h is at most the limited output gate times tanh 0.2.
    most = np.tanh(0.2) / (1 + np.exp(-0.2))
    assert largest[0] <= most * (1 + 1e-6) < largest[1]


def test_prepared_layers_have_extensions() -> None:
    more = bl.LSTMExtensions(cell_clip=0.3, gate_clip=0.7, coupled="input", reverse=True)
    layer = layer_of(5, more, any_activation=False)
    outputs = outputs_of(layer)
    prepared = bl.prepare(parameters(layer, **outputs))
    prepared.forward()
    for found, other in zip(outputs.values(), run(layer), strict=True):
        np.testing.assert_array_equal(found, other)
    plain = replace(parameters(layer, **outputs_of(layer)), extensions=None)
    plain.input_gate = replace(plain.forget_gate)
    with pytest.raises(bl.BNNSLSTMError):
        bl.prepare(plain, weights=prepared.weights)


def test_gradients_of_another_variant_are_refused() -> None:
    layer = random_layer(1, any_activation=False)
    incoming, outgoing = incoming_of(layer), room(shapes_of(layer))
    delta = delta_parameters(layer, incoming, outgoing)
    delta.extensions = bl.LSTMExtensions(cell_clip=1.0)
    with pytest.raises(bl.DescriptorError) as caught:
        backward(layer, delta)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("delta_params.extensions.cell_clip", "delta_mismatch")
    ]
    delta.extensions = bl.LSTMExtensions()
    backward(layer, delta)
    assert all(np.isfinite(gradient).all() for gradient in outgoing.values())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), extensions(), projections)
def test_a_module_has_the_extensions_of_a_structure(
    seed: int, more: bl.LSTMExtensions, projection: int | None
) -> None:
    layer = layer_of(seed, more, projection)
    lstm = bl.LSTM.from_layer_parameters(parameters(layer, **outputs_of(layer)))
    shapes = {"h0": layer.hidden_shape, "c0": layer.state_shape}
    state = [
        layer.arrays.get(name, np.zeros(shape, np.float32)).reshape(-1, *shape[2:])
        for name, shape in shapes.items()
    ]
    lengths = None
    if "batch_sizes" in layer.arrays:
        active = layer.arrays["batch_sizes"].astype(np.int64)
        lengths = (active[:, np.newaxis] > np.arange(layer.batch)).sum(0)
    y, final = lstm(layer.arrays["x"], tuple(state), lengths=lengths)
    wanted: tuple[Array, ...] = run(layer)
    for found, other in zip((y, *final), wanted, strict=True):
        assert_close(found, other.reshape(found.shape), 1e-6)
    asked = lstm.layer_parameters(layer.arrays["x"]).extensions
    size = None if projection is None else min(projection, layer.hidden_size)
    assert (asked or bl.LSTMExtensions()) == replace(more, projection_size=size)


def test_a_repr_shows_what_is_asked_for() -> None:
    assert repr(bl.LSTMExtensions()) == "LSTMExtensions()"
    assert repr(bl.LSTMExtensions(coupled="forget")) == "LSTMExtensions(coupled='forget')"


def test_numpy_scalars_are_numbers_and_truths() -> None:
    layer = random_layer(1, directions=1, any_activation=False)
    plain = bl.LSTMExtensions(cell_clip=0.5, gate_clip=0.5, reverse=True)
    given_by_numpy: Any = bl.LSTMExtensions(
        cell_clip=np.float32(0.5), gate_clip=np.float64(0.5), reverse=np.True_
    )
    first: tuple[Array, ...] = run(with_extensions(layer, plain))
    for found, other in zip(run(with_extensions(layer, given_by_numpy)), first, strict=True):
        np.testing.assert_array_equal(found, other)
