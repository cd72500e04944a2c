"""Values that the caller gives for inputs of a graph: checked against what the graph declares.

In: a mapping of names to arrays. Out: the same as NumPy's arrays, or an error that names each that does not
fit. It knows no LSTM.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import is_a, mapping
from bnns_lstm._show import listed, shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import as_array, fail
from bnns_lstm.formats.onnx.data_types import DATA_TYPES
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.nodes import DOMAINS
from bnns_lstm.formats.onnx.ops import PLAIN
from bnns_lstm.formats.onnx.tensors import Model

__all__ = ["check_used", "given_inputs"]

Array = npt.NDArray[Any]


def given_inputs(model: Model, inputs: object) -> dict[str, Array]:
    """The caller's values of inputs of the main graph.

    Raises:
        WeightsError: Naming each name that is no input's, and each value that is not as the graph declares it.
    """
    if inputs is None:
        return {}
    named = mapping(inputs)
    if named is None:
        expected = "a mapping of names of the graph's inputs to arrays, or None"
        issue = WeightsIssue("inputs", expected, type(inputs).__name__, codes.WRONG_TYPE)
        raise WeightsError((issue,))
    declared = {value.name: value.type.tensor_type for value in model.proto.graph.input}
    issues: list[WeightsIssue] = []
    arrays: dict[str, Array] = {}
    for name, value in named.items():
        path = f"inputs[{shown(name)}]"
        if not is_a(name, str) or name not in declared:
            expected = f"the name of an input of the graph ({listed(declared) or 'it has none'})"
            issues.append(WeightsIssue(path, expected, shown(name), codes.UNKNOWN_CHOICE))
            continue
        try:
            arrays[name] = _checked(path, value, declared[name])
        except WeightsError as error:
            issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    return arrays


def check_used(scopes: Iterable[tuple[Scope, list[str]]], given: Iterable[str]) -> None:
    """Refuse what was given although nothing that is read is made of it.

    Args:
        scopes: Values that are read, with the graph that they stand in.
        given: The names that the caller gave.

    Raises:
        WeightsError: Naming each of them.
    """
    used = {name for scope, names in scopes for name in _sources(scope, names)}
    issues = [
        WeightsIssue(
            f"inputs[{name!r}]",
            "an input that weights, initial states or lengths of the nodes that are read are made of",
            "one that none of them is made of",
            codes.UNEXPECTED_ENTRY,
        )
        for name in given
        if name not in used
    ]
    if issues:
        raise WeightsError(tuple(issues))


def _sources(scope: Scope, names: list[str]) -> set[str]:
    """The inputs of the main graph that values are made of by moving numbers."""
    waiting = [(scope, name) for name in names if name]
    seen: set[tuple[int, str]] = set()
    found: set[str] = set()
    while waiting:
        at, name = waiting.pop()
        origin, node = at.origin(name)
        if (id(origin), name) in seen:
            continue
        seen.add((id(origin), name))
        if node is None:
            if origin.is_given(name):
                found.add(name)
        elif node.op_type in PLAIN and node.domain in DOMAINS:
            waiting += [(origin, one) for one in node.input if one]
    return found


def _checked(path: str, value: object, declared: Any) -> Array:
    """A value of the type and shape that an input declares."""
    array = as_array(path, value)
    known, wanted = DATA_TYPES.get(declared.elem_type), _sizes(declared)
    kind = None if known is None else known.numpy
    axes = "" if wanted is None else f" [{', '.join(str(size or '?') for size in wanted)}]"
    expected = f"{kind or 'an input of numbers'}{axes}, as the graph declares it"
    found = f"{array.dtype.name} {list(array.shape)}"
    # NumPy's form of a tensor of bfloat16 is float32.
    if array.dtype.name != kind and (kind, array.dtype.name) != ("bfloat16", "float32"):
        raise fail(path, expected, found, codes.UNSUPPORTED_DATA_TYPE)
    if wanted is not None and (
        len(wanted) != array.ndim
        or any(
            isinstance(size, int) and size != real
            for size, real in zip(wanted, array.shape, strict=True)
        )
    ):
        raise fail(path, expected, found, codes.SIZE_MISMATCH)
    return array


def _sizes(declared: Any) -> list[int | str | None] | None:
    """The sizes that an input declares: numbers, or names of what only a run can tell."""
    if not declared.HasField("shape"):
        return None
    return [
        dim.dim_value if dim.dim_value > 0 else shown(dim.dim_param).strip("'") or None
        for dim in declared.shape.dim
    ]
