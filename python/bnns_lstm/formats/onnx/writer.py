""":class:`StoredLSTM` to an ONNX model. Needs the package `onnx`: `pip install bnns-lstm[onnx]`.

One LSTM node for each layer, of operator set 17. Inputs `x`, `h0`, `c0`, and `lengths` if wanted; outputs `y`,
`hn`, `cn`. The time axis and the batch axis may have any length. Runtimes compute `layout` 0 only, so that with
`batch_first` a Transpose stands at both ends, and the model's metadata say so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import flag
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats import order
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.extras import need
from bnns_lstm.formats.files import path_of, replace_with
from bnns_lstm.formats.onnx.activations import attributes_of
from bnns_lstm.formats.onnx.tensors import BATCH_FIRST
from bnns_lstm.formats.stored import Floats, StoredLSTM, refuse_others

__all__ = ["write_onnx"]

OPSET, IR_VERSION = 17, 8
# What one message of protobuf may hold.
LARGEST = 2**31 - 1


@dataclass
class _Graph:
    """Nodes and constants as they come."""

    helper: Any
    numpy_helper: Any
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """A constant, by its name."""
        self.constants.append(self.numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: list[str], outputs: list[str], **words: Any) -> None:
        """A node, named as its first output."""
        self.nodes.append(self.helper.make_node(kind, inputs, outputs, name=outputs[0], **words))


def write_onnx(path: str | os.PathLike[str], stored: StoredLSTM, *, lengths: bool = False) -> None:
    """Write a model that ONNX Runtime and others compute.

    Args:
        path: Where to. What was there before stays until the new file is complete.
        stored: The network. Its initial states, if it has any, become defaults of `h0` and `c0`, its lengths
            the default of `lengths`, or a constant where there is no such input.
        lengths: Whether the model has an input `lengths`, int32 [batch].

    Raises:
        ExtraError: If the package `onnx` is not installed.
        WeightsError: Naming everything that ONNX' operator cannot express, or a path that is none.
        OSError: If the file cannot be written.
    """
    target = path_of(path)
    if flag(lengths) is None:
        raise fail("lengths", "True or False", shown(lengths), codes.WRONG_TYPE)
    refuse_others(stored)
    _check(stored)
    onnx = need("onnx", "onnx")
    graph = _Graph(onnx.helper, need("onnx.numpy_helper", "onnx"))
    inner = "x"
    if stored.batch_first:
        inner = "x_by_step"
        graph.node("Transpose", ["x"], [inner], perm=[1, 0, 2])
    lens = "lengths" if lengths or stored.lengths is not None else ""
    for layer in range(stored.num_layers):
        inner = _layer(graph, stored, layer, inner, lens)
    if stored.batch_first:
        graph.node("Transpose", [inner], ["y"], perm=[1, 0, 2])
    else:
        graph.node("Identity", [inner], ["y"])
    _states(graph, stored)
    if stored.state is not None:
        for name, value in zip(("h0", "c0"), stored.state, strict=True):
            graph.constant(name, value)
    if stored.lengths is not None:
        graph.constant(lens, np.array(stored.lengths, np.int32))
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "lstm",
            _inputs(onnx, stored, lens if lengths else ""),
            _outputs(onnx, stored),
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="bnns-lstm",
    )
    if stored.batch_first:
        onnx.helper.set_model_props(model, {BATCH_FIRST: "1"})
    onnx.checker.check_model(model)
    replace_with(target, model.SerializeToString())


def _check(stored: StoredLSTM) -> None:
    """Refuse what ONNX has not, all at once."""
    issues: list[WeightsIssue] = []
    if stored.peephole == "full":
        expected = "None or 'diagonal', which ONNX has"
        issues.append(WeightsIssue("peephole", expected, "'full'", codes.NOT_EXPRESSIBLE))
    if stored.merge != "concat":
        expected = "'concat': the node gives both directions, and nothing says what becomes of them"
        issues.append(WeightsIssue("merge", expected, repr(stored.merge), codes.NOT_EXPRESSIBLE))
    if stored.peephole == "diagonal":
        for name, array in stored.parameters.items():
            if name.startswith("weight_ch") and np.any(np.split(array, 4)[2]):
                expected = "zeros in the candidate's block: ONNX has no such peephole"
                issues.append(WeightsIssue(name, expected, "other numbers", codes.NOT_EXPRESSIBLE))
    try:
        attributes_of(stored.activations)
    except WeightsError as error:
        issues += error.issues
    size = sum(array.nbytes for array in stored.parameters.values())
    if size > LARGEST - (1 << 20):
        issues.append(
            WeightsIssue(
                "parameters", f"less than {LARGEST} bytes", f"{size} bytes", codes.TOO_LARGE
            )
        )
    if max(stored.lengths or (0,)) > LARGEST:
        expected, found = f"at most {LARGEST}", str(max(stored.lengths or ()))
        issues.append(WeightsIssue("lengths", expected, found, codes.TOO_LARGE))
    if issues:
        raise WeightsError(tuple(issues))


def _layer(graph: _Graph, stored: StoredLSTM, layer: int, below: str, lens: str) -> str:
    """The nodes of one layer; the name of its output [steps, batch, directions*hidden]."""
    weights = {
        name: graph.constant(f"{name}{layer}", value)
        for name, value in _weights(stored, layer).items()
    }
    states = ["h0", "c0"]
    if stored.num_layers > 1:
        states = [f"h0_{layer}", f"c0_{layer}"]
    inputs = [below, weights["W"], weights["R"], weights.get("B", ""), lens, *states]
    if "P" in weights:
        inputs.append(weights["P"])
    attributes = attributes_of(stored.activations)
    attributes = {name: values * stored.directions for name, values in attributes.items()}
    outputs = [f"lstm_{layer}", f"hn_{layer}", f"cn_{layer}"]
    direction = "bidirectional" if stored.bidirectional else "forward"
    graph.node(
        "LSTM", inputs, outputs, hidden_size=stored.hidden_size, direction=direction, **attributes
    )
    joined = f"y_{layer}"
    if stored.bidirectional:
        graph.node("Transpose", [outputs[0]], [f"t_{layer}"], perm=[0, 2, 1, 3])
        shape = graph.constant(f"shape_{layer}", np.array([0, 0, 2 * stored.hidden_size], np.int64))
        graph.node("Reshape", [f"t_{layer}", shape], [joined])
    else:
        axes = graph.constant(f"axes_{layer}", np.array([1], np.int64))
        graph.node("Squeeze", [outputs[0], axes], [joined])
    return joined


def _weights(stored: StoredLSTM, layer: int) -> dict[str, Floats]:
    """ONNX' arrays W, R, B and P of one layer."""
    places = [f"l{layer}{suffix}" for suffix in ("", "_reverse")[: stored.directions]]

    def joined(kind: str, gates: tuple[str, ...]) -> Floats:
        arrays = [stored.parameters[f"{kind}_{place}"] for place in places]
        return np.stack([order.reorder(array, order.TORCH, gates) for array in arrays])

    found = {"W": joined("weight_ih", order.ONNX), "R": joined("weight_hh", order.ONNX)}
    if stored.bias:
        halves = [joined(kind, order.ONNX) for kind in ("bias_ih", "bias_hh")]
        found["B"] = np.concatenate(halves, axis=1)
    if stored.peephole is not None:
        found["P"] = joined("weight_ch", order.ONNX_PEEPHOLES)
    return found


