"""What of an LSTM the operator of ONNX cannot say.

In: a network. Out: nothing, or an error that names all of it. It needs no package, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.onnx.activations import attributes_of
from bnns_lstm.formats.plain import projection_issue
from bnns_lstm.formats.separate import numbered
from bnns_lstm.formats.stored import StoredLSTM

__all__ = ["functions_of", "refuse_inexpressible", "refuse_stack"]

# What one message of protobuf may hold.
LARGEST = 2**31 - 1


def refuse_inexpressible(stored: StoredLSTM) -> None:
    """Refuse what ONNX has not, all at once.

    Raises:
        WeightsError: With all of it.
    """
    issues = _variant_issues(stored)
    if stored.peephole == "full":
        expected = "None or 'diagonal', which ONNX has"
        issues.append(WeightsIssue("peephole", expected, "'full'", codes.NOT_EXPRESSIBLE))
    if stored.merge != "concat":
        expected = "'concat': the node gives both directions, and nothing says what becomes of them"
        issues.append(WeightsIssue("merge", expected, repr(stored.merge), codes.NOT_EXPRESSIBLE))
    gates = stored.config.gates
    if stored.peephole == "diagonal":
        for name, array in stored.parameters.items():
            if not name.startswith("weight_ch"):
                continue
            blocks = dict(zip(gates, np.split(array, len(gates)), strict=True))
            if np.any(blocks["candidate"]):
                expected = "zeros in the candidate's block: ONNX has no such peephole"
                issues.append(WeightsIssue(name, expected, "other numbers", codes.NOT_EXPRESSIBLE))
    try:
        functions_of(stored)
    except WeightsError as error:
        issues += error.issues
    issues += _size_issues([stored])
    if max(stored.lengths or (0,)) > LARGEST:
        expected, found = f"at most {LARGEST}", str(max(stored.lengths or ()))
        issues.append(WeightsIssue("lengths", expected, found, codes.TOO_LARGE))
    if issues:
        raise WeightsError(tuple(issues))


def functions_of(stored: StoredLSTM) -> dict[str, list[str] | list[float]]:
    """The attributes for the functions of a node of one direction.

    Raises:
        WeightsError: Naming each function that ONNX has not, and gates that must share one but do not.
    """
    functions = stored.activations
    if functions is not None and stored.coupled == "forget":
        # What is computed from the input gate has none of its own.
        functions = {**functions, "forget": functions["input"]}
    return attributes_of(functions)


def _variant_issues(stored: StoredLSTM) -> list[WeightsIssue]:
    """Limits, coupled gates and projections that the operator has not."""
    issues: list[WeightsIssue] = []
    if stored.cell_clip is not None:
        expected = "None: ONNX limits what enters the functions, and no cell state"
        found = repr(stored.cell_clip)
        issues.append(WeightsIssue("cell_clip", expected, found, codes.NOT_EXPRESSIBLE))
    if not stored.gate_clip_hidden:
        expected = "True: ONNX' clip is for the hidden activation, too"
        issues.append(WeightsIssue("gate_clip_hidden", expected, "False", codes.NOT_EXPRESSIBLE))
    if stored.coupled == "input":
        expected = "None or 'forget': ONNX couples the forget gate to the input gate"
        issues.append(WeightsIssue("coupled", expected, "'input'", codes.NOT_EXPRESSIBLE))
    return [*issues, *projection_issue(stored)]


def refuse_stack(stack: Sequence[StoredLSTM]) -> None:
    """Refuse what ONNX has not in LSTMs upon each other, all at once.

    Raises:
        WeightsError: With all of it, by the number of the LSTM.
    """
    issues: list[WeightsIssue] = []
    try:
        numbered(refuse_inexpressible, stack)
    except WeightsError as error:
        issues += error.issues
    issues += _size_issues(stack)
    issues += [
        WeightsIssue(
            f"lstms[{number}].lengths",
            f"{stack[0].lengths}, as of the lowest: one input is for all",
            repr(stored.lengths),
            codes.NOT_EXPRESSIBLE,
        )
        for number, stored in enumerate(stack)
        if stored.lengths != stack[0].lengths
    ]
    if issues:
        raise WeightsError(tuple(issues))


def _size_issues(stack: Sequence[StoredLSTM]) -> list[WeightsIssue]:
    """A finding if parameters do not go into one message."""
    size = sum(array.nbytes for stored in stack for array in stored.parameters.values())
    if size <= LARGEST - (1 << 20):
        return []
    expected, found = f"less than {LARGEST} bytes", f"{size} bytes"
    return [WeightsIssue("parameters", expected, found, codes.TOO_LARGE)]
