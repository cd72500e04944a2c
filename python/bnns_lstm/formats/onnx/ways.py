"""Which LSTM nodes' values reach a value of an ONNX graph, and through which nodes.

In: the LSTM nodes and a value. Out: for each LSTM node whose numbers it depends on, the nodes in between.
Shapes of values do not count as the values. Nothing here knows what operators do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from bnns_lstm.formats.onnx.flow import Flow, Key
from bnns_lstm.formats.onnx.graph import GRAPH, Scope
from bnns_lstm.formats.onnx.nodes import DOMAINS

__all__ = ["Way", "ways"]

# Nodes from the one that reads an LSTM node's output to the one that makes the value, each with its scope.
Way = list[tuple[Scope, Any]]
# Nodes that are visited for one value.
MOST_NODES = 5_000
# And for all values of a model.
MOST_WALKED = 100_000
SHAPES = {"Shape", "Size"}


def ways(flow: Flow, scope: Scope, name: str) -> tuple[dict[int, Way], bool]:
    """The LSTM nodes that a value depends on, not through other LSTM nodes, each with a shortest way.

    Returns:
        The ways by the numbers of the nodes, and whether all were found before too many nodes were visited.
    """
    found: dict[int, Way] = {}
    seen: set[Key] = set()
    above: dict[Key, tuple[Key | None, Scope, Any]] = {}
    queue: deque[tuple[Scope, str, Key | None]] = deque([(scope, name, None)])
    while queue:
        if len(seen) > MOST_NODES or flow.walked > MOST_WALKED:
            return found, False
        where, what, reader = queue.popleft()
        home, node = where.origin(what)
        key = (id(home), what)
        if key in seen:
            continue
        seen.add(key)
        flow.walked += 1
        number = flow.number(home, what)
        if number is not None:
            found.setdefault(number, _way(above, reader))
            continue
        if node is None or (node.op_type in SHAPES and node.domain in DOMAINS):
            continue
        above[key] = (reader, home, node)
        queue += [(home, one, key) for one in _read(node)]
    return found, True


def _way(above: dict[Key, tuple[Key | None, Scope, Any]], key: Key | None) -> Way:
    way: Way = []
    while key is not None:
        key, scope, node = above[key]
        way.append((scope, node))
    return way


def _read(node: Any) -> Iterator[str]:
    """The values that a node reads, in its bodies too; names of bodies' own values may be among them."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield from (name for name in one.input if name)
        for attribute in one.attribute:
            graphs = [attribute.g] if attribute.type == GRAPH else list(attribute.graphs)
            waiting += [inner for graph in graphs for inner in graph.node]
