"""An LSTM between two libraries: its configuration and its weights, in one form for all formats.

Readers return a :class:`StoredLSTM`, writers take one. Names, shapes and order of its parameters are PyTorch's;
peepholes, which PyTorch has not, are called `weight_ch_l0` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import is_a, mapping, sequence, whole
from bnns_lstm._show import listed, named, show, shown
from bnns_lstm.activation import Activation
from bnns_lstm.config import FUNCTIONS, LSTMConfig, Merge, Peephole, activations_of, gates_of
from bnns_lstm.errors import ArgumentError, WeightsError, WeightsIssue
from bnns_lstm.formats.activations import ACTIVATIONS, fault_of, fault_of_names
from bnns_lstm.typing import Floats
from bnns_lstm.variants import PLAIN, Coupled, Direction

__all__ = ["Floats", "Peephole", "StoredLSTM", "refuse_others", "shapes"]

# The fields that are the configuration's, by its names.
FIELDS = (
    "input_size", "hidden_size", "num_layers", "bidirectional", "bias", "batch_first", "dropout", "peephole",
    "merge", *PLAIN,
)  # fmt: skip


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
            [layers*directions, batch, hidden]; of the hidden ones [layers*directions, batch, proj_size] with a
            projection.
        lengths: Steps of each sample that the model itself carries; None if it carries none.
        merge: What the last layer's two directions become in the output; see :class:`LSTMConfig`.
        cell_clip: What new cell states are limited to.
        gate_clip: What the arguments of all functions are limited to.
        gate_clip_hidden: Whether that holds for the hidden state's function, too.
        direction: Whether each sample is read from its first step (`"forward"`) or from its last one
            (`"reverse"`).
        coupled: Which gate is 1 minus another one; it has no block in the parameters.
        proj_size: Values of a projected hidden state; 0 without a projection.

    Raises:
        WeightsError: If a field, a name or a shape does not fit the rest.

    Example:
        >>> import bnns_lstm as bl
        >>> from bnns_lstm.formats import StoredLSTM
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> stored.hidden_size, list(stored.parameters)[:2]
        (4, ['weight_ih_l0', 'weight_hh_l0'])
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
    lengths: tuple[int, ...] | None = None
    merge: Merge = "concat"
    cell_clip: float | None = None
    gate_clip: float | None = None
    gate_clip_hidden: bool = True
    direction: Direction = "forward"
    coupled: Coupled = None
    proj_size: int = 0

    def __post_init__(self) -> None:
        """Check everything at once, and take the fields as the configuration has them."""
        issues = list(_configuration_issues(self))
        if not issues:
            # No field of the class: a network is the same as another one without it.
            object.__setattr__(self, "_config", _config_of(self, self.activations))
            issues += _parameter_issues(self)
        if issues:
            raise WeightsError(tuple(issues))
        for name, value in _fields(self.config).items():
            object.__setattr__(self, name, value)
        if self.lengths is not None:
            object.__setattr__(self, "lengths", tuple(map(int, self.lengths)))

    @property
    def config(self) -> LSTMConfig:
        """All but parameters, state and lengths."""
        found: LSTMConfig = vars(self)["_config"]
        return found

    @classmethod
    def from_config(
        cls,
        config: LSTMConfig,
        parameters: dict[str, Floats],
        state: tuple[Floats, Floats] | None = None,
        lengths: tuple[int, ...] | None = None,
    ) -> StoredLSTM:
        """A configuration with weights, and with initial states and lengths if there are any.

        Raises:
            WeightsError: If a name or a shape does not fit the configuration.

        Example:
            >>> import bnns_lstm as bl
            >>> from bnns_lstm.formats import StoredLSTM
            >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
            >>> stored.config == bl.LSTMConfig(3, 4)
            True
        """
        return cls(**_fields(config), parameters=parameters, state=state, lengths=lengths)

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return self.config.directions


def refuse_others(given: object) -> None:
    """What is written has to be a :class:`StoredLSTM`.

    Raises:
        WeightsError: If it is something else.
    """
    if not is_a(given, StoredLSTM):
        expected = "a StoredLSTM (an LSTM itself has save, to_onnx, to_keras and state_dict)"
        issue = WeightsIssue("stored", expected, type(given).__name__, codes.WRONG_TYPE)
        raise WeightsError((issue,))


def shapes(
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    *,
    bidirectional: bool = False,
    bias: bool = True,
    peephole: Peephole = None,
    coupled: Coupled = None,
    proj_size: int = 0,
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters, in PyTorch's order."""
    rows = len(gates_of(coupled)) * hidden_size
    suffixes = ("", "_reverse") if bidirectional else ("",)
    outputs = proj_size or hidden_size
    named: dict[str, tuple[int, ...]] = {}
    for layer in range(num_layers):
        columns = input_size if layer == 0 else outputs * len(suffixes)
        for suffix in suffixes:
            place = f"l{layer}{suffix}"
            named[f"weight_ih_{place}"] = (rows, columns)
            named[f"weight_hh_{place}"] = (rows, outputs)
            if bias:
                named[f"bias_ih_{place}"] = named[f"bias_hh_{place}"] = (rows,)
            if proj_size:
                named[f"weight_hr_{place}"] = (proj_size, hidden_size)
            if peephole is not None:
                full = peephole == "full"
                named[f"weight_ch_{place}"] = (rows, hidden_size) if full else (rows,)
    return named


