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
import json
import shlex
import sys
from pathlib import Path
from typing import Any

# The modules that the commands share.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from client import Client, start
from engines import ENGINES, ROUTES, USUAL
from machine import ROOT, commit, describe, rates
from measure import measure
from report import Report, first
from rows import ROUTE_ROWS, ROWS, Row, rows_like


def numbers(text: str) -> list[int]:
    """Positive numbers between commas, ascending."""
    found = sorted({int(word) for word in text.split(",")})
    if found[0] < 1:
        raise argparse.ArgumentTypeError(f"expected numbers of threads above 0, found {text}")
    return found


def engines(text: str) -> list[str]:
    """Names between commas, in the order of the report; ours always takes part."""
    names = {"ours", *text.split(",")}
    unknown = names - ENGINES.keys()
    if unknown:
        known = ", ".join(ENGINES)
        raise argparse.ArgumentTypeError(f"expected some of {known}, found {', '.join(unknown)}")
    return [name for name in ENGINES if name in names]


def rows(text: str) -> list[Row]:
    """The rows that a regular expression finds."""
    found = rows_like(text)
    if not found:
        names = ", ".join(row.name for row in ROWS)
        raise argparse.ArgumentTypeError(f"{text!r} is in none of the names {names}")
    return found


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("--rows", type=rows, default=ROWS, metavar="PATTERN", help="regular expression, in names")
    add("--rounds", type=int, default=15, metavar="N", help="samples of each engine and row")
    add("--threads", type=numbers, default=[1, 2], help="numbers of threads, such as 1,2")
    add("--engines", type=engines, default=USUAL, help=f"some of {','.join(ENGINES)}")
    add("--machine", type=Path, metavar="FILE", help="rates measured earlier, instead of now")
    add("--no-limits", action="store_true", help="leave out the machine's limits")
    add("--json", type=Path, default=ROOT / "target" / "peers.json", metavar="FILE")
    add("--markdown", type=Path, default=ROOT / "target" / "peers.md", metavar="FILE")
    add("--list", action="store_true", help="print the names of the rows and end")
    return made


def write(report: Report, arguments: argparse.Namespace) -> None:
    """Write both files."""
    for path, text in (
        (arguments.json, json.dumps(report.data(), indent=1) + "\n"),
        (arguments.markdown, report.markdown()),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def progress(entry: dict[str, Any]) -> str:
    """One line for a row that is done."""
    result = first(entry["engines"])
    ours = "no result" if result is None else f"{result['median_us']:.1f} us"
    peer = f"{entry['best_peer']} / ours {entry['ratio']:.2f}" if entry["ratio"] else "no peer"
    return f"{entry['row']}, {entry['threads']} threads: ours {ours}, {peer}"


def run(arguments: argparse.Namespace, clients: list[Client], report: Report) -> None:
    """Measure row by row, writing what there is."""
    for row in arguments.rows:
        before = len(report.rows)
        taking_part = [
            client for client in clients if client.engine not in ROUTES or row.name in ROUTE_ROWS
        ]
        report.add(row, measure(row, taking_part, arguments.rounds))
        for entry in report.rows[before:]:
            print(progress(entry), file=sys.stderr, flush=True)
        write(report, arguments)


def main() -> None:
    """Measure, write, and say what went wrong."""
    arguments = parser().parse_args()
    if arguments.list:
        print(*(row.name for row in arguments.rows), sep="\n")
        return
    import bnns_lstm

    clients, versions = start(arguments.engines, arguments.threads)
    try:
        report = Report(
            machine=describe(),
            rates=None if arguments.no_limits else rates(arguments.machine, arguments.threads),
            commit=commit(),
            command=shlex.join(["python", "benches/python/commands/peers.py", *sys.argv[1:]]),
            rounds=arguments.rounds,
            versions=versions,
            info=bnns_lstm.info(),
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
