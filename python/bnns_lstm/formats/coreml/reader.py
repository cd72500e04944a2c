"""LSTM layers of Core ML's models to :class:`StoredLSTM`.

In: a path, and names of layers. Out: one network, or why there is none. Which layers read each other is known
to `ways`, what one holds to `layer` and `operator`; here the choice is made, and whether the chosen ones are a
stack. Needs the package `protobuf`: `pip install bnns-lstm[coreml]`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import is_a, sequence
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.coreml.files import open_model
from bnns_lstm.formats.coreml.layer import read_layer
from bnns_lstm.formats.coreml.networks import networks_in
from bnns_lstm.formats.coreml.operator import read_operator
from bnns_lstm.formats.coreml.steps import LSTMLayer, Network
from bnns_lstm.formats.coreml.ways import below, depends_on
from bnns_lstm.formats.separate import separated
from bnns_lstm.formats.stack import stacked
from bnns_lstm.formats.stored import StoredLSTM

__all__ = ["read_coreml", "read_coreml_stack"]

HARMLESS = "copies, casts, squeeze, expandDims and transpose"
# How many names, and how many reasons, an error gives.
MOST = 10


def read_coreml(
    path: str | os.PathLike[str], layer: str | Sequence[str] | None = None
) -> StoredLSTM:
    """Take over an LSTM layer of a Core ML model, or several that form a stack.

    A layer is a `uniDirectionalLSTM` or a `biDirectionalLSTM` of a neural network, or an operator `lstm` of
    an ML program. Each layer of a stack must read all outputs of the one below, with nothing between but what
    keeps `[steps, batch, values]` as they are.

    Args:
        path: A `.mlmodel` file or a `.mlpackage` folder.
        layer: The layer's name; several names, the lowest first, for a stack. Not needed if all LSTM layers are
            one stack. Layers in models of a pipeline, or in branches and loops, are `"model0/lstm"`; their own
            name alone is enough where no other has it.

    Returns:
        The network; of a neural network with the limits that it has: `gate_clip` 50 without the hidden state's
        function, and `cell_clip`. `state` is what the model carries as constants, if that is not 0.

    Raises:
        ExtraError: If the package `protobuf` is not installed.
        WeightsError: Naming everything that cannot be taken over, or the layers if there are several.
        OSError: If the file cannot be read.

    Example:
        >>> from bnns_lstm.formats import read_coreml
        >>> stored = read_coreml("model.mlmodel")  # doctest: +SKIP
    """
    read = _read(path, layer)
    instead = f"layer={read[0][0]!r} reads that layer alone" if len(read) > 1 else ""
    return stacked(read, reader="bl.Stack.from_coreml", instead=instead)


def read_coreml_stack(
    path: str | os.PathLike[str], layer: str | Sequence[str] | None = None
) -> list[StoredLSTM]:
    """Take over LSTM layers of a Core ML model that may differ, each as a network of one layer.

    Args:
        path: As for :func:`read_coreml`, as `layer`.
        layer: Which layers.

    Returns:
        The networks, the lowest first.

    Raises:
        ExtraError: If the package `protobuf` is not installed.
        WeightsError: Naming everything that cannot be taken over, or the layers if there are several.
        OSError: If the file cannot be read.

    Example:
        >>> from bnns_lstm.formats import read_coreml_stack
        >>> stack = read_coreml_stack("model.mlmodel")  # doctest: +SKIP
    """
    return separated(_read(path, layer))


def _read(given: Any, layer: str | Sequence[str] | None) -> list[tuple[str, StoredLSTM]]:
    """The layers of one stack with their names."""
    if layer is not None and not is_a(layer, str) and sequence(layer) is None:
        expected = "a name, a sequence of names or None"
        raise fail("layer", expected, type(layer).__name__, codes.WRONG_TYPE)
    path, folder, model = open_model(given)
    networks = networks_in(path, folder, model)
    found = [one for network in networks for one in network.lstms()]
    if not found:
        raise fail(
            str(path), "a network with an LSTM layer", _others(networks), codes.MISSING_ENTRY
        )
    chosen = _chosen(found, layer)
    issues = _stack_issues(chosen)
    read: list[tuple[str, StoredLSTM]] = []
    for one in chosen:
        try:
            act = read_operator if one.network.values is not None else read_layer
            read.append((one.path, act(one)))
        except WeightsError as error:  # noqa: PERF203 - the issues of all layers are wanted
            issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    return read


def _chosen(found: list[LSTMLayer], layer: str | Sequence[str] | None) -> list[LSTMLayer]:
    """The layers that are meant."""
    names = _some([shown(one.name) for one in found])
    if layer is None:
        breaks = [
            issue for lower, upper in pairwise(found) for issue in _joint_issues(lower, upper)
        ]
        if breaks:
            expected = f"the name of one of the LSTM layers {names}, or a list of names"
            first = WeightsIssue("layer", expected, "none", codes.AMBIGUOUS_CHOICE)
            raise WeightsError((first, *breaks[:MOST]))
        return found
    wanted = [layer] if isinstance(layer, str) else list(layer)
    matches = [_named(found, name) for name in wanted]
    if not matches or any(len(one) != 1 for one in matches):
        code = codes.AMBIGUOUS_CHOICE if matches and all(matches) else codes.UNKNOWN_CHOICE
        raise fail("layer", f"names of LSTM layers, {names}", shown(layer), code)
    return [one[0] for one in matches]


def _named(found: Sequence[LSTMLayer], name: object) -> list[LSTMLayer]:
    """The layers of this name, else those whose name ends with it after a `/`."""
    if not is_a(name, str):
        return []
    same = [one for one in found if one.name == name]
    return same or [one for one in found if one.name.endswith(f"/{name}")]


def _stack_issues(chosen: Sequence[LSTMLayer]) -> list[WeightsIssue]:
    """Why layers, the lowest first, are no stack."""
    issues = [issue for lower, upper in pairwise(chosen) for issue in _joint_issues(lower, upper)]
    for one in chosen[:-1]:
        if not one.step.gives_all:
            expected = "true for all layers of a stack but the last"
            name = "output_sequence" if one.network.values is not None else "sequenceOutput"
            path = f"{one.path}: {name}"
            issues.append(WeightsIssue(path, expected, "false", codes.STACK_MISMATCH))
    numbers = {one.number for one in chosen}
    for one in chosen if len(chosen) > 1 and not issues else []:
        sources = depends_on(one.network, one.step.input[1:], one.number, numbers)
        if sources:
            expected = (
                "states that do not come from the stack, so that they can be given to the call"
            )
            labels = ", ".join(one.network.label(number) for number in sources[:MOST])
            path = f"{one.path}: initial states"
            found = f"states that come from {labels}"
            issues.append(WeightsIssue(path, expected, found, codes.UNSUPPORTED_HERE))
    return issues


def _joint_issues(lower: LSTMLayer, upper: LSTMLayer) -> list[WeightsIssue]:
    """Why a layer does not read another one's outputs."""
    expected = f"the outputs of {shown(lower.name)}, with nothing between but {HARMLESS}"
    path = f"{upper.path}: input"
    if lower.network is not upper.network:
        found = "a layer of another network"
        return [WeightsIssue(path, expected, found, codes.STACK_MISMATCH)]
    way = below(upper.network, upper.number)
    if way.number == lower.number:
        return []
    other = "" if way.number is None else f"the outputs of {upper.network.label(way.number)}"
    return [WeightsIssue(path, expected, way.reason or other, codes.STACK_MISMATCH)]


def _others(networks: Sequence[Network]) -> str:
    """What networks without LSTM layers have instead."""
    kinds = [step.kind for network in networks for step in network.steps]
    similar = [
        kind for kind in dict.fromkeys(kinds) if kind in {"gru", "rnn", "simpleRecurrent", "custom"}
    ]
    return f"none, but {' and '.join(similar)}" if similar else "none"


def _some(names: Sequence[str]) -> str:
    """Names with commas between, the first of many."""
    more = f" and {len(names) - MOST} more" if names[MOST:] else ""
    return ", ".join(names[:MOST]) + more
