"""What is known of the shapes of values before anything runs: whole shapes, some axes, or nothing.

In: a value of a graph. Out: its sizes, None for each that only a run can tell. Sizes come from constants, from
what the inputs of a graph declare, and through operators by `shape_rules`. It makes no array of a size that it
reads. What it says holds for every run, so that a node's inputs can be refused by it; `flow`, which compares
places, draws sizes where it knows none and takes declared ones of any value.
"""

from __future__ import annotations

from typing import Any

from bnns_lstm.formats.onnx.graph import DEEPEST, Scope
from bnns_lstm.formats.onnx.nodes import DOMAINS, input_of, is_lstm, is_quantized
from bnns_lstm.formats.onnx.ops import LARGEST_RANK, attributes
from bnns_lstm.formats.onnx.shape_rules import NOTHING, NUMBERS, SHAPES, Shape

__all__ = ["Shape", "shape_of"]

# Sizes, starts and axes are vectors of a few numbers, none of which is larger than an int64.
LONGEST, LARGEST = 64, 2**63 - 1


def shape_of(scope: Scope, name: str, depth: int = 0) -> Shape | None:
    """The sizes of a value as far as they are known; None if not even their number is."""
    scope, node = scope.origin(name)
    if name not in scope.shapes:
        # What a value in a circle finds when it asks for itself.
        scope.shapes[name] = None
        if depth <= DEEPEST:
            scope.shapes[name] = _bounded(_shape(scope, name, node, depth + 1), LARGEST_RANK)
    return scope.shapes[name]


def _bounded(sizes: Shape | None, longest: int) -> Shape | None:
    """Sizes, unless there are too many; None for each that is too large."""
    if sizes is None or len(sizes) > longest:
        return None
    return tuple(size if size is not None and abs(size) <= LARGEST else None for size in sizes)


def _shape(scope: Scope, name: str, node: Any, depth: int) -> Shape | None:
    if node is None:
        return _of_source(scope, name)
    if is_lstm(node):
        return _of_lstm(scope, node, list(node.output).index(name), depth)
    if node.domain in DOMAINS and node.op_type == "Constant" and scope.is_constant(name):
        return scope.constant(name, name).shape
    if node.domain not in DOMAINS or node.op_type not in SHAPES:
        return None
    try:
        return SHAPES[node.op_type](_Node(scope, node, name, depth))
    except NOTHING:
        return None


def _of_source(scope: Scope, name: str) -> Shape | None:
    """What is known of an initializer or an input."""
    if scope.is_given(name):
        return scope.model.given[name].shape
    if name in scope.tensors:
        return tuple(scope.tensors[name].dims)
    if name not in scope.inputs or not scope.declared[name].type.tensor_type.HasField("shape"):
        return None
    declared = scope.declared[name].type.tensor_type
    # A size of 0 or below is how some exporters write that it is not known.
    return tuple(dim.dim_value if dim.dim_value > 0 else None for dim in declared.shape.dim)


def _of_lstm(scope: Scope, node: Any, output: int, depth: int) -> Shape | None:
    below = shape_of(scope, input_of(node, "X"), depth) or (None, None, None)
    recurrent = shape_of(scope, input_of(node, "R"), depth) or (None, None, None)
    if len(below) != 3 or len(recurrent) != 3:
        return None
    directions, hidden = recurrent[0], recurrent[1 if is_quantized(node) else 2]
    is_sequence = output == 0
    if attributes(node).get("layout"):
        return (*below[: 1 + is_sequence], directions, hidden)
    return (*below[:is_sequence], directions, below[1], hidden)


def _numbers(scope: Scope, name: str, depth: int) -> Shape | None:
    """A short vector of whole numbers, or one number, as far as it is known."""
    scope, node = scope.origin(name)
    if name not in scope.numbers:
        scope.numbers[name] = None
        if depth <= DEEPEST:
            scope.numbers[name] = _bounded(_found(scope, name, node, depth + 1), LONGEST)
    return scope.numbers[name]


def _found(scope: Scope, name: str, node: Any, depth: int) -> Shape | None:
    if scope.is_constant(name):
        array = scope.constant(name, name)
        is_short = array.dtype.kind in "iu" and array.size <= LONGEST
        return tuple(map(int, array.ravel())) if is_short else None
    if node is None or node.domain not in DOMAINS or node.op_type not in NUMBERS:
        return None
    try:
        return NUMBERS[node.op_type](_Node(scope, node, name, depth))
    except NOTHING:
        return None


class _Node:
    """A node whose output is asked for; what is not known of its inputs is a ValueError."""

    def __init__(self, scope: Scope, node: Any, name: str, depth: int) -> None:
        self.scope, self.inputs, self.depth = scope, list(node.input), depth
        self.words, self.count = attributes(node), len(node.input)
        self.output, self.outputs = list(node.output).index(name), len(node.output)

    def shape(self, place: int = 0) -> Shape:
        found = shape_of(self.scope, self.inputs[place], self.depth)
        if found is None:
            raise ValueError("a shape that is not known")
        return found

    def sizes(self, place: int) -> Shape:
        found = _numbers(self.scope, self.inputs[place], self.depth)
        if found is None:
            raise ValueError("numbers that are not known")
        return found

    def has(self, place: int) -> bool:
        return place < self.count and bool(self.inputs[place])