def _config_of(stored: StoredLSTM, functions: Mapping[str, Activation] | None) -> LSTMConfig:
    named = {name: getattr(stored, name) for name in FIELDS}
    return LSTMConfig(**named, activations=activations_of(functions))


def _fields(config: LSTMConfig) -> dict[str, Any]:
    """A configuration as the fields of a :class:`StoredLSTM`."""
    functions = (
        {name: config.activation(name) for name in FUNCTIONS} if config.activations else None
    )
    return {name: getattr(config, name) for name in FIELDS} | {"activations": functions}


def _configuration_issues(stored: StoredLSTM) -> Iterable[WeightsIssue]:
    """What is wrong with the fields of the configuration."""
    found = list(_activation_issues(stored.activations)) if stored.activations is not None else []
    yield from found
    try:
        # Functions that are refused already are not refused once more.
        _config_of(stored, None if found else stored.activations)
    except ArgumentError as error:
        yield from (WeightsIssue(i.path, i.expected, i.actual, i.code) for i in error.issues)


def _activation_issues(given: object) -> Iterable[WeightsIssue]:
    activations = mapping(given)
    if activations is None:
        expected = f"a mapping of {', '.join(ACTIVATIONS)} to functions, or None"
        yield WeightsIssue("activations", expected, show(given), codes.WRONG_TYPE)
        return
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
    """What is wrong with parameters, state and lengths of a right configuration."""
    found = mapping(stored.parameters)
    if found is None:
        wanted, actual = "a mapping of names to arrays", show(stored.parameters)
        yield WeightsIssue("parameters", wanted, actual, codes.WRONG_TYPE)
        return
    entries = len(found)
    if stored.num_layers > max(entries, 1):
        actual = f"{stored.num_layers} with {entries} parameters"
        yield WeightsIssue(
            "num_layers", "at most one layer for each parameter", actual, codes.MISSING_ENTRY
        )
        return
    expected = shapes(
        stored.input_size, stored.hidden_size, stored.num_layers,
        bidirectional=stored.bidirectional, bias=stored.bias, peephole=stored.peephole,
        coupled=stored.config.coupled, proj_size=stored.config.proj_size,
    )  # fmt: skip
    for name, shape in expected.items():
        yield from _array_issues(name, found.get(name), shape)
    for name in found:
        if name not in expected:
            yield WeightsIssue(
                named(name),
                f"only {listed(expected)}",
                "an unexpected entry",
                codes.UNEXPECTED_ENTRY,
            )
    wrong = [] if stored.state is None else list(_state_issues(stored, stored.state))
    yield from wrong
    if stored.lengths is not None:
        batch = None if stored.state is None or wrong else stored.state[0].shape[1]
        yield from _length_issues(stored.lengths, batch)


def _state_issues(stored: StoredLSTM, given: object) -> Iterable[WeightsIssue]:
    state = sequence(given)
    if state is None:
        expected = "hidden and cell states, or None"
        yield WeightsIssue("state", expected, show(given), codes.WRONG_TYPE)
        return
    batch = state[0].shape[1] if len(state) > 0 and np.ndim(state[0]) == 3 else 1
    config = stored.config
    stack = config.num_layers * config.directions
    wanted = {"h": (stack, batch, config.outputs), "c": (stack, batch, config.units)}
    if len(state) != 2:
        yield WeightsIssue(
            "state", "hidden and cell states", f"{len(state)} arrays", codes.SIZE_MISMATCH
        )
        return
    for (name, shape), array in zip(wanted.items(), state, strict=True):
        yield from _array_issues(f"state.{name}", array, shape)


def _length_issues(given: object, batch: int | None) -> Iterable[WeightsIssue]:
    lengths = sequence(given)
    if lengths is None:
        expected = "whole numbers, one for each sample, or None"
        yield WeightsIssue("lengths", expected, type(given).__name__, codes.WRONG_TYPE)
        return
    for place, length in enumerate(lengths):
        number = whole(length)
        if number is None or number < 0:
            expected = "a whole number of at least 0"
            yield WeightsIssue(f"lengths[{place}]", expected, shown(length), codes.INVALID_NUMBER)
    if not lengths or batch not in {None, len(lengths)}:
        expected = f"{batch or 'at least one'}, one for each sample"
        yield WeightsIssue("lengths", expected, str(len(lengths)), codes.SIZE_MISMATCH)


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
