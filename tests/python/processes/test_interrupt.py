"""Ctrl-C ends a long call of the main thread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from interrupted import KINDS

PROGRAM = Path(__file__).parents[1] / "support" / "interrupted.py"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of other processes are POSIX")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_call_is_not_done_when_it_is_interrupted(kind: str, threads: int) -> None:
    command = [sys.executable, str(PROGRAM), kind, str(threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "begins\n"
            time.sleep(0.5)  # the call is on its way then, at all likelihood
            process.send_signal(signal.SIGINT)
            found, _ = process.communicate(timeout=300)
        finally:
            process.kill()
    assert found == "right\n"


def large() -> tuple[bl.LSTM, np.ndarray]:
    """A call of a second or more."""
    return bl.LSTM(256, 256, 24, seed=1), np.ones((400, 8, 256), np.float32)


def test_a_handler_may_call_the_same_lstm_and_the_call_goes_on() -> None:
    lstm, x = large()
    lengths = [400] * 8
    short = x[:2]
    wanted, wanted_short = lstm(x, lengths=lengths)[0], lstm(short, lengths=[2] * 8)[0]
    found = []

    def handler(*_: object) -> None:
        found.append(lstm(short, lengths=[2] * 8)[0])

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        sender = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGUSR1))
        sender.start()
        y, _ = lstm(x, lengths=lengths)
        sender.join()
        while not found:
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGUSR1, before)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(found[0], wanted_short)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises, also where a shell has this program run in the background, which makes it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_and_join(thread: threading.Thread) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    thread.join()


@pytest.mark.usefixtures("ctrl_c")
def test_calls_of_other_threads_are_not_interrupted() -> None:
    lstm, x = large()
    wanted, _ = lstm(x)
    found = []
    thread = threading.Thread(target=lambda: found.append(lstm(x)[0]))
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        interrupt_and_join(thread)
    thread.join()
    np.testing.assert_array_equal(found[0], wanted)


def test_a_stream_whose_step_ended_between_two_lstms_says_so() -> None:
    stack = bl.Stack([bl.LSTM(3, 4, seed=0), bl.LSTM(4, 4, seed=1)])
    x = np.random.default_rng(0).standard_normal((5, 1, 3)).astype(np.float32)
    wanted, _ = stack(x)
    stream = stack.stream()
    stream.step(x[0])

    class Interrupting:
        """The step of the second LSTM, in which the signal comes."""

        def forward(self) -> None:
            raise KeyboardInterrupt

    second = stream._streams[1]
    step, second._step = second._step, Interrupting()
    with pytest.raises(KeyboardInterrupt):
        stream.step(x[1])
    second._step = step
    for call in (
        lambda: stream.step(x[1]),
        lambda: stream.process(x[1:]),
        lambda: stream.__reduce__(),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            call()
        assert [issue.code for issue in caught.value.issues] == [codes.STACK_MISMATCH]
        assert caught.value.issues[0].path == "state"
    stream.reset()
    found = [stream.step(x_t).copy() for x_t in x]
    np.testing.assert_array_equal(np.stack(found), wanted)


def test_a_stream_that_refuses_its_input_goes_on() -> None:
    stream = bl.Stack([bl.LSTM(3, 4, seed=0), bl.LSTM(4, 4, seed=1)]).stream()
    with pytest.raises(bl.ArgumentError, match="x_t"):
        stream.step(np.zeros((1, 5), np.float32))
    assert stream.step(np.zeros((1, 3), np.float32)).shape == (1, 4)
