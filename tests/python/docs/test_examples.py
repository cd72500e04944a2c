"""The examples, as a reader would run them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.demo.series import embedded_series

LATENCIES = (
    r"309 steps of 8 units: median (?P<median>\d+\.\d) us, slowest (?P<slowest>\d+\.\d) us\n"
)
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
    outputs = example("stream").main(["--units", "8"])
    values = np.asarray(embedded_series().values, np.float32)[:, np.newaxis] / 200
    # The outputs are those of one long call, and no two steps give the same.
    np.testing.assert_array_equal(outputs, bl.LSTM(1, 8, seed=0)(values)[0])
    assert len(np.unique(outputs, axis=0)) == len(outputs) == 309
    found = re.fullmatch(LATENCIES, capsys.readouterr().out)
    assert found is not None
    assert float(found["median"]) <= float(found["slowest"])


def test_chunks_on_disk_are_scored_by_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    scores = example("cluster").main(
        ["--samples", "120", "--chunk", "50", "--workers", "1", "--folder", str(folder)]
    )
    assert len(list(folder.glob("*.npy"))) == 3
    x = np.concatenate([np.load(folder / f"{number}.npy") for number in range(3)], axis=1)
    head = bl.optim.Linear(32, 1, seed=0)
    expected = head(bl.LSTM(8, 32, seed=0)(x)[1].h[-1])[:, 0]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    printed = capsys.readouterr().out
    assert "100% Completed" in printed
    assert "120 samples in 3 chunks, 0 MB: mean score" in printed


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"cluster", "digits", "stream"}
