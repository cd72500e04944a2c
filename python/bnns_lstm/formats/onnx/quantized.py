"""The weights of ONNX Runtime's operator DynamicQuantizeLSTM as those of ONNX' LSTM.

In: integers [directions, in, 4*hidden], a scale and a zero point for each direction or for each direction and
column. Out: float32 [directions, 4*hidden, in], each the nearest to (integer - zero point) * scale. ONNX
Runtime quantises the inputs of each step in addition, so that its results differ from those of these weights.
Source: ONNX Runtime's documentation of its operators, and `dynamic_quantize_lstm.cc`, which says the shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.nodes import input_of
from bnns_lstm.formats.stored import Floats

__all__ = ["dequantized"]

Array = npt.NDArray[Any]


def dequantized(path: str, scope: Scope, node: Any, name: str) -> Floats:
    """W or R of a quantised node.

    Args:
        path: What errors call the node.
        scope: The graph that it stands in.
        node: The node.
        name: `"W"` or `"R"`.

    Raises:
        WeightsError: Naming each of the three arrays that is missing, no constant, or of another type or shape.
    """
    issues: list[WeightsIssue] = []
    arrays: dict[str, Array] = {}
    for key in (name, f"{name}_scale", f"{name}_zero_point"):
        value = input_of(node, key)
        if not value:
            issue = WeightsIssue(
                f"{path}: {key}", "a constant", "no such input", codes.MISSING_ENTRY
            )
            issues.append(issue)
            continue
        try:
            arrays[key] = scope.constant(f"{path}: {key}", value)
        except WeightsError as error:
            issues += error.issues
    issues += _type_issues(path, arrays, name)
    if not issues:
        issues += _shape_issues(path, arrays, name)
    if issues:
        raise WeightsError(tuple(issues))
    quantized, scale, zero = arrays.values()
    columns = tuple(side.reshape(len(quantized), 1, -1) for side in (scale, zero))
    # Differences of 8-bit integers are exact, so that each product is rounded once.
    with np.errstate(invalid="ignore", over="ignore"):  # scales may be infinite or NaN
        floats = (quantized.astype(np.float32) - columns[1].astype(np.float32)) * columns[0]
    turned: Floats = np.ascontiguousarray(floats.swapaxes(1, 2), np.float32)
    return turned


def _type_issues(path: str, arrays: dict[str, Array], name: str) -> list[WeightsIssue]:
    integers = arrays.get(name)
    is_known = integers is not None and integers.dtype in {np.dtype(np.int8), np.dtype(np.uint8)}
    wanted = {
        name: "int8 or uint8",
        f"{name}_scale": "float32",
        f"{name}_zero_point": integers.dtype.name if is_known and integers is not None else "",
    }
    return [
        WeightsIssue(f"{path}: {key}", wanted[key], array.dtype.name, codes.UNSUPPORTED_DATA_TYPE)
        for key, array in arrays.items()
        if wanted[key] and array.dtype.name not in wanted[key].split(" or ")
    ]


def _shape_issues(path: str, arrays: dict[str, Array], name: str) -> list[WeightsIssue]:
    shape = arrays[name].shape
    if len(shape) != 3 or 0 in shape:
        rows = "hidden" if name == "R" else "inputs"
        expected = f"[directions, {rows}, 4*hidden]"
        return [WeightsIssue(f"{path}: {name}", expected, str(list(shape)), codes.SIZE_MISMATCH)]
    directions, columns = shape[0], shape[2]
    return [
        WeightsIssue(
            f"{path}: {key}", f"[{directions}] or [{directions}, {columns}]", str(list(array.shape)),
            codes.SIZE_MISMATCH,
        )
        for key, array in arrays.items()
        if key != name and array.shape not in {(directions,), (directions, columns)}
    ]  # fmt: skip
