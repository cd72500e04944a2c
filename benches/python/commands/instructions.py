"""How many instructions a few rows take: a guard against regressions that noise cannot move.

    python benches/python/commands/instructions.py [--write]

Counts with callgrind (valgrind, from the system), at AVX2, which it knows, and on one thread. A count is the
difference between two calls and one, so that what happens once is left out. Compares with
`benches/instructions.json` and ends with code 1 where a row takes more than `TOLERANCE` more or fewer
instructions; `--write` replaces the file, when a change is meant. Counts depend on the compiler: the file
says which one.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

# The modules that the commands share.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from machine import ROOT

FILE = ROOT / "benches" / "instructions.json"
PROGRAM = ROOT / "target" / "release" / "instructions"
# Kind, steps, samples, hidden units.
ROWS = [
    "forward 1 1 32",
    "forward 1 1 256",
    "forward 100 1 64",
    "forward 100 1 128",
    "forward 20 32 64",
    "forward 20 32 128",
    "train 20 8 64",
    "train 50 1 128",
]
TOLERANCE = 0.02


def compiler() -> str:
    """The version of rustc."""
    done = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def instructions(row: str, calls: int) -> int:
    """Instructions of a whole run."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(PROGRAM)]
    done = subprocess.run(
        [*command, *row.split(), str(calls)], capture_output=True, text=True, check=False
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        sys.exit(done.stderr)
    return int(found[1])


def main() -> None:
    """Count, compare, and perhaps write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace benches/instructions.json")
    write = parser.parse_args().write
    if shutil.which("valgrind") is None:
        sys.exit("valgrind was not found: install it with the system's packages")
    command = "cargo build --release --locked --quiet -p bnns-lstm-bench --bin instructions"
    target = ["--target-dir", str(ROOT / "target")]
    subprocess.run([*command.split(), *target], cwd=ROOT, check=True)
    known = json.loads(FILE.read_text()) if FILE.exists() else {"rows": {}}
    counts = {}
    failed = False
    print(f"{'row':24}{'instructions':>16}{'before':>16}{'ratio':>8}")
    for row in ROWS:
        counts[row] = instructions(row, 2) - instructions(row, 1)
        before = known["rows"].get(row)
        ratio = counts[row] / before if before else 1.0
        failed |= abs(ratio - 1) > TOLERANCE
        print(f"{row:24}{counts[row]:>16,}{before or 0:>16,}{ratio:>8.3f}", flush=True)
    if write:
        FILE.write_text(json.dumps({"rustc": compiler(), "rows": counts}, indent=1) + "\n")
    elif failed:
        sys.exit(f"more than {TOLERANCE:.0%} off; if that is meant, run with --write")


if __name__ == "__main__":
    main()
