"""The benchmark beside other crates, with programs of Python in their place: nothing is built, no times."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
import reference

ROOT = Path(__file__).parents[3]
BENCHES = ROOT / "benches" / "python"
sys.path.insert(0, str(BENCHES / "lib"))

import crate_programs  # noqa: E402
from cases import arrays_of  # noqa: E402
from client import Client, version_of  # noqa: E402
from crate_files import write_files  # noqa: E402
from crate_programs import CrateClient  # noqa: E402
from crate_report import CrateReport  # noqa: E402
from rows import CRATE_ROWS, Row  # noqa: E402
from run import run  # noqa: E402
from truth import results  # noqa: E402

FAKE = Path(__file__).parents[1] / "support" / "fake_crate.py"
SMALL = [
    Row("step", 1, 2, 5),
    Row("forward", 6, 2, 5, layers=2, bidirectional=True),
    Row("ragged", 9, 4, 5, shortest=2),
    Row("train", 7, 3, 5),
]
WAYS = {"ours": "right", "rten": "wrong", "candle": "ignorant", "burn": "failing"}


def client(engine: str, way: str, folder: Path) -> Client:
    return CrateClient(engine, 1, [sys.executable, str(FAKE), way, str(folder)])


def measured(folder: Path, ways: dict[str, str], rows: list[Row]) -> CrateReport:
    """A run of these programs."""

    def prepare(row: Row) -> Any:
        arrays = arrays_of(row)
        write_files(folder, row, arrays)
        return results(row, arrays)

    clients = [client(engine, way, folder) for engine, way in ways.items()]
    report = CrateReport({}, None, "", "", 3, dict.fromkeys(ways, "1.0"), {})
    files = {"json": folder / "crates.json", "markdown": folder / "crates.md"}
    try:
        run(argparse.Namespace(rows=rows, rounds=3, **files), clients, report, prepare)
    finally:
        for one in clients:
            one.close()
    assert files["markdown"].read_text(encoding="utf-8") == report.markdown()
    return report


def cells(report: CrateReport) -> dict[str, list[str]]:
    """The table's cells behind the names of the rows."""
    lines = [line.strip("| ").split(" | ") for line in report.table().splitlines()[2:]]
    return {name: rest for name, *rest in lines}


def test_wrong_results_are_named_and_what_is_not_offered_is_a_dash(tmp_path: Path) -> None:
    report = measured(tmp_path, WAYS, SMALL)
    step, forward, ragged, train = (row.name for row in SMALL)
    good = "1.00 / 1.00 (1.0 / 1.0)"
    assert cells(report) == {
        step: ["1.00 / 1.00", good, "-", "error"],
        forward: ["1.00 / 1.00", good, good, "error"],
        ragged: ["1.00 / 1.00", "wrong", "-", "error"],
        train: ["1.00 / 1.00", good, "-", "error"],
    }
    assert report.versions == dict.fromkeys(WAYS, "1.0")
    (wrong,) = [error for error in report.errors() if "rten" in error]
    assert wrong.startswith(f"{ragged}, 1 threads, rten: differs from the layer in f64 by ")
    assert f"- {wrong}" in report.markdown().splitlines()
    # Wrong results of others are theirs; a program that fails is ours to mend.
    assert report.failures() == [f"{row.name}, burn: no memory" for row in SMALL]


def test_ratios_are_those_to_our_times_and_the_model_is_the_same_layer(tmp_path: Path) -> None:
    report = measured(tmp_path, {"ours": "right", "tract": "onnx"}, SMALL)
    assert {tuple(row) for row in cells(report).values()} == {
        ("1.00 / 1.00", "2.00 / 2.00 (2.0 / 2.0)")
    }
    assert (report.errors(), report.failures()) == ([], [])
    assert {entry["ratio"] for entry in report.rows} == {2.0}
    for entry in report.rows:
        assert 0 < entry["engines"]["tract"]["difference"] < 1e-5


def test_wrong_results_of_ours_fail(tmp_path: Path) -> None:
    report = measured(tmp_path, {"ours": "wrong", "rten": "right"}, SMALL[2:3])
    assert list(cells(report).values()) == [["wrong", "1.00 / 1.00"]]
    (failure,) = report.failures()
    assert failure.startswith(f"{SMALL[2].name}, ours: differs from the layer in f64")


