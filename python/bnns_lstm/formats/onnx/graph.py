"""Where the values of an ONNX graph come from: constants, nodes, inputs, in subgraphs too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.onnx.ops import PLAIN, apply, attributes
from bnns_lstm.formats.onnx.tensors import Model

__all__ = ["DOMAINS", "Scope", "input_of", "label", "scopes"]

Array = npt.NDArray[Any]

# What an LSTM node reads, in order.
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
DOMAINS = {"", "ai.onnx"}
# Steps from a constant to its use; exporters need a handful.
DEEPEST = 50
# Operators behind which zeros stay zeros; the first input holds the values.
KEEP_ZEROS = PLAIN | {"Expand", "Gather", "Tile"}
# What constants made of constants may hold, relative to all tensors that were read.
LARGEST = 8
# AttributeProto.AttributeType of a body.
GRAPH = 5


@dataclass
class Scope:
    """A graph, and the one around it if it is the body of a node.

    Attributes:
        model: The whole model.
        graph: The `onnx.GraphProto`.
        parent: The scope of the graph around it.
        tensors: The initializers by name.
        producers: The nodes by the names of their outputs.
        inputs: The names of the inputs.
        known: Constants that were asked for.
        zeros: Whether values are zeros, of those that were asked for.
    """

    model: Model
    graph: Any
    parent: Scope | None
    tensors: dict[str, Any] = field(default_factory=dict)
    producers: dict[str, Any] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    known: dict[str, Array] = field(default_factory=dict)
    zeros: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the names."""
        self.tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        self.inputs = {value.name for value in self.graph.input}
        self.producers = {name: node for node in self.graph.node for name in node.output if name}

    def origin(self, name: str) -> tuple[Scope, Any | None]:
        """The scope that defines a value, and the node that makes it; None for inputs and constants."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.producers:
                return scope, scope.producers[name]
            if name in scope.tensors or name in scope.inputs:
                return scope, None
            scope = scope.parent
        return self, None

    def constant(self, path: str, name: str, depth: int = 0) -> Array:
        """A value that does not depend on the model's inputs.

        Args:
            path: What errors call it.
            name: Its name in this scope.
            depth: Steps from where it is used.

        Raises:
            WeightsError: If it is no constant, or not one that :mod:`bnns_lstm.formats.onnx.ops` can follow.
        """
        scope, node = self.origin(name)
        if name in scope.known:
            return scope.known[name]
        if node is None:
            if name not in scope.tensors:
                what = "an input of the graph" if name in scope.inputs else "nothing of this name"
                code = codes.NOT_CONSTANT if name in scope.inputs else codes.MISSING_ENTRY
                raise fail(path, "a constant", f"{name!r}, {what}", code)
            array = scope.model.array(scope.tensors[name])
        elif node.op_type == "Constant" and node.domain in DOMAINS:
            array = _of_constant_node(path, scope, node)
        else:
            array = _moved(path, scope, name, node, depth)
        scope.known[name] = array
        return array

    def is_constant(self, name: str) -> bool:
        """Whether :meth:`constant` has the value."""
        try:
            self.constant(name, name)
        except WeightsError:
            return False
        return True

    def is_zero(self, name: str, depth: int = 0) -> bool:
        """Whether a value is all zeros, whatever its shape at run time."""
        scope, _ = self.origin(name)
        if name not in scope.zeros:
            scope.zeros[name] = depth <= DEEPEST and _is_zero(scope, name, depth)
        return scope.zeros[name]


def _is_zero(scope: Scope, name: str, depth: int) -> bool:
    if scope.is_constant(name):
        return not np.any(scope.constant(name, name))
    _, node = scope.origin(name)
    if node is None or node.domain not in DOMAINS:
        return False
    if node.op_type == "ConstantOfShape":
        words = attributes(node)
        return "value" not in words or not np.any(scope.model.array(words["value"]))
    if node.op_type not in KEEP_ZEROS or not node.input:
        return False
    inputs = node.input if node.op_type == "Concat" else node.input[:1]
    return all(scope.is_zero(one, depth + 1) for one in inputs)


def _of_constant_node(path: str, scope: Scope, node: Any) -> Array:
    words = attributes(node)
    if "value" in words:
        return scope.model.array(words["value"])
    for name, kind in (("value_float", np.float32), ("value_int", np.int64)):
        for key in (name, f"{name}s"):
            if words.get(key) is not None:
                return np.array(words[key], kind)
    found = ", ".join(words) or "nothing"
    raise fail(f"{path}: {label(node)}", "a constant of numbers", found, codes.NOT_CONSTANT)


def _moved(path: str, scope: Scope, name: str, node: Any, depth: int) -> Array:
    """The value of a node that moves constants."""
    if node.op_type not in PLAIN or node.domain not in DOMAINS:
        raise fail(
            path,
            "a constant",
            f"the output of {label(node)!r} ({node.op_type})",
            codes.NOT_CONSTANT,
        )
    if depth > DEEPEST:
        raise fail(
            path,
            f"a constant within {DEEPEST} steps",
            f"a longer way through {label(node)!r}",
            codes.NOT_CONSTANT,
        )
    inputs = [scope.constant(path, one, depth + 1) if one else None for one in node.input]
    # A value that is concatenated with itself again and again is no way to a large array.
    if sum(array.nbytes for array in inputs if array is not None) > LARGEST * scope.model.loaded:
        raise fail(
            path,
            "a constant no larger than the model",
            f"the output of {label(node)!r}",
            codes.TOO_LARGE,
        )
    try:
        return apply(node, inputs, list(node.output).index(name))
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise fail(
            f"{path}: {label(node)}", f"a valid {node.op_type}", str(error), codes.DAMAGED_FILE
        ) from None


def label(node: Any) -> str:
    """A node's name, or that of its first output if it has none."""
    return node.name or next((name for name in node.output if name), "a node without a name")


def scopes(model: Model) -> Iterator[Scope]:
    """The main graph and all bodies of its nodes, outer ones first."""
    waiting = [Scope(model, model.proto.graph, None)]
    while waiting:
        scope = waiting.pop(0)
        yield scope
        for node in scope.graph.node:
            for attribute in node.attribute:
                graphs = [attribute.g] if attribute.type == GRAPH else list(attribute.graphs)
                waiting += [Scope(model, graph, scope) for graph in graphs]


def input_of(node: Any, name: str) -> str:
    """The value that a node reads as one of :data:`INPUTS`; empty if it has none."""
    place = INPUTS.index(name)
    return str(node.input[place]) if place < len(node.input) else ""
