"""LSTM nodes of ONNX models to :class:`StoredLSTM`. Needs the package `onnx`: `pip install bnns-lstm[onnx]`.

In: a model, the names of nodes, values of its inputs. Out: one network, or why there is none. Which nodes
follow each other is known to `chain`, what one node holds to `node`; here the choice is made, and what all
nodes of a stack share is compared.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import is_a, sequence
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.onnx.carried import is_given_at_run_time
from bnns_lstm.formats.onnx.chain import Layer, chains, layers, reached, reason
from bnns_lstm.formats.onnx.graph import scopes
from bnns_lstm.formats.onnx.node import read_node
from bnns_lstm.formats.onnx.nodes import input_of, label
from bnns_lstm.formats.onnx.supplied import check_used, given_inputs
from bnns_lstm.formats.onnx.tensors import BATCH_FIRST, Model, open_model
from bnns_lstm.formats.separate import separated
from bnns_lstm.formats.stack import stacked
from bnns_lstm.formats.stored import StoredLSTM

__all__ = ["read_onnx", "read_onnx_stack"]

# Pairs of nodes for which an error says why they do not join.
MOST_PAIRS = 10


def read_onnx(
    source: str | os.PathLike[str] | Any,
    node: str | Sequence[str] | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
) -> StoredLSTM:
    """Take over an LSTM node of an ONNX model, or a chain of them that forms a stack.

    Args:
        source: The path of a model, or an `onnx.ModelProto`.
        node: Which one, by the name of a node or of one of its outputs. A name takes the whole stack that
            the node belongs to; a sequence of names takes these nodes alone, the lowest first. Not needed if
            the model has one stack.
        inputs: Values of inputs of the graph, by their names, where weights, initial states or lengths come
            from such inputs; of the types and shapes that the graph declares.

    Returns:
        The network; `state` and `lengths` are those that the model carries as constants, `lengths` None if all
        samples run to the end; `batch_first` is what the attribute `layout` says, or for a model of this
        package's whose nodes are all taken, what was written. Dropout between nodes does nothing at inference
        and is not taken over.

    Raises:
        ExtraError: If the package `onnx` is not installed.
        WeightsError: Naming everything that cannot be taken over, or the stacks if there are several.
        OSError: If the file cannot be read.

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, read_onnx, write_onnx
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     write_onnx(path, stored)
        ...     read_onnx(path).hidden_size
        4
    """
    read, is_batch_first = _read(source, node, inputs)
    instead = f"node={[read[0][0]]} reads that layer alone" if len(read) > 1 else ""
    network = stacked(read, reader="bl.Stack.from_onnx", instead=instead)
    return replace(network, batch_first=True) if is_batch_first else network


def read_onnx_stack(
    source: str | os.PathLike[str] | Any,
    node: str | Sequence[str] | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
) -> list[StoredLSTM]:
    """Take over a chain of LSTM nodes of an ONNX model that may differ, each as a network of one layer.

    Args:
        source: As for :func:`read_onnx`, as `node` and `inputs`.
        node: Which nodes.
        inputs: Values of inputs of the graph.

    Returns:
        The networks, the lowest first; lengths that the model carries are those of all of them.

    Raises:
        ExtraError: If the package `onnx` is not installed.
        WeightsError: Naming everything that cannot be taken over, or the stacks if there are several.
        OSError: If the file cannot be read.

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, read_onnx_stack, write_onnx_stack
        >>> lstms = bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)
        >>> stack = [StoredLSTM.from_config(lstm.config, lstm.state_dict()) for lstm in lstms]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     write_onnx_stack(path, stack)
        ...     [stored.hidden_size for stored in read_onnx_stack(path)]
        [8, 4]
    """
    read, is_batch_first = _read(source, node, inputs)
    networks = separated(read)
    return [replace(one, batch_first=True) for one in networks] if is_batch_first else networks


def _read(
    source: Any, node: str | Sequence[str] | None, inputs: Mapping[str, Any] | None
) -> tuple[list[tuple[str, StoredLSTM]], bool]:
    """The nodes of one stack with their names, and whether the writer noted that the batch comes first."""
    if node is not None and not is_a(node, str) and sequence(node) is None:
        raise fail(
            "node", "a name, a sequence of names or None", type(node).__name__, codes.WRONG_TYPE
        )
    model = open_model(source)
    model.give(given_inputs(model, inputs))
    found = layers(model)
    if not found:
        raise fail("source", "a model with an LSTM node", _others(model), codes.MISSING_ENTRY)
    stack = _chosen(found, node)
    read: list[tuple[str, StoredLSTM]] = []
    issues: list[WeightsIssue] = []
    for layer in stack:
        try:
            read.append((label(layer.node), read_node(layer.scope, layer.node)))
        except WeightsError as error:  # noqa: PERF203 - the issues of all nodes are wanted
            issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    check_used([(layer.scope, list(layer.node.input)[1:]) for layer in stack], model.given)
    _check_lengths(stack, read)
    _check_states(stack, read)
    return read, len(stack) == len(found) and _is_batch_first(model)


def _chosen(found: list[Layer], node: str | Sequence[str] | None) -> list[Layer]:
    """The layers that are meant."""
    stacks = chains(found)
    names = "; ".join(" + ".join(repr(label(one.node)) for one in stack) for stack in stacks)
    if node is None:
        if len(stacks) != 1:
            expected = f"the name of one of the LSTM nodes {names}"
            first = WeightsIssue("node", expected, "none", codes.AMBIGUOUS_CHOICE)
            raise WeightsError((first, *_apart(found, stacks)))
        return stacks[0]
    if isinstance(node, str):
        chosen = [stack for stack in stacks if any(node in layer.names for layer in stack)]
        if len(chosen) != 1:
            actual = f"{shown(node)}, which names {len(chosen)} of them"
            code = codes.AMBIGUOUS_CHOICE if chosen else codes.UNKNOWN_CHOICE
            raise fail("node", f"the name of one of the LSTM nodes {names}", actual, code)
        return chosen[0]
    named = [[layer for layer in found if is_a(name, str) and name in layer.names] for name in node]
    if not named or any(len(matches) != 1 for matches in named):
        code = codes.AMBIGUOUS_CHOICE if named and all(named) else codes.UNKNOWN_CHOICE
        raise fail("node", f"names of LSTM nodes, {names}", shown(list(node)), code)
    stack = [matches[0] for matches in named]
    breaks = [
        place
        for place, (lower, upper) in enumerate(pairwise(stack), start=1)
        if upper.below is not lower
    ]
    parts = [stack[start:end] for start, end in pairwise([0, *breaks, len(stack)])]
    if breaks:
        raise WeightsError(
            tuple(_not_joined(one[-1], one, other) for one, other in pairwise(parts))
        )
    return stack


def _apart(found: list[Layer], stacks: list[list[Layer]]) -> list[WeightsIssue]:
    """For each stack that begins above another one, why the two are not one."""
    pairs = [(lower, stack) for stack in stacks for lower in reached(found, stack[0])]
    below = {layer.number: stack for stack in stacks for layer in stack}
    return [_not_joined(lower, below[lower.number], stack) for lower, stack in pairs[:MOST_PAIRS]]


def _not_joined(lower: Layer, below: list[Layer], above: list[Layer]) -> WeightsIssue:
    """Why a stack does not go on above a layer of another one, and what to write instead."""
    choices = " and ".join(f"node={[label(one.node) for one in stack]}" for stack in (below, above))
    expected = (
        f"a node that reads the output of {label(lower.node)!r} as [steps, batch, directions*hidden]; "
        f"{choices} can be read, each by itself"
    )
    path = f"node: {label(above[0].node)}"
    return WeightsIssue(path, expected, reason(lower, above[0]), codes.STACK_MISMATCH)


def _is_batch_first(model: Model) -> bool:
    """Whether the writer of this package noted that it put a Transpose at both ends."""
    return any(
        entry.key == BATCH_FIRST and entry.value == "1" for entry in model.proto.metadata_props
    )


def _check_states(stack: list[Layer], read: list[tuple[str, StoredLSTM]]) -> None:
    """Refuse a stack of which some layers carry initial states and others are given theirs at run time."""
    carried = [name for name, network in read if network.state is not None]
    issues = [
        WeightsIssue(
            f"{name}: {kind}",
            f"a constant, as {carried[0]!r} has one (inputs= gives inputs of the graph)",
            f"{input_of(layer.node, kind)!r}, which a call gives or the model computes",
            codes.NOT_CONSTANT,
        )
        for layer, (name, network) in zip(stack, read, strict=True)
        for kind in ("initial_h", "initial_c")
        if carried and network.state is None and is_given_at_run_time(layer.scope, layer.node, kind)
    ]
    if issues:
        raise WeightsError(tuple(issues))


def _check_lengths(stack: list[Layer], read: list[tuple[str, StoredLSTM]]) -> None:
    """Refuse a stack whose nodes do not read the same lengths."""
    constants = [_constant_lengths(layer) for layer in stack]
    if constants[0] is not None and all(one == constants[0] for one in constants):
        return
    lengths = {
        name: _lengths(layer) if network.lengths is None else list(network.lengths)
        for layer, (name, network) in zip(stack, read, strict=True)
    }
    if any(one != next(iter(lengths.values())) for one in lengths.values()):
        raise fail(
            "sequence_lens",
            "the same for all nodes of a stack",
            repr(lengths),
            codes.STACK_MISMATCH,
        )


def _constant_lengths(layer: Layer) -> list[int] | None:
    """The lengths of a node that reads constant ones."""
    scope, name = layer.scope, input_of(layer.node, "sequence_lens")
    if not name or not scope.is_constant(name):
        return None
    return [int(one) for one in scope.constant(name, name).ravel()]


def _lengths(layer: Layer) -> str:
    """What a node reads as lengths at run time; the same value under other names counts as the same.

    Constants that are not handed out are those of samples that run to the end, as without any.
    """
    scope, name = layer.scope, input_of(layer.node, "sequence_lens")
    if not name or scope.is_constant(name):
        return ""
    for _ in range(10):
        scope, node = scope.origin(name)
        if node is None or node.op_type != "Identity":
            break
        name = node.input[0]
    return name


def _others(model: Model) -> str:
    """What a model without LSTM nodes has instead."""
    kinds = {node.op_type for scope in scopes(model) for node in scope.graph.node}
    # Texts that are no UTF-8 come as bytes.
    names = {kind for kind in kinds if isinstance(kind, str)}
    similar = sorted(
        name for name in names if "LSTM" in name or name in {"GRU", "RNN", "Scan", "Loop"}
    )
    return f"none, but {', '.join(similar)}" if similar else "none"
