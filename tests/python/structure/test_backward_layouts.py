"""Gradients in other memory: strides, batch-major sequences, weights of all layers in one array."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import bnns_lstm as bl
import numpy as np
from build import parameters, random_layer
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
from memory import batch_major, in_a_larger_array
from reference import GATES

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=40)
@given(SEEDS, st.sampled_from(sorted(WAYS)), st.booleans())
def test_strides_change_no_bit_and_gaps_are_not_written(
    seed: int, way: str, accumulate: bool
) -> None:
    layer, random = random_layer(seed), np.random.default_rng(seed)
    incoming = incoming_of(layer, seed)
    plain = room(shapes_of(layer), 0.25)
    delta = delta_parameters(layer, incoming, plain, accumulate=accumulate)
    backward(layer, delta, WAYS[way], 2)

    strided = deepcopy(layer)
    for name in layer.arrays.keys() - {"batch_sizes"}:
        strided.arrays[name], _ = in_a_larger_array(layer.arrays[name], random)
    spread = {name: in_a_larger_array(value, random)[0] for name, value in incoming.items()}
    places = {
        name: in_a_larger_array(value, random)
        for name, value in room(shapes_of(layer), 0.25).items()
    }
    found = {name: view for name, (view, _) in places.items()}
    delta = delta_parameters(layer, spread, found, accumulate=accumulate)
    backward(strided, delta, WAYS[way], 2)
    assert_same_bits(found, plain)
    for view, large in places.values():
        view[...] = 7
        assert (large == 7).all()


@settings(max_examples=40)
@given(SEEDS, st.sampled_from(sorted(WAYS)), st.booleans())
def test_batch_major_sequences_change_no_bit(seed: int, way: str, accumulate: bool) -> None:
    layer, flags = random_layer(seed), bl.NDArrayFlags(int(accumulate))
    incoming = incoming_of(layer, seed)
    plain, found = room(shapes_of(layer), 0.25), room(shapes_of(layer), 0.25)
    delta = delta_parameters(layer, incoming, plain, accumulate=accumulate)
    backward(layer, delta, WAYS[way])

    x, dx = batch_major(layer.arrays["x"]), batch_major(found.pop("x"), flags=flags)
    incoming["dy"] = batch_major(incoming["dy"])
    delta = delta_parameters(layer, incoming, found | {"x": dx}, accumulate=accumulate)
    h0, c0 = layer.arrays.get("h0"), layer.arrays.get("c0")
    backward(layer, delta, WAYS[way], input_descriptor=bl.LSTMDataDescriptor(x, h0, c0))
    assert_same_bits(found | {"x": np.swapaxes(dx.data, 0, 1)}, plain)


def test_the_joint_form_is_the_split_form() -> None:
    layer = random_layer(4, num_layers=3, directions=2, input_size=10, hidden_size=5)
    incoming = incoming_of(layer)
    wanted = gradients(layer, incoming)
    found, joint_found, changes = room(shapes_of(layer)), {}, {}
    for gate in GATES:
        first, upper = (layer.arrays[f"{gate}.iw{at}"] for at in (0, 1))
        joint_found[gate] = found[f"{gate}.iw0"] = np.empty((3, 2, 5, 10), np.float32)
        del found[f"{gate}.iw1"]
        own = getattr(parameters(layer), f"{gate}_gate")
        changes[f"{gate}_gate"] = replace(own, iw_desc=np.concatenate([first, upper]))
    backward(layer, delta_parameters(layer, incoming, found), **changes)
    for gate, joint in joint_found.items():
        found[f"{gate}.iw0"], found[f"{gate}.iw1"] = joint[:1], joint[1:]
    assert_same_bits(found, wanted)
