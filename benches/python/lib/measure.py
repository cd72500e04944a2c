"""Engines taking turns.

In: rows, engines, numbers of threads, rounds. Out: for each row the `Result` of each engine and number of
threads. All workers live as long as the measurement; a row is set up in all of them, results are compared
with ours or with given ones, and then they take turns, one sample each: A B C A B C and so on, the others
waiting on their pipes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client import Client
from compare import TOLERANCE, Named, difference, read_ways
from rows import Row

# A pause before each sample of engines with more than one thread: threads that wait for work spin for a
# while after a call, and would take time from the next engine.
SETTLE_SECONDS = 0.25


@dataclass
class Result:
    """One engine on one row.

    Attributes:
        status: `ok`, `unsupported`, `wrong` (other results), or `error`.
        text: Why it is not `ok`.
        way: How the engine was called.
        calls: Calls of a sample.
        difference: The largest difference from what is right, relative to the largest value.
        samples: Seconds of one call, one value a round.
    """

    status: str = "ok"
    text: str = ""
    way: str = ""
    calls: int = 0
    difference: float = 0.0
    samples: list[float] = field(default_factory=list)

    def fail(self, status: str, text: str) -> None:
        """Take the engine out of the row."""
        self.status, self.text = status, text

    def summary(self) -> dict[str, Any]:
        """What the report keeps."""
        if self.status != "ok":
            return {"status": self.status, "text": self.text}
        return {
            "status": "ok",
            "way": self.way,
            "calls": self.calls,
            "difference": self.difference,
            "median_us": statistics.median(self.samples) * 1e6,
            "minimum_us": min(self.samples) * 1e6,
        }


def measure(
    row: Row, clients: Sequence[Client], rounds: int, right: Named | None = None
) -> dict[tuple[str, int], Result]:
    """All results of one row, by engine and number of threads.

    What an engine computes is compared with `right`, or else with our results.
    """
    results = {(client.engine, client.threads): Result() for client in clients}
    with tempfile.TemporaryDirectory() as folder:
        for client in clients:
            build(row, client, results[client.engine, client.threads], Path(folder))
        compare(clients, results, Path(folder), right)
    for client, result in running(clients, results):
        calibrated = ask(client, result, "calibrate")
        result.way, result.calls = calibrated.get("way", ""), calibrated.get("calls", 0)
    for _ in range(rounds):
        for client, result in running(clients, results):
            if client.threads > 1:
                time.sleep(SETTLE_SECONDS)
            answer = ask(client, result, "sample")
            if "seconds" in answer:
                result.samples.append(answer["seconds"])
    for client in clients:
        client.ask("drop")
    return results


def running(
    clients: Sequence[Client], results: dict[tuple[str, int], Result]
) -> Iterator[tuple[Client, Result]]:
    """The workers that have not failed in this row."""
    for client in clients:
        result = results[client.engine, client.threads]
        if result.status == "ok":
            yield client, result


def ask(client: Client, result: Result, do: str, **arguments: str) -> dict[str, Any]:
    """Ask, and note what went wrong."""
    answer = client.ask(do, **arguments)
    for status in ("unsupported", "error"):
        if status in answer:
            result.fail(status, answer[status])
    return answer


def results_file(client: Client, folder: Path) -> Path:
    """Where a worker writes its results."""
    return folder / f"{client.engine}-{client.threads}{client.suffix}"


def build(row: Row, client: Client, result: Result, folder: Path) -> None:
    """Set up a row in one worker."""
    ask(client, result, "build", row=row.name, results=str(results_file(client, folder)))


def compare(
    clients: Sequence[Client],
    results: dict[tuple[str, int], Result],
    folder: Path,
    right: Named | None,
) -> None:
    """Compare every way of every engine with what is right, or with ours with the same number of threads."""
    whose = "ours" if right is None else "the layer in f64"
    for client, result in running(clients, results):
        wanted = right
        if wanted is None:
            if results["ours", client.threads].status != "ok":
                result.fail("error", "there is no result of ours to compare with")
                continue
            wanted = read_ways(folder / f"ours-{client.threads}.npz")[0]
        for way in read_ways(results_file(client, folder)):
            result.difference = max(result.difference, difference(wanted, way))
        if not result.difference <= TOLERANCE:
            text = f"differs from {whose} by {result.difference:.1e}, tolerance {TOLERANCE:.0e}"
            result.fail("wrong", text)
