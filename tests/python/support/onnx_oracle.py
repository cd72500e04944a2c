"""ONNX Runtime as a live oracle, for what it can do: one layer, diagonal peepholes, its activations."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import onnxruntime
from build import random_layer
from onnx import TensorProto, helper, numpy_helper
from reference import Array, Layer

# ONNX's own orders of gates: weights i, o, f, c; peepholes i, o, f (ONNX operator documentation, LSTM).
WEIGHTS = ("input", "output", "forget", "candidate")
PEEPHOLES = ("input", "output", "forget")

# ONNX's name of an activation, ours, and ONNX's alpha and beta where it has them.
ACTIVATIONS: dict[str, tuple[bl.Activation, float | None, float | None]] = {
    "Sigmoid": (bl.Activation.sigmoid(), None, None),
    "Tanh": (bl.Activation.tanh(), None, None),
    "Relu": (bl.Activation.relu(), None, None),
    "Affine": (bl.Activation.linear_with_bias(0.7, 0.1), 0.7, 0.1),
    "LeakyRelu": (bl.Activation.leaky_rectified_linear(0.3), 0.3, None),
    "ScaledTanh": (bl.Activation.scaled_tanh(0.8, 0.6), 0.8, 0.6),
    "HardSigmoid": (bl.Activation.hard_sigmoid(0.3, 0.4), 0.3, 0.4),
    "Elu": (bl.Activation.elu(0.9), 0.9, None),
    "Softsign": (bl.Activation.softsign(), None, None),
    "Softplus": (bl.Activation.softplus(), None, None),
}


def onnx_layer(
    layer: Layer, functions: tuple[str, str, str], more: dict[str, Any] | None = None
) -> list[Array]:
    """What ONNX Runtime computes, with more attributes: y [S, N, D*H], hn and cn [1, D, N, H]."""
    arrays = layer.arrays
    directions, hidden = layer.directions, layer.hidden_size

    def stack(field: str, gates: tuple[str, ...]) -> Array:
        shape = (directions, -1, hidden) if field in {"b", "cw"} else (directions, hidden, -1)
        parts = []
        for gate in gates:
            value = arrays.get(f"{gate}.{field}", np.zeros((1, directions, hidden), np.float32))
            parts.append(value.reshape(shape))
        joined = np.concatenate(parts, axis=1)
        return joined.reshape(directions, -1) if field in {"b", "cw"} else joined

    zeros = np.zeros((directions, 4 * hidden), np.float32)
    constants = {
        "W": stack("iw0", WEIGHTS),
        "R": stack("hw", WEIGHTS),
        "B": np.concatenate([stack("b", WEIGHTS), zeros], axis=1),
        "P": stack("cw", PEEPHOLES),
        "h0": arrays["h0"][0],
        "c0": arrays["c0"][0],
    }
    if "batch_sizes" in arrays:
        active = arrays["batch_sizes"].astype(np.int64)
        constants["lens"] = (active[:, None] > np.arange(layer.batch)).sum(0).astype(np.int32)
    inputs = ["x", "W", "R", "B", "lens" if "lens" in constants else "", "h0", "c0", "P"]
    parameters = [ACTIVATIONS[name][1:] for name in functions] * directions
    attributes: dict[str, Any] = {
        "hidden_size": hidden,
        "direction": "bidirectional" if directions == 2 else "forward",
        "activations": list(functions) * directions,
        "activation_alpha": [alpha for alpha, _ in parameters if alpha is not None],
        "activation_beta": [beta for _, beta in parameters if beta is not None],
    }
    attributes = {name: value for name, value in attributes.items() if value != []} | (more or {})
    node = helper.make_node("LSTM", inputs, ["y", "hn", "cn"], **attributes)
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, arrays["x"].shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in ("y", "hn", "cn")
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    y, hn, cn = session.run(None, {"x": arrays["x"]})
    y = np.moveaxis(y, 1, 2).reshape(layer.seq_len, layer.batch, -1)
    return [y, hn[None], cn[None]]


def onnx_like(seed: int, *, directions: int, peephole: str | None, lengths: bool) -> Layer:
    """A random layer that ONNX can describe."""
    layer = random_layer(
        seed, num_layers=1, directions=directions, peephole=peephole, any_activation=False,
        h0=True, c0=True, lengths=lengths,
    )  # fmt: skip
    layer.arrays.pop("candidate.cw", None)
    if lengths:
        layer.arrays["batch_sizes"][0] = layer.batch
    return layer
