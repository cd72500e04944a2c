"""One LSTM node of an ONNX graph as a network of one layer.

In: a node and the graph around it. Out: a :class:`StoredLSTM` of one layer, or everything that cannot be taken
over. `attributes`, `inputs` and `carried` read and check; here is what is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bnns_lstm.config import gates_of
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats import order
from bnns_lstm.formats.onnx.attributes import read_attributes
from bnns_lstm.formats.onnx.carried import lengths_of, state_of
from bnns_lstm.formats.onnx.graph import Scope
from bnns_lstm.formats.onnx.inputs import Sizes, input_issues, sizes_of, weights_of
from bnns_lstm.formats.onnx.nodes import label
from bnns_lstm.formats.stored import Floats, StoredLSTM

__all__ = ["read_node"]

SUFFIXES = ("", "_reverse")


def read_node(scope: Scope, node: Any) -> StoredLSTM:
    """A node's configuration and weights.

    Initial states and lengths are taken over if they are constants. If they come from the model's inputs or
    are computed, they are the caller's to give.

    Raises:
        WeightsError: Naming everything that cannot be taken over.
    """
    path = label(node)
    issues: list[WeightsIssue] = []
    words = read_attributes(path, node, issues)
    arrays: dict[str, Floats] = {}
    sizes: Sizes | None = None
    state, lengths = None, None
    try:
        arrays = weights_of(path, scope, node)
        sizes = sizes_of(path, arrays, words.directions, words.hidden_size)
    except WeightsError as error:
        issues += error.issues
    found = input_issues(path, scope, node, sizes, batch_first=words.batch_first)
    issues += found
    if not found:
        try:
            lengths = lengths_of(path, scope, node, batch_first=words.batch_first)
            state = state_of(path, scope, node, batch_first=words.batch_first)
        except WeightsError as error:
            issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    assert sizes is not None  # noqa: S101  # or there was a finding
    return StoredLSTM(
        input_size=sizes.inputs, hidden_size=sizes.hidden, num_layers=1,
        bidirectional=sizes.directions == 2, bias="B" in arrays, batch_first=words.batch_first, dropout=0.0,
        peephole="diagonal" if "P" in arrays else None, activations=words.activations,
        parameters=_parameters(arrays, sizes.directions, gates_of(words.coupled)), state=state, lengths=lengths,
        gate_clip=words.clip, direction=words.direction, coupled=words.coupled,
    )  # fmt: skip


def _parameters(
    arrays: Mapping[str, Floats], directions: int, kept: tuple[str, ...]
) -> dict[str, Floats]:
    """ONNX' arrays in PyTorch's order and under its names, with the blocks of the gates that are kept."""
    parameters: dict[str, Floats] = {}
    for direction, suffix in enumerate(SUFFIXES[:directions]):
        place = f"l0{suffix}"
        own = {name: array[direction] for name, array in arrays.items()}
        gates = (order.ONNX, kept)
        parameters[f"weight_ih_{place}"] = order.reorder(own["W"], *gates)
        parameters[f"weight_hh_{place}"] = order.reorder(own["R"], *gates)
        if "B" in own:
            below, recurrent = own["B"].reshape(2, -1)
            parameters[f"bias_ih_{place}"] = order.reorder(below, *gates)
            parameters[f"bias_hh_{place}"] = order.reorder(recurrent, *gates)
        if "P" in own:
            peepholes = order.reorder(own["P"], order.ONNX_PEEPHOLES, kept)
            parameters[f"weight_ch_{place}"] = peepholes
    return parameters
