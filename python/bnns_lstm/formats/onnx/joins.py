"""Whether one LSTM node reads the output of another as the layers of a stack do, and if not, why.

In: a graph that is followed with several rounds of sizes. Out: the node below, or why it is none. Nothing
here knows how operators are followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnns_lstm.formats.onnx.flow import Flow, Output
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.nodes import INPUTS, input_of
from bnns_lstm.formats.onnx.ops import attributes
from bnns_lstm.formats.onnx.steps import named
from bnns_lstm.formats.onnx.values import ROUNDS, Array, Value
from bnns_lstm.formats.onnx.ways import Way, ways

__all__ = ["below", "flows_of", "side_ways", "why_not"]

AXES = ("steps", "directions", "batch", "hidden")
AXES_BATCH_FIRST = ("batch", "steps", "directions", "hidden")


def flows_of(nodes: Sequence[tuple[Scope, Any]]) -> list[Flow]:
    """A graph to be followed, once for each round of sizes."""
    return [Flow(nodes, sizes) for sizes in ROUNDS]


def below(flows: Sequence[Flow], upper: int) -> int | None:
    """The LSTM node whose output reaches this one in its place, with all sizes.

    Raises:
        WeightsError: If the graph has a cycle.
    """
    found = _read(flows[0], upper)
    if found is None or not found.size or found.flat[0] < 0:
        return None
    lower = flows[0].owner(int(found.flat[0]))
    if lower is None or lower == upper or _barrier(flows[0], lower, upper):
        return None
    return lower if all(_is_joined(flow, lower, upper) for flow in _needed(flows)) else None


def side_ways(flow: Flow, upper: int) -> dict[str, set[int] | None]:
    """The LSTM nodes on which other inputs of a node depend; None where too many nodes stand before it."""
    scope, node = flow.nodes[upper]
    found: dict[str, set[int] | None] = {}
    for name in INPUTS[1:]:
        value = input_of(node, name)
        if value and value not in scope.tensors and not scope.is_zero(value):
            reached, is_all = ways(flow, scope, value)
            if reached or not is_all:
                found[name] = set(reached) if is_all else None
    return found


def why_not(flows: Sequence[Flow], lower: int, upper: int) -> str:
    """Why the output of one node is not what the other reads, with the node where it broke."""
    barrier = _barrier(flows[0], lower, upper)
    if barrier:
        return barrier
    scope, node = flows[0].nodes[upper]
    reached, is_all = ways(flows[0], scope, input_of(node, "X"))
    if lower not in reached:
        if not is_all:
            return "an X that stands behind too many operators"
        others = [named(flows[0].nodes[number][1]) for number in reached]
        return f"an X that depends on {' and '.join(others[:3]) or 'no LSTM node'}"
    broken = (flow for flow in _needed(flows) if not _is_joined(flow, lower, upper))
    flow = next(broken, flows[0])
    return _broken(flow, lower, flow.value(scope, input_of(node, "X")), reached[lower])


def _broken(flow: Flow, lower: int, value: Value, way: Way) -> str:
    """What a node reads instead of the output that reaches it on this way."""
    if value.cause:
        declared = "those that the model declares, which take too much memory"
        smaller = f" (with smaller sizes than {declared})" if flow.is_smaller else ""
        return f"an X that cannot be followed: {value.cause}{smaller}"
    one, output = named(flow.nodes[lower][1]), flow.outputs.get(lower)
    if output is None or value.array is None or value.is_blank:
        return f"an X that does not come from the output of {one} as it is"
    node, array = _break(flow, output, way, value.array)
    place = f"{named(node)} makes" if node is not None else f"{one} gives"
    return f"an X in the wrong order: {place} {_described(array, output)} of the output of {one}"


def _needed(flows: Sequence[Flow]) -> Sequence[Flow]:
    """One flow is enough where the model declares all sizes."""
    return flows if flows[0].sizes.drawn else flows[:1]


def _read(flow: Flow, upper: int) -> Array | None:
    """The places that a node's X comes from; None if it has no three axes of them."""
    scope, node = flow.nodes[upper]
    name = input_of(node, "X")
    value = flow.value(scope, name) if name else None
    if value is None or value.array is None or value.is_known or value.is_blank:
        return None
    return value.array if value.array.ndim == 3 else None


def _is_joined(flow: Flow, lower: int, upper: int) -> bool:
    found = _read(flow, upper)
    output = flow.outputs.get(lower)
    if found is None or output is None:
        return False
    wanted = _wanted(output, batch_first=bool(attributes(flow.nodes[upper][1]).get("layout")))
    shape = (*wanted.shape[:2], wanted.shape[2] * wanted.shape[3])
    return found.shape == shape and np.array_equal(found, wanted.reshape(shape))


def _wanted(output: Output, *, batch_first: bool) -> Array:
    """The places as the next layer reads them, `[steps, batch, directions, hidden]`, or the batch first."""
    array = output.array if output.batch_first else output.array.swapaxes(1, 2)
    return array.swapaxes(0, 1) if output.batch_first != batch_first else array


def _barrier(flow: Flow, lower: int, upper: int) -> str:
    """Whether a node stands in a body that runs several times, and the other one outside of it."""
    scope: Scope | None = flow.nodes[upper][0]
    home = flow.nodes[lower][0]
    while scope is not None and scope is not home:
        if scope.owner is not None and scope.owner.op_type != "If":
            return (
                f"a node in the body of {named(scope.owner)}, outside of which the other one stands"
            )
        scope = scope.parent
    return "" if scope is home else "a node in another body of the graph"


def _break(flow: Flow, output: Output, way: Way, read: Array) -> tuple[Any, Array]:
    """The node after which values are no longer in their places, and what it makes."""
    wanted = output.array if output.batch_first else output.array.swapaxes(1, 2)
    joined = wanted.reshape(*wanted.shape[:2], -1)
    parts = [wanted[:, :, number] for number in range(wanted.shape[2])]
    right = [np.squeeze(one) for one in (wanted, joined, *parts)]
    found: tuple[Any, Array] = (None, read)
    for scope, node in reversed(way):
        made = next((flow.value(scope, name) for name in node.output if name), None)
        array = None if made is None else made.array
        if array is None:
            continue
        if any(np.array_equal(np.squeeze(array), one) for one in right):
            return (node, array) if found[0] is None else found
        found = (node, array)
    return found


def _described(array: Array, output: Output) -> str:
    """Which axes of an output lie along the axes of an array."""
    if not array.size:
        return f"{list(array.shape)}, which is nothing,"
    names = AXES_BATCH_FIRST if output.batch_first else AXES
    words = []
    for axis in range(array.ndim):
        line = array[tuple(slice(None) if one == axis else 0 for one in range(array.ndim))]
        inside = line - output.start
        if not inside.size or inside.min() < 0 or inside.max() >= output.size:
            words.append("other values")
            continue
        places = np.unravel_index(inside, output.shape)
        along = [name for name, place in zip(names, places, strict=True) if np.ptp(place)]
        order = "" if np.all(np.diff(line.astype(np.int64)) > 0) else " in another order"
        words.append(("*".join(along) or str(inside.size)) + order)
    return f"[{', '.join(words)}]"
