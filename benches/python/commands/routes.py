"""Both routes of matrix products, in turns, at each SIMD level: the table of docs/products.md.

    python benches/python/commands/routes.py [--levels avx512,avx2,fallback,avx] [--rows 1,8,32,128]
        [--units 64,256,512] [--rounds N] [--openblas] [--json FILE]

A figure is the time of a call with some products by the library, divided by the time of the same call by
panels: below 1 the library is faster. Medians of interleaved calls, in brackets the ratio of their minima; one
thread, as many inputs as units.

`matrixmultiply` finds out by itself what the processor has, so that each level is a build of its own, in which
it may use the instructions of the level only (its `MMTEST_FEATURE`). `avx` is the level `fallback` beside a
library that may use AVX: a processor that has AVX and not AVX2. With `--openblas` the library is the system's
OpenBLAS on one thread, which takes the instructions that it likes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# The modules that the commands share.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from machine import ROOT, benches, commit, describe

# What `matrixmultiply` may use; an empty list is everything.
FEATURES = {"avx512": "", "avx2": "avx,avx2,fma", "fallback": "sse2", "avx": "avx"}
LEVELS = {"avx": "fallback"}
COLUMNS = {"forward": ("inputs", "hidden", "all"), "training": ("transposed", "gradients", "all")}


def measure(options: argparse.Namespace, build: str) -> dict[str, Any]:
    """Build for a level and measure all sizes."""
    folder = ROOT / "target"
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    features = ["--features", "bnns-lstm/openblas"] if options.openblas else []
    if not features and FEATURES[build]:
        # A folder of its own, so that nothing else is built without instructions.
        folder = folder / "routes" / build
        variables["MMTEST_FEATURE"] = FEATURES[build]
    command = benches("build", "routes", folder)
    subprocess.run([*command, *features], cwd=ROOT, env=variables, check=True)
    sizes = [f"{rows}x{units}" for units in options.units for rows in options.rows]
    program = str(folder / "release" / "routes")
    words = [program, LEVELS.get(build, build), str(options.rounds), *sizes]
    done = subprocess.run(words, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "build": build}


def table(report: dict[str, Any]) -> str:
    """The rows of a level in Markdown."""
    heads = ["rows", "units", "forward µs", *COLUMNS["forward"]]
    heads += ["training µs", *COLUMNS["training"]]
    lines = [
        f"\n## {report['build']}: {report['library']} against panels\n",
        f"| {' | '.join(heads)} |",
        f"| {' | '.join(['---:'] * len(heads))} |",
    ]
    for row in report["rows"]:
        cells = [str(row["rows"]), str(row["units"])]
        for kind, columns in COLUMNS.items():
            panels, fastest = row[kind]["panels"]
            cells.append(f"{panels:.0f}")
            for column in columns:
                median, least = row[kind][column]
                cells.append(f"{median / panels:.2f} ({least / fastest:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def numbers(text: str) -> list[int]:
    """Whole numbers, separated by commas."""
    return [int(word) for word in text.split(",")]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--levels", default="avx512,avx2,fallback,avx")
    parser.add_argument("--rows", type=numbers, default="1,8,32,128")
    parser.add_argument("--units", type=numbers, default="64,256,512")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--openblas", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    reports = []
    print(f"{describe()['cpu']}, commit {commit()}, {options.rounds} rounds", flush=True)
    for build in options.levels.split(","):
        reports.append(measure(options, build))
        print(table(reports[-1]), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
