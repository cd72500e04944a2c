"""Reading many files that are almost valid: `python3 tasks.py mutations`.

A changed file is read or refused with the errors of this package, whose issues have a code and can be printed,
in little time and memory. Each format runs in a process of its own, which may die: then the number of the case
is reported too. `--first 1234 --count 1` reads one case again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import bnns_lstm as bl
from bnns_lstm import codes
from mutated_files import FORMATS, Case, case_of

try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # Windows: memory that Python did not ask for is not seen there

    def resident() -> int:
        return 0

else:

    def resident() -> int:
        """The most memory that this process had so far, in bytes."""
        return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# What one case may take: a seed has up to some hundred thousand bytes, an archive may hold 64 times as many;
# what stands between the nodes of an ONNX stack is tried out with up to 64 MiB.
SECONDS, BYTES = 5.0, 96 << 20
# When a process that says nothing is ended.
SILENCE = 120.0
CODES = {value for name, value in vars(codes).items() if name.isupper()}
LONGEST = 4000
# After how many cases the command says how far it is.
PROGRESS = 2000


class Outcome(NamedTuple):
    """What came of a case.

    Attributes:
        kind: "accepted", "refused" or "fault".
        text: What is wrong.
        seconds: How long it took.
        peak: The memory that it asked for, in bytes.
    """

    kind: str
    text: str
    seconds: float
    peak: int


def outcome(case: Case, path: Path) -> Outcome:
    """Read a case. A tracer of memory must be running."""
    if case.content is not None:
        path.write_bytes(case.content)
    tracemalloc.reset_peak()
    before, held, begin = tracemalloc.get_traced_memory()[0], resident(), time.perf_counter()
    kind, text = _read(case, path)
    seconds = time.perf_counter() - begin
    peak = max(tracemalloc.get_traced_memory()[1] - before, resident() - held)
    if kind != "fault" and (seconds > SECONDS or peak > BYTES):
        kind, text = "fault", f"{seconds:.1f} s and {peak >> 20} MiB"
    return Outcome(kind, text, seconds, peak)


def _read(case: Case, path: Path) -> tuple[str, str]:
    """Whether the case is read or refused, or what is wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            case.read(path)
    except bl.WeightsError as error:
        text = _unclear(error)
        return ("fault", text) if text else ("refused", "")
    except BaseException as error:  # whatever comes is what is looked for
        if isinstance(error, KeyboardInterrupt):
            raise
        return "fault", f"{type(error).__name__}: {error}"[:500]
    return "accepted", ""


def _unclear(error: bl.WeightsError) -> str:
    """What is wrong with an error, if anything is."""
    if not error.issues:
        return "an error without issues"
    for issue in error.issues:
        message = issue.message
        if issue.code not in CODES:
            return f"the code {issue.code!r}: {message[:200]!r}"
        if not message.isprintable() or len(message) > LONGEST:
            return f"a message of {len(message)} characters: {message[:300]!r}"
        if not (issue.path and issue.expected and issue.actual):
            return f"an issue that says too little: {message[:200]!r}"
    return ""


def outcomes(name: str, numbers: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
    """What comes of the cases of a format, here in this process."""
    tracemalloc.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"a{FORMATS[name].suffix}"
            for number in numbers:
                yield number, outcome(case_of(name, number), path)
    finally:
        tracemalloc.stop()


def elsewhere(name: str, numbers: range) -> Iterator[tuple[int, Outcome]]:
    """What comes of the cases of a format, in processes that may die."""
    while numbers:
        words = [sys.executable, __file__, "--worker", "--format", name]
        words += ["--first", str(numbers.start), "--count", str(len(numbers))]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        ) as process:
            last = [time.monotonic()]
            threading.Thread(target=_watch, args=(process, last), daemon=True).start()
            assert process.stdout is not None
            for line in process.stdout:
                last[0] = time.monotonic()
                number, *found = json.loads(line)
                yield number, Outcome(*found)
                numbers = range(number + 1, numbers.stop)
        if numbers:
            text = f"the process ended with {process.returncode}"
            yield numbers.start, Outcome("fault", text, 0.0, 0)
            numbers = numbers[1:]


def _watch(process: subprocess.Popen[str], last: list[float]) -> None:
    """End a process that says nothing."""
    while process.poll() is None:
        if time.monotonic() - last[0] > SILENCE:
            process.kill()
            return
        time.sleep(1)


def report(name: str, numbers: range) -> int:
    """Read cases of a format, print what came of them, and return the number of faults."""
    begin = time.perf_counter()
    counts = {"accepted": 0, "refused": 0, "fault": 0}
    slowest, largest = (0.0, 0), (0, 0)
    for number, found in elsewhere(name, numbers):
        counts[found.kind] += 1
        slowest, largest = max(slowest, (found.seconds, number)), max(largest, (found.peak, number))
        if found.kind == "fault":
            print(f"{name} {number}: {found.text}", flush=True)
        done = number + 1 - numbers.start
        if done % PROGRESS == 0 and done < len(numbers):
            print(f"{name}: {done} of {len(numbers)}", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - begin
    print(
        f"{name}: {len(numbers)} cases in {seconds:.0f} s: {counts['accepted']} accepted, "
        f"{counts['refused']} refused, {counts['fault']} faults; slowest {slowest[0] * 1e3:.0f} ms "
        f"(case {slowest[1]}), largest {largest[0] / (1 << 20):.1f} MiB (case {largest[1]})",
        flush=True,
    )
    return counts["fault"]


def main() -> None:
    """Read the cases that were asked for."""
    parser = argparse.ArgumentParser(description="Reads files that are almost valid.")
    parser.add_argument("--format", choices=list(FORMATS), action="append", help="all if left out")
    parser.add_argument("--count", type=int, default=20000, help="cases a format")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    numbers, names = (
        range(chosen.first, chosen.first + chosen.count),
        chosen.format or list(FORMATS),
    )
    if chosen.worker:
        for number, found in outcomes(names[0], numbers):
            print(json.dumps([number, *found]), flush=True)
        return
    if sum(report(name, numbers) for name in names):
        sys.exit(1)


if __name__ == "__main__":
    main()
