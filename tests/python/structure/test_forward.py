"""What the forward pass computes, and what must not change it."""

from __future__ import annotations

from copy import deepcopy

import bnns_lstm as bl
import numpy as np
import pytest
from build import (
    DEFAULT,
    ELEMENTWISE,
    assert_close,
    forward_or_reject,
    outputs_of,
    parameters,
    random_layer,
    run,
)
from hypothesis import example, given
from hypothesis import strategies as st
from reference import GATES, Layer, forward

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_default_activations_match_the_reference(seed: int) -> None:
    layer = random_layer(seed, any_activation=False)
    for found, wanted in zip(run(layer, 2), forward(layer), strict=True):
        assert_close(found, wanted, 1e-5)


@given(SEEDS)
@example(8874)  # Its states grow beyond all bounds.
def test_any_activations_match_the_reference(seed: int) -> None:
    # Jumps would make f32 and f64 fall on different sides.
    layer = random_layer(seed)
    jumping = {"HARD_SHRINK", "THRESHOLD"}
    for gate, activation in layer.activations.items():
        if bl.ActivationFunction(activation.function).name in jumping:
            layer.activations[gate] = DEFAULT[gate]
    reference = forward_or_reject(layer)
    for found, wanted in zip(run(layer, 2), reference, strict=True):
        assert_close(found, wanted, 5e-5)


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda activation: repr(activation))
def test_each_activation_in_each_place(activation: bl.Activation) -> None:
    for place in (*GATES, "hidden"):
        layer = random_layer(3, any_activation=False, lengths=False)
        layer.activations[place] = activation
        for found, wanted in zip(run(layer), forward(layer), strict=True):
            assert_close(found, wanted, 2e-5, place)


@pytest.mark.parametrize(("steps", "batch", "hidden"), [(400, 1, 33), (7, 130, 50), (1, 1, 1)])
def test_long_large_and_tiny_layers(steps: int, batch: int, hidden: int) -> None:
    layer = random_layer(
        5, seq_len=steps, batch=batch, hidden_size=hidden, num_layers=1, any_activation=False
    )
    for found, wanted in zip(run(layer, 2), forward(layer), strict=True):
        assert_close(found, wanted, 2e-5)


@given(SEEDS)
def test_strides_and_layouts_change_no_bit(seed: int) -> None:
    layer = random_layer(seed)
    plain = run(layer)
    random = np.random.default_rng(seed)
    strided = deepcopy(layer)
    for name, value in layer.arrays.items():
        if name != "batch_sizes":
            strided.arrays[name] = scattered(value, random)
    outputs = {name: scattered(value, random) for name, value in outputs_of(layer).items()}
    bl.direct_apply_lstm_batch_training_caching(parameters(strided, **outputs))
    for found, wanted in zip(outputs.values(), plain, strict=True):
        np.testing.assert_array_equal(found, wanted)


