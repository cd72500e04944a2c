"""All gradients of the golden cases, at the SIMD level of this run, in every way to compute them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from build import golden_names, load_golden
from gradients import (
    INCOMING,
    WAYS,
    Way,
    assert_same_bits,
    backward,
    delta_parameters,
    room,
)
from reference import GATES, Array, Layer

NAMES = golden_names()


@cache
def case(name: str) -> tuple[Layer, dict[str, Array], dict[str, Array]]:
    """A golden case: its layer, its incoming gradients, and those that it wants."""
    layer, arrays = load_golden(name)
    wanted = {
        key.removeprefix("grad."): value for key, value in arrays.items() if key.startswith("grad.")
    }
    return layer, {key: arrays[key] for key in INCOMING}, wanted


@cache
def existing(name: str) -> dict[str, Array]:
    """What lies in the gradients' arrays before they are added to."""
    random = np.random.default_rng(3)
    wanted = case(name)[2]
    return {
        key: random.uniform(-2, 2, value.shape).astype(np.float32) for key, value in wanted.items()
    }


def computed(name: str, way: Way, n_threads: int, *, accumulate: bool) -> dict[str, Array]:
    layer, incoming, wanted = case(name)
    shapes = {key: value.shape for key, value in wanted.items()}
    found = room(shapes)
    if accumulate:
        for key, value in existing(name).items():
            found[key][...] = value
    delta = delta_parameters(layer, incoming, found, accumulate=accumulate)
    backward(layer, delta, way, n_threads)
    return found


@cache
def first(name: str, *, accumulate: bool) -> dict[str, Array]:
    """The gradients that those of every other way are compared with."""
    return computed(name, WAYS["cache"], 1, accumulate=accumulate)


def test_every_case_has_a_gradient_for_every_input() -> None:
    seen: set[str] = set()
    for name in NAMES:
        layer, _, wanted = case(name)
        assert wanted.keys() == layer.arrays.keys() - {"batch_sizes"}
        assert all(value.shape == layer.arrays[key].shape for key, value in wanted.items())
        seen |= wanted.keys()
    weights = {f"{gate}.{field}" for gate in GATES for field in ("iw0", "iw1", "hw", "cw", "b")}
    assert seen == {"x", "h0", "c0"} | weights
    assert len(NAMES) == 42


@pytest.mark.parametrize("accumulate", [False, True], ids=["overwrite", "accumulate"])
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_golden_case(
    name: str, way: str, n_threads: int, accumulate: bool
) -> None:
    found = computed(name, WAYS[way], n_threads, accumulate=accumulate)
    for key, gradient in case(name)[2].items():
        before = existing(name)[key] if accumulate else np.zeros_like(gradient)
        # Small gradients are compared with the largest of their array, and with what they were added to.
        tolerance = 1e-5 * np.abs(gradient).max() + 1e-6 * np.abs(before).max()
        np.testing.assert_allclose(found[key], before + gradient, 0, tolerance, err_msg=key)
    assert_same_bits(found, first(name, accumulate=accumulate))


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("variable")])
def test_accumulated_gradients_of_inactive_steps_are_unchanged(name: str) -> None:
    layer, _, _ = case(name)
    sizes = layer.arrays["batch_sizes"]
    inactive = np.arange(layer.batch) >= sizes[:, None]
    assert inactive.any()
    overwritten = first(name, accumulate=False)["x"]
    assert (overwritten[inactive] == 0).all()
    added = first(name, accumulate=True)["x"]
    np.testing.assert_array_equal(added[inactive], existing(name)["x"][inactive])
