"""Local functions of an ONNX model, put in the place of the nodes that call them.

In: the nodes of a graph and the functions of its model. Out: nodes without calls. Values and nodes inside of a
call get the call's name in front, as in `call/name`. Calls that do not fit their function, that are too deep,
and calls that would make a large graph of a small file are refused. It knows no operators but Identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError
from bnns_lstm.formats.convert import fail

__all__ = ["Functions"]

# Calls in calls; exporters need one for each level of modules.
DEEPEST = 32
# Nodes that calls may make, and bytes that these may have: so many times the model, or so many at least.
MOST_NODES, LARGEST, LEAST = 100_000, 8, 1 << 24
# AttributeProto.AttributeType of a body.
GRAPH = 5
# Characters of a call's name that names inside of it begin with.
LONGEST = 80


class Functions:
    """The local functions of a model, and how much their calls may still make."""

    def __init__(self, model: Any) -> None:
        """Index the functions of an `onnx.ModelProto`."""
        self._known = {_key(one, one.name): one for one in model.functions}
        self._prefixes: dict[str, int] = {}
        self._nodes = MOST_NODES
        self._bytes = max(LARGEST * model.ByteSize(), LEAST) if self._known else 0

    def expanded(self, nodes: Iterable[Any]) -> list[Any]:
        """The nodes of a graph, each call replaced by what the function does.

        Bodies of nodes are left as they are: they are graphs of their own.

        Raises:
            WeightsError: If a call does not fit its function, or calls are too many or too deep.
        """
        if not self._known:
            return list(nodes)
        found: list[Any] = []
        # What is still to be done of each graph, that of the innermost call last.
        waiting: list[Iterator[Any]] = [iter(nodes)]
        while waiting:
            node = next(waiting[-1], None)
            if node is None:
                waiting.pop()
                continue
            function = self._known.get(_key(node, node.op_type))
            if function is None:
                found.append(node)
            elif len(waiting) > DEEPEST:
                expected = f"local functions that call each other at most {DEEPEST} deep"
                raise _refused(node, expected, "deeper calls", codes.DAMAGED_FILE)
            else:
                waiting.append(self._called(node, function))
        return found

    def _called(self, call: Any, function: Any) -> Iterator[Any]:
        """The nodes of a function as one call has them."""
        for kind in ("input", "output"):
            count, most = len(getattr(call, kind)), len(getattr(function, kind))
            if count > most:
                expected = f"at most {most} {kind}s, as the function has"
                raise _refused(call, expected, str(count), codes.DAMAGED_FILE)
        # Inputs that a call leaves out are empty.
        names = {"": "", **dict.fromkeys(function.input, "")}
        names.update(zip(function.input, map(_text, call.input), strict=False))
        outputs = zip(function.output, map(_text, call.output), strict=False)
        ends = [pair for pair in outputs if pair[1]]
        passed = [(one, real) for one, real in ends if one in names]
        names.update((one, real) for one, real in ends if one not in names)
        prefix = self._prefix(call)
        words = {one.name: one for one in (*function.attribute_proto, *call.attribute)}
        for node in function.node:
            made = self._copy(call, node)
            made.name = f"{prefix}/{_name(node)}"
            self._resolve(call, made, words)
            _rename(made, f"{prefix}/", names)
            self._bytes -= made.ByteSize()
            yield made
        for one, real in passed:
            made = type(call)(op_type="Identity", name=real)
            made.input.append(names[one])
            made.output.append(real)
            yield made

    def _prefix(self, call: Any) -> str:
        """A name that no other call has: nodes may share a name."""
        name = unique = _name(call)[:LONGEST]
        while unique in self._prefixes:
            self._prefixes[name] += 1
            unique = f"{name}#{self._prefixes[name]}"
        self._prefixes[unique] = 1
        return unique

    def _copy(self, call: Any, proto: Any) -> Any:
        """A copy of a node or an attribute, as long as there may be more of them."""
        self._nodes -= 1
        self._bytes -= proto.ByteSize()
        if self._nodes < 0 or self._bytes < 0:
            expected = f"calls of local functions that make at most {MOST_NODES} nodes, of the model's size"
            raise _refused(call, expected, "more", codes.TOO_LARGE)
        made = type(proto)()
        made.CopyFrom(proto)
        return made

    def _resolve(self, call: Any, node: Any, words: Mapping[str, Any]) -> None:
        """Put the values of a call in the place of what refers to them, in a node and its bodies."""
        for attribute in list(node.attribute):
            if not attribute.ref_attr_name:
                for graph in _bodies(attribute):
                    for one in graph.node:
                        self._resolve(call, one, words)
                continue
            name, real = attribute.name, words.get(attribute.ref_attr_name)
            if real is None:
                node.attribute.remove(attribute)
            else:
                attribute.CopyFrom(self._copy(call, real))
                attribute.name = _text(name)


def _rename(node: Any, prefix: str, names: Mapping[str, str]) -> None:
    """Give the values that a node and its bodies read and make the names that they have outside."""

    def real(name: str) -> str:
        return names.get(name, f"{prefix}{name}")

    for values in (node.input, node.output):
        values[:] = [real(name) for name in values]
    for attribute in node.attribute:
        for graph in _bodies(attribute):
            for value in (*graph.input, *graph.output, *graph.initializer):
                value.name = real(value.name)
            for one in graph.node:
                _rename(one, prefix, names)


def _bodies(attribute: Any) -> list[Any]:
    return [attribute.g] if attribute.type == GRAPH else list(attribute.graphs)


def _text(name: object) -> str:
    """A name as one that protobuf takes: names that are no UTF-8 come as bytes, and name nothing here."""
    return name if isinstance(name, str) else repr(name)


def _key(proto: Any, name: str) -> tuple[str, str, str]:
    """What a function is known by; the two names of ONNX' own domain are one."""
    return "" if proto.domain == "ai.onnx" else proto.domain, name, proto.overload


def _name(node: Any) -> str:
    return str(node.name or next((name for name in node.output if name), node.op_type))


def _refused(call: Any, expected: str, found: str, code: str) -> WeightsError:
    return fail(f"{_name(call)} ({call.op_type})", expected, found, code)
