"""A measurement from its first row to its last.

In: rows, workers, a report, and the files that it goes to. Out: the report, filled and written after each
row, so that a run that is stopped leaves what it has.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from client import Client
from compare import Named
from engines import ROUTES
from measure import measure
from report import Report, first
from rows import CROWDED_ROWS, ROUTE_ROWS, Row


def by_ours(_: Row) -> Named | None:
    """Results are compared with ours."""
    return None


def run(
    arguments: argparse.Namespace,
    clients: Sequence[Client],
    report: Report,
    prepare: Callable[[Row], Named | None] = by_ours,
) -> None:
    """Measure row by row, writing what there is; `prepare` gives the right results of a row, or None."""
    for row in arguments.rows:
        before = len(report.rows)
        taking_part = [client for client in clients if takes_part(client, row, report.more_threads)]
        report.add(row, measure(row, taking_part, arguments.rounds, prepare(row)))
        for entry in report.rows[before:]:
            print(progress(entry), file=sys.stderr, flush=True)
        write(report, arguments)


def takes_part(client: Client, row: Row, more_threads: int) -> bool:
    """Whether a row is one of those that the client is there for."""
    is_routed = client.engine in ROUTES
    is_crowded = client.threads == more_threads
    return (not is_routed or row.name in ROUTE_ROWS) and (
        not is_crowded or row.name in CROWDED_ROWS
    )


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
