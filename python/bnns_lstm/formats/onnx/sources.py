"""What is known of the values that an ONNX graph begins with: numbers of constants, shapes of inputs.

In: a scope and a name. Out: a :class:`Value`. Only small constants are read; of large ones the shape is known.
Nothing here knows LSTM nodes, or what operators do.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bnns_lstm._look import is_a
from bnns_lstm.errors import WeightsError
from bnns_lstm.formats.extras import need
from bnns_lstm.formats.onnx.arithmetic import LARGEST
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.ops import attributes
from bnns_lstm.formats.onnx.steps import named
from bnns_lstm.formats.onnx.values import Sizes, Value, blank, known, nothing

__all__ = ["claimed", "constant", "filled", "of_source"]


def of_source(scope: Scope, name: str, sizes: Sizes) -> Value:
    """An initializer, or an input of the graph; the caller's value of an input comes first."""
    if scope.is_given(name):
        array = scope.model.given[name]
        return blank(array.shape) if array.size > LARGEST else known(array)
    tensor = scope.tensors.get(name)
    if tensor is not None:
        return _tensor(scope, f"the constant {name!r}", tensor)
    if name in scope.inputs:
        return claimed(scope, name, "", sizes)
    return nothing(f"{name!r}, which nothing makes, is read")


def constant(scope: Scope, node: Any) -> Value:
    """The output of a node `Constant`."""
    tensor = attributes(node).get("value")
    if tensor is not None:
        return _tensor(scope, named(node), tensor)
    try:
        return known(scope.constant(node.output[0], node.output[0]))
    except (IndexError, ValueError, TypeError, OverflowError, WeightsError):
        return nothing(f"{named(node)} is no constant that can be read")


def filled(scope: Scope, node: Any, shape: Value | None) -> Value:
    """The output of a node `ConstantOfShape`."""
    if shape is None or not shape.is_known or shape.array is None:
        cause = "" if shape is None else shape.cause
        return nothing(
            cause or f"{named(node)} has a shape that is not known before the model runs"
        )
    sizes = shape.array.ravel().tolist()
    tensor = attributes(node).get("value")
    fill = known(np.zeros(1, np.float32)) if tensor is None else _tensor(scope, named(node), tensor)
    try:
        made = blank([int(size) for size in sizes])
        if fill.array is None or prod(sizes) > LARGEST:
            return made
        return known(np.broadcast_to(fill.array, sizes))
    except (ValueError, TypeError, OverflowError) as error:
        return nothing(f"{named(node)}: {error}")


def claimed(scope: Scope, name: str, cause: str, sizes: Sizes) -> Value:
    """A value by the shape that the graph declares.

    Args:
        scope: Where it stands.
        name: Its name.
        cause: Why no more is known of it.
        sizes: Sizes for axes that have none.
    """
    info = scope.declared.get(name)
    shape = None if info is None else sizes.shape(info)
    if shape is None:
        return nothing(cause or f"{name!r}, an input of the graph without a shape, is read")
    try:
        return blank(shape, cause)
    except ValueError as error:
        return nothing(f"{name!r}: {error}")


def _tensor(scope: Scope, path: str, tensor: Any) -> Value:
    """The numbers of a small tensor, the shape of a large one, or of one that cannot be read."""
    if not is_a(tensor, need("onnx", "onnx").TensorProto):
        return nothing(f"{path} has a value that is no tensor")
    try:
        if prod(tensor.dims) > LARGEST:
            return blank(tensor.dims)
        return known(scope.model.array(tensor))
    except (OSError, ValueError, WeightsError):
        cause = f"{path} is of a type that sizes do not have, or damaged"
    try:
        return blank(tensor.dims, cause)
    except ValueError:
        return nothing(cause)
