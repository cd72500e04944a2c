"""Weights and initial states of an operator `lstm` of an ML program.

In: an operator. Out: its arrays by the names of its inputs, and its states. Source: the description of the
operator in coremltools. Its texts and flags are not known here.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.coreml.steps import LSTMLayer
from bnns_lstm.formats.separate import gathered
from bnns_lstm.formats.stored import Floats

__all__ = ["ARRAYS", "ENDINGS", "arrays_of", "carried", "check"]

# What the inputs with arrays are here; those of the backward direction have an ending.
ARRAYS = {"weight_ih": "weight_ih", "weight_hh": "weight_hh", "bias": "bias_ih"}
ENDINGS = ("", "_back")


def arrays_of(layer: LSTMLayer, directions: int) -> dict[str, Floats]:
    """The arrays of an operator, by the names of its inputs.

    Raises:
        WeightsError: Naming each that is missing, no constant or cannot be read.
    """
    names = [name + ending for ending in ENDINGS[:directions] for name in ARRAYS]
    given = {entry.key for entry in layer.step.message.inputs}
    wanted = [name for name in names if name in given or not name.startswith("bias")]
    found = gathered(partial(_array, layer, name, is_given=name in given) for name in wanted)
    arrays = dict(zip(wanted, found, strict=True))
    biases = [name for name in names if name.startswith("bias")]
    own = [arrays[name] for name in biases if name in arrays]
    # A direction without biases has zeros beside one that has some.
    return {**{name: np.zeros_like(own[0]) for name in biases if own}, **arrays}


def _array(layer: LSTMLayer, name: str, *, is_given: bool) -> Floats:
    """One of the arrays."""
    path, values = f"{layer.path}: {name}", layer.network.values
    if not is_given:
        raise fail(path, "a constant", "none", codes.MISSING_ENTRY)
    value = values.argument(layer.step.message, name)
    if value is None:
        raise fail(path, "a constant", _maker(layer, name), codes.NOT_CONSTANT)
    array: Floats = values.array(path, value)
    return array


def _maker(layer: LSTMLayer, name: str) -> str:
    """What makes a value that is no constant."""
    given = {entry.key: entry.value.arguments for entry in layer.step.message.inputs}[name]
    if len(given) == 1:
        value = given[0].name
        maker = layer.network.maker(value, layer.number)
        if maker is None:
            return f"{shown(value)}, which a call gives"
        advice = "coremltools.optimize.coreml.decompress_weights undoes compression"
        return f"what {layer.network.label(maker)} makes ({advice})"
    return "several values"


def check(layer: LSTMLayer, arrays: dict[str, Floats], directions: int) -> None:
    """Refuse arrays of other shapes.

    Raises:
        WeightsError: Naming each of them.
    """
    recurrent, below = arrays["weight_hh"], arrays["weight_ih"]
    hidden = recurrent.shape[1] if recurrent.ndim == 2 else 0
    inputs = below.shape[1] if below.ndim == 2 else 0
    wanted = {
        "weight_ih": (4 * hidden, inputs),
        "weight_hh": (4 * hidden, hidden),
        "bias": (4 * hidden,),
    }
    issues = [
        WeightsIssue(
            f"{layer.path}: {name + ending}", str(list(shape)), str(list(arrays[name + ending].shape)),
            codes.SIZE_MISMATCH,
        )
        for ending in ENDINGS[:directions]
        for name, shape in wanted.items()
        if name + ending in arrays and arrays[name + ending].shape != shape
    ]  # fmt: skip
    if issues:
        raise WeightsError(tuple(issues))


def carried(layer: LSTMLayer, directions: int, hidden: int) -> tuple[Floats, Floats] | None:
    """Hidden and cell states that the program carries as constants [batch, directions*hidden].

    Raises:
        WeightsError: If one is a constant and the other one is not, or one has another shape.
    """
    operation, values = layer.step.message, layer.network.values
    found: dict[str, Floats] = {}
    issues: list[WeightsIssue] = []
    names = ("initial_h", "initial_c")
    constants = {name: values.argument(operation, name) for name in names}
    for name, value in constants.items():
        path = f"{layer.path}: {name}"
        if value is None:
            continue
        try:
            array = values.array(path, value)
        except WeightsError as error:
            issues += error.issues
            continue
        if array.ndim != 2 or array.shape[1] != directions * hidden:
            expected = f"[batch, {directions * hidden}]"
            issues.append(WeightsIssue(path, expected, str(list(array.shape)), codes.SIZE_MISMATCH))
        else:
            found[name] = array
    given = {entry.key for entry in operation.inputs}
    states = {name for name, array in found.items() if array.any()}
    issues += [
        WeightsIssue(
            f"{layer.path}: {name}", "a constant, as the other state is one", "a value that a call gives or "
            "the program computes", codes.NOT_CONSTANT,
        )
        for name in names
        if states and name in given and constants[name] is None
    ]  # fmt: skip
    if len({len(array) for array in found.values()}) > 1:
        shapes = str([list(array.shape) for array in found.values()])
        path = f"{layer.path}: initial states"
        issues.append(WeightsIssue(path, "one batch size", shapes, codes.SIZE_MISMATCH))
    if issues:
        raise WeightsError(tuple(issues))
    if not states:
        return None
    zeros = np.zeros_like(next(iter(found.values())))
    h, c = (
        found.get(name, zeros).reshape(-1, directions, hidden).swapaxes(0, 1).copy()
        for name in names
    )
    return h, c
