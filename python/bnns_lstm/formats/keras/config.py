"""What the configuration of a Keras layer says, and what of it has no equal here.

In: a layer's class and configuration. Out: a :class:`Config` for each of its cells, or everything that cannot
be honoured. It knows neither the layer's arrays nor the graph that it stands in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.config import MERGES, Merge
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import differing, is_default
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.activations import function_of
from bnns_lstm.formats.keras.training import training_issues
from bnns_lstm.formats.keras.wrappers import (
    CELL,
    CELLS,
    LSTMS,
    RNN,
    TIMES,
    cells_of,
    fields_of,
    inner_of,
    kind_of,
    lstm_in,
)
from bnns_lstm.variants import Direction

__all__ = ["Config", "config_of", "training_issues"]

# Fields that change nothing at inference, or that the caller of this package decides: output of the last step
# alone, final state, masks (lengths), a state that is carried on.
IGNORED = {
    "activity_regularizer", "autocast", "batch_input_shape", "batch_size", "batch_shape", "bias_constraint",
    "bias_initializer", "bias_regularizer", "dropout", "dtype", "implementation", "input_dim",
    "input_length", "input_shape", "input_spec", "kernel_constraint", "kernel_initializer",
    "kernel_regularizer", "name", "recurrent_constraint", "recurrent_dropout", "recurrent_initializer",
    "recurrent_regularizer", "return_sequences", "return_state", "seed", "stateful", "trainable",
    "unit_forget_bias", "unroll", "use_cudnn", "zero_output_for_mask", "reset_after",
}  # fmt: skip
HONOURED = {"activation", "go_backwards", "recurrent_activation", "time_major", "units", "use_bias"}
FLAGS = ("go_backwards", "return_sequences", "time_major", "use_bias")
OF_RNN = {"cell", "go_backwards", "time_major"} | IGNORED
OF_CELL = {"activation", "recurrent_activation", "units", "use_bias"} | IGNORED
OF_LSTM = HONOURED | IGNORED
OF_PAIR = {"layer", "backward_layer", "merge_mode", "weights"} | IGNORED
OF_CELLS = {"cells"} | IGNORED
OF_TIMES = {"layer"} | IGNORED
FORWARDS = (
    "false in a stack and in the layer forward of a pair (outputs stand in the order of reading; a layer alone "
    "is read, as direction='reverse')"
)
BACKWARDS = "true (the layer backward reads in reverse)"


@dataclass(frozen=True)
class Config:
    """What a layer's configuration comes to; for each cell of an RNN, one of these.

    Attributes:
        bidirectional: Whether it is a pair of LSTMs.
        use_bias: Whether there are biases; None if nothing is known.
        units: Hidden size; None if nothing is known.
        batch_first: Whether the batch is the first axis.
        is_cudnn: Whether its class is CuDNNLSTM.
        sequences: Whether it gives the outputs of all steps to the next layer.
        activations: None for the default ones.
        merge: What a pair makes of its outputs.
        apart: Whether each direction of a pair goes on alone, as in the lower cells of an RNN.
        distributed: In how many `TimeDistributed` it is.
        direction: "reverse" for a layer with `go_backwards`. Keras gives its outputs in the order of reading,
            which is that of time from its end; they are not turned here.
    """

    bidirectional: bool = False
    use_bias: bool | None = None
    units: int | None = None
    batch_first: bool = True
    is_cudnn: bool = False
    sequences: bool = True
    activations: Mapping[str, Activation] | None = None
    merge: Merge = "concat"
    apart: bool = False
    distributed: int = 0
    direction: Direction = "forward"


def config_of(
    path: str, layer: Mapping[str, Any], version: str | None, *, in_stack: bool = False
) -> list[Config]:
    """The configuration of an LSTM layer: of each cell, the lowest first.

    Args:
        path: What errors call the layer.
        layer: Its class and configuration, as Keras stores them.
        version: Keras' version that stored them.
        in_stack: Whether other layers read its outputs, or it those of others.

    Raises:
        WeightsError: Naming everything that cannot be honoured.
    """
    wrapped = lstm_in(layer)
    if wrapped is None:
        raise fail(path, "an LSTM", shown(kind_of(layer)), codes.UNSUPPORTED_HERE)
    issues: list[WeightsIssue] = []
    around = layer
    while kind_of(around) == TIMES:
        issues += _unknown(path, fields_of(around), OF_TIMES, "a TimeDistributed's fields")
        around = inner_of(around)
    if wrapped.pair is None:
        backwards = False if in_stack else None
        cells = _cells(path, wrapped.layer, version, issues, backwards=backwards)
    else:
        cells = _pair(path, fields_of(wrapped.pair), version, issues)
    if issues:
        raise WeightsError(tuple(issues))
    return [replace(cell, distributed=wrapped.distributed) for cell in cells]


def _pair(
    path: str, fields: Mapping[str, Any], version: str | None, issues: list[WeightsIssue]
) -> list[Config]:
    """A `Bidirectional`."""
    issues += _unknown(path, fields, OF_PAIR, "a Bidirectional's fields")
    mode = fields.get("merge_mode", "concat")
    if mode not in MERGES:
        expected = "'concat', 'sum', 'ave', 'mul' or none"
        issues.append(
            WeightsIssue(f"{path}: merge_mode", expected, shown(mode), codes.UNSUPPORTED_HERE)
        )
    cells = _cells(f"{path}.layer", fields["layer"], version, issues, backwards=False)
    other = fields.get("backward_layer")
    if isinstance(other, dict):
        count = len(issues)
        back = _cells(f"{path}.backward_layer", other, version, issues, backwards=True)
        issues += _uneven(f"{path}.backward_layer", cells, back) if len(issues) == count else ()
    pairs = [replace(cell, bidirectional=True, apart=True) for cell in cells]
    return [*pairs[:-1], replace(pairs[-1], apart=False, merge=mode)]


def _uneven(path: str, cells: list[Config], back: list[Config]) -> Iterator[WeightsIssue]:
    """Where the layer backward of a pair is not as the layer forward."""
    if len(cells) != len(back):
        expected = f"{len(cells)}, as the layer forward has"
        yield WeightsIssue(f"{path}: cells", expected, str(len(back)), codes.STACK_MISMATCH)
        return
    for number, (one, other) in enumerate(zip(cells, back, strict=True)):
        place = f"{path}.cells[{number}]" if len(cells) > 1 else path
        for name in Config.__dataclass_fields__:
            wanted, found = str(getattr(one, name)), str(getattr(other, name))
            if name == "activations":
                wanted = differing(one.activations, other.activations)
                found = differing(other.activations, one.activations)
            if wanted != found:
                expected = f"{wanted}, as in the layer forward; the arrays of each can be read"
                yield WeightsIssue(f"{place}: {name}", expected, found, codes.STACK_MISMATCH)


def _cells(
    path: str, layer: Mapping[str, Any], version: str | None, issues: list[WeightsIssue],
    *, backwards: bool | None,
) -> list[Config]:  # fmt: skip
    """One LSTM, or the cells of an RNN; what is wrong with it is added to the issues.

    `backwards` is how it has to read; None if both ways can be said.
    """
    fields, kind = fields_of(layer), kind_of(layer)
    if kind not in {RNN, *LSTMS}:
        issues.append(WeightsIssue(path, "an LSTM", shown(kind), codes.UNSUPPORTED_HERE))
        return [Config()]
    is_rnn = kind == RNN
    known, what = (OF_RNN, "an RNN") if is_rnn else (OF_LSTM, "an LSTM")
    issues += _unknown(path, fields, known, f"the fields of {what}")
    issues += _flags(path, fields)
    reads_back = bool(fields.get("go_backwards", backwards))
    if backwards is not None and reads_back != backwards:
        expected, found = BACKWARDS if backwards else FORWARDS, str(reads_back).lower()
        issues.append(
            WeightsIssue(f"{path}: go_backwards", expected, found, codes.UNSUPPORTED_HERE)
        )
    outer = Config(
        batch_first=not fields.get("time_major", False),
        is_cudnn=kind == "CuDNNLSTM",
        sequences=bool(fields.get("return_sequences", False)),
        direction="reverse" if reads_back and backwards is None else "forward",
    )
    if not is_rnn:
        return [_cell(path, fields, version, issues, outer)]
    cells, found_cells = [], cells_of(layer)
    if kind_of(inner_of(layer, "cell")) == CELLS:
        inner = fields_of(inner_of(layer, "cell"))
        issues += _unknown(f"{path}.cell", inner, OF_CELLS, "the fields of StackedRNNCells")
    for number, cell in enumerate(found_cells):
        place = f"{path}.cells[{number}]" if len(found_cells) > 1 else f"{path}.cell"
        if kind_of(cell) != CELL:
            found = shown(kind_of(cell))
            issues.append(WeightsIssue(place, "an LSTMCell", found, codes.UNSUPPORTED_HERE))
            continue
        own = fields_of(cell)
        issues += _unknown(place, own, OF_CELL, "the fields of an LSTMCell")
        issues += _flags(place, own)
        cells.append(_cell(place, own, version, issues, outer))
    return cells or [outer]


def _unknown(
    path: str, fields: Mapping[str, Any], known: Collection[str], what: str
) -> Iterator[WeightsIssue]:
    """Fields that say something that is not known here."""
    for name, value in fields.items():
        if name not in known and value not in (None, False):
            found = shown(value)
            yield WeightsIssue(f"{path}: {name}", f"only {what}", found, codes.UNEXPECTED_ENTRY)


def _flags(path: str, fields: Mapping[str, Any]) -> Iterator[WeightsIssue]:
    for name in FLAGS:
        if type(fields.get(name, False)) is not bool:
            found = shown(fields[name])
            yield WeightsIssue(f"{path}: {name}", "true or false", found, codes.WRONG_TYPE)


def _cell(
    path: str, fields: Mapping[str, Any], version: str | None, issues: list[WeightsIssue], outer: Config
) -> Config:  # fmt: skip
    """What the fields of an LSTM say of its one cell."""
    units = fields.get("units")
    if units is not None and type(units) is not int:
        issues.append(WeightsIssue(f"{path}: units", "an integer", shown(units), codes.WRONG_TYPE))
    gates, others = (
        function_of(f"{path}: {name}", fields.get(name, default), version, issues)
        for name, default in (("recurrent_activation", "sigmoid"), ("activation", "tanh"))
    )
    activations = {"input": gates, "forget": gates, "candidate": others, "output": gates}
    activations["hidden"] = others
    return replace(
        outer,
        use_bias=bool(fields.get("use_bias", True)),
        units=units if type(units) is int else None,
        activations=None if is_default(activations) else activations,
    )
