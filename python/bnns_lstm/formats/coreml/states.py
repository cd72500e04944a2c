"""Initial states that a Core ML network carries as constants.

In: an LSTM layer in its network. Out: its states; None where a call gives them and where they are zeros. It
knows no weights of LSTM layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import reason
from bnns_lstm._show import listed, shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.coreml.steps import LSTMLayer, Network, Step
from bnns_lstm.formats.coreml.ways import DEEPEST, moved
from bnns_lstm.formats.coreml.weights import array_of
from bnns_lstm.formats.stored import Floats

__all__ = ["state_of"]

# An LSTM layer's inputs after the first one; a layer of one direction has the first two of them.
NAMES = ("initial h", "initial c", "initial h backward", "initial c backward")
Array = npt.NDArray[Any]


def state_of(layer: LSTMLayer, directions: int, hidden: int) -> tuple[Floats, Floats] | None:
    """Hidden and cell states [directions, batch, hidden] that the network carries.

    Raises:
        WeightsError: If some are constants and others are given or computed, or one has another shape.
    """
    values = layer.step.input[1 : 1 + 2 * directions]
    states: dict[str, Floats] = {}
    given: dict[str, str] = {}
    issues: list[WeightsIssue] = []
    surplus = layer.step.input[1 + 2 * directions :]
    if surplus:
        expected = f"at most {1 + 2 * directions}: values and initial states"
        actual = f"{len(surplus)} more, {listed(surplus)}"
        path = f"{layer.path}: inputs"
        issues.append(WeightsIssue(path, expected, actual, codes.UNEXPECTED_ENTRY))
    for name, value in zip(NAMES, values, strict=False):
        path = f"{layer.path}: {name}"
        try:
            found = _constant(path, layer.network, value, layer.number)
            if found is None:
                given[name] = value
            elif found.any():
                states[name] = _shaped(path, found, hidden)
        except WeightsError as error:
            issues += error.issues
    if states:
        issues += [
            WeightsIssue(
                f"{layer.path}: {name}",
                f"a constant, as {next(iter(states))!r} is one",
                f"{shown(value)}, which a call gives or the network computes",
                codes.NOT_CONSTANT,
            )
            for name, value in given.items()
        ]
        batches = {state.shape[0] for state in states.values()}
        if len(batches) > 1:
            issues += fail(
                f"{layer.path}: initial states", "one batch size", str(sorted(batches)),
                codes.SIZE_MISMATCH,
            ).issues  # fmt: skip
    if issues:
        raise WeightsError(tuple(issues))
    if not states:
        return None
    zeros = np.zeros_like(next(iter(states.values())))
    whole = [states.get(name, zeros) for name in NAMES[: 2 * directions]]
    return np.stack(whole[0::2]), np.stack(whole[1::2])


def _shaped(path: str, array: Array, hidden: int) -> Floats:
    """A state [batch, hidden] of a constant [1, batch, hidden, 1, 1]."""
    if array.ndim != 5 or array.shape[0] != 1 or array.shape[2:] != (hidden, 1, 1):
        expected = f"[1, batch, {hidden}, 1, 1]"
        raise fail(path, expected, str(list(array.shape)), codes.SIZE_MISMATCH)
    return np.ascontiguousarray(array[0, :, :, 0, 0], np.float32)


def _constant(path: str, network: Network, value: str, reader: int) -> Array | None:
    """What a value is, if it is a constant behind layers that move it at most."""
    passed: list[tuple[Step, str]] = []
    for _ in range(DEEPEST):
        maker = network.maker(value, reader)
        if maker is None:
            return None
        step = network.steps[maker]
        if step.kind in {"loadConstant", "loadConstantND", "fillStatic"}:
            array = _loaded(path, step.message)
            if step.kind == "fillStatic":
                return array
            try:
                for mover, wanted in reversed(passed):
                    array = (
                        _split(array, mover, wanted)
                        if mover.move is None
                        else moved(array, mover.move)
                    )
            except (ValueError, IndexError, OverflowError) as error:
                raise fail(path, "axes that fit", reason(error), codes.DAMAGED_FILE) from None
            return array
        if len(step.input) != 1 or (step.move is None and step.kind != "splitND"):
            return None
        passed.append((step, value))
        value, reader = step.input[0], maker
    return None


def _loaded(path: str, layer: Any) -> Array:
    """The numbers of a layer that loads constants."""
    kind = layer.WhichOneof("kind")
    if kind == "fillStatic":
        if layer.fillStatic.value != 0:
            found = f"fillStatic of {layer.fillStatic.value:g}"
            raise fail(path, "zeros, or a loadConstantND", found, codes.NOT_CONSTANT)
        # One stands for all of them, of whatever size.
        return np.zeros(1, np.float32)
    own = getattr(layer, kind)
    shape = tuple(own.shape)
    if not shape or len(shape) > 5 or 0 in shape or (kind == "loadConstant" and len(shape) != 3):
        expected = "three sizes" if kind == "loadConstant" else "one to five sizes"
        raise fail(f"{path}: shape", expected, str(list(shape[:9])), codes.DAMAGED_FILE)
    array = array_of(f"{path}: data", own.data, shape)
    return array[None, None] if kind == "loadConstant" else array


def _split(array: Array, step: Step, wanted: str) -> Array:
    """One of the parts of an array.

    Raises:
        ValueError: If it has not these parts.
    """
    own, count = step.message.splitND, len(step.output)
    sizes = [int(size) for size in own.splitSizes]
    if sizes and (len(sizes) != count or sum(sizes) != array.shape[own.axis]):
        raise ValueError("parts that are not the whole")
    places: Any = np.cumsum(sizes[:-1]).tolist() if sizes else count
    return np.split(array, places, axis=own.axis)[list(step.output).index(wanted)]
