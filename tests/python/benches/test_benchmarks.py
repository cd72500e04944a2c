"""The benchmarks run, compute the same in all engines, and notice an engine that does not. No times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest

BENCHES = Path(__file__).parents[3] / "benches" / "python"
sys.path.insert(0, str(BENCHES / "lib"))

from cases import Unsupported, arrays_of  # noqa: E402
from compare import TOLERANCE, difference  # noqa: E402
from engines import ROUTES, USUAL, load  # noqa: E402
from limits import Limits  # noqa: E402
from measure import Result, measure  # noqa: E402
from report import Report  # noqa: E402
from rows import CROWDED_ROWS, ROUTE_ROWS, ROWS, Row, row_named  # noqa: E402
from run import takes_part  # noqa: E402

SMALL = [
    Row("step", 1, 1, 5, inputs=3),
    Row("forward", 7, 3, 5),
    Row("forward", 6, 2, 5, inputs=4, layers=3),
    Row("forward", 6, 2, 5, inputs=4, layers=2, bidirectional=True),
    Row("ragged", 9, 4, 5, inputs=3, shortest=2),
    Row("peephole", 6, 3, 5),
    Row("forward", 7, 3, 5, form="out"),
    Row("forward", 7, 3, 5, bidirectional=True, form="batch_first"),
]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, BENCHES / "commands" / "peers.py", *arguments]
    return subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)


def test_one_command_writes_both_reports(tmp_path: Path) -> None:
    files = (tmp_path / "a" / "peers.json", tmp_path / "peers.md")
    done = run(
        *("--rows", r"^step\.T1\.B1\.H32$|^train\.T100\.B1\.H128$", "--rounds", "1"),
        *("--threads", "1", "--more-threads", "0", "--engines", "numpy", "--no-limits"),
        *("--json", files[0], "--markdown", files[1]),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(files[0].read_text(encoding="utf-8"))
    step, train = found["rows"]
    assert found["errors"] == []
    assert set(found["versions"]) == {"ours", "numpy"}
    assert "--rounds 1" in found["command"]
    assert step["row"] == "step.T1.B1.H32"
    assert step["best_peer"] == "numpy"
    assert step["engines"]["numpy"]["difference"] <= TOLERANCE
    for engine in ("ours", "numpy"):
        result = step["engines"][engine]
        assert 0 < result["minimum_us"] <= result["median_us"]
    assert train["engines"]["ours"]["status"] == "ok"
    assert train["engines"]["numpy"]["status"] == "unsupported"
    assert train["ratio"] is None
    text = files[1].read_text(encoding="utf-8")
    assert text.strip() == done.stdout.strip()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engines", "abacus"], "found abacus"),
        (["--rows", "H33$"], "'H33$' is in none of the names"),
        (["--threads", "0,1"], "above 0"),
    ],
)
def test_unknown_rows_and_engines_are_named(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("engine", ["module", "numpy", "onnxruntime"])
@pytest.mark.parametrize("row", SMALL, ids=lambda row: row.name)
def test_engines_compute_the_same(row: Row, engine: str) -> None:
    arrays = arrays_of(row)
    (ours,) = load("ours").ways(row, arrays, 1)
    ways = load(engine).ways(row, arrays, 1)
    assert ways
    for way in ways:
        (ours,) = load("ours").ways(row, arrays, 1)
        for _ in range(3 if row.kind == "step" else 1):
            ours.call()
            way.call()
        assert difference(ours.results(), way.results()) <= 1e-5, way.name


@pytest.mark.parametrize("engine", ["numpy", "onnxruntime"])
def test_engines_without_projections_say_so(engine: str) -> None:
    row = Row("forward", 6, 2, 5, projection=3)
    with pytest.raises(Unsupported, match="no projections"):
        load(engine).ways(row, arrays_of(row), 1)


@pytest.mark.parametrize("kind", ["forward", "train"])
@pytest.mark.parametrize("engine", ["module", "torch"])
def test_engines_compute_the_same_of_a_projected_layer(engine: str, kind: Any) -> None:
    if engine == "torch":
        pytest.importorskip("torch")
    row = Row(kind, 6, 2, 9, inputs=4, projection=3)
    assert row.name == f"{kind}.T6.B2.I4.H9.P3"
    found = []
    for name in ("ours", engine):
        (way,) = load(name).ways(row, arrays_of(row), 1)
        way.call()
        found.append(way.results())
    assert found[0]["y"].shape == (6, 2, 3)
    assert ("dhr0.0" in found[0]) == (kind == "train")
    assert difference(*found) <= 1e-5


def test_rows_have_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert all(row_named(name).name == name for name in names)
    assert row_named("ragged.T10-200.B32.I128.H256").lengths()[::31] == [200, 10]


# A process of its own, since the level is read once.
LEVEL = """
import sys
sys.path.insert(0, sys.argv[1])
from cases import arrays_of
from engines import load
from rows import row_named
row = row_named("step.T1.B1.H32")
load("fallback").ways(row, arrays_of(row), 1)
import bnns_lstm
print(bnns_lstm.info()["level"])
"""


def test_the_engine_fallback_is_ours_at_that_level() -> None:
    words = [sys.executable, "-c", LEVEL, str(BENCHES / "lib")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("fallback\n", "")


def test_a_level_that_the_machine_has_not_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise bl.ConfigurationError("no such level here")

    monkeypatch.setattr(bl, "info", refuse)
    with pytest.raises(Unsupported, match="no such level here"):
        load("ours").ways(SMALL[0], arrays_of(SMALL[0]), 1)


def test_differences_are_relative_and_nan_and_infinity_count() -> None:
    ours = {"y": np.array([4, -8], np.float32)}
    assert difference(ours, {"y": np.array([4, -7], np.float32)}) == 1 / 8
    for wrong in ([4, np.nan], [4], [np.inf, -8]):
        assert difference(ours, {"y": np.array(wrong, np.float32)}) == np.inf
    assert difference(ours, {"x": ours["y"]}) == np.inf
    assert difference({"y": np.array([np.nan, 1], np.float32)}, ours) == np.inf


class FakeClient:
    """A worker that answers at once, with results and a time of its own."""

    threads = 1
    suffix = ".npz"

    def __init__(self, engine: str, y: float, seconds: float) -> None:
        self.engine = engine
        self.y = y
        self.seconds = seconds

    def ask(self, do: str, **arguments: str) -> dict[str, Any]:
        if do == "build":
            np.savez(arguments["results"], **{"0/y": np.array([self.y], np.float32)})
        return {"sample": {"seconds": self.seconds}}.get(do, {})


def test_an_engine_that_computes_something_else_is_an_error() -> None:
    fakes = [("ours", 1, 2e-6), ("numpy", 1.001, 1e-6), ("onnxruntime", 1.00001, 3e-6)]
    clients: Any = [FakeClient(*fake) for fake in fakes]
    results = measure(SMALL[0], clients, 3)
    report = Report({}, None, "", "", 3, dict.fromkeys(["ours", "numpy", "onnxruntime"], "1"), {})
    report.add(SMALL[0], results)
    (error,) = report.errors()
    assert "numpy: differs from ours by 1.0e-03, tolerance 1e-04" in error
    (entry,) = report.rows
    assert (entry["best_peer"], entry["ratio"]) == ("onnxruntime", pytest.approx(1.5))
    assert "| wrong |" in report.markdown()
    assert error in report.markdown()


def test_the_module_comes_first_and_is_what_peers_are_compared_with() -> None:
    assert USUAL[:3] == ["module", "ours", "structure"]
    row = row_named(ROUTE_ROWS[0])
    engines = ["module", "ours", *ROUTES, "numpy"]
    clients: Any = [FakeClient(engine, 1, 1e-6 * (n + 2)) for n, engine in enumerate(engines)]
    report = Report({}, None, "", "", 3, dict.fromkeys(engines, "1"), {})
    report.add(row, measure(row, clients, 3))
    (entry,) = report.rows
    assert (entry["best_peer"], entry["ratio"]) == ("numpy", pytest.approx(3.0))
    lines = report.markdown().splitlines()
    assert "| row | module | ours | numpy | best peer | ratio | limit | share |" in lines
    assert lines[-3:] == [
        "| row | panels | gemm | ratio |",
        "| --- | ---: | ---: | ---: |",
        f"| {row.name} | 4.00 | 5.00 | **0.80** (0.80) |",
    ]
    # Without the module a prepared layer takes its place, and there is no table of routes.
    clients = clients[1:2] + clients[4:]
    report = Report({}, None, "", "", 3, dict.fromkeys(["ours", "numpy"], "1"), {})
    report.add(row, measure(row, clients, 3))
    assert report.rows[0]["ratio"] == pytest.approx(2.0)
    assert "routes" not in report.markdown().rsplit("##", 1)[-1]


def test_six_rows_are_computed_with_both_routes() -> None:
    assert len({row_named(name).name for name in ROUTE_ROWS}) == 6


def test_more_threads_than_cores_are_a_table_of_some_rows_beside_the_most_threads() -> None:
    row = row_named(CROWDED_ROWS[0])
    clients: Any = [FakeClient("ours", 1, seconds) for seconds in (9e-6, 4e-6, 5e-6)]
    for client, threads in zip(clients, (1, 2, 16), strict=True):
        client.threads = threads
    report = Report({}, None, "", "", 1, {"ours": "1"}, {}, more_threads=16)
    report.add(row, measure(row, clients, 1))
    lines = report.markdown().splitlines()
    assert lines[-3:] == [
        "| row | threads | ours | ours, 16 threads | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
        f"| {row.name} | 2 | 4.00 | 5.00 | **1.25** (1.25) |",
    ]
    assert [line for line in lines if line.startswith("## ")] == [
        "## 1 thread",
        "## 2 threads",
        "## 16 threads",
    ]
    crowded = [other.name for other in ROWS if takes_part(clients[2], other, 16)]
    assert sorted(crowded) == sorted(CROWDED_ROWS)
    assert all(takes_part(clients[1], other, 16) for other in ROWS)


def test_the_command_times_ours_with_more_threads_than_cores(tmp_path: Path) -> None:
    files = (tmp_path / "peers.json", tmp_path / "peers.md")
    done = run(
        *("--rows", r"^(step\.T1\.B1\.H32|forward\.T100\.B1\.H128)$", "--rounds", "1"),
        *("--threads", "1", "--more-threads", "99", "--engines", "ours", "--no-limits"),
        *("--json", files[0], "--markdown", files[1]),
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(files[0].read_text(encoding="utf-8"))["rows"]
    assert [(entry["row"], entry["threads"]) for entry in rows] == [
        ("step.T1.B1.H32", 1),
        ("forward.T100.B1.H128", 1),
        ("forward.T100.B1.H128", 99),
    ]
    assert "## 99 threads" in files[1].read_text(encoding="utf-8")


def test_without_our_own_engine_nothing_is_compared() -> None:
    clients: Any = [FakeClient("ours", np.nan, 1.0), FakeClient("numpy", 1, 1.0)]
    results: dict[tuple[str, int], Result] = measure(SMALL[0], clients, 1)
    statuses = {engine: result.status for (engine, _), result in results.items()}
    assert statuses == {"ours": "wrong", "numpy": "error"}


def test_roofline_limits_are_those_of_the_formula() -> None:
    reads = [
        {"set_kib": 64, "gb_per_s": 400},
        {"set_kib": 1024, "gb_per_s": 100},
        {"set_kib": 4096, "gb_per_s": 25},
    ]
    machine = {"measured": [{"threads": 1, "fma_gflop_per_s": 100, "reads": reads}]}
    limits = Limits.from_machine(machine, 1)
    assert limits is not None
    assert Limits.from_machine(machine, 2) is None
    flop, weight_bytes = 2 * 1024 * 256, 4 * 1024 * 256
    # One sample: the weights take longer to read than to multiply. 32 samples: the other way round.
    inputs, step = 100 * flop / 100e9, weight_bytes / 100e9
    assert limits.seconds(Row("forward", 100, 1, 256)) == pytest.approx(inputs + 100 * step)
    product = 3200 * flop / 100e9
    assert limits.seconds(Row("forward", 100, 32, 256)) == pytest.approx(2 * product)
    assert limits.seconds(Row("train", 100, 32, 256)) == pytest.approx(6 * product)
    assert limits.bandwidth(64 * 1024) == 400e9
    assert limits.bandwidth(2**30) == 25e9


def test_the_footprint_is_a_table_of_the_engines_that_are_there(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    wheel.write_bytes(bytes(1_500_000))
    words = [
        sys.executable,
        BENCHES / "commands" / "footprint.py",
        "--rounds",
        "1",
        "--wheel",
        wheel,
    ]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    head, _, *rows, _, size = done.stdout.splitlines()
    assert head.startswith("| engine | import ms |")
    figures = {cells[1].strip(): cells[2:-1] for cells in (row.split("|") for row in rows)}
    assert {"bnns_lstm", "onnxruntime"} <= figures.keys()
    assert all(len(cells) == 5 and float(cells[0]) >= 0 for cells in figures.values())
    assert size == "Wheel of bnns_lstm: 1.50 MB."


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--wheel", "missing.whl"]])
def test_impossible_arguments_of_the_footprint(arguments: list[str]) -> None:
    words = [sys.executable, BENCHES / "commands" / "footprint.py", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert arguments[0] in done.stderr


def count(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run the counting of instructions where only programs of this folder are found."""
    words = [sys.executable, BENCHES / "commands" / "instructions.py", *arguments]
    environment = os.environ | {"PATH": str(path)}
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)


