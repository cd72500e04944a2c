"""Descriptors as they exist in the wild, in training: gradients are written in the same styles.

What each style computes is compared bit by bit with plain arrays, whose gradients are those of the reference
(`test_random_gradients.py`).
"""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import DEFAULT, assert_close, outputs_of, random_layer, run
from gradients import assert_same_bits, gradients, incoming_of, odd_cache, room, shapes_of
from reference import GATES, Array, Layer, forward

LAYOUTS = bl.DataLayout
Desc = bl.NDArrayDescriptor


def absent() -> bl.NDArrayDescriptor:
    """All bytes zero."""
    return Desc(layout=0, size=(0,) * 8, stride=(0,) * 8, data_type=0)


def layer_of(**fixed: Any) -> Layer:
    return random_layer(6, lengths=False, any_activation=False, bias=True, **fixed)


def incoming_arrays(layer: Layer) -> dict[str, Array]:
    """The incoming gradients, named like the outputs that they belong to."""
    return dict(zip(outputs_of(layer), incoming_of(layer).values(), strict=True))


class Training:
    """The calls of one training step in one style: forward with a cache, backward with it and without."""

    def __init__(self, params: bl.LayerParametersLSTM, delta: bl.LayerParametersLSTM) -> None:
        self.params, self.delta = params, delta
        self.cache = odd_cache(bl.compute_lstm_training_cache_capacity(params))

    def forward(self, has_cache: bool) -> None:
        cache = self.cache if has_cache else None
        bl.direct_apply_lstm_batch_training_caching(self.params, None, cache)

    def backward(self, has_cache: bool) -> None:
        cache = self.cache if has_cache else None
        bl.direct_apply_lstm_batch_backward(self.params, self.delta, None, cache)


