"""What an LSTM node reads: its weights, and whether all that it reads has the types and shapes of the operator.

In: a node and the graph around it. Out: W, R, B and P as float32; or every input that does not fit, whether
anything is made of it or not. Of values that only a run can tell, what is known of their shapes is compared. It
knows no order of gates; states and lengths are read by `carried`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail, to_float32
from bnns_lstm.formats.onnx.data_types import DATA_TYPES, FLOATS, INT32
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.kinds import kind_of
from bnns_lstm.formats.onnx.nodes import input_count, input_of, is_quantized
from bnns_lstm.formats.onnx.quantized import dequantized
from bnns_lstm.formats.onnx.shapes import Shape, shape_of
from bnns_lstm.formats.stored import Floats

__all__ = ["Sizes", "input_issues", "sizes_of", "weights_of"]

MOST_OUTPUTS = 3
# What is read beside the weights.
OTHERS = ("X", "sequence_lens", "initial_h", "initial_c")


class Sizes(NamedTuple):
    """What the weights of a node say.

    Attributes:
        directions: 1 or 2.
        hidden: Units.
        inputs: Values per step that it reads.
    """

    directions: int
    hidden: int
    inputs: int


def weights_of(path: str, scope: Scope, node: Any) -> dict[str, Floats]:
    """W, R, and B and P if there are any; quantised ones as LSTM would have them.

    Raises:
        WeightsError: Naming each that is missing, no constant, or no float.
    """
    issues: list[WeightsIssue] = []
    arrays: dict[str, Floats] = {}
    for name in ("W", "R", "B", "P"):
        value, own = input_of(node, name), f"{path}: {name}"
        try:
            if name in {"W", "R"} and is_quantized(node):
                arrays[name] = dequantized(path, scope, node, name)
            elif value:
                arrays[name] = to_float32(own, scope.constant(own, value))
            elif name in {"W", "R"}:
                raise fail(own, "a constant", "no such input", codes.MISSING_ENTRY)
        except WeightsError as error:
            issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    return arrays


def sizes_of(path: str, arrays: Mapping[str, Floats], directions: int, hidden: int | None) -> Sizes:
    """The sizes of a node, of which the hidden size is R's.

    Raises:
        WeightsError: Naming each array that does not fit the others or the attributes.
    """
    recurrent, below = arrays["R"].shape, arrays["W"].shape
    units = recurrent[2] if len(recurrent) == 3 else 0
    inputs = below[2] if len(below) == 3 else 0
    if units < 1:
        expected = f"[{directions}, 4*hidden, hidden]"
        raise fail(f"{path}: R", expected, str(list(recurrent)), codes.SIZE_MISMATCH)
    wanted: dict[str, tuple[int, ...]] = {
        "R": (directions, 4 * units, units),
        "W": (directions, 4 * units, inputs),
        "B": (directions, 8 * units),
        "P": (directions, 3 * units),
    }
    issues = [
        WeightsIssue(
            f"{path}: {name}", str(list(wanted[name])), str(list(array.shape)), codes.SIZE_MISMATCH
        )
        for name, array in arrays.items()
        if array.shape != wanted[name] or array.size == 0
    ]
    if hidden is not None and hidden != units:
        issue = WeightsIssue(
            f"{path}: hidden_size", f"{units}, as in R", str(hidden), codes.SIZE_MISMATCH
        )
        issues.append(issue)
    if issues:
        raise WeightsError(tuple(issues))
    return Sizes(directions, units, inputs)


def input_issues(
    path: str, scope: Scope, node: Any, sizes: Sizes | None, *, batch_first: bool
) -> list[WeightsIssue]:
    """What is wrong with the number of inputs and outputs, and with each input that is no weight.

    Args:
        path: What errors call the node.
        scope: The graph that it stands in.
        node: The node.
        sizes: What its weights say; None if they are wrong themselves.
        batch_first: Whether its layout is 1.
    """
    issues: list[WeightsIssue] = []
    for kind, names, most in (
        ("inputs", node.input, input_count(node)),
        ("outputs", node.output, MOST_OUTPUTS),
    ):
        if len(names) > most:
            expected, found = f"at most {most} of {node.op_type}", str(len(names))
            issues.append(WeightsIssue(f"{path}: {kind}", expected, found, codes.UNEXPECTED_ENTRY))
    if not input_of(node, "X"):
        issues.append(
            WeightsIssue(f"{path}: X", "a sequence", "no such input", codes.MISSING_ENTRY)
        )
    known: dict[int | str, tuple[int, str]] = {}
    for name in OTHERS:
        value = input_of(node, name)
        if not value:
            continue
        if not scope.has(value):
            issues.append(_missing(path, name, value))
            continue
        issues += _type_issues(path, scope, name, value)
        if sizes is not None:
            axes = _axes(name, sizes, batch_first=batch_first)
            issues += _shape_issues(f"{path}: {name}", shape_of(scope, value), axes, known)
    return issues


def _missing(path: str, name: str, value: str) -> WeightsIssue:
    found = f"{value!r}, nothing of this name"
    return WeightsIssue(f"{path}: {name}", "a value that the graph has", found, codes.MISSING_ENTRY)


def _type_issues(path: str, scope: Scope, name: str, value: str) -> list[WeightsIssue]:
    kinds = (INT32,) if name == "sequence_lens" else FLOATS
    kind = kind_of(scope, value)
    if kind is None or kind in kinds:
        return []
    found = f"the data type {kind} of onnx.TensorProto"
    expected = " or ".join(DATA_TYPES[one].name for one in kinds)
    return [WeightsIssue(f"{path}: {name}", expected, found, codes.UNSUPPORTED_DATA_TYPE)]


def _axes(name: str, sizes: Sizes, *, batch_first: bool) -> list[int | str]:
    """The axes of an input: sizes, or names of what the inputs share."""
    if name == "sequence_lens":
        return ["batch"]
    if name == "X":
        return [*(("batch", "steps") if batch_first else ("steps", "batch")), sizes.inputs]
    outer: list[int | str] = [sizes.directions, "batch"]
    return [*(outer[::-1] if batch_first else outer), sizes.hidden]


def _shape_issues(
    path: str, shape: Shape | None, axes: list[int | str], known: dict[int | str, tuple[int, str]]
) -> list[WeightsIssue]:
    """Compare an input with its axes; `known` holds what the inputs before it say of shared ones."""
    if shape is None:
        return []
    wanted = [known[axis][0] if axis in known else axis for axis in axes]
    fits = len(shape) == len(wanted) and all(
        size is None or not isinstance(axis, int) or size == axis
        for axis, size in zip(wanted, shape, strict=True)
    )
    if not fits:
        found = f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
        expected = f"[{', '.join(map(str, wanted))}]"
        shared = sorted({known[axis][1] for axis in axes if axis in known})
        expected += f" (batch as in {', '.join(shared)})" if shared else ""
        is_state = path.rpartition(": ")[2].startswith("initial_")
        if is_state and len(shape) == len(wanted) and shape[-1] not in {wanted[-1], None}:
            expected += (
                " (ONNX has no projection, whatever PyTorch writes for proj_size; "
                "from_torch takes the module)"
            )
        code = codes.SIZE_MISMATCH if len(shape) == len(wanted) else codes.RANK_MISMATCH
        return [WeightsIssue(path, expected, found, code)]
    for axis, size in zip(axes, shape, strict=True):
        if isinstance(axis, str) and size is not None:
            known.setdefault(axis, (size, path.rpartition(": ")[2]))
    return []
