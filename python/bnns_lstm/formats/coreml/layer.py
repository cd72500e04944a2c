"""One LSTM layer of a Core ML network as a network of one layer.

In: a layer. Out: a :class:`StoredLSTM` of one layer, or everything that cannot be taken over. Source of names,
shapes and formulas: NeuralNetwork.proto (LSTMParams, LSTMWeightParams and the messages of the two layers).
What stands around the layer is not known here, but for constant initial states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import listed
from bnns_lstm.activation import Activation
from bnns_lstm.config import GATES, default_activations, gates_of
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.coreml.activations import activations_of
from bnns_lstm.formats.coreml.schema import unknown_in
from bnns_lstm.formats.coreml.states import state_of
from bnns_lstm.formats.coreml.steps import LSTMLayer
from bnns_lstm.formats.coreml.weights import array_of
from bnns_lstm.formats.separate import gathered
from bnns_lstm.formats.stack import same_activations
from bnns_lstm.formats.stored import Floats, StoredLSTM
from bnns_lstm.variants import Coupled

__all__ = ["read_layer"]

# The beginnings of the names of a gate's arrays.
NAMES = dict(zip(GATES, ("inputGate", "forgetGate", "blockInput", "outputGate"), strict=True))
CANDIDATE = GATES[2]
# What enters the functions of the gates and of the candidate is limited to this, and cell states, if nothing
# else is said.
LIMIT = 50.0
SUFFIXES = ("", "_reverse")
BACKWARDS = (
    "false where sequenceOutput is true, as the format does not say in which order the outputs stand "
    "(bl.LSTM(…, direction='reverse') reads backwards, with outputs in the order of time)"
)


def read_layer(layer: LSTMLayer) -> StoredLSTM:
    """A layer's configuration and weights.

    Raises:
        WeightsError: Naming everything that cannot be taken over.
    """
    own, issues = layer.content, _unknown(layer)
    is_pair = layer.step.kind == "biDirectionalLSTM"
    weights = list(own.weightParams) if is_pair else [own.weightParams]
    coupled: Coupled = "forget" if own.params.coupledInputAndForgetGate else None
    issues += _choice_issues(layer, is_reverse=not is_pair and own.reverseInput)
    clip = _clip(layer, issues)
    sizes = (own.inputVectorSize, own.outputVectorSize)
    names = ("inputVectorSize", "outputVectorSize")
    wrong = [
        WeightsIssue(f"{layer.path}: {name}", "at least 1", "0", codes.ZERO_SIZE)
        for name, size in zip(names, sizes, strict=True)
        if size == 0
    ]
    if is_pair and len(weights) != len(SUFFIXES):
        expected = "2: forward and backward"
        path = f"{layer.path}: weightParams"
        wrong.append(WeightsIssue(path, expected, str(len(weights)), codes.SIZE_MISMATCH))
    issues += wrong
    tasks: list[Callable[[], Any]] = [partial(_functions, layer, coupled, is_pair=is_pair)]
    if not wrong:
        tasks.append(partial(_parameters, layer, weights, gates_of(coupled)))
        tasks.append(partial(state_of, layer, len(weights), own.outputVectorSize))
    read: list[Any] = []
    try:
        read = gathered(tasks)
    except WeightsError as error:
        issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    activations, parameters, state = read
    return StoredLSTM(
        input_size=own.inputVectorSize, hidden_size=own.outputVectorSize, num_layers=1, bidirectional=is_pair,
        bias=own.params.hasBiasVectors, batch_first=False, dropout=0.0,
        peephole="diagonal" if own.params.hasPeepholeVectors else None, activations=activations,
        parameters=parameters, state=state, cell_clip=clip, gate_clip=LIMIT, gate_clip_hidden=False,
        direction="reverse" if not is_pair and own.reverseInput else "forward", coupled=coupled,
    )  # fmt: skip


def _unknown(layer: LSTMLayer) -> list[WeightsIssue]:
    """Whether a layer has fields that are not known here."""
    numbers = unknown_in(layer.content)
    if not numbers:
        return []
    expected = "only fields of LSTM layers that the format has up to specification version 10"
    actual = f"others, of the numbers {listed(numbers)}"
    return [WeightsIssue(layer.path, expected, actual, codes.UNEXPECTED_ENTRY)]


def _choice_issues(layer: LSTMLayer, *, is_reverse: bool) -> list[WeightsIssue]:
    """What has no equal here, or no meaning."""
    params, issues = layer.content.params, []
    if is_reverse and params.sequenceOutput:
        path = f"{layer.path}: reverseInput"
        issues.append(WeightsIssue(path, BACKWARDS, "true", codes.UNSUPPORTED_HERE))
    has_forget = params.hasBiasVectors or params.coupledInputAndForgetGate
    if params.forgetBias and not has_forget:
        expected = (
            "false where hasBiasVectors is false: the format does not say whether 1 is added then"
        )
        path = f"{layer.path}: forgetBias"
        issues.append(WeightsIssue(path, expected, "true", codes.UNSUPPORTED_HERE))
    return issues


def _clip(layer: LSTMLayer, issues: list[WeightsIssue]) -> float | None:
    """The limit of cell states."""
    clip = layer.content.params.cellClipThreshold
    if clip == 0:
        return LIMIT
    if not clip > 0:  # also what is no number
        expected = "a number above 0, or 0 for 50"
        path = f"{layer.path}: cellClipThreshold"
        issues.append(WeightsIssue(path, expected, f"{clip:g}", codes.INVALID_NUMBER))
        return None
    # The shortest decimal number that float32 holds as this one: 0.1 as a caller writes it.
    return None if clip == inf else float(str(np.float32(clip)))


def _functions(
    layer: LSTMLayer, coupled: Coupled, *, is_pair: bool
) -> dict[str, Activation] | None:
    """The functions of both directions, which must be the same."""
    own = layer.content
    fields = ("activationsForwardLSTM", "activationsBackwardLSTM") if is_pair else ("activations",)
    found = gathered(
        partial(activations_of, f"{layer.path}: {field}", getattr(own, field)) for field in fields
    )
    if not same_activations(found[0], found[-1]):
        expected = "the same in both directions"
        shown = f"{found[-1] or default_activations()}, not {found[0] or default_activations()}"
        path = f"{layer.path}: {fields[-1]}"
        raise WeightsError((WeightsIssue(path, expected, shown, codes.STACK_MISMATCH),))
    if found[0] is not None and coupled is not None:
        return {**found[0], coupled: default_activations()[coupled]}
    return found[0]


def _parameters(
    layer: LSTMLayer, weights: Sequence[Any], gates: tuple[str, ...]
) -> dict[str, Floats]:
    """The arrays of all directions, with the blocks of the gates that are computed by themselves."""
    own, params = layer.content, layer.content.params
    inputs, hidden = own.inputVectorSize, own.outputVectorSize
    kinds: list[tuple[str, str, tuple[int, ...]]] = [
        ("weight_ih", "WeightMatrix", (hidden, inputs)),
        ("weight_hh", "RecursionMatrix", (hidden, hidden)),
    ]
    kinds += [("bias_ih", "BiasVector", (hidden,))] * params.hasBiasVectors
    kinds += [("weight_ch", "PeepholeVector", (hidden,))] * params.hasPeepholeVectors
    found: dict[str, Floats] = {}
    issues: list[WeightsIssue] = []
    for number, (suffix, arrays) in enumerate(zip(SUFFIXES, weights, strict=False)):
        path = f"{layer.path}: weightParams" + (f"[{number}]" if len(weights) > 1 else "")
        for name, ending, shape in kinds:
            blocks: list[Floats] = []
            for gate in gates:
                if ending == "PeepholeVector" and gate == CANDIDATE:
                    # As many as the block before, which is there: a size alone is a claim.
                    blocks += [np.zeros_like(block) for block in blocks[:1]]
                    continue
                field = NAMES[gate] + ending
                try:
                    blocks.append(array_of(f"{path}.{field}", getattr(arrays, field), shape))
                except WeightsError as error:
                    issues += error.issues
            if not issues:
                found[f"{name}_l0{suffix}"] = np.concatenate(blocks)
            if name == "bias_ih" and not issues:
                found[f"bias_hh_l0{suffix}"] = _added(gates, hidden, is_added=params.forgetBias)
    if issues:
        raise WeightsError(tuple(issues))
    return found


def _added(gates: tuple[str, ...], hidden: int, *, is_added: bool) -> Floats:
    """The second biases: 1 for the forget gate if the layer adds it, else 0."""
    return np.concatenate(
        [np.full(hidden, float(is_added and gate == GATES[1]), np.float32) for gate in gates]
    )