def back_end(layer: Layer, data: dict[str, Array], fused: dict[str, Array]) -> Any:
    """A framework's structure, of values or of gradients; of `data` and `fused`, what is missing is absent.

    `fused` holds the weights of all gates, one after the other, which are sliced per gate.
    """
    (s, n, i), h = layer.arrays["x"].shape, layer.hidden_size

    def part(array: Array | None, layout: int, size: tuple[int, ...]) -> bl.NDArrayDescriptor:
        return absent() if array is None else Desc(array.reshape(-1), layout=layout, size=size)

    def gate(number: int) -> bl.LSTMGateDescriptor:
        own = {name: array[number * h : number * h + h] for name, array in fused.items()}
        matrix = LAYOUTS.ROW_MAJOR_MATRIX
        return bl.LSTMGateDescriptor(
            (part(own.get("iw0"), matrix, (i, h)), absent()),
            part(own.get("hw"), matrix, (h, h)),
            absent(),
            part(own.get("b"), LAYOUTS.VECTOR, (h,)),
            bl.Activation.identity(),
        )

    def group(sequence: str, states: tuple[str, str], width: int) -> bl.LSTMDataDescriptor:
        return bl.LSTMDataDescriptor(
            part(data.get(sequence), LAYOUTS.SNE, (width, n, s)),
            *(part(data.get(name), LAYOUTS.ROW_MAJOR_MATRIX, (h, n)) for name in states),
        )

    return bl.LayerParametersLSTM(
        i, h, n, 1, s, 0.0, bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS, absent(),
        group("x", ("h0", "c0"), i),
        group("data_desc", ("hidden_desc", "cell_state_desc"), h),
        *(gate(number) for number in range(4)),
        bl.Activation.tanh(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "wanted", [("x", "h0", "c0", "iw0", "hw", "b"), ("iw0", "hw", "b"), ("x",), ("h0", "hw")]
)
def test_a_frameworks_back_end(wanted: tuple[str, ...]) -> None:
    """Fused weights sliced per gate, and their gradients; states as RowMajorMatrix (H, N)."""
    layer = layer_of(
        num_layers=1, directions=1, peephole=None, batch=3, seq_len=4, input_size=2, hidden_size=5,
        h0=True, c0=True,
    )  # fmt: skip
    rows = {"iw0": (20, 2), "hw": (20, 5), "b": (20,)}
    fused = {
        name: np.concatenate([layer.arrays[f"{gate}.{name}"][0, 0] for gate in GATES])
        for name in rows
    }
    outputs = outputs_of(layer)
    states = {name: layer.arrays[name] for name in ("x", "h0", "c0")}
    shapes = shapes_of(layer) | rows
    found = room({name: shapes[name] for name in wanted})
    fused_found = {name: found[name] for name in rows if name in found}
    training = Training(
        back_end(layer, states | outputs, fused),
        back_end(layer, found | incoming_arrays(layer), fused_found),
    )
    plain = gradients(layer, incoming_of(layer))
    for name in rows:
        plain[name] = np.concatenate([plain[f"{gate}.{name}"][0, 0] for gate in GATES])
    for has_cache in (True, False):
        for array in (*outputs.values(), *found.values()):
            array.fill(np.nan)
        training.forward(has_cache)
        for array, expected in zip(outputs.values(), forward(layer), strict=True):
            assert_close(array, expected, 1e-5)
        training.backward(has_cache)
        assert_same_bits(found, {name: plain[name] for name in wanted})


def framework(layer: Layer, arrays: dict[str, Array], ends: dict[str, Array]) -> Any:
    """A private framework's structure, of values or of gradients; what is missing is an absent descriptor."""

    def to(name: str) -> Any:
        return arrays.get(name, absent())

    def gate(name: str) -> bl.LSTMGateDescriptor:
        inputs = (to(f"{name}.iw0"), absent())
        weights = (to(f"{name}.hw"), absent(), to(f"{name}.b"))
        return bl.LSTMGateDescriptor(inputs, *weights, DEFAULT[name])

    (s, n, i), h = layer.arrays["x"].shape, layer.hidden_size
    return bl.LayerParametersLSTM(
        i, h, n, 1, s, 0.0, layer.directions - 1, absent(),
        bl.LSTMDataDescriptor(to("x"), to("h0"), to("c0")), bl.LSTMDataDescriptor(**ends),
        *(gate(name) for name in GATES),
        DEFAULT["hidden"],
    )  # fmt: skip


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("with_states", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_apples_own_private_framework(with_bias: bool, with_states: bool, directions: int) -> None:
    """Absent descriptors for what is optional; explicit activations; all three outputs."""
    layer = layer_of(
        num_layers=1, directions=directions, peephole=None, h0=with_states, c0=with_states
    )
    if not with_bias:
        for gate in GATES:
            del layer.arrays[f"{gate}.b"]
    outputs, found = outputs_of(layer), room(shapes_of(layer))
    training = Training(
        framework(layer, layer.arrays, outputs), framework(layer, found, incoming_arrays(layer))
    )
    for has_cache in (True, False):
        for array in (*outputs.values(), *found.values()):
            array.fill(np.nan)
        training.forward(has_cache)
        for array, expected in zip(outputs.values(), run(layer), strict=True):
            np.testing.assert_array_equal(array, expected)
        training.backward(has_cache)
        assert_same_bits(found, gradients(layer, incoming_of(layer)))


def example(layer: Layer, arrays: dict[str, Array], ends: dict[str, Array]) -> Any:
    """The structure of Apple's example, of values or of gradients: one descriptor in both iw slots."""

    def gate(name: str) -> bl.LSTMGateDescriptor:
        weights = Desc(arrays[f"{name}.iw"])
        rest = (arrays[f"{name}.{field}"] for field in ("hw", "cw", "b"))
        return bl.LSTMGateDescriptor((weights, weights), *rest, bl.Activation.identity())

    flags = bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS | (layer.directions - 1)
    (s, n, i), h = layer.arrays["x"].shape, layer.hidden_size
    return bl.LayerParametersLSTM(
        i, h, n, layer.num_layers, s, 0.0, flags, absent(),
        bl.LSTMDataDescriptor(*(arrays[name] for name in ("x", "h0", "c0"))),
        bl.LSTMDataDescriptor(**ends),
        *(gate(name) for name in GATES),
        bl.Activation.identity(),
    )  # fmt: skip


def joint(arrays: dict[str, Array]) -> dict[str, Array]:
    """Input weights of all layers in one array per gate."""
    together = {
        f"{gate}.iw": np.concatenate(
            [arrays[f"{gate}.{name}"] for name in ("iw0", "iw1") if f"{gate}.{name}" in arrays]
        )
        for gate in GATES
    }
    return {name: array for name, array in arrays.items() if ".iw" not in name} | together


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_apples_example(num_layers: int, directions: int) -> None:
    """A cache at an odd address, which an ordinary forward call is given too."""
    layer = layer_of(
        num_layers=num_layers, directions=directions, peephole="full", batch=3, seq_len=4,
        hidden_size=5, input_size=5 * directions, h0=True, c0=True,
    )  # fmt: skip
    plain = joint(gradients(layer, incoming_of(layer)))
    outputs, found = outputs_of(layer), room({name: array.shape for name, array in plain.items()})
    training = Training(
        example(layer, joint(layer.arrays), outputs), example(layer, found, incoming_arrays(layer))
    )
    assert training.cache.ctypes.data % 2 == 1
    for has_cache in (True, False):
        for array in (*outputs.values(), *found.values()):
            array.fill(np.nan)
        training.forward(has_cache)
        for array, expected in zip(outputs.values(), run(layer), strict=True):
            np.testing.assert_array_equal(array, expected)
        training.backward(has_cache)
        assert_same_bits(found, plain)
