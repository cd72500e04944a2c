"""A stream, sample by sample: predict the next value of a series while it comes in, and time each step.

    python examples/stream.py [--units N]

Data: the yearly sunspot numbers that the package ships, one value a step. Prints the median and the slowest
latency of a step, from the NumPy array with the input to the NumPy array with the output.
"""

from __future__ import annotations

import argparse
import time

import bnns_lstm as bl
import numpy as np
from bnns_lstm.demo.series import embedded_series


def main(arguments: list[str] | None = None) -> np.ndarray:
    """Run the stream; returns its outputs `[steps, units]`."""
    parser = argparse.ArgumentParser(description="Time the steps of a stream.")
    parser.add_argument("--units", type=int, default=32)
    units = parser.parse_args(arguments).units
    values = np.asarray(embedded_series().values, np.float32) / 200
    lstm = bl.LSTM(1, units, seed=0, num_threads=1)
    stream = lstm.stream()
    latencies, outputs = [], []
    for value in values:
        sample = np.array([value], np.float32)
        start = time.perf_counter()
        output = stream.step(sample)
        latencies.append(time.perf_counter() - start)
        outputs.append(output.copy())
    assert np.array_equal(outputs, lstm(values[:, np.newaxis])[0]), (
        "one long call gives the same bits"
    )
    median, slowest = np.median(latencies) * 1e6, max(latencies) * 1e6
    print(f"{len(values)} steps of {units} units: median {median:.1f} us, slowest {slowest:.1f} us")
    return np.array(outputs)


if __name__ == "__main__":
    main()
