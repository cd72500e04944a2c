"""The near ends of the workers' pipes.

In: engines and numbers of threads, or another program that speaks the protocol of `worker.py`. Out: one
`Client` for each, whose process has loaded the engine and waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from machine import cores

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
    "RTEN_NUM_THREADS",
)


@contextlib.contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Processes started inside use the last so many cores, where the system lets us choose (Linux)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = cores()
    os.sched_setaffinity(0, before[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Client:
    """The near end of one worker's pipe.

    Attributes:
        suffix: Of the files in which the worker writes results.
        hello: The worker's first message.
    """

    suffix = ".npz"

    def __init__(self, engine: str, threads: int, command: Sequence[str] = ()) -> None:
        """Start `worker.py`, or another command."""
        self.engine = engine
        self.threads = threads
        script = Path(__file__).with_name("worker.py")
        with on_cores(threads):
            self.process = subprocess.Popen(
                command or [sys.executable, str(script), engine, str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))},
            )
        self.hello = self.read()

    def ask(self, do: str, **arguments: str) -> dict[str, Any]:
        """Send a request and wait for the answer."""
        assert self.process.stdin is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return {"error": "the process has ended"}
        return self.read()

    def read(self) -> dict[str, Any]:
        """The next answer; the end of the process is an error."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            return {"error": f"the process ended with code {self.process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the worker by closing its pipe."""
        self.process.communicate()


def version_of(hello: dict[str, Any]) -> str:
    """A worker's first message in words."""
    if "version" in hello:
        return str(hello["version"])
    return f"(not installed: {hello['missing']})" if "missing" in hello else f"({hello['error']})"


def start(engines: Sequence[str], threads: Sequence[int]) -> tuple[list[Client], dict[str, str]]:
    """Workers of the engines that are installed, and each engine's version or why it is missing."""
    clients, versions = [], {}
    for count in threads:
        for engine in engines:
            client = Client(engine, count)
            versions[engine] = version_of(client.hello)
            if "version" in client.hello:
                clients.append(client)
            else:
                client.close()
    return clients, versions
