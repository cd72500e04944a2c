"""The examples, as a reader would run them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_digits_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("digits").main([]) >= 0.96
    assert "epoch  40" in capsys.readouterr().out


def test_a_stream_tells_its_latency(capsys: pytest.CaptureFixture[str]) -> None:
    latencies = example("stream").main(["--units", "8"])
    assert len(latencies) == 309
    assert np.median(latencies) > 0
    assert capsys.readouterr().out.startswith("309 steps of 8 units: median ")


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"digits", "stream"}