def _states(graph: _Graph, stored: StoredLSTM) -> None:
    """Initial states for the layers, and final states from them."""
    layers, first = range(stored.num_layers), list(graph.nodes)
    graph.nodes.clear()
    if stored.num_layers > 1:
        sizes = np.full(stored.num_layers, stored.directions, np.int64)
        graph.constant("rows", sizes)
        for name in ("h0", "c0"):
            graph.node("Split", [name, "rows"], [f"{name}_{layer}" for layer in layers], axis=0)
    graph.nodes += first
    for name in ("hn", "cn"):
        graph.node("Concat", [f"{name}_{layer}" for layer in layers], [name], axis=0)


def _inputs(onnx: Any, stored: StoredLSTM, lens: str) -> list[Any]:
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto
    rows = stored.num_layers * stored.directions
    axes = ["batch", "steps"] if stored.batch_first else ["steps", "batch"]
    inputs = [info("x", kind.FLOAT, [*axes, stored.input_size])]
    inputs += [info(name, kind.FLOAT, [rows, "batch", stored.hidden_size]) for name in ("h0", "c0")]
    return inputs + ([info(lens, kind.INT32, ["batch"])] if lens else [])


def _outputs(onnx: Any, stored: StoredLSTM) -> list[Any]:
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    rows, width = stored.num_layers * stored.directions, stored.directions * stored.hidden_size
    axes = ["batch", "steps"] if stored.batch_first else ["steps", "batch"]
    outputs = [info("y", kind, [*axes, width])]
    return outputs + [info(n, kind, [rows, "batch", stored.hidden_size]) for n in ("hn", "cn")]
