""":class:`StoredLSTM` to an ONNX model. Needs the package `onnx`: `pip install bnns-lstm[onnx]`.

One LSTM node for each layer, of operator set 17. Inputs `x`, `h0`, `c0`, and `lengths` if wanted; outputs `y`,
`hn`, `cn`. The time axis and the batch axis may have any length. Runtimes compute `layout` 0 only, so that with
`batch_first` a Transpose stands at both ends, and the model's metadata say so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import flag
from bnns_lstm._show import shown
from bnns_lstm.formats import order
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.extras import need
from bnns_lstm.formats.files import path_of, replace_with
from bnns_lstm.formats.onnx.expressible import functions_of, refuse_inexpressible, refuse_stack
from bnns_lstm.formats.onnx.tensors import BATCH_FIRST
from bnns_lstm.formats.separate import networks_of
from bnns_lstm.formats.stored import Floats, StoredLSTM, refuse_others

__all__ = ["write_onnx", "write_onnx_stack"]

OPSET, IR_VERSION = 17, 8
# What stands before the names of a network, and the network.
Parts = Sequence[tuple[str, StoredLSTM]]


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

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, read_onnx, write_onnx
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     write_onnx(path, stored)
        ...     read_onnx(path).hidden_size
        4
    """
    target = path_of(path)
    _refuse_flag(lengths)
    refuse_others(stored)
    refuse_inexpressible(stored)
    replace_with(target, _model([("", stored)], lengths=lengths))


def write_onnx_stack(
    path: str | os.PathLike[str], stack: Sequence[StoredLSTM], *, lengths: bool = False
) -> None:
    """Write LSTMs that read each other as one model, the lowest first.

    Its inputs and outputs are those of :func:`write_onnx`, but states are those of each LSTM, with its number
    before their names: `0.h0`, `0.c0`, `0.hn`, `0.cn`, `1.h0` and so on.

    Args:
        path: Where to. What was there before stays until the new file is complete.
        stack: The networks.
        lengths: Whether the model has an input `lengths`, int32 [batch], which all of them read.

    Raises:
        ExtraError: If the package `onnx` is not installed.
        WeightsError: Naming everything that ONNX' operator cannot express by the number of the LSTM, or a path
            that is none.
        OSError: If the file cannot be written.

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, read_onnx_stack, write_onnx_stack
        >>> lstms = bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)
        >>> stack = [StoredLSTM.from_config(lstm.config, lstm.state_dict()) for lstm in lstms]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     write_onnx_stack(path, stack)
        ...     [stored.hidden_size for stored in read_onnx_stack(path)]
        [8, 4]
    """
    target = path_of(path)
    _refuse_flag(lengths)
    networks = networks_of(stack)
    refuse_stack(networks)
    parts = [(f"{number}.", stored) for number, stored in enumerate(networks)]
    replace_with(target, _model(parts, lengths=lengths))


def _refuse_flag(lengths: object) -> None:
    if flag(lengths) is None:
        raise fail("lengths", "True or False", shown(lengths), codes.WRONG_TYPE)


