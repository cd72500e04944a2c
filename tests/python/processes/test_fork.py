"""A child that is forked while another thread of its parent computes makes calls of its own."""

from __future__ import annotations

import os
import signal
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
