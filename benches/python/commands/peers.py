"""This package against other engines, in one run, taking turns.

    python benches/python/commands/peers.py [--rows PATTERN] [--rounds N] [--threads 1,2] [--engines a,b]

Engines that are not installed are left out; `python -m pip install torch --index-url
https://download.pytorch.org/whl/cpu` and `python -m pip install openvino` add two. Everything needs a Rust
toolchain, for the machine's limits; `--no-limits` does without. Writes `target/peers.json` and
`target/peers.md` after each row, or what `--json` and `--markdown` name; ends with code 1 if an engine
failed, or computed something other than ours.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

# The modules that the commands share.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from arguments import parser
from client import start
from engines import ENGINES, USUAL
from machine import commit, cores, describe, rates
from report import Report
from rows import ROWS
from run import run


def numbers(text: str) -> list[int]:
    """Positive numbers between commas, ascending."""
    found = sorted({int(word) for word in text.split(",")})
    if found[0] < 1:
        raise argparse.ArgumentTypeError(f"expected numbers of threads above 0, found {text}")
    return found


def options() -> argparse.ArgumentParser:
    """The options."""
    made = parser(__doc__, ROWS, ENGINES, USUAL, rounds=15, name="peers")
    add = made.add_argument
    add("--threads", type=numbers, default=[1, 2], help="numbers of threads, such as 1,2")
    add(
        "--more-threads",
        type=int,
        default=16,
        metavar="N",
        help="more threads than cores, for ours; 0 leaves this out",
    )
    add("--machine", type=Path, metavar="FILE", help="rates measured earlier, instead of now")
    add("--no-limits", action="store_true", help="leave out the machine's limits")
    return made


def main() -> None:
    """Measure, write, and say what went wrong."""
    arguments = options().parse_args()
    if arguments.list:
        print(*(row.name for row in arguments.rows), sep="\n")
        return
    import bnns_lstm

    clients, versions = start(arguments.engines, arguments.threads)
    more_threads = arguments.more_threads
    if more_threads <= max(len(cores()), *arguments.threads):
        more_threads = 0
    if more_threads:
        clients += start(["ours"], [more_threads])[0]
    try:
        report = Report(
            machine=describe(),
            rates=None if arguments.no_limits else rates(arguments.machine, arguments.threads),
            commit=commit(),
            command=shlex.join(["python", "benches/python/commands/peers.py", *sys.argv[1:]]),
            rounds=arguments.rounds,
            versions=versions,
            info=bnns_lstm.info(),
            more_threads=more_threads,
        )
        run(arguments, clients, report)
    finally:
        for client in clients:
            client.close()
    print(report.markdown())
    errors = report.errors()
    if errors:
        sys.exit("\n".join(errors))


if __name__ == "__main__":
    main()
