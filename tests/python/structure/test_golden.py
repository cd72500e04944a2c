"""The golden cases, at the SIMD level of this run, for one and two threads; and the reference on them."""

from __future__ import annotations

import pytest
from build import assert_close, golden_names, load_golden, run
from reference import forward

NAMES = golden_names()


def test_all_golden_cases_are_there() -> None:
    assert len(NAMES) == 42


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_golden_case(name: str) -> None:
    layer, arrays = load_golden(name)
    for n_threads in (1, 2):
        for found, wanted in zip(run(layer, n_threads), ("y", "hn", "cn"), strict=True):
            assert_close(found, arrays[wanted], 2e-5, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_the_numpy_reference_agrees_with_the_golden_cases(name: str) -> None:
    layer, arrays = load_golden(name)
    for found, wanted in zip(forward(layer), ("y", "hn", "cn"), strict=True):
        assert_close(found, arrays[wanted], 2e-6, wanted)