def scattered(value: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The same numbers with other positive strides: a slice of a larger array, or a transposed one."""
    if random.integers(2):
        large = np.full([extent * 2 + 1 for extent in value.shape], 7, value.dtype)
        view = large[tuple(slice(1, None, 2) for _ in value.shape)]
    else:
        axes = random.permutation(value.ndim)
        transposed = np.empty([value.shape[axis] for axis in axes], value.dtype)
        view = transposed.transpose(np.argsort(axes))
    view[...] = value
    return view


@given(SEEDS)
def test_batch_major_data_changes_no_bit(seed: int) -> None:
    layer = random_layer(seed)
    y, hn, cn = run(layer)
    outputs = outputs_of(layer)
    swapped = np.full(np.swapaxes(y, 0, 1).shape, np.nan, np.float32)
    outputs["data_desc"] = bl.NDArrayDescriptor(swapped, layout=bl.DataLayout.NSE)
    params = parameters(layer, **outputs)
    x = np.ascontiguousarray(np.swapaxes(layer.arrays["x"], 0, 1))
    size = (x.shape[2], x.shape[1], x.shape[0])
    params.input_descriptor.data_desc = bl.NDArrayDescriptor(
        x, layout=bl.DataLayout.NSE, size=size, stride=(1, size[0], size[0] * size[1])
    )
    bl.direct_apply_lstm_batch_training_caching(params)
    np.testing.assert_array_equal(np.swapaxes(swapped, 0, 1), y)
    np.testing.assert_array_equal(outputs["hidden_desc"], hn)
    np.testing.assert_array_equal(outputs["cell_state_desc"], cn)


@given(SEEDS)
def test_a_split_batch_changes_no_bit(seed: int) -> None:
    layer = random_layer(seed, batch=7, lengths=False)
    whole = run(layer, 2)
    for rows in (slice(0, 3), slice(3, 7)):
        part = deepcopy(layer)
        part.arrays["x"] = layer.arrays["x"][:, rows]
        for state in {"h0", "c0"} & set(layer.arrays):
            part.arrays[state] = layer.arrays[state][:, :, rows]
        y, hn, cn = run(part)
        np.testing.assert_array_equal(y, whole[0][:, rows])
        np.testing.assert_array_equal(hn, whole[1][:, :, rows])
        np.testing.assert_array_equal(cn, whole[2][:, :, rows])


@given(SEEDS)
def test_two_calls_with_the_state_carried_in_place_change_no_bit(seed: int) -> None:
    layer = random_layer(seed, seq_len=6, directions=1, lengths=False)
    whole = run(layer)
    zeros = np.zeros(layer.state_shape, np.float32)
    h = layer.arrays.get("h0", zeros).copy()
    c = layer.arrays.get("c0", zeros).copy()
    y = np.empty_like(whole[0])
    for steps in (slice(0, 2), slice(2, 6)):
        part = deepcopy(layer)
        part.arrays.update(x=layer.arrays["x"][steps], h0=h, c0=c)
        bl.direct_apply_lstm_batch_training_caching(
            parameters(part, data_desc=y[steps], hidden_desc=h, cell_state_desc=c)
        )
    for found, wanted in zip((y, h, c), whole, strict=True):
        np.testing.assert_array_equal(found, wanted)


@given(SEEDS)
def test_reversed_input_is_the_backward_direction(seed: int) -> None:
    layer = random_layer(seed, num_layers=1, directions=2, lengths=False, h0=False, c0=False)
    turned = deepcopy(layer)
    for name, value in layer.arrays.items():
        turned.arrays[name] = value[::-1].copy() if name == "x" else np.roll(value, 1, axis=1)
    y, other = run(layer)[0], run(turned)[0][::-1]
    hidden = layer.hidden_size
    np.testing.assert_array_equal(y[..., :hidden], other[..., hidden:])
    np.testing.assert_array_equal(y[..., hidden:], other[..., :hidden])


@given(SEEDS)
def test_integers_with_linear_activations_are_exact(seed: int) -> None:
    layer = random_layer(seed, num_layers=1, seq_len=2, peephole="full")
    random = np.random.default_rng(seed)
    for name, value in layer.arrays.items():
        if name != "batch_sizes":
            sparse = random.integers(-1, 2, value.shape) * (random.random(value.shape) < 0.2)
            layer.arrays[name] = sparse.astype(np.float32)
    layer.activations = dict.fromkeys(layer.activations, bl.Activation.identity())
    wanted = forward(layer)
    if all(np.abs(array).max() < 2**20 for array in wanted):
        for found, exact in zip(run(layer), wanted, strict=True):
            np.testing.assert_array_equal(found, exact)


@pytest.mark.parametrize("wanted", range(1, 8))
def test_any_subset_of_outputs_has_the_values_of_all(wanted: int) -> None:
    layer = random_layer(8)
    all_outputs = dict(zip(outputs_of(layer), run(layer), strict=True))
    subset = {
        name: value
        for index, (name, value) in enumerate(outputs_of(layer).items())
        if wanted & 1 << index
    }
    bl.direct_apply_lstm_batch_training_caching(parameters(layer, **subset))
    for name, value in subset.items():
        np.testing.assert_array_equal(value, all_outputs[name])


def test_outputs_land_in_the_callers_memory_and_nowhere_else() -> None:
    layer = random_layer(8)
    y, _, _ = run(layer)
    large = np.full([extent + 2 for extent in y.shape], 7, np.float32)
    window = large[1:-1, 1:-1, 1:-1]
    bl.direct_apply_lstm_batch_training_caching(parameters(layer, data_desc=window))
    np.testing.assert_array_equal(large[1:-1, 1:-1, 1:-1], y)
    large[1:-1, 1:-1, 1:-1] = 7
    assert (large == 7).all()


def test_inputs_are_untouched_and_may_be_read_only() -> None:
    layer = random_layer(8, h0=True, c0=True)
    before = deepcopy(layer.arrays)
    for value in layer.arrays.values():
        value.setflags(write=False)
    run(layer)
    for name, value in layer.arrays.items():
        np.testing.assert_array_equal(value, before[name])


def test_every_weight_form_is_the_same_layer() -> None:
    layer = random_layer(8, num_layers=1, directions=1, any_activation=False, peephole="full")
    wanted = run(layer)[0]
    layouts = bl.DataLayout
    for form in range(5):
        y = np.empty_like(wanted)
        params = parameters(layer, data_desc=y)
        for gate in GATES:
            desc = getattr(params, f"{gate}_gate")
            desc.iw_desc = matrix_form(layer.arrays[f"{gate}.iw0"][0, 0], form, layouts)
            desc.hw_desc = matrix_form(layer.arrays[f"{gate}.hw"][0, 0], form, layouts)
            desc.cw_desc = matrix_form(layer.arrays[f"{gate}.cw"][0, 0], form, layouts)
        bl.direct_apply_lstm_batch_training_caching(params)
        np.testing.assert_array_equal(y, wanted, err_msg=f"form {form}")


def matrix_form(matrix: np.ndarray, form: int, layouts: type[bl.DataLayout]) -> object:
    """A matrix in one of the ways in which BNNS takes it."""
    rows, columns = matrix.shape
    return [
        matrix,
        bl.NDArrayDescriptor(matrix, layout=layouts.ROW_MAJOR_MATRIX, size=(columns, rows)),
        bl.NDArrayDescriptor(
            np.ascontiguousarray(matrix.T), layout=layouts.COLUMN_MAJOR_MATRIX, size=(rows, columns)
        ),
        bl.NDArrayDescriptor(matrix.ravel(), layout=layouts.LAST_MAJOR_2D, size=(columns, rows)),
        bl.NDArrayDescriptor(matrix.ravel(), layout=layouts.FIRST_MAJOR_4D, size=(0, 0, 0, 0)),
    ][form]


def test_the_joint_form_is_the_split_form() -> None:
    layer = random_layer(4, num_layers=2, directions=2, input_size=10, hidden_size=5)
    wanted = run(layer)[0]
    y = np.empty_like(wanted)
    params = parameters(layer, data_desc=y)
    for gate in GATES:
        joint = np.concatenate([layer.arrays[f"{gate}.iw0"], layer.arrays[f"{gate}.iw1"]])
        getattr(params, f"{gate}_gate").iw_desc = joint
    bl.direct_apply_lstm_batch_training_caching(params)
    np.testing.assert_array_equal(y, wanted)


def test_the_flag_makes_activations_unimportant() -> None:
    layer = random_layer(8, any_activation=False)
    wanted = run(layer)[0]
    y = np.empty_like(wanted)
    params = parameters(layer, data_desc=y)
    params.lstm_flags |= bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS
    params.input_gate.activation = bl.Activation(999)
    params.hidden_activation = None
    bl.direct_apply_lstm_batch_training_caching(params)
    np.testing.assert_array_equal(y, wanted)


def test_samples_of_length_0_keep_their_state() -> None:
    layer: Layer = random_layer(2, batch=3, seq_len=2, h0=True, c0=True, lengths=False)
    layer.arrays["batch_sizes"] = np.array([1, 1], np.int64)
    y, hn, cn = run(layer)
    assert (y[:, 1:] == 0).all()
    np.testing.assert_array_equal(hn[:, :, 1:], layer.arrays["h0"][:, :, 1:])
    np.testing.assert_array_equal(cn[:, :, 1:], layer.arrays["c0"][:, :, 1:])
