"""ONNX models for tests: one node or several, as exporters write them, and what ONNX Runtime computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from bnns_lstm.formats import StoredLSTM, order
from formats_tools import random_stored
from onnx import TensorProto, helper, numpy_helper
from reference import Array

NAMES = ("W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def weights(stored: StoredLSTM, layer: int = 0) -> dict[str, Array]:
    """W, R, and B and P if there are any, of one layer."""
    places = [f"l{layer}{suffix}" for suffix in ("", "_reverse")[: stored.directions]]

    def joined(kind: str, gates: tuple[str, ...]) -> Array:
        found = [stored.parameters[f"{kind}_{place}"] for place in places]
        return np.stack([order.reorder(array, order.TORCH, gates) for array in found])

    arrays = {"W": joined("weight_ih", order.ONNX), "R": joined("weight_hh", order.ONNX)}
    if stored.bias:
        halves = [joined(kind, order.ONNX) for kind in ("bias_ih", "bias_hh")]
        arrays["B"] = np.concatenate(halves, axis=1)
    if stored.peephole:
        arrays["P"] = joined("weight_ch", order.ONNX_PEEPHOLES)
    return arrays


def without_candidate(stored: StoredLSTM) -> StoredLSTM:
    """The same without the peepholes that ONNX has not."""
    gates = stored.config.gates
    for name, array in stored.parameters.items():
        if name.startswith("weight_ch"):
            np.split(array, len(gates))[gates.index("candidate")][:] = 0
    return stored


def lstm(name: str, x: str, y: str, inputs: dict[str, str], **words: Any) -> Any:
    """An LSTM node whose inputs are these values."""
    given = [inputs.get(one, "") for one in NAMES]
    while not given[-1]:
        given.pop()
    return helper.make_node("LSTM", [x, *given], [y, f"{y}_h", f"{y}_c"], name=name, **words)


def model(nodes: list[Any], constants: dict[str, Any], outputs: list[str], **words: Any) -> Any:
    """A model that reads `x` of any shape; constants are arrays or tensors."""
    tensors = [
        numpy_helper.from_array(value, name) if isinstance(value, np.ndarray) else value
        for name, value in constants.items()
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [None] * 3),
            *words.get("inputs", []),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        tensors,
    )
    opset = [helper.make_opsetid("", words.get("opset", 17))]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def one_node(stored: StoredLSTM, **words: Any) -> Any:
    """A model with one node, its weights and initial states as initializers."""
    constants = weights(stored)
    if stored.state is not None:
        constants |= dict(zip(("initial_h", "initial_c"), stored.state, strict=True))
    direction = "bidirectional" if stored.bidirectional else "forward"
    words = {"hidden_size": stored.hidden_size, "direction": direction, **words}
    node = lstm("one", "x", "y", {name: name for name in constants}, **words)
    return model([node], constants, ["y", "y_h", "y_c"])


def of_inputs(
    stored: StoredLSTM, kind: int = TensorProto.FLOAT, **words: Any
) -> tuple[Any, dict[str, Array]]:
    """A model whose node reads everything from inputs of the graph, and what to give."""
    given: dict[str, Any] = dict(weights(stored))
    if stored.state is not None:
        given |= dict(zip(("initial_h", "initial_c"), stored.state, strict=True))
    names = {key: f"lstm_{key.lower()}" for key in given}
    inputs = [
        helper.make_tensor_value_info(names[key], kind, array.shape) for key, array in given.items()
    ]
    words = {
        "hidden_size": 4,
        "direction": "bidirectional" if stored.bidirectional else "forward",
        **words,
    }
    made = model([lstm("one", "x", "y", names, **words)], {}, ["y", "y_h", "y_c"], inputs=inputs)
    return made, {names[key]: array for key, array in given.items()}


def run(made: Any, **feeds: Array) -> list[Array]:
    """What ONNX Runtime computes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers)
    return list(session.run(None, feeds))


def side_by_side(y: Array) -> Array:
    """ONNX' output [S, D, N, H] as [S, N, D*H]."""
    return y.swapaxes(1, 2).reshape(y.shape[0], y.shape[2], -1)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def make(kind: str, inputs: str, output: str, **words: Any) -> Any:
    """A node whose inputs are separated by spaces."""
    return helper.make_node(kind, inputs.split(), [output], name=output, **words)


def stack(stored: StoredLSTM, way: tuple[list[Any], dict[str, Any]], **words: Any) -> Any:
    """Two nodes with something in between."""
    nodes, constants = list(way[0]), dict(way[1])
    for layer, (name, x, y) in enumerate((("low", "x", "y"), ("high", "z", "top"))):
        own = {f"{key}{layer}": value for key, value in weights(stored, layer).items()}
        direction = "bidirectional" if stored.bidirectional else "forward"
        inputs = {key[:-1]: key for key in own}
        node = lstm(name, x, y, inputs, hidden_size=4, direction=direction)
        nodes.insert(len(nodes) * layer, node)
        constants |= own
    return model(nodes, constants, ["top", "y"], **words)


# From the lower node's output "y" to "z", which the upper node reads.
ONE_WAY = ([make("Squeeze", "y one", "z")], {"one": ints(1)})


def shaped(made: Any, *shape: int | str) -> Any:
    """The model with another declared shape of its input."""
    made.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, shape))
    return made


def named(names: list[str], alphas: list[float], betas: list[float]) -> dict[str, Any]:
    words: dict[str, Any] = {"activations": names}
    words |= {"activation_alpha": alphas} if alphas else {}
    return words | ({"activation_beta": betas} if betas else {})


def with_input(name: str, value: Any) -> Any:
    """A good model in which one more input of the node is a constant."""
    constants = {**weights(random_stored()), name: value}
    node = lstm("one", "x", "y", {key: key for key in constants}, hidden_size=4)
    return model([node], constants, ["y"])
