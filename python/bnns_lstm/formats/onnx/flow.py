"""Where the elements come from that LSTM nodes read: a graph is followed with arrays of places.

In: the LSTM nodes of a model, and sizes for axes that have none. Out: what is known of any value of the
graph. Each element of an LSTM node's output is a place, a number of its own; operators move places as they
would move numbers. Time and memory are bounded, whatever sizes the model claims. Nothing here knows what a
stack needs. Sizes that are drawn are right for a comparison of places alone: what holds for a shape at all
sizes is found by `shapes`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.nodes import DOMAINS, input_of
from bnns_lstm.formats.onnx.ops import attributes
from bnns_lstm.formats.onnx.sources import claimed, constant, filled, of_source
from bnns_lstm.formats.onnx.steps import FOLLOWED, Budget, follow, named
from bnns_lstm.formats.onnx.values import Array, Sizes, Value, blank, nothing, places

__all__ = ["Flow", "Key", "Output"]

# Looks at nodes and constants with one round of sizes, two or three for each; a layer needs some tens.
MOST_LOOKS = 60_000
# Bytes of arrays that may be made with one round, and for each byte of the model.
BYTES, TIMES = 1 << 26, 8
# Places fit into 32 bits.
MOST_BYTES = 1 << 32

Key = tuple[int, str]


@dataclass(frozen=True)
class Output:
    """The places of an LSTM node's output Y.

    Attributes:
        start: The place of its first element; the others follow in the order of memory.
        shape: [steps, directions, batch, hidden], or with layout 1 [batch, steps, directions, hidden].
        batch_first: Whether the layout is 1.
    """

    start: int
    shape: tuple[int, ...]
    batch_first: bool

    @property
    def size(self) -> int:
        """How many elements it has."""
        return prod(self.shape)

    @property
    def array(self) -> Array:
        """The places."""
        return np.arange(self.start, self.start + self.size, dtype=np.int32).reshape(self.shape)


class Flow:
    """Values of a model's graphs, followed with one round of sizes.

    Attributes:
        nodes: The LSTM nodes and their scopes.
        sizes: The sizes of axes that have none.
        outputs: The places of the outputs that were asked for, by the numbers of the nodes.
        is_smaller: Whether sizes that the model declares were too large, and others stand in for them.
        walked: How many nodes were visited to find ways.
    """

    def __init__(self, nodes: Sequence[tuple[Scope, Any]], sizes: Sequence[int]) -> None:
        """Nothing is followed before it is asked for.

        Args:
            nodes: All LSTM nodes and their scopes.
            sizes: Sizes for axes that have none.
        """
        self.nodes = nodes
        self.sizes = Sizes(sizes)
        self.outputs: dict[int, Output] = {}
        self.walked = 0
        self.is_smaller = False
        self._starts: list[int] = []
        self._order: list[int] = []
        self._numbers = {
            (id(scope), name): number
            for number, (scope, node) in enumerate(nodes)
            for name in node.output
            if name
        }
        self._values: dict[Key, Value] = {}
        model = nodes[0][0].model.proto
        self._budget = Budget(min(BYTES + TIMES * model.ByteSize(), MOST_BYTES))
        self._looks = self._end = 0

    def number(self, scope: Scope, name: str) -> int | None:
        """Which LSTM node makes a value; None if it is none."""
        home, _ = scope.origin(name)
        return self._numbers.get((id(home), name))

    def value(self, scope: Scope, name: str) -> Value:
        """What is known of a value.

        Raises:
            WeightsError: If the graph has a cycle.
        """
        waiting, begun = [(scope, name)], set[Key]()
        while waiting:
            self._looks += 1
            if self._looks > MOST_LOOKS:
                return nothing(f"{name!r} stands behind too many operators")
            where, what = waiting[-1]
            home, node = where.origin(what)
            key = (id(home), what)
            if key in self._values:
                waiting.pop()
                continue
            needed = [] if node is None else self._needed(key, node)
            missing = [one for one in needed if one and self._key(home, one) not in self._values]
            if missing and key not in begun:
                begun.add(key)
                if any(self._key(home, one) in begun for one in missing):
                    raise fail(
                        "source",
                        "a graph without cycles",
                        f"a value that {named(node)} reads and makes",
                        codes.DAMAGED_FILE,
                    )
                waiting += [(home, one) for one in missing]
                continue
            self._find(home, what, node)
            waiting.pop()
        return self._values[self._key(scope, name)]

    def owner(self, place: int) -> int | None:
        """Which LSTM node's output a place belongs to."""
        at = bisect_right(self._starts, place) - 1
        return self._order[at] if at >= 0 and place < self._end else None

    def _key(self, scope: Scope, name: str) -> Key:
        return id(scope.origin(name)[0]), name

    def _needed(self, key: Key, node: Any) -> list[str]:
        """The values that have to be known before a node is followed."""
        if key in self._numbers:
            return [input_of(node, "X"), input_of(node, "R")]
        if node.op_type not in FOLLOWED | {"ConstantOfShape"} or node.domain not in DOMAINS:
            return []
        return list(node.input)

    def _find(self, scope: Scope, name: str, node: Any) -> None:
        """Follow one node, whose inputs are known by now."""
        key = (id(scope), name)
        if node is None:
            self._values[key] = of_source(scope, name, self.sizes)
            return
        for one, value in zip(node.output, self._made(scope, key, node), strict=False):
            if one:
                self._values[id(scope), one] = value
        found = self._values.get(key)
        if found is None or found.array is None:
            cause = f"{named(node)} does more than move values" if found is None else found.cause
            self._values[key] = claimed(scope, name, cause, self.sizes)

    def _made(self, scope: Scope, key: Key, node: Any) -> list[Value]:
        """What is known of a node's outputs; empty if it cannot be followed."""
        if key in self._numbers:
            return self._layer(scope, self._numbers[key], node)
        if node.domain not in DOMAINS:
            return []
        if node.op_type == "Constant":
            return [constant(scope, node)]
        read = [self.value(scope, one) if one else None for one in self._needed(key, node)]
        if node.op_type == "ConstantOfShape":
            return [filled(scope, node, read[0] if read else None)]
        return follow(node, read, self._budget) if node.op_type in FOLLOWED else []

    def _layer(self, scope: Scope, number: int, node: Any) -> list[Value]:
        """The outputs of an LSTM node: Y as places, the final states as shapes.

        After one step the final hidden state is Y, as long as no sample may be shorter.
        """
        recurrent = self.value(scope, input_of(node, "R")).array if input_of(node, "R") else None
        sizes = () if recurrent is None else recurrent.shape
        if len(sizes) != 3 or max(sizes[1:]) != 4 * min(sizes[1:]) or not all(sizes):
            lost = nothing(f"{named(node)} has no R of [directions, 4*hidden, hidden]")
            return [lost] * len(node.output)
        directions, hidden = sizes[0], min(sizes[1:])
        read = self.value(scope, input_of(node, "X")).array if input_of(node, "X") else None
        batch_first = bool(attributes(node).get("layout"))
        outer = read.shape[:2] if read is not None and read.ndim == 3 else ()
        if not outer or not self._budget.has(prod(outer) * directions * hidden):
            self.is_smaller |= bool(outer)
            outer = (self.sizes.of(""), self.sizes.of(""))
        steps, batch = outer[::-1] if batch_first else outer
        shape = (steps, directions, batch, hidden)
        if batch_first:
            shape = (batch, steps, directions, hidden)
        output = Output(self._end, shape, batch_first)
        self._budget.left -= 4 * output.size
        self._end += output.size
        self.outputs[number] = output
        self._starts.append(output.start)
        self._order.append(number)
        state = (batch, directions, hidden) if batch_first else (directions, batch, hidden)
        final = blank(state, f"{named(node)} gives its final states there")
        array = output.array
        if steps == 1 and not input_of(node, "sequence_lens"):
            return [places(array), places(np.squeeze(array, 1 if batch_first else 0)), final]
        return [places(array), final, final]