def _model(parts: Parts, *, lengths: bool) -> bytes:
    """A model of networks upon each other, each with what stands before its names."""
    onnx = need("onnx", "onnx")
    graph = _Graph(onnx.helper, need("onnx.numpy_helper", "onnx"))
    lowest = parts[0][1]
    inner = "x"
    if lowest.batch_first:
        inner = "x_by_step"
        graph.node("Transpose", ["x"], [inner], perm=[1, 0, 2])
    lens = "lengths" if lengths or lowest.lengths is not None else ""
    for own, stored in parts:
        for layer in range(stored.num_layers):
            inner = _layer(graph, own, stored, layer, inner, lens)
    if lowest.batch_first:
        graph.node("Transpose", [inner], ["y"], perm=[1, 0, 2])
    else:
        graph.node("Identity", [inner], ["y"])
    _states(graph, parts)
    for own, stored in parts:
        if stored.state is not None:
            for name, value in zip(("h0", "c0"), stored.state, strict=True):
                graph.constant(f"{own}{name}", value)
    if lowest.lengths is not None:
        graph.constant(lens, np.array(lowest.lengths, np.int32))
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "lstm",
            _inputs(onnx, parts, lens if lengths else ""),
            _outputs(onnx, parts),
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="bnns-lstm",
    )
    if lowest.batch_first:
        onnx.helper.set_model_props(model, {BATCH_FIRST: "1"})
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _layer(  # noqa: PLR0917
    graph: _Graph, own: str, stored: StoredLSTM, layer: int, below: str, lens: str
) -> str:
    """The nodes of one layer; the name of its output [steps, batch, directions*hidden]."""
    weights = {
        name: graph.constant(f"{own}{name}{layer}", value)
        for name, value in _weights(stored, layer).items()
    }
    states = [f"{own}h0", f"{own}c0"]
    if stored.num_layers > 1:
        states = [f"{own}h0_{layer}", f"{own}c0_{layer}"]
    inputs = [below, weights["W"], weights["R"], weights.get("B", ""), lens, *states]
    if "P" in weights:
        inputs.append(weights["P"])
    functions = functions_of(stored)
    attributes: dict[str, Any] = {
        name: values * stored.directions for name, values in functions.items()
    }
    outputs = [f"{own}{name}_{layer}" for name in ("lstm", "hn", "cn")]
    if stored.gate_clip is not None:
        attributes["clip"] = stored.gate_clip
    if stored.coupled is not None:
        attributes["input_forget"] = 1
    direction = "bidirectional" if stored.bidirectional else stored.direction
    graph.node(
        "LSTM", inputs, outputs, hidden_size=stored.hidden_size, direction=direction, **attributes
    )
    joined = f"{own}y_{layer}"
    if stored.bidirectional:
        turned = f"{own}t_{layer}"
        graph.node("Transpose", [outputs[0]], [turned], perm=[0, 2, 1, 3])
        sizes = np.array([0, 0, 2 * stored.hidden_size], np.int64)
        shape = graph.constant(f"{own}shape_{layer}", sizes)
        graph.node("Reshape", [turned, shape], [joined])
    else:
        axes = graph.constant(f"{own}axes_{layer}", np.array([1], np.int64))
        graph.node("Squeeze", [outputs[0], axes], [joined])
    return joined


def _weights(stored: StoredLSTM, layer: int) -> dict[str, Floats]:
    """ONNX' arrays W, R, B and P of one layer, with zeros for a gate that another one gives."""
    places = [f"l{layer}{suffix}" for suffix in ("", "_reverse")[: stored.directions]]

    def joined(kind: str, gates: tuple[str, ...]) -> Floats:
        arrays = [stored.parameters[f"{kind}_{place}"] for place in places]
        return np.stack([order.reorder(array, stored.config.gates, gates) for array in arrays])

    found = {"W": joined("weight_ih", order.ONNX), "R": joined("weight_hh", order.ONNX)}
    if stored.bias:
        halves = [joined(kind, order.ONNX) for kind in ("bias_ih", "bias_hh")]
        found["B"] = np.concatenate(halves, axis=1)
    if stored.peephole is not None:
        found["P"] = joined("weight_ch", order.ONNX_PEEPHOLES)
    return found


def _states(graph: _Graph, parts: Parts) -> None:
    """Initial states for the layers, and final states from them."""
    first = list(graph.nodes)
    graph.nodes.clear()
    for own, stored in parts:
        if stored.num_layers > 1:
            sizes = np.full(stored.num_layers, stored.directions, np.int64)
            rows = graph.constant(f"{own}rows", sizes)
            for name in ("h0", "c0"):
                layers = [f"{own}{name}_{layer}" for layer in range(stored.num_layers)]
                graph.node("Split", [f"{own}{name}", rows], layers, axis=0)
    graph.nodes += first
    for own, stored in parts:
        for name in ("hn", "cn"):
            layers = [f"{own}{name}_{layer}" for layer in range(stored.num_layers)]
            graph.node("Concat", layers, [f"{own}{name}"], axis=0)


def _inputs(onnx: Any, parts: Parts, lens: str) -> list[Any]:
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto
    lowest = parts[0][1]
    inputs = [info("x", kind.FLOAT, [*_axes(lowest), lowest.input_size])]
    inputs += _state_infos(onnx, parts, ("h0", "c0"))
    return inputs + ([info(lens, kind.INT32, ["batch"])] if lens else [])


def _outputs(onnx: Any, parts: Parts) -> list[Any]:
    last = parts[-1][1]
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    y = info("y", kind, [*_axes(last), last.directions * last.hidden_size])
    return [y, *_state_infos(onnx, parts, ("hn", "cn"))]


def _axes(stored: StoredLSTM) -> list[str]:
    return ["batch", "steps"] if stored.batch_first else ["steps", "batch"]


def _state_infos(onnx: Any, parts: Parts, names: tuple[str, str]) -> list[Any]:
    """Hidden and cell states of each network."""
    info, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    return [
        info(f"{own}{name}", kind, [one.num_layers * one.directions, "batch", one.hidden_size])
        for own, one in parts
        for name in names
    ]
