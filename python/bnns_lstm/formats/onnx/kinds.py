"""The types of values before anything runs.

In: a value of a graph. Out: its type, or that it is not known. It knows no shapes and reads no values.
"""

from __future__ import annotations

from typing import Any

from bnns_lstm.formats.onnx.data_types import FLOAT
from bnns_lstm.formats.onnx.graph import DEEPEST, Scope
from bnns_lstm.formats.onnx.nodes import DOMAINS
from bnns_lstm.formats.onnx.ops import attributes

__all__ = ["kind_of"]

# Operators whose output has the type of the first input.
SAME_TYPE = {
    "Concat", "Dropout", "Expand", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile",
    "Transpose", "Unsqueeze",
}  # fmt: skip


def kind_of(scope: Scope, name: str) -> int | None:
    """The value's type, one of TensorProto.DataType; None if it is not known."""
    for _ in range(DEEPEST):
        scope, node = scope.origin(name)
        if node is None:
            return _of_source(scope, name)
        if node.domain not in DOMAINS:
            return None
        if node.op_type not in SAME_TYPE or not node.input:
            return _of_source_node(node)
        name = node.input[0]
    return None


def _of_source(scope: Scope, name: str) -> int | None:
    if name in scope.tensors:
        return int(scope.tensors[name].data_type)
    if name not in scope.inputs:
        return None
    return int(scope.declared[name].type.tensor_type.elem_type) or None


def _of_source_node(node: Any) -> int | None:
    """The type of what a node makes, where its attributes say it."""
    words = attributes(node)
    if node.op_type == "Cast":
        to = words.get("to")
        return to if isinstance(to, int) else None
    if node.op_type not in {"Constant", "ConstantOfShape"}:
        return None
    found = getattr(words.get("value"), "data_type", None)
    is_default = node.op_type == "ConstantOfShape" and words.get("value") is None
    return FLOAT if is_default else found
