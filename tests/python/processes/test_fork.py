"""A child that is forked while another thread of its parent computes makes calls of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import pytest
from calls_of_every_kind import KINDS, Calls

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system"),
    # Python 3.12 and newer warn of every fork of a process with threads.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

FORKS = 5
# Of one child, whose calls take a tenth of a second altogether: nothing but waiting for ever takes as long.
LIMIT_SECONDS = 120

# Children that end as any process does, with everything that Python does at its end.
ENDS = """
import os, threading, time, warnings
import numpy as np, bnns_lstm as bl
warnings.simplefilter("ignore")  # Python's, of forks of a process with threads
lstm = bl.LSTM(16, 64, seed=0)
x = np.ones((40, 16, 16), np.float32)
begun = threading.Event()

def compute():
    while True:
        lstm(x)
        begun.set()

threading.Thread(target=compute, daemon=True).start()
begun.wait()
for number in range(10):
    time.sleep(0.0003 * number)
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def calls() -> Calls:
    """What parents and children call."""
    return Calls()


@pytest.fixture(scope="module")
def wanted(calls: Calls) -> dict[str, bytes]:
    """What each kind of call gives."""
    return {name: kind(calls) for name, kind in KINDS.items()}


def run_child(calls: Calls, wanted: dict[str, bytes]) -> None:
    """Make calls of every kind, and end."""
    code = 1
    try:
        wrong = [name for name, kind in KINDS.items() if kind(calls) != wanted[name]]
        if wrong:
            os.write(2, f"other results of {wrong}\n".encode())
        code = 1 if wrong else 0
    except BaseException:  # noqa: BLE001  # nothing of pytest's may run here
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def ends_well(child: int) -> bool:
    """Wait for a child; one that hangs is killed."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@pytest.mark.parametrize("name", list(KINDS))
def test_a_child_computes_whatever_its_parent_was_doing(
    name: str, calls: Calls, wanted: dict[str, bytes]
) -> None:
    has_begun, is_over, found = threading.Event(), threading.Event(), set()

    def compute() -> None:
        while not is_over.is_set():
            found.add(KINDS[name](calls))
            has_begun.set()

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        assert has_begun.wait(LIMIT_SECONDS)
        for number in range(FORKS):
            time.sleep(0.0007 * number)  # at another moment each time
            child = os.fork()
            if child == 0:
                run_child(calls, wanted)
            assert ends_well(child), f"child number {number}"
    finally:
        is_over.set()
        thread.join()
    assert found == {wanted[name]}, "the parent's own results"


def test_a_child_ends_whatever_its_parent_was_doing() -> None:
    command = [sys.executable, "-c", ENDS]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n" * 10, "")
