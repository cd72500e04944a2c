"""One LSTM node of an ONNX graph as a network of one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats import order
from bnns_lstm.formats.convert import fail, to_float32
from bnns_lstm.formats.onnx.activations import activations_of
from bnns_lstm.formats.onnx.graph import Scope, input_of, label
from bnns_lstm.formats.onnx.ops import attributes
from bnns_lstm.formats.stored import Floats, StoredLSTM

__all__ = ["read_node"]

# The attributes that LSTM has had, and what their values are.
ATTRIBUTES = {
    "activation_alpha": list, "activation_beta": list, "activations": list, "clip": float,
    "direction": bytes, "hidden_size": int, "input_forget": int, "layout": int,
    "output_sequence": int,
}  # fmt: skip
SUFFIXES = ("", "_reverse")


def read_node(scope: Scope, node: Any) -> StoredLSTM:
    """A node's configuration and weights.

    Initial states are taken over if they are constants. If they come from the model's inputs or are computed,
    they are the caller's to give, and so are lengths.

    Raises:
        WeightsError: Naming everything that cannot be taken over.
    """
    path, words = label(node), attributes(node)
    _check_types(path, words)
    issues = _attribute_issues(path, words)
    directions = 2 if words.get("direction") == b"bidirectional" else 1
    arrays: dict[str, Floats] = {}
    activations = None
    try:
        texts = [name.decode("ascii", "replace") for name in words.get("activations") or ()]
        alphas, betas = (words.get(f"activation_{name}") or () for name in ("alpha", "beta"))
        activations = activations_of(path, texts, alphas, betas, directions)
    except WeightsError as error:
        issues += error.issues
    try:
        arrays = _arrays(path, scope, node)
        _check_shapes(path, arrays, directions, words.get("hidden_size"))
    except WeightsError as error:
        issues += error.issues
    lengths = input_of(node, "sequence_lens")
    if lengths and scope.is_constant(lengths):
        expected = "an input of the model (lengths are given to the call)"
        found = f"the constant {scope.constant(path, lengths).tolist()}"
        issues.append(
            WeightsIssue(f"{path}: sequence_lens", expected, found[:100], codes.UNSUPPORTED_HERE)
        )
    if issues:
        raise WeightsError(tuple(issues))
    batch_first = bool(words.get("layout"))
    return StoredLSTM(
        input_size=arrays["W"].shape[2], hidden_size=arrays["R"].shape[2], num_layers=1,
        bidirectional=directions == 2, bias="B" in arrays, batch_first=batch_first, dropout=0.0,
        peephole="diagonal" if "P" in arrays else None, activations=activations,
        parameters=_parameters(arrays, directions),
        state=_state(path, scope, node, batch_first=batch_first),
    )  # fmt: skip


def _check_types(path: str, words: Mapping[str, Any]) -> None:
    """Refuse attributes that are not known, or not what they should be."""
    issues = []
    for name, value in words.items():
        if name not in ATTRIBUTES:
            expected = f"only the attributes of LSTM ({', '.join(ATTRIBUTES)})"
            issues.append(
                WeightsIssue(f"{path}: attributes", expected, shown(name), codes.UNEXPECTED_ENTRY)
            )
        elif not isinstance(value, ATTRIBUTES[name]):
            expected = f"a value of type {ATTRIBUTES[name].__name__}"
            issues.append(WeightsIssue(f"{path}: {name}", expected, shown(value), codes.WRONG_TYPE))
    texts = words.get("activations")
    if isinstance(texts, list) and not all(isinstance(text, bytes) for text in texts):
        issues.append(
            WeightsIssue(
                f"{path}: activations", "names of functions", shown(texts), codes.WRONG_TYPE
            )
        )
    if issues:
        raise WeightsError(tuple(issues))


def _attribute_issues(path: str, words: Mapping[str, Any]) -> list[WeightsIssue]:
    """What cannot be honoured."""
    issues: list[WeightsIssue] = []
    if "clip" in words:
        expected = "no clip, which has no equal here"
        issues.append(
            WeightsIssue(f"{path}: clip", expected, shown(words["clip"]), codes.UNSUPPORTED_HERE)
        )
    if words.get("input_forget"):
        expected = "0: input and forget gate are not coupled here"
        issues.append(
            WeightsIssue(
                f"{path}: input_forget",
                expected,
                shown(words["input_forget"]),
                codes.UNSUPPORTED_HERE,
            )
        )
    direction = words.get("direction", b"forward")
    if direction not in {b"forward", b"bidirectional"}:
        expected = (
            "'forward' or 'bidirectional' (a layer that only reads in reverse has no equal here)"
        )
        found = shown(direction.decode("ascii", "replace"))
        code = codes.UNSUPPORTED_HERE if direction == b"reverse" else codes.UNKNOWN_CHOICE
        issues.append(WeightsIssue(f"{path}: direction", expected, found, code))
    if words.get("layout", 0) not in {0, 1}:
        issues.append(
            WeightsIssue(f"{path}: layout", "0 or 1", shown(words["layout"]), codes.UNKNOWN_CHOICE)
        )
    return issues


def _arrays(path: str, scope: Scope, node: Any) -> dict[str, Floats]:
    """W, R, and B and P if there are any."""
    issues: list[WeightsIssue] = []
    arrays: dict[str, Floats] = {}

    def read(name: str) -> None:
        value = input_of(node, name)
        try:
            if value:
                arrays[name] = to_float32(
                    f"{path}: {name}", scope.constant(f"{path}: {name}", value)
                )
            elif name in {"W", "R"}:
                issues.append(
                    WeightsIssue(
                        f"{path}: {name}", "a constant", "no such input", codes.MISSING_ENTRY
                    )
                )
        except WeightsError as error:
            issues.extend(error.issues)

    for name in ("W", "R", "B", "P"):
        read(name)
    if issues:
        raise WeightsError(tuple(issues))
    return arrays


def _check_shapes(path: str, arrays: Mapping[str, Floats], directions: int, hidden: object) -> None:
    """Compare with each other; the hidden size is R's."""
    recurrent, below = arrays["R"].shape, arrays["W"].shape
    units = recurrent[2] if len(recurrent) == 3 else 0
    wanted: dict[str, tuple[int, ...]] = {
        "R": (directions, 4 * units, units),
        "W": (directions, 4 * units, below[2] if len(below) == 3 else 0),
        "B": (directions, 8 * units),
        "P": (directions, 3 * units),
    }
    if units < 1:
        raise fail(
            f"{path}: R",
            f"[{directions}, 4*hidden, hidden]",
            str(list(recurrent)),
            codes.SIZE_MISMATCH,
        )
    issues = [
        WeightsIssue(
            f"{path}: {name}", str(list(wanted[name])), str(list(array.shape)), codes.SIZE_MISMATCH
        )
        for name, array in arrays.items()
        if array.shape != wanted[name] or array.size == 0
    ]
    if hidden is not None and hidden != units:
        issues.append(
            WeightsIssue(
                f"{path}: hidden_size", f"{units}, as in R", shown(hidden), codes.SIZE_MISMATCH
            )
        )
    if issues:
        raise WeightsError(tuple(issues))


