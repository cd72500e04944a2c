"""ONNX Runtime: weights are packed when the session is made, outside of the timing. Forward only.

Two ways: `run` with NumPy arrays, and bound inputs and outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
from cases import Array, Arrays, Unsupported, Way, Weights
from onnx import TensorProto, checker, helper, numpy_helper
from rows import Row

DISTRIBUTION = "onnxruntime"


def constants(layer: int, directions: list[Weights]) -> dict[str, Array]:
    """W, R, B and P of one node, in ONNX's orders of gates (iofc and iof)."""
    zeros = np.zeros_like(directions[0].b)
    found = {
        f"W{layer}": np.stack([one.stacked("w", "iofc") for one in directions]),
        f"R{layer}": np.stack([one.stacked("r", "iofc") for one in directions]),
        f"B{layer}": np.stack([np.append(one.stacked("b", "iofc"), zeros) for one in directions]),
    }
    if directions[0].p is not None:
        found[f"P{layer}"] = np.stack([one.stacked("p", "iof") for one in directions])
    return found


def model(row: Row, arrays: Arrays) -> bytes:
    """The layer as a graph: one LSTM node a layer, outputs brought together in between."""
    nodes, initializers = [], []
    finals = ["hn", "cn"] if row.kind == "step" else []
    ragged = "lengths" if row.shortest else ""
    states = ["h", "c"] if row.kind == "step" else ["", ""]
    for layer, directions in enumerate(arrays.weights):
        named = constants(layer, directions)
        initializers += [numpy_helper.from_array(value, name) for name, value in named.items()]
        inputs = ["x" if layer == 0 else f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}"]
        peephole = [f"P{layer}"] if f"P{layer}" in named else []
        last = layer == row.layers - 1
        nodes.append(
            helper.make_node(
                "LSTM",
                [*inputs, ragged, *states, *peephole],
                ["y" if last else f"y{layer}", *finals],
                hidden_size=row.hidden,
                direction="bidirectional" if row.bidirectional else "forward",
            )
        )
        if not last:
            # [T, D, B, H] to [T, B, D * H].
            swapped = helper.make_node("Transpose", [f"y{layer}"], [f"s{layer}"], perm=[0, 2, 1, 3])
            flat = helper.make_node("Reshape", [f"s{layer}", "shape"], [f"x{layer + 1}"])
            nodes += [swapped, flat]
    if row.layers > 1:
        initializers.append(numpy_helper.from_array(np.array([0, 0, -1], np.int64), "shape"))
    if ragged:
        initializers.append(numpy_helper.from_array(np.array(arrays.lengths, np.int32), ragged))
    shapes = shapes_of(row)
    graph = helper.make_graph(
        nodes,
        "lstm",
        [value_info(name, shapes[name]) for name in ("x", *filter(None, states))],
        [value_info(name, shapes[name]) for name in ("y", *finals)],
        initializers,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    checker.check_model(made)
    serialized: bytes = made.SerializeToString()
    return serialized


def shapes_of(row: Row) -> dict[str, list[int]]:
    """Shapes of the graph's inputs and outputs."""
    state = [row.directions, row.batch, row.hidden]
    return {
        "x": [row.seq_len, row.batch, row.width],
        "y": [row.seq_len, row.directions, row.batch, row.hidden],
        **dict.fromkeys(("h", "c", "hn", "cn"), state),
    }


def value_info(name: str, shape: list[int]) -> Any:
    """An input or output of the graph."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`."""
    if row.kind == "train":
        raise Unsupported("no gradients")
    if row.projection:
        raise Unsupported("no projections")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model(row, arrays), options, ["CPUExecutionProvider"])
    return [run_way(row, arrays, session), bound_way(row, arrays, session)]


def results(row: Row, arrays: Arrays, y: Array, states: dict[str, Array]) -> dict[str, Array]:
    """Results under their common names."""
    y = np.moveaxis(y, 1, 2).reshape(row.seq_len, row.batch, -1)
    return {"y": arrays.masked(y), **{name: states[name][0] for name in states}}


def run_way(row: Row, arrays: Arrays, session: Any) -> Way:
    """`run`; in steps, the final states become the next initial ones."""
    feed = {"x": arrays.x}
    states = ["h", "c"] if row.kind == "step" else []
    for name in states:
        feed[name] = np.zeros(shapes_of(row)[name], np.float32)
    names = ["y", *(f"{name}n" for name in states)]
    last: list[Array] = []

    def call() -> None:
        last[:] = session.run(names, feed)
        feed.update(zip(states, last[1:], strict=True))

    return Way(call, lambda: results(row, arrays, last[0], {n: feed[n] for n in states}), "run")


def bound_way(row: Row, arrays: Arrays, session: Any) -> Way:
    """Bound arrays; in steps, two bindings that write each other's initial states take turns."""
    shapes = shapes_of(row)
    states = ["h", "c"] if row.kind == "step" else []
    x = ort.OrtValue.ortvalue_from_numpy(arrays.x)
    y = ort.OrtValue.ortvalue_from_numpy(np.zeros(shapes["y"], np.float32))
    values = [
        {n: ort.OrtValue.ortvalue_from_numpy(np.zeros(shapes[n], np.float32)) for n in states}
        for _ in range(2)
    ]
    bindings = []
    for number in range(2 if states else 1):
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", x)
        binding.bind_ortvalue_output("y", y)
        for name in states:
            binding.bind_ortvalue_input(name, values[number][name])
            binding.bind_ortvalue_output(f"{name}n", values[1 - number][name])
        bindings.append(binding)
    turn = [0]

    def call() -> None:
        session.run_with_iobinding(bindings[turn[0]])
        turn[0] = (turn[0] + 1) % len(bindings)

    def found() -> dict[str, Array]:
        now = {name: value.numpy() for name, value in values[turn[0]].items()}
        return results(row, arrays, y.numpy(), now)

    return Way(call, found, "bound", keep=[x, y, values])
