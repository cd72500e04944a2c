"""Where the values of an ONNX graph come from: constants, nodes, inputs, in subgraphs too.

In: a model. Out: a :class:`Scope` for each of its graphs, which says of a value what makes it, and gives those
that are constants. It knows no LSTM.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.onnx.functions import Functions
from bnns_lstm.formats.onnx.nodes import DOMAINS, input_of, label
from bnns_lstm.formats.onnx.ops import PLAIN, apply, attributes
from bnns_lstm.formats.onnx.tensors import Model

__all__ = ["DOMAINS", "Scope", "input_of", "label", "scopes"]

Array = npt.NDArray[Any]
Sizes = tuple[int | None, ...]

# Steps from a constant to its use; exporters need a handful.
DEEPEST = 50
# Operators behind which zeros stay zeros; the first input holds the values.
KEEP_ZEROS = PLAIN | {"Expand", "Gather", "Tile"}
# What constants made of constants may hold, relative to all tensors that were read.
LARGEST = 8
# AttributeProto.AttributeType of a body.
GRAPH = 5


class Graph(NamedTuple):
    """An `onnx.GraphProto` whose nodes are no calls of local functions."""

    node: Sequence[Any]
    initializer: Sequence[Any]
    input: Sequence[Any]
    output: Sequence[Any]
    value_info: Sequence[Any]


@dataclass
class Scope:
    """A graph, and the one around it if it is the body of a node.

    Attributes:
        model: The whole model.
        graph: The graph.
        parent: The scope of the graph around it.
        owner: The node whose body it is; None for the main graph.
        tensors: The initializers by name.
        producers: The nodes by the names of their outputs.
        inputs: The names of the inputs.
        declared: What the graph says of types and shapes, by the names of values.
        known: Constants that were asked for.
        zeros: Whether values are zeros, of those that were asked for.
        shapes: What is known of the shapes that were asked for.
        numbers: What is known of the vectors of sizes that were asked for.
    """

    model: Model
    graph: Graph
    parent: Scope | None
    tensors: dict[str, Any] = field(default_factory=dict)
    producers: dict[str, Any] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    declared: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Array] = field(default_factory=dict)
    zeros: dict[str, bool] = field(default_factory=dict)
    shapes: dict[str, Sizes | None] = field(default_factory=dict)
    numbers: dict[str, Sizes | None] = field(default_factory=dict)
    owner: Any = None

    def __post_init__(self) -> None:
        """Index the names.

        Raises:
            WeightsError: If a value is made twice.
        """
        self.tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        self.inputs = {value.name for value in self.graph.input}
        infos = (self.graph.value_info, self.graph.output, self.graph.input)
        self.declared = {info.name: info for one in infos for info in one}
        self.producers = {name: node for node in self.graph.node for name in node.output if name}
        # An initializer of an input's name is its default; all other names stand once.
        made = Counter(name for node in self.graph.node for name in node.output if name)
        made.update(self.inputs | self.tensors.keys())
        constants = Counter(tensor.name for tensor in self.graph.initializer)
        for name, count in (*made.items(), *constants.items()):
            if count > 1:
                found = f"a second {shown(name)}"
                raise fail("source", "values that are made once", found, codes.DAMAGED_FILE)

    def has(self, name: str) -> bool:
        """Whether a node makes the value, or it is an input or an initializer."""
        scope, node = self.origin(name)
        return node is not None or name in scope.tensors or name in scope.inputs

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
            array = _of_source(path, scope, name)
        elif node.op_type == "Constant" and node.domain in DOMAINS:
            array = _of_constant_node(path, scope, node)
        else:
            array = _moved(path, scope, name, node, depth)
        scope.known[name] = array
        return array

    def is_given(self, name: str) -> bool:
        """Whether a name is that of an input of the model whose value the caller gave."""
        return self.parent is None and name in self.inputs and name in self.model.given

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


def _of_source(path: str, scope: Scope, name: str) -> Array:
    """The value of an input that the caller gave, or of an initializer."""
    if scope.is_given(name):
        return scope.model.given[name]
    if name in scope.tensors:
        return scope.model.array(scope.tensors[name])
    if name not in scope.inputs:
        raise fail(path, "a constant", f"{name!r}, nothing of this name", codes.MISSING_ENTRY)
    found = f"{name!r}, an input of the body of a node"
    if scope.parent is None:
        found = f"{name!r}, an input of the graph (give it: inputs={{{name!r}: array}})"
    raise fail(path, "a constant", found, codes.NOT_CONSTANT)


def _of_constant_node(path: str, scope: Scope, node: Any) -> Array:
    words = attributes(node)
    if "value" in words:
        return scope.model.array(words["value"])
    for name, kind in (("value_float", np.float32), ("value_int", np.int64)):
        for key in (name, f"{name}s"):
            numbers = words.get(key)
            if isinstance(numbers, float | int | list):
                try:
                    return np.array(numbers, kind)
                except ValueError:  # a list of texts
                    break
    # Names that are no UTF-8 come as bytes.
    found = ", ".join(map(str, words)) or "nothing"
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


def scopes(model: Model) -> Iterator[Scope]:
    """The main graph and all bodies of its nodes, outer ones first; calls of local functions are replaced.

    Raises:
        WeightsError: If a call does not fit its function, calls are too many or too deep, or a value is made
            twice.
    """
    functions = Functions(model.proto)
    waiting = [Scope(model, _graph(model.proto.graph, functions), None)]
    while waiting:
        scope = waiting.pop(0)
        yield scope
        for node in scope.graph.node:
            for attribute in node.attribute:
                graphs = [attribute.g] if attribute.type == GRAPH else list(attribute.graphs)
                waiting += [
                    Scope(model, _graph(graph, functions), scope, owner=node) for graph in graphs
                ]


def _graph(graph: Any, functions: Functions) -> Graph:
    nodes = functions.expanded(graph.node)
    return Graph(nodes, graph.initializer, graph.input, graph.output, graph.value_info)
