"""One engine with one number of threads, in a process of its own that waits on a pipe.

In: `python worker.py ENGINE THREADS`, then requests on standard input, one JSON object a line. Out: an
answer to each, one JSON object a line; an engine's own prints go to standard error.

    (at the start)                             -> {"version": "1.2"}, or {"missing": "why"}
    {"do": "build", "row": .., "results": ..}  -> {"ways": [names]}: called once (steps three times), and
                                                  the results written to an .npz file, as `number/name`
    {"do": "calibrate"}                        -> {"way": .., "calls": ..}: the fastest way, and as many
                                                  calls as fill a sample
    {"do": "sample"}                           -> {"seconds": ..} for one call, the mean of a sample
    {"do": "drop"}                             -> {}

Any of them may be answered by {"unsupported": "why"} or {"error": "what"}.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any, TextIO

import numpy as np
from cases import Unsupported, Way, arrays_of
from engines import Engine, load, version
from rows import row_named

SAMPLE_SECONDS = 0.006

# Shorter calls are preceded by one that is not timed, so that caches hold this engine's data again.
WARM_UP_SECONDS = 0.02

# Calls before the results are compared; in steps, they carry the states.
CALLS_BEFORE_RESULTS = {"step": 3}


class Worker:
    """The state between requests: the engine and the row that it is set up for."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self.engine = engine
        self.threads = threads
        self.ways: list[Way] = []
        self.way: Way | None = None
        self.calls = 1
        self.seconds = 0.0

    def build(self, row: str, results: str) -> dict[str, Any]:
        """Set up a row and write its results."""
        chosen = row_named(row)
        self.drop()
        self.ways = self.engine.ways(chosen, arrays_of(chosen), self.threads)
        found = {}
        for number, way in enumerate(self.ways):
            for _ in range(CALLS_BEFORE_RESULTS.get(chosen.kind, 1)):
                way.call()
            found.update({f"{number}/{name}": value for name, value in way.results().items()})
        np.savez(results, **found)  # type: ignore[arg-type]
        return {"ways": [way.name for way in self.ways]}

    def calibrate(self) -> dict[str, Any]:
        """Choose the fastest way and the number of calls of a sample."""
        seconds = [duration(way) for way in self.ways]
        self.seconds = min(seconds)
        self.way = self.ways[seconds.index(self.seconds)]
        self.calls = max(1, round(SAMPLE_SECONDS / self.seconds))
        return {"way": self.way.name, "calls": self.calls}

    def sample(self) -> dict[str, Any]:
        """Time one sample."""
        assert self.way is not None, "calibrate comes first"
        if self.seconds < WARM_UP_SECONDS:
            self.way.call()
        return {"seconds": time_calls(self.way, self.calls) / self.calls}

    def drop(self) -> dict[str, Any]:
        """Forget the row."""
        self.ways, self.way = [], None
        gc.collect()
        return {}


def time_calls(way: Way, calls: int) -> float:
    """Seconds of so many calls."""
    call = way.call
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - start


def duration(way: Way) -> float:
    """Seconds of one call: the fastest of a few samples of a growing number of calls."""
    calls = 1
    while (seconds := time_calls(way, calls)) < SAMPLE_SECONDS / 2:
        calls *= 4
    if seconds / calls > WARM_UP_SECONDS:
        return seconds / calls
    return min(seconds, time_calls(way, calls), time_calls(way, calls)) / calls


def answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    """Do what was asked; whatever an engine raises becomes an answer."""
    do = request.pop("do")
    try:
        done: dict[str, Any] = getattr(worker, do)(**request)
    except Unsupported as reason:
        return {"unsupported": str(reason)}
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}"}
    return done


def send(pipe: TextIO, message: dict[str, Any]) -> None:
    """Write one line."""
    print(json.dumps(message), file=pipe, flush=True)


def main() -> None:
    """Serve requests until standard input ends."""
    name, threads = sys.argv[1], int(sys.argv[2])
    # The pipe gets a descriptor of its own, so that nothing that an engine prints comes in between.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        engine = load(name)
    except ImportError as error:
        send(pipe, {"missing": str(error)})
        return
    send(pipe, {"version": version(engine)})
    worker = Worker(engine, threads)
    for line in sys.stdin:
        send(pipe, answer(worker, json.loads(line)))


if __name__ == "__main__":
    main()
