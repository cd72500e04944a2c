"""The forward pass against ONNX Runtime and NumPy, on one thread.

Each engine lives in a process of its own and waits while another one is measured; they take turns row by
row and round by round. One sample is the mean of as many calls as fill some milliseconds. Outputs are
compared before anything is timed.

Usage: python benches/python/forward.py [--rounds 15] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before NumPy: one thread for everybody.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

SAMPLE_SECONDS = 0.01


@dataclass(frozen=True)
class Row:
    """One layer: steps, samples, and inputs = hidden units."""

    seq_len: int
    batch: int
    hidden: int

    def __str__(self) -> str:
        return f"T={self.seq_len} B={self.batch} H=I={self.hidden}"


ROWS = [Row(100, 1, 32), Row(100, 1, 128), Row(100, 1, 256), Row(100, 32, 64), Row(100, 32, 256)]

Array = np.ndarray[Any, np.dtype[np.float32]]
Layer = Callable[[], Array]


def weights(row: Row) -> dict[str, Array]:
    """Random weights by gate: `iw.i` [H, I], `hw.i` [H, H], `b.i` [H], and the input `x` [T, B, I]."""
    generator = np.random.default_rng(row.hidden)

    def draw(*shape: int) -> Array:
        bound = row.hidden**-0.5
        return generator.uniform(-bound, bound, shape).astype(np.float32)

    arrays = {"x": generator.standard_normal((row.seq_len, row.batch, row.hidden)).astype("f4")}
    for gate in "ifco":
        arrays[f"iw.{gate}"] = draw(row.hidden, row.hidden)
        arrays[f"hw.{gate}"] = draw(row.hidden, row.hidden)
        arrays[f"b.{gate}"] = draw(row.hidden)
    return arrays


def ours(row: Row) -> Layer:
    """This package at the level of the structure: each call checks and packs anew."""
    import bnns_lstm as bl

    arrays = weights(row)
    y = np.empty((row.seq_len, row.batch, row.hidden), np.float32)
    gates = {
        gate: bl.LSTMGateDescriptor(
            iw_desc=arrays[f"iw.{gate}"],
            hw_desc=arrays[f"hw.{gate}"],
            b_desc=arrays[f"b.{gate}"],
        )
        for gate in "ifco"
    }
    params = bl.LayerParametersLSTM(
        input_size=row.hidden,
        hidden_size=row.hidden,
        batch_size=row.batch,
        num_layers=1,
        seq_len=row.seq_len,
        lstm_flags=bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS,
        input_descriptor=bl.LSTMDataDescriptor(data_desc=arrays["x"]),
        output_descriptor=bl.LSTMDataDescriptor(data_desc=y),
        input_gate=gates["i"],
        forget_gate=gates["f"],
        candidate_gate=gates["c"],
        output_gate=gates["o"],
    )
    filter_params = bl.FilterParameters(n_threads=1)

    def call() -> Array:
        bl.direct_apply_lstm_batch_training_caching(params, filter_params)
        return y

    return call


def onnxruntime(row: Row) -> Layer:
    """ONNX Runtime: weights are packed when the session is made, outside of the timing."""
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    arrays = weights(row)
    order = "iofc"
    stacked = {
        "W": np.concatenate([arrays[f"iw.{gate}"] for gate in order])[None],
        "R": np.concatenate([arrays[f"hw.{gate}"] for gate in order])[None],
        "B": np.concatenate(
            [arrays[f"b.{gate}"] for gate in order] + [np.zeros(4 * row.hidden, "f4")]
        )[None],
    }
    node = helper.make_node("LSTM", ["x", "W", "R", "B"], ["y"], hidden_size=row.hidden)
    shape = [row.seq_len, row.batch, row.hidden]
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], 1, *shape[1:]])],
        [numpy_helper.from_array(value, name) for name, value in stacked.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    feed = {"x": arrays["x"]}
    return lambda: session.run(["y"], feed)[0][:, 0]


def numpy(row: Row) -> Layer:
    """Plain NumPy: one product for all inputs, then a loop over the steps."""
    arrays = weights(row)
    w = np.concatenate([arrays[f"iw.{gate}"] for gate in "ifco"]).T.copy()
    r = np.concatenate([arrays[f"hw.{gate}"] for gate in "ifco"]).T.copy()
    b = np.concatenate([arrays[f"b.{gate}"] for gate in "ifco"])
    y = np.empty((row.seq_len, row.batch, row.hidden), np.float32)

    def sigmoid(z: Array) -> Any:
        return np.float32(1) / (np.float32(1) + np.exp(-z))

    def call() -> Array:
        projected = arrays["x"] @ w + b
        h = c = np.zeros((row.batch, row.hidden), np.float32)
        for step in range(row.seq_len):
            i, f, g, o = np.split(projected[step] + h @ r, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            y[step] = h
        return y

    return call


ENGINES: dict[str, Callable[[Row], Layer]] = {
    "ours": ours,
    "onnxruntime": onnxruntime,
    "numpy": numpy,
}


def work(engine: str) -> None:
    """Serve one engine: for each row number read, write a time per call in seconds."""
    layers = [ENGINES[engine](row) for row in ROWS]
    references = [numpy(row)() for row in ROWS]
    worst = max(
        float(np.abs(layer() - reference).max())
        for layer, reference in zip(layers, references, strict=True)
    )
    calls = []
    for layer in layers:
        start = time.perf_counter()
        layer()
        calls.append(max(1, round(SAMPLE_SECONDS / (time.perf_counter() - start))))
    print(worst, flush=True)
    for line in sys.stdin:
        row = int(line)
        start = time.perf_counter()
        for _ in range(calls[row]):
            layers[row]()
        print((time.perf_counter() - start) / calls[row], flush=True)


def measure(rounds: int) -> list[dict[str, Any]]:
    """Median and least time of each engine and row, in microseconds."""
    workers: dict[str, subprocess.Popen[str]] = {}
    for engine in ENGINES:
        workers[engine] = subprocess.Popen(
            [sys.executable, __file__, "--worker", engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    for engine, worker in workers.items():
        error = float(ask(worker, None))
        print(f"{engine}: largest difference from NumPy {error:.1e}", file=sys.stderr)
        if error > 1e-4:
            sys.exit(f"{engine} computes something else")
    samples: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for row in range(len(ROWS)):
            for engine, worker in workers.items():
                samples.setdefault((engine, row), []).append(float(ask(worker, row)) * 1e6)
    for worker in workers.values():
        worker.communicate()
    return [
        {
            "row": str(ROWS[row]),
            "median_us": {e: statistics.median(samples[e, row]) for e in ENGINES},
            "least_us": {e: min(samples[e, row]) for e in ENGINES},
        }
        for row in range(len(ROWS))
    ]


def ask(worker: subprocess.Popen[str], row: int | None) -> str:
    """Send a row number, if any, and read the answer."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    if row is not None:
        print(row, file=worker.stdin, flush=True)
    answer = worker.stdout.readline()
    if not answer:
        sys.exit("an engine stopped")
    return answer


def main() -> None:
    """Measure, print a Markdown table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", choices=list(ENGINES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker)
        return
    results = measure(arguments.rounds)
    print(f"| row | {' | '.join(f'{engine} µs' for engine in ENGINES)} | onnxruntime / ours |")
    print("| --- |" + " ---: |" * (len(ENGINES) + 1))
    for result in results:
        median = result["median_us"]
        times = " | ".join(f"{median[engine]:.0f}" for engine in ENGINES)
        print(f"| {result['row']} | {times} | {median['onnxruntime'] / median['ours']:.2f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
