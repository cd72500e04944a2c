"""A process that is interrupted in a long call of one kind: `python interrupted.py KIND THREADS`.

It prints "begins" before the call, and "right" after it, where the call was ended before it was done, as its
results show, and the same objects give the right bits afterwards.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np

# A call of so many layers takes more than ten seconds of one core with AVX-512, and little memory.
STEPS, ROWS, UNITS, LAYERS = 2000, 8, 256, 64
# Where a call is to be ended that another one must come before, that takes as long.
TRAINED_STEPS = 250

Check = Callable[[], bool]


def arrays_in(error: BaseException) -> list[Any]:
    """The arrays of the calls that an exception has come through."""
    found = []
    trace = error.__traceback__
    while trace is not None:
        found += [getattr(value, "arrays", value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    return found


def is_unfinished(error: BaseException, kind: str, place: int) -> bool:
    """Whether the last thing that a call writes of an array is still there as it was made."""
    found = [one for one in arrays_in(error) if type(one).__name__ == kind]
    written, number = {"CallArrays": ("y", 0), "Room": ("rows", 7)}[kind]
    return bool(found) and bool((getattr(found[0], written)[place] == number).all())


def sevens(use: str, shape: tuple[int, ...]) -> Any:
    """Memory of earlier calls, which holds anything; that of weights is large."""
    made = np.empty(shape, np.float32)
    if use in {"y", "dx"}:
        made.fill(7)
    return made


def begin() -> None:
    print("begins", flush=True)


def same(y: Any, wanted: Any) -> bool:
    return bool(np.array_equal(y, wanted))


class Long:
    """What is called."""

    def __init__(self, threads: int) -> None:
        def random(*shape: int) -> Any:
            return np.random.default_rng(3).standard_normal(shape).astype(np.float32)

        self.lstm = bl.LSTM(UNITS, UNITS, LAYERS, seed=1, num_threads=threads)
        self.lstm._engine.training.spares.floats = sevens  # type: ignore[method-assign]
        self.filter = bl.FilterParameters(n_threads=threads)
        self.x, self.short = random(STEPS, ROWS, UNITS), random(2, ROWS, UNITS)
        self.wanted, _ = bl.LSTM(UNITS, UNITS, LAYERS, seed=1, num_threads=1)(self.short)

    def is_right(self) -> bool:
        """Whether the next call gives the right bits."""
        return same(self.lstm(self.short)[0], self.wanted)

    def direct(self) -> bool:
        params = self.lstm.layer_parameters(self.x)
        y: Any = params.output_descriptor.data_desc
        y[-1] = 7
        begin()
        try:
            bl.direct_apply_lstm_batch_training_caching(params, self.filter)
        except KeyboardInterrupt:
            return bool((y[-1] == 7).all()) and self.is_right()
        return False

    def prepared(self) -> bool:
        params = self.lstm.layer_parameters(self.x)
        y: Any = params.output_descriptor.data_desc
        layer = bl.prepare(params, self.filter)
        y[-1] = 7
        begin()
        try:
            layer.forward()
        except KeyboardInterrupt:
            return bool((y[-1] == 7).all()) and self.is_right()
        return False

    def lengths(self) -> bool:
        out = np.full_like(self.x, 7)
        begin()
        try:
            self.lstm(self.x, lengths=[STEPS] * (ROWS - 1) + [3], out=out)
        except KeyboardInterrupt:
            y, _ = self.lstm(self.short, lengths=[2] * ROWS)
            return bool((out[-1] == 7).all()) and same(y, self.wanted)
        return False

    def training(self) -> bool:
        begin()
        try:
            self.lstm.forward(self.x[:TRAINED_STEPS], training=True)
        except KeyboardInterrupt as error:
            y, _, _ = self.lstm.forward(self.short, training=True)
            return is_unfinished(error, "Room", -1) and same(y, self.wanted)
        return False

    def backward(self) -> bool:
        y, _, tape = self.lstm.forward(self.x[:TRAINED_STEPS], training=True)
        plans: Any = self.lstm._engine.training._gradients
        plan = plans.of

        def begin_when_planned(*arguments: Any) -> Any:
            """So many layers take a while to plan, which nothing ends."""
            found = plan(*arguments)
            plans.of = plan
            begin()
            return found

        plans.of = begin_when_planned
        try:
            self.lstm.backward(tape, y)
        except KeyboardInterrupt as error:
            is_early = is_unfinished(error, "Room", 0)
        else:
            return False
        y, _, tape = self.lstm.forward(self.short, training=True)
        found = self.lstm.backward(tape, y).input
        other = bl.LSTM(UNITS, UNITS, LAYERS, seed=1)
        _, _, tape = other.forward(self.short, training=True)
        return is_early and same(found, other.backward(tape, y).input)

    def stack(self) -> bool:
        stack = bl.Stack([self.lstm, bl.LSTM(UNITS, 8, seed=2)])
        wanted, _ = stack(self.short)
        begin()
        try:
            stack(self.x)
        except KeyboardInterrupt as error:
            y, _ = stack(self.short)
            return is_unfinished(error, "CallArrays", -1) and same(y, wanted)
        return False

    def stream(self) -> bool:
        """Its states are as before the call, so that it goes on from there."""
        stream = self.lstm.stream(ROWS)
        first = stream.process(self.short[:1])
        begin()
        try:
            stream.process(self.x)
        except KeyboardInterrupt:
            second = stream.process(self.short[1:])
            return same(np.concatenate([first, second]), self.wanted)
        return False

    def stream_of_a_stack(self) -> bool:
        """The first LSTM has taken the chunk when the second is interrupted."""
        below = bl.LSTM(UNITS, UNITS, seed=4)
        stack = bl.Stack([below, self.lstm])
        wanted, _ = stack(self.short)
        stream = stack.stream(ROWS)
        first = stream.process(self.short[:1])
        begin()
        try:
            stream.process(self.x)
        except KeyboardInterrupt:
            second = stream.process(self.short[1:])
            return same(np.concatenate([first, second]), wanted)
        return False


KINDS = [
    "direct",
    "prepared",
    "lengths",
    "training",
    "backward",
    "stack",
    "stream",
    "stream_of_a_stack",
]

if __name__ == "__main__":
    # A shell has the programs that it runs in the background ignore the signal, and their children too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("right" if getattr(Long(int(sys.argv[2])), sys.argv[1])() else "wrong")
