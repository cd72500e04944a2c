"""Whether a value is all zeros, whatever its shape at run time.

In: a value of a graph. Out: yes, or that it cannot be told. It knows no shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm.formats.onnx.graph import DEEPEST, DOMAINS, Scope
from bnns_lstm.formats.onnx.ops import PLAIN, attributes

__all__ = ["is_zero"]

# Operators behind which zeros stay zeros; the first input holds the values.
KEEP_ZEROS = PLAIN | {"Expand", "Gather", "Tile"}


def is_zero(scope: Scope, name: str, depth: int = 0) -> bool:
    """Whether a value is known to be all zeros."""
    scope, node = scope.origin(name)
    if name not in scope.zeros:
        scope.zeros[name] = depth <= DEEPEST and _is_zero(scope, name, node, depth)
    return scope.zeros[name]


def _is_zero(scope: Scope, name: str, node: Any, depth: int) -> bool:
    if scope.is_constant(name):
        return not np.any(scope.constant(name, name))
    if node is None or node.domain not in DOMAINS:
        return False
    if node.op_type == "ConstantOfShape":
        value = attributes(node).get("value")
        return value is None or not np.any(scope.model.array(value))
    if node.op_type not in KEEP_ZEROS or not node.input:
        return False
    inputs = node.input if node.op_type == "Concat" else node.input[:1]
    return all(is_zero(scope, one, depth + 1) for one in inputs)
