"""Random layers and each activation against ONNX Runtime."""

from __future__ import annotations

import pytest
from build import assert_close, run
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_oracle import ACTIVATIONS, onnx_layer, onnx_like


@settings(max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2]),
    st.sampled_from([None, "diagonal"]),
    st.booleans(),
)
def test_layers_are_those_of_onnx_runtime(
    seed: int, directions: int, peephole: str | None, lengths: bool
) -> None:
    layer = onnx_like(seed, directions=directions, peephole=peephole, lengths=lengths)
    wanted = onnx_layer(layer, ("Sigmoid", "Tanh", "Tanh"))
    for found, other in zip(run(layer), wanted, strict=True):
        assert_close(found, other, 2e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("place", range(3))
def test_activations_are_those_of_onnx_runtime(name: str, place: int) -> None:
    layer = onnx_like(place, directions=2, peephole="diagonal", lengths=False)
    functions = ["Sigmoid", "Tanh", "Tanh"]
    functions[place] = name
    for gate in [("input", "forget", "output"), ("candidate",), ("hidden",)][place]:
        layer.activations[gate] = ACTIVATIONS[name][0]
    wanted = onnx_layer(layer, (functions[0], functions[1], functions[2]))
    for found, other in zip(run(layer), wanted, strict=True):
        assert_close(found, other, 5e-5)
