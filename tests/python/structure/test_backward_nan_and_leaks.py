"""The backward pass with values that are no numbers, and over thousands of calls."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer
from gradients import (
    INCOMING,
    WAYS,
    assert_same_bits,
    delta_parameters,
    filled_cache,
    gradients,
    incoming_of,
    room,
    shapes_of,
)
from reference import Layer

INF = float("inf")
SUPPORT = Path(__file__).parents[1] / "support"


def stacked_layer(directions: int = 1, **fixed: object) -> Layer:
    """3 samples, 6 steps, 2 layers, without peepholes."""
    return random_layer(
        11, num_layers=2, directions=directions, batch=3, seq_len=6, input_size=4, hidden_size=9,
        h0=True, c0=True, peephole=None, any_activation=False, **{"lengths": False} | fixed,
    )  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), INF, -INF])
@pytest.mark.parametrize("way", WAYS)
def test_nan_and_infinity_reach_what_depends_on_them_and_nothing_else(
    way: str, value: float
) -> None:
    layer = stacked_layer()
    incoming = incoming_of(layer)
    clean = gradients(layer, incoming, way=WAYS[way])
    incoming["dy"][2, 1, 0] = value
    found = gradients(layer, incoming, way=WAYS[way])
    # The output of step 2 depends on the steps until then, of its own sample.
    reached = np.zeros((6, 3), bool)
    reached[:3, 1] = True
    assert not np.isfinite(found["x"][reached]).any()
    np.testing.assert_array_equal(found["x"][~reached], clean["x"][~reached])
    assert not np.isfinite(found["h0"][:, :, 1]).any()
    for state in ("h0", "c0"):
        assert not np.isfinite(found[state][:, :, 1]).all()
        others = found[state][:, :, [0, 2]]
        np.testing.assert_array_equal(others, clean[state][:, :, [0, 2]])
    for name in found.keys() - {"x", "h0", "c0"}:
        assert np.isfinite(clean[name]).all()
        assert not np.isfinite(found[name]).all(), name


@pytest.mark.parametrize("value", [float("nan"), INF, -INF, 3e38, 1e-42])
@pytest.mark.parametrize("name", INCOMING)
@pytest.mark.parametrize("directions", [1, 2])
def test_nan_infinity_and_huge_gradients_give_the_same_bits_in_every_way(
    name: str, value: float, directions: int
) -> None:
    layer = stacked_layer(directions)
    incoming = incoming_of(layer)
    incoming[name][...] = value
    wanted = gradients(layer, incoming)
    for way, n_threads in product(WAYS.values(), (1, 2)):
        assert_same_bits(gradients(layer, incoming, way=way, n_threads=n_threads), wanted)
    is_number = np.isfinite(value)
    assert is_number or not np.isfinite(wanted["h0"]).any()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("directions", [1, 2])
def test_incoming_gradients_of_inactive_steps_are_ignored(way: str, directions: int) -> None:
    layer = stacked_layer(directions)
    sizes = layer.arrays["batch_sizes"] = np.array([3, 3, 2, 1, 1, 1], np.uint32)
    incoming = incoming_of(layer)
    wanted = gradients(layer, incoming, way=WAYS[way])
    inactive = np.arange(3) >= sizes[:, None]
    for value in (0, float("nan"), INF):
        incoming["dy"][inactive] = value
        assert_same_bits(gradients(layer, incoming, way=WAYS[way]), wanted)
    assert (wanted["x"][inactive] == 0).all()


@pytest.mark.parametrize("way", WAYS)
def test_nan_and_infinity_in_weights_and_states_give_the_same_bits_in_every_way(way: str) -> None:
    layer = stacked_layer()
    incoming = incoming_of(layer)
    for name in ("x", "forget.hw", "c0", "candidate.iw1"):
        for value in (float("nan"), INF, 3e38):
            before = layer.arrays[name].copy()
            layer.arrays[name].flat[1] = value
            found = gradients(layer, incoming, way=WAYS[way])
            assert_same_bits(found, gradients(layer, incoming))
            if np.isnan(value):
                assert not np.isfinite(found["x"]).all()
            layer.arrays[name][...] = before


@pytest.mark.parametrize("way", WAYS)
def test_no_call_keeps_an_array(way: str) -> None:
    """Neither one that computes nor one that is refused."""
    layer = stacked_layer()
    incoming, outputs = incoming_of(layer), outputs_of(layer)
    outgoing = room(shapes_of(layer))
    params = parameters(layer, **outputs)
    delta = delta_parameters(layer, incoming, outgoing)
    refused = delta_parameters(layer, incoming, outgoing | {"x": outgoing["h0"]})
    filter_params = WAYS[way].filter_params()
    cache = filled_cache(params, filter_params)
    arrays = [cache]
    for group in (layer.arrays, incoming, outputs, outgoing):
        arrays += group.values()

    def counts() -> list[int]:
        gc.collect()
        return [sys.getrefcount(array) for array in arrays]

    given_cache = cache if WAYS[way].has_cache else None
    before = counts()
    for _ in range(3):
        bl.direct_apply_lstm_batch_backward(params, delta, filter_params, given_cache)
        with pytest.raises(bl.DescriptorError):
            bl.direct_apply_lstm_batch_backward(params, refused, filter_params, given_cache)
        with pytest.raises(bl.CacheError):
            bl.direct_apply_lstm_batch_backward(params, delta, filter_params, cache[:-1])
        with pytest.raises(bl.CacheError):
            bl.direct_apply_lstm_batch_training_caching(params, filter_params, cache[:-1])
    assert counts() == before


# A process of its own, since what it has at most never shrinks. It prints how much that grew, in bytes.
STEPS = """
import resource, sys
import bnns_lstm as bl
from build import outputs_of, parameters, random_layer
from gradients import WAYS, delta_parameters, filled_cache, incoming_of, room, shapes_of

layer = random_layer(
    3, num_layers=2, directions=2, batch=5, seq_len=12, input_size=8, hidden_size=16, lengths=True
)
params = parameters(layer, **outputs_of(layer))
delta = delta_parameters(layer, incoming_of(layer), room(shapes_of(layer)))
refused = delta_parameters(layer, {}, {})

def step(at):
    way = list(WAYS.values())[at % len(WAYS)]
    filter_params = way.filter_params(n_threads=2)
    cache = filled_cache(params, filter_params) if way.has_cache else None
    bl.direct_apply_lstm_batch_backward(params, delta, filter_params, cache)
    try:
        bl.direct_apply_lstm_batch_backward(params, refused, filter_params, cache)
    except bl.DescriptorError:
        return
    raise SystemExit("not refused")

def most():
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used

for at in range(200):
    step(at)
before = most()
for at in range(1000):
    step(at)
print(most() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the memory this way")
def test_a_thousand_steps_take_no_more_memory_than_the_first() -> None:
    paths = [str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # Eight kilobytes lost in each step would be found; a cache has over ninety.
    assert int(done.stdout) < 8_000_000
