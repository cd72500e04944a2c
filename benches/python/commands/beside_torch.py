"""`bnns_lstm.torch.LSTM` beside `torch.nn.LSTM`: the same tensors, the same weights, in turns.

    python benches/python/commands/beside_torch.py [--rounds N] [--threads 1,2] [--hidden 128] [--steps 100]
        [--processor-time]

A figure is the median of the rounds in microseconds, and `ratio` that of PyTorch's divided by ours: above 1
ours is faster; in brackets the ratio of the fastest rounds. A training call is a forward and a backward pass
with gradients of all weights. Ragged samples have from a tenth of the steps to all of them. Both modules run
in one process and take turns, one sample each; before each sample of more than one thread there is a pause,
since threads that wait for work spin for a while. `--processor-time` counts the time that the process
computed, on one thread, where other programs share the processors.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# The modules that the commands share.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import bnns_lstm.torch
import torch
from machine import commit, describe
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

SETTLE_SECONDS = 0.25
# A sample has as many calls as take about this long.
SAMPLE_SECONDS = 0.02

Call = Callable[[], None]
Clock = Callable[[], float]


def pair(hidden: int, **options: Any) -> tuple[Any, Any]:
    """Theirs and ours with the same weights."""
    theirs = torch.nn.LSTM(hidden, hidden, **options)
    ours = bnns_lstm.torch.LSTM(hidden, hidden, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def inference(module: Any, x: Any) -> Call:
    """A call without gradients."""

    def call() -> None:
        with torch.inference_mode():
            module(x)

    return call


def training(module: Any, x: Any) -> Call:
    """Both passes; the gradients of the outputs are given, those of all weights are asked for."""
    weights = list(module.parameters())

    def output() -> Any:
        y = module(x)[0]
        return y.data if isinstance(y, PackedSequence) else y

    dy = torch.randn(output().shape)

    def call() -> None:
        torch.autograd.grad(output(), weights, dy)

    return call


def rows(hidden: int, steps: int) -> Iterator[tuple[str, list[Call]]]:
    """Each row's name and its calls, theirs first."""
    kinds = {"inference": inference, "training": training}
    for kind, make in kinds.items():
        for batch in (1, 32):
            x = torch.randn(steps, batch, hidden)
            yield f"{kind}, B={batch}", [make(module, x) for module in pair(hidden)]
        x = torch.randn(32, steps, hidden)
        modules = pair(hidden, batch_first=True)
        yield f"{kind}, B=32, batch first", [make(module, x) for module in modules]
        lengths = torch.linspace(steps, max(1, steps // 10), 32).long()
        sequence = pack_padded_sequence(torch.randn(steps, 32, hidden), lengths)
        yield f"{kind}, B=32, ragged", [make(module, sequence) for module in pair(hidden)]
        both = pair(hidden, num_layers=2, bidirectional=True)
        x = torch.randn(steps, 8, hidden)
        yield f"{kind}, B=8, 2 layers of both directions", [make(module, x) for module in both]
    x = torch.randn(1, 1, hidden)
    yield "inference, B=1, one step", [inference(module, x) for module in pair(hidden)]


def sample(call: Call, calls: int, clock: Clock) -> float:
    """Seconds of one call."""
    start = clock()
    for _ in range(calls):
        call()
    return (clock() - start) / calls


def measure(calls: list[Call], rounds: int, threads: int, clock: Clock) -> list[list[float]]:
    """Seconds of each call, one value a round."""
    counts = []
    for call in calls:
        call()
        counts.append(max(1, int(SAMPLE_SECONDS / sample(call, 1, clock))))
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, count, own in zip(calls, counts, found, strict=True):
            if threads > 1:
                time.sleep(SETTLE_SECONDS)
            call()
            own.append(sample(call, count, clock))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--processor-time", action="store_true")
    options = parser.parse_args()
    if options.processor_time and options.threads != "1":
        parser.error("--processor-time is for --threads 1: it adds up that of all threads")
    clock = time.process_time if options.processor_time else time.perf_counter
    print(
        f"{describe()['cpu']}, commit {commit()}, PyTorch {torch.__version__}, {options.rounds} rounds"
    )
    print(f"{options.steps} steps, {options.hidden} inputs and units, microseconds")
    for threads in map(int, options.threads.split(",")):
        torch.set_num_threads(threads)
        print(
            f"\n| threads: {threads} | torch.nn | bnns_lstm.torch | ratio |\n| --- | ---: | ---: | ---: |"
        )
        for name, calls in rows(options.hidden, options.steps):
            theirs, ours = measure(calls, options.rounds, threads, clock)
            medians = [statistics.median(values) for values in (theirs, ours)]
            ratio, least = medians[0] / medians[1], min(theirs) / min(ours)
            cells = (f"{value * 1e6:.0f}" for value in medians)
            print(f"| {name} | {' | '.join(cells)} | {ratio:.2f} ({least:.2f}) |", flush=True)


if __name__ == "__main__":
    main()
