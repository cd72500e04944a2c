"""Which LSTM nodes of an ONNX model follow each other as the layers of one stack.

In: a model. Out: its LSTM nodes with their neighbours, and the stacks that they form. Whether two nodes join is
found by following the graph between them (:mod:`bnns_lstm.formats.onnx.joins`); nothing here knows operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bnns_lstm.formats.onnx.flow import Flow
from bnns_lstm.formats.onnx.graph import Scope, scopes
from bnns_lstm.formats.onnx.joins import below, flows_of, side_ways, why_not
from bnns_lstm.formats.onnx.nodes import input_of, is_lstm, label
from bnns_lstm.formats.onnx.tensors import Model
from bnns_lstm.formats.onnx.ways import ways

__all__ = ["Layer", "chains", "layers", "reached", "reason"]


@dataclass
class Layer:
    """An LSTM node.

    Attributes:
        scope: The graph that it stands in.
        node: The `onnx.NodeProto`.
        number: Its number among all of the model's.
        below: The layer whose output it reads, if it is one.
        above: The layers that read its output.
        refusal: Why it does not join the layer whose output it reads in the right order.
        flows: The model, followed with each round of sizes.
    """

    scope: Scope
    node: Any
    number: int = 0
    below: Layer | None = None
    above: list[Layer] = field(default_factory=list)
    refusal: str = ""
    flows: Sequence[Flow] = ()

    @property
    def names(self) -> set[str]:
        """What the node may be called: its own name and those of its outputs."""
        return {name for name in (self.node.name, *self.node.output) if name}


def layers(model: Model) -> list[Layer]:
    """All LSTM nodes, in all graphs, each with its neighbours in a stack.

    Raises:
        WeightsError: If a graph has a cycle.
    """
    nodes = [(scope, node) for scope in scopes(model) for node in scope.graph.node if is_lstm(node)]
    if not nodes:
        return []
    flows = flows_of(nodes)
    found = [Layer(scope, node, number, flows=flows) for number, (scope, node) in enumerate(nodes)]
    joined = {layer.number: below(flows, layer.number) for layer in found}
    for layer in found:
        number = joined[layer.number]
        if number is None:
            continue
        layer.refusal = _second_way(layer, joined)
        if not layer.refusal:
            layer.below = found[number]
            layer.below.above.append(layer)
    return found


def chains(found: list[Layer]) -> list[list[Layer]]:
    """The layers in stacks, lowest first; where an output has several readers, a stack ends."""
    starts = [layer for layer in found if layer.below is None or len(layer.below.above) > 1]
    stacks: list[list[Layer]] = []
    for start in starts:
        stack = [start]
        while len(stack[-1].above) == 1:
            stack.append(stack[-1].above[0])
        stacks.append(stack)
    return stacks


def reason(lower: Layer, upper: Layer) -> str:
    """Why a layer is not the one above another: what it reads instead."""
    if upper.below is lower:
        names = [label(lower.node), label(upper.node)]
        return (
            f"one of {len(lower.above)} that read it as they should (node={names} takes this one)"
        )
    return upper.refusal or why_not(upper.flows, lower.number, upper.number)


def reached(found: Sequence[Layer], upper: Layer) -> list[Layer]:
    """The layers on whose outputs a layer's X depends, in whatever way."""
    name = input_of(upper.node, "X")
    numbers = ways(upper.flows[0], upper.scope, name)[0] if name else {}
    return [found[number] for number in sorted(numbers)]


def _second_way(layer: Layer, joined: dict[int, int | None]) -> str:
    """Which other input of a layer depends on layers below it in the stack, so that nobody can give it."""
    others = side_ways(layer.flows[0], layer.number)
    stack: set[int] = set()
    number = joined[layer.number] if others else None
    while number is not None:
        stack.add(number)
        number = joined[number]
    for name, numbers in others.items():
        if numbers is None:
            return f"a node whose {name} stands behind too many operators"
        if numbers & stack:
            lower = layer.flows[0].nodes[min(numbers & stack)][1]
            return f"a node whose {name} is computed from the outputs of {label(lower)!r} too"
    return ""
