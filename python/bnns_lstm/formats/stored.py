"""An LSTM between two libraries: its configuration and its weights, in one form for all formats.

Readers return a :class:`StoredLSTM`, writers take one. Names, shapes and order of its parameters are PyTorch's;
peepholes, which PyTorch has not, are called `weight_ch_l0` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._show import listed, show
from bnns_lstm.activation import Activation
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import ACTIVATIONS, fault_of, fault_of_names

__all__ = ["Floats", "Peephole", "StoredLSTM", "shapes"]

Floats = npt.NDArray[np.float32]
Peephole = Literal["diagonal", "full"] | None

LARGEST_SIZE = 2**31 - 1


@dataclass(frozen=True, eq=False)
class StoredLSTM:
    """Configuration and weights of a stack of LSTM layers; inconsistent ones cannot be made.

    Attributes:
        input_size: Values per step that the lowest layer reads.
        hidden_size: Units of each layer and direction.
        num_layers: Layers.
        bidirectional: Whether each layer reads the sequence in both directions.
        bias: Whether there are biases.
        batch_first: Whether the batch is the first axis of inputs and outputs, not the second.
        dropout: Share of values dropped between layers in training.
        peephole: Whether the gates see the cell state, unit by unit or through a matrix.
        activations: The function of each of :data:`ACTIVATIONS`; None for three sigmoids and two tanh.
        parameters: Weights and biases as :func:`shapes` names them.
        state: Initial hidden and cell states that the model itself carries, each
            [layers*directions, batch, hidden].

    Raises:
        WeightsError: If a field, a name or a shape does not fit the rest.
    """

    input_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    bias: bool
    batch_first: bool
    dropout: float
    peephole: Peephole
    activations: Mapping[str, Activation] | None
    parameters: dict[str, Floats]
    state: tuple[Floats, Floats] | None = None

    def __post_init__(self) -> None:
        """Check everything at once."""
        issues = list(_configuration_issues(self)) or list(_parameter_issues(self))
        if issues:
            raise WeightsError(tuple(issues))

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1


def shapes(
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    *,
    bidirectional: bool = False,
    bias: bool = True,
    peephole: Peephole = None,
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters, in PyTorch's order."""
    rows, suffixes = 4 * hidden_size, ("", "_reverse") if bidirectional else ("",)
    named: dict[str, tuple[int, ...]] = {}
    for layer in range(num_layers):
        columns = input_size if layer == 0 else hidden_size * len(suffixes)
        for suffix in suffixes:
            place = f"l{layer}{suffix}"
            named[f"weight_ih_{place}"] = (rows, columns)
            named[f"weight_hh_{place}"] = (rows, hidden_size)
            if bias:
                named[f"bias_ih_{place}"] = named[f"bias_hh_{place}"] = (rows,)
            if peephole is not None:
                full = peephole == "full"
                named[f"weight_ch_{place}"] = (rows, hidden_size) if full else (rows,)
    return named


def _configuration_issues(stored: StoredLSTM) -> Iterable[WeightsIssue]:
    """What is wrong with the fields but parameters and state."""
    for name in ("input_size", "hidden_size", "num_layers"):
        size = getattr(stored, name)
        if type(size) is not int or not 1 <= size <= LARGEST_SIZE:
            yield WeightsIssue(
                name,
                f"an integer from 1 to {LARGEST_SIZE}",
                show(size),
                codes.WRONG_TYPE if type(size) is not int else codes.OUT_OF_RANGE,
            )
    for name in ("bidirectional", "bias", "batch_first"):
        if type(getattr(stored, name)) is not bool:
            yield WeightsIssue(name, "True or False", show(getattr(stored, name)), codes.WRONG_TYPE)
    dropout = stored.dropout
    if not isinstance(dropout, float | int) or not 0 <= dropout < 1:
        yield WeightsIssue(
            "dropout", "a number p with 0 <= p < 1", show(dropout), codes.INVALID_DROPOUT
        )
    if stored.peephole not in {None, "diagonal", "full"}:
        yield WeightsIssue(
            "peephole", "None, 'diagonal' or 'full'", show(stored.peephole), codes.UNKNOWN_CHOICE
        )
    if stored.activations is not None:
        yield from _activation_issues(stored.activations)


def _activation_issues(activations: Mapping[str, Activation]) -> Iterable[WeightsIssue]:
    code = fault_of_names(activations)
    if code is not None:
        found = ", ".join(sorted(map(str, activations))) or "none"
        yield WeightsIssue("activations", ", ".join(ACTIVATIONS), found, code)
    for name, activation in activations.items():
        code = fault_of(activation)
        if code is not None:
            path = f"activations[{name!r}]"
            yield WeightsIssue(path, "an Activation of one number", show(activation), code)


def _parameter_issues(stored: StoredLSTM) -> Iterable[WeightsIssue]:
    """What is wrong with parameters and state, if the other fields are right."""
    found, entries = stored.parameters, len(stored.parameters)
    if stored.num_layers > max(entries, 1):
        actual = f"{stored.num_layers} with {entries} parameters"
        yield WeightsIssue(
            "num_layers", "at most one layer for each parameter", actual, codes.MISSING_ENTRY
        )
        return
    expected = shapes(
        stored.input_size, stored.hidden_size, stored.num_layers,
        bidirectional=stored.bidirectional, bias=stored.bias, peephole=stored.peephole,
    )  # fmt: skip
    for name, shape in expected.items():
        yield from _array_issues(name, found.get(name), shape)
    for name in found:
        if name not in expected:
            yield WeightsIssue(
                name, f"only {listed(expected)}", "an unexpected entry", codes.UNEXPECTED_ENTRY
            )
    if stored.state is not None:
        yield from _state_issues(stored, stored.state)


def _state_issues(stored: StoredLSTM, state: tuple[Floats, Floats]) -> Iterable[WeightsIssue]:
    batch = state[0].shape[1] if len(state) > 0 and np.ndim(state[0]) == 3 else 1
    wanted = (stored.num_layers * stored.directions, batch, stored.hidden_size)
    if len(state) != 2:
        yield WeightsIssue(
            "state", "hidden and cell states", f"{len(state)} arrays", codes.SIZE_MISMATCH
        )
        return
    for name, array in zip(("h", "c"), state, strict=True):
        yield from _array_issues(f"state.{name}", array, wanted)


def _array_issues(name: str, array: object, shape: tuple[int, ...]) -> Iterable[WeightsIssue]:
    wanted = f"float32 {list(shape)}"
    if array is None:
        yield WeightsIssue(name, wanted, "none", codes.MISSING_ENTRY)
    elif not isinstance(array, np.ndarray):
        yield WeightsIssue(name, wanted, show(array), codes.WRONG_TYPE)
    elif array.shape != shape or array.dtype != np.float32:
        yield WeightsIssue(
            name,
            wanted,
            f"{array.dtype} {list(array.shape)}",
            codes.SIZE_MISMATCH if array.dtype == np.float32 else codes.UNSUPPORTED_DATA_TYPE,
        )
