"""Initial states and lengths that an ONNX model carries as constants.

In: a node whose inputs have the right types and shapes, and the graph around it. Out: lengths and states; None
where a call gives them, where states are zeros, and where all samples run to the end. It knows no weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm.formats.convert import fail, to_float32
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.nodes import input_of
from bnns_lstm.formats.onnx.shapes import shape_of
from bnns_lstm.formats.stored import Floats

__all__ = ["is_given_at_run_time", "lengths_of", "state_of"]


def lengths_of(path: str, scope: Scope, node: Any, *, batch_first: bool) -> tuple[int, ...] | None:
    """Lengths that the model carries; None if all samples run to the end, or they are given at run time.

    Raises:
        WeightsError: If a length is negative, or beyond the steps that the graph declares.
    """
    value = input_of(node, "sequence_lens")
    if not value or not scope.is_constant(value):
        return None
    array = scope.constant(f"{path}: sequence_lens", value)
    shape = shape_of(scope, input_of(node, "X"))
    steps = shape[1 if batch_first else 0] if shape is not None and len(shape) == 3 else None
    lengths = tuple(map(int, array.ravel()))
    wrong = [one for one in lengths if one < 0 or (steps is not None and one > steps)]
    if wrong:
        expected = f"numbers from 0 to {'the steps' if steps is None else steps}"
        raise fail(f"{path}: sequence_lens", expected, str(wrong[0]), codes.INVALID_NUMBER)
    return None if all(one == steps for one in lengths) else lengths


def is_given_at_run_time(scope: Scope, node: Any, name: str) -> bool:
    """Whether an initial state is neither zeros nor a constant: a call gives it or the model computes it."""
    value = input_of(node, name)
    return bool(value) and not scope.is_zero(value) and not scope.is_constant(value)


def state_of(
    path: str, scope: Scope, node: Any, *, batch_first: bool
) -> tuple[Floats, Floats] | None:
    """Initial states that the model carries; None if they are zeros or given at run time.

    Raises:
        WeightsError: If only one of them is a constant and the other one is computed.
    """
    states: dict[str, Floats] = {}
    given: list[str] = []
    for name in ("initial_h", "initial_c"):
        value, own = input_of(node, name), f"{path}: {name}"
        if not value or not scope.has(value) or scope.is_zero(value):
            continue
        given.append(name)
        if scope.is_constant(value):
            array = to_float32(own, scope.constant(own, value))
            is_swapped = batch_first and array.ndim == 3
            states[name] = array.swapaxes(0, 1).copy() if is_swapped else array
    if len(states) == 1 and len(given) == 2:
        only = next(iter(states))
        other = given[1 - given.index(only)]
        found = f"{input_of(node, other)!r}, which a call gives or the model computes"
        expected = f"a constant, as {only} is one (inputs= gives inputs of the graph)"
        raise fail(f"{path}: {other}", expected, found, codes.NOT_CONSTANT)
    if not states:
        return None
    zeros = np.zeros_like(next(iter(states.values())))
    return states.get("initial_h", zeros), states.get("initial_c", zeros)