def test_instructions_are_left_out_without_valgrind_and_only_if_that_is_allowed(
    tmp_path: Path,
) -> None:
    allowed = count("--if-possible", path=tmp_path)
    assert (allowed.returncode, allowed.stderr) == (0, "")
    assert allowed.stdout.startswith("instructions were left out: valgrind was not found")
    assert count(path=tmp_path).returncode == 1


# Stands for valgrind, cargo and the compiler: each row takes a thousand instructions a call.
FAKE = """#!{python}
import sys
words = sys.argv[1:]
if words == ["--version"]:
    print("rustc {version} (fake)")
elif words[0] != "build":
    print("Collected :", int(words[-1]) * 1000, file=sys.stderr)
"""


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="counts on Linux only")
def test_other_counts_of_instructions_fail_and_those_of_another_compiler_are_left_out(
    tmp_path: Path,
) -> None:
    if " avx2" not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        pytest.skip("counts at AVX2 only")
    known = json.loads((BENCHES.parent / "instructions.json").read_text(encoding="utf-8"))

    def programs(version: str) -> None:
        for name in ("valgrind", "cargo", "rustc"):
            program = tmp_path / name
            program.write_text(FAKE.format(python=sys.executable, version=version))
            program.chmod(0o755)

    programs(known["rustc"])
    done = count("--if-possible", path=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("more than 2% off: forward 1 1 32, ")
    programs("0.0.1")
    done = count("--if-possible", path=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "and this is 0.0.1" in done.stdout
