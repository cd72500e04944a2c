"""Which LSTM nodes of an ONNX model follow each other as the layers of one stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnns_lstm.errors import WeightsError
from bnns_lstm.formats.onnx.graph import Scope, scopes
from bnns_lstm.formats.onnx.nodes import DOMAINS, input_of, is_lstm, is_quantized
from bnns_lstm.formats.onnx.ops import MOVERS, apply, attributes
from bnns_lstm.formats.onnx.tensors import Model

__all__ = ["Layer", "chains", "layers"]

# Operators between two nodes of a stack; exporters need two or three.
LONGEST = 20
# Steps and batches with which the way from one node to the next is tried out: no two products alike.
SIZES = ((3, 5), (7, 2))


@dataclass
class Layer:
    """An LSTM node.

    Attributes:
        scope: The graph that it stands in.
        node: The `onnx.NodeProto`.
        below: The layer whose output it reads, if it is one.
        above: The layers that read its output.
    """

    scope: Scope
    node: Any
    below: Layer | None = None
    above: list[Layer] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """What the node may be called: its own name and those of its outputs."""
        return {name for name in (self.node.name, *self.node.output) if name}


def layers(model: Model) -> list[Layer]:
    """All LSTM nodes, in all graphs, each with its neighbours in a stack."""
    found = [
        Layer(scope, node) for scope in scopes(model) for node in scope.graph.node if is_lstm(node)
    ]
    owners = {
        (id(layer.scope), layer.node.output[0]): layer for layer in found if layer.node.output
    }
    for layer in found:
        source = _source(layer)
        below = None if source is None else owners.get(source)
        if below is not None and below is not layer:
            layer.below = below
            below.above.append(layer)
    return found


def chains(found: list[Layer]) -> list[list[Layer]]:
    """The layers in stacks, lowest first; where an output has several readers, a stack ends."""
    starts = [layer for layer in found if layer.below is None or len(layer.below.above) > 1]
    stacks: list[list[Layer]] = []
    for start in starts:
        stack = [start]
        while len(stack[-1].above) == 1 and len(stack) <= len(found):
            stack.append(stack[-1].above[0])
        stacks.append(stack)
    return stacks


def _source(layer: Layer) -> tuple[int, str] | None:
    """Scope and name of the LSTM output that reaches this layer as a stack needs it."""
    scope, name = layer.scope, input_of(layer.node, "X")
    way: list[tuple[Scope, Any]] = []
    while len(way) <= LONGEST:
        scope, node = scope.origin(name)
        if node is None:
            return None
        if is_lstm(node):
            is_joined = node.output[0] == name and _joins(scope, node, way)
            return (id(scope), name) if is_joined else None
        if node.op_type not in MOVERS or node.domain not in DOMAINS or not node.input:
            return None
        way.insert(0, (scope, node))
        name = node.input[0]
    return None


def _joins(scope: Scope, lower: Any, way: list[tuple[Scope, Any]]) -> bool:
    """Whether the operators make of a node's output what the next layer of a stack reads.

    Tried out with numbers: the output is [steps, directions, batch, hidden], or with layout 1
    [batch, steps, directions, hidden]; the next layer needs the directions side by side.
    """
    words = attributes(lower)
    try:
        recurrent = list(scope.constant("R", input_of(lower, "R")).shape)
        inputs = [
            [None, *(at.constant(node.op_type, one) if one else None for one in node.input[1:])]
            for at, node in way
        ]
    except WeightsError:
        return False
    if is_quantized(lower):
        recurrent[1:] = recurrent[:0:-1]
    if len(recurrent) != 3 or recurrent[1] != 4 * recurrent[2]:
        return False
    directions, hidden = recurrent[0], recurrent[2]
    for steps, batch in SIZES:
        shape = (steps, directions, batch, hidden)
        if words.get("layout"):
            shape = (batch, steps, directions, hidden)
        value = np.arange(np.prod(shape)).reshape(shape)
        wanted = value if words.get("layout") else value.swapaxes(1, 2)
        try:
            for (_, node), others in zip(way, inputs, strict=True):
                value = apply(node, [value, *others[1:]])
        except (ValueError, IndexError, TypeError, OverflowError):
            return False
        if not np.array_equal(value, wanted.reshape(*wanted.shape[:2], -1)):
            return False
    return True
