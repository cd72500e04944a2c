"""OpenVINO: compiled once, batch-first data, Float32 forced. Forward only, no peepholes."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
from cases import Array, Arrays, Unsupported, Way, Weights
from openvino import opset8 as ops
from rows import Row

DISTRIBUTION = "openvino"


def node(row: Row, arrays: Arrays, x: Any, states: list[Any], directions: list[Weights]) -> Any:
    """One LSTMSequence; OpenVINO's order of gates is fico."""
    stacked = {
        field: ops.constant(np.stack([one.stacked(field, "fico") for one in directions]))
        for field in ("w", "r", "b")
    }
    return ops.lstm_sequence(
        x,
        *states,
        ops.constant(np.array(arrays.lengths, np.int32)),
        stacked["w"],
        stacked["r"],
        stacked["b"],
        row.hidden,
        "bidirectional" if row.bidirectional else "forward",
    )


def model(row: Row, arrays: Arrays) -> Any:
    """Inputs x `[B, T, I]`, h and c `[B, D, H]` in steps; outputs y `[B, D, T, H]`, and the new states."""
    x = ops.parameter([row.batch, row.seq_len, row.width], np.float32)
    inputs, shape = [x], [row.batch, row.directions, row.hidden]
    if row.kind == "step":
        inputs += [ops.parameter(shape, np.float32) for _ in range(2)]
        states = inputs[1:]
    else:
        states = [ops.constant(np.zeros(shape, np.float32)) for _ in range(2)]
    made = None
    for directions in arrays.weights:
        if made is not None:
            swapped = ops.transpose(made.output(0), ops.constant(np.array([0, 2, 1, 3])))
            x = ops.reshape(swapped, ops.constant(np.array([0, 0, -1])), special_zero=True)
        made = node(row, arrays, x, states, directions)
    assert made is not None
    outputs = [made.output(index) for index in range(len(inputs))]
    return ov.Model(outputs, inputs, "lstm")


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`. In steps, two requests that write each other's initial states take turns."""
    if row.kind == "peephole":
        raise Unsupported("no peepholes")
    if row.projection:
        raise Unsupported("no projections")
    if row.kind == "train":
        raise Unsupported("no gradients")
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    compiled = ov.Core().compile_model(model(row, arrays), "CPU", settings)
    x = ov.Tensor(np.ascontiguousarray(np.swapaxes(arrays.x, 0, 1)), shared_memory=True)
    shape = [row.batch, row.directions, row.hidden]
    is_step = row.kind == "step"
    states = [[ov.Tensor(np.zeros(shape, np.float32)) for _ in range(2)] for _ in range(2)]
    requests = []
    for number in range(2 if is_step else 1):
        request = compiled.create_infer_request()
        request.set_input_tensor(0, x)
        for index in range(2 if is_step else 0):
            request.set_input_tensor(1 + index, states[number][index])
            request.set_output_tensor(1 + index, states[1 - number][index])
        requests.append(request)
    turn = [0, 0]

    def call() -> None:
        requests[turn[0]].infer()
        turn[:] = [(turn[0] + 1) % len(requests), turn[0]]

    def results() -> dict[str, Array]:
        y = requests[turn[1]].get_output_tensor(0).data
        y = np.moveaxis(y, 2, 0).reshape(row.seq_len, row.batch, -1)
        found = {"y": arrays.masked(y)}
        if is_step:
            found["h"], found["c"] = (tensor.data[0] for tensor in states[turn[0]])
        return found

    return [Way(call, results, keep=[compiled, x, states])]
