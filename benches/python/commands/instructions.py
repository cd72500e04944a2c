"""How many instructions a few rows take: a guard against regressions that noise cannot move.

    python benches/python/commands/instructions.py [--write] [--if-possible]

Counts with callgrind (valgrind, from the system), at AVX2, which it knows, and on one thread. A count is the
difference between two calls and one, so that what happens once is left out. Compares with
`benches/instructions.json` and ends with code 1 where a row takes more than `TOLERANCE` more or fewer
instructions; `--write` replaces the file, when a change is meant. Counts depend on the compiler: the file
says which one. With `--if-possible`, where rows cannot be counted or compared, none is, and why is printed;
`tasks.py test` uses it.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The modules that the commands share.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from machine import ROOT, benches, cores

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


def obstacle() -> str | None:
    """Why the rows cannot be counted here."""
    if shutil.which("valgrind") is None:
        return "valgrind was not found: install it with the system's packages"
    processor = Path("/proc/cpuinfo")
    if not processor.exists() or " avx2" not in processor.read_text():
        return "rows are counted at AVX2, which this processor has not, or does not tell"
    return None


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--write", action="store_true", help=f"replace {FILE.relative_to(ROOT)}")
    made.add_argument(
        "--if-possible",
        action="store_true",
        help="where rows cannot be counted or compared, say why and succeed",
    )
    made.add_argument("--build", action="store_true", help="build the program and end")
    return made


def counted(known: dict[str, int]) -> tuple[dict[str, int], list[str]]:
    """Each row's instructions, and the rows that are unknown or differ by more than `TOLERANCE`."""
    counts = {}
    differing = []
    print(f"{'row':24}{'instructions':>16}{'before':>16}{'ratio':>8}")
    # Runs side by side do not change each other's counts.
    with ThreadPoolExecutor(len(cores())) as pool:
        once, twice = (list(pool.map(instructions, ROWS, [calls] * len(ROWS))) for calls in (1, 2))
    for row, less, more in zip(ROWS, once, twice, strict=True):
        counts[row] = more - less
        before = known.get(row, 0)
        ratio = counts[row] / before if before else float("nan")
        if not abs(ratio - 1) <= TOLERANCE:
            differing.append(row)
        print(f"{row:24}{counts[row]:>16,}{before:>16,}{ratio:>8.3f}", flush=True)
    return counts, differing


def main() -> None:
    """Count, compare, and perhaps write."""
    arguments = parser().parse_args()
    known = json.loads(FILE.read_text())
    reason = obstacle()
    if reason is None and arguments.if_possible and compiler() != known["rustc"]:
        reason = f"{FILE.name} has the counts of rustc {known['rustc']}, and this is {compiler()}"
    if reason is not None:
        if not arguments.if_possible:
            sys.exit(reason)
        print(f"instructions were left out: {reason}")
        return
    subprocess.run(benches("build", "instructions"), cwd=ROOT, check=True)
    if arguments.build:
        return
    counts, differing = counted(known["rows"])
    if arguments.write:
        FILE.write_text(json.dumps({"rustc": compiler(), "rows": counts}, indent=1) + "\n")
    elif differing:
        rows = ", ".join(differing)
        sys.exit(f"more than {TOLERANCE:.0%} off: {rows}; if that is meant, run with --write")


if __name__ == "__main__":
    main()