def test_a_program_that_does_not_start_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crate_programs, "locked", lambda engine: f"{engine}'s version")
    ways = {"ours": "right", "rten": "dead"}
    commands = {name: [sys.executable, str(FAKE), way] for name, way in ways.items()}
    clients, versions = crate_programs.start(ways, tmp_path, commands)
    for one in clients:
        one.close()
    assert [one.engine for one in clients] == ["ours"]
    assert versions == {"ours": "ours's version", "rten": "(the process ended with code 3)"}
    assert version_of({"error": "the process ended with code 3"}) == versions["rten"]


def test_versions_are_those_of_the_lock_file() -> None:
    if not crate_programs.WORKSPACE.exists():
        pytest.skip("the source distribution has no programs of other crates")
    assert crate_programs.locked("ours") == bl.__version__
    for engine in crate_programs.ENGINES:
        manifest = crate_programs.WORKSPACE / engine / "Cargo.toml"
        text = manifest.read_text(encoding="utf-8")
        assert f'name = "crates-{engine}"' in text
        if engine != "ours":
            assert f'"{crate_programs.locked(engine)}"' in text


def layer_of(row: Row) -> reference.Layer:
    """The same layer for the reference of the other tests."""
    arrays = arrays_of(row)
    found = {"x": arrays.x, "batch_sizes": np.array(row.active())}
    for number, gate in enumerate(reference.GATES):
        rows = slice(number * row.hidden, (number + 1) * row.hidden)
        for name, field in (("iw", "w"), ("hw", "r"), ("b", "b")):
            parts = [[getattr(one, field)[rows] for one in both] for both in arrays.weights]
            if name == "iw":
                found |= {f"{gate}.iw0": np.array(parts[:1]), f"{gate}.iw1": np.array(parts[1:])}
            else:
                found[f"{gate}.{name}"] = np.array(parts)
    sigmoid, tanh = bl.Activation.sigmoid(), bl.Activation.tanh()
    functions = dict.fromkeys(reference.GATES, sigmoid) | {"candidate": tanh, "hidden": tanh}
    return reference.Layer(found, functions, row.hidden, row.layers, row.directions)


@pytest.mark.parametrize("row", [*SMALL, Row("ragged", 9, 4, 5, shortest=2, bidirectional=True)])
def test_what_is_right_is_what_the_reference_says(row: Row) -> None:
    layer = layer_of(row)
    for _ in range(3 if row.kind == "step" else 1):
        y, h, c = reference.forward(layer)
        layer.arrays |= {"h0": h, "c0": c}
    found = results(row, arrays_of(row))
    np.testing.assert_allclose(found["y"], y, rtol=0, atol=1e-7)
    if row.kind == "step":
        np.testing.assert_allclose(found["h"], h[0, 0], rtol=0, atol=1e-7)
        np.testing.assert_allclose(found["c"], c[0, 0], rtol=0, atol=1e-7)


def test_gradients_are_differences_of_the_outputs() -> None:
    row = Row("train", 5, 2, 3, inputs=4, layers=2, bidirectional=True)
    arrays = arrays_of(row)
    found = results(row, arrays)
    weights = arrays.weights[0][1].w
    before = weights[2, 3]

    def loss(value: float) -> float:
        weights[2, 3] = value
        return float((results(row, arrays)["y"].astype(np.float64) * arrays.dy).sum())

    step = 2.0**-6
    slope = (loss(before + step) - loss(before - step)) / (2 * step)
    assert slope == pytest.approx(found["dw0.1"][2, 3], rel=1e-3)


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, BENCHES / "commands" / "crates.py", *arguments]
    return subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)


def test_the_command_lists_the_ten_rows_and_refuses_what_it_does_not_know() -> None:
    listed = run_command("--list").stdout.split()
    assert listed == [row.name for row in CRATE_ROWS]
    assert len(set(listed)) == 10
    assert run_command("--list", "--rows", "^ragged").stdout.split() == ["ragged.T7-100.B32.H128"]
    unknown = run_command("--engines", "abacus")
    assert (unknown.returncode, "found abacus" in unknown.stderr) == (2, True)