def _parameters(arrays: Mapping[str, Floats], directions: int) -> dict[str, Floats]:
    """ONNX' arrays in PyTorch's order and under its names."""
    parameters: dict[str, Floats] = {}
    for direction, suffix in enumerate(SUFFIXES[:directions]):
        place = f"l0{suffix}"
        own = {name: array[direction] for name, array in arrays.items()}
        gates = (order.ONNX, order.TORCH)
        parameters[f"weight_ih_{place}"] = order.reorder(own["W"], *gates)
        parameters[f"weight_hh_{place}"] = order.reorder(own["R"], *gates)
        if "B" in own:
            below, recurrent = own["B"].reshape(2, -1)
            parameters[f"bias_ih_{place}"] = order.reorder(below, *gates)
            parameters[f"bias_hh_{place}"] = order.reorder(recurrent, *gates)
        if "P" in own:
            peepholes = order.reorder(own["P"], order.ONNX_PEEPHOLES, order.TORCH)
            parameters[f"weight_ch_{place}"] = peepholes
    return parameters


def _state(
    path: str, scope: Scope, node: Any, *, batch_first: bool
) -> tuple[Floats, Floats] | None:
    """Initial states that the model carries; None if they are zeros or given at run time."""
    states: dict[str, Floats] = {}
    given: list[str] = []
    for name in ("initial_h", "initial_c"):
        value = input_of(node, name)
        if not value or scope.is_zero(value):
            continue
        given.append(name)
        if scope.is_constant(value):
            array: npt.NDArray[Any] = scope.constant(f"{path}: {name}", value)
            if array.ndim != 3:
                raise fail(
                    f"{path}: {name}", "three axes", str(list(array.shape)), codes.RANK_MISMATCH
                )
            states[name] = to_float32(
                f"{path}: {name}", array.swapaxes(0, 1) if batch_first else array
            )
    if len(states) == 1 and len(given) == 2:
        only = next(iter(states))
        other = given[1 - given.index(only)]
        raise fail(
            f"{path}: {other}",
            f"a constant, as {only} is one",
            "a value that the model computes",
            codes.NOT_CONSTANT,
        )
    if not states:
        return None
    zeros = next(iter(states.values())) * 0
    return states.get("initial_h", zeros), states.get("initial_c", zeros)
