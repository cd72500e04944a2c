"""What the configuration of a Keras layer says, and what of it has no equal here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import is_default
from bnns_lstm.formats.keras.activations import function_of

__all__ = ["LSTMS", "Config", "config_of", "is_lstm"]

LSTMS = {"LSTM", "CuDNNLSTM"}
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
WRAPPER = {
    "layer",
    "backward_layer",
    "merge_mode",
    "name",
    "trainable",
    "dtype",
    "weights",
} | IGNORED


@dataclass(frozen=True)
class Config:
    """What a layer's configuration comes to.

    Attributes:
        bidirectional: Whether it is a pair of LSTMs.
        use_bias: Whether there are biases; None if nothing is known.
        units: Hidden size; None if nothing is known.
        batch_first: Whether the batch is the first axis.
        is_cudnn: Whether its class is CuDNNLSTM.
        sequences: Whether it gives the outputs of all steps to the next layer.
        activations: None for the default ones.
    """

    bidirectional: bool = False
    use_bias: bool | None = None
    units: int | None = None
    batch_first: bool = True
    is_cudnn: bool = False
    sequences: bool = True
    activations: Mapping[str, Activation] | None = None


def is_lstm(layer: Mapping[str, Any]) -> bool:
    """Whether a layer's configuration is that of an LSTM, or of one in both directions."""
    if _kind(layer) != "Bidirectional":
        return _kind(layer) in LSTMS
    inner = _fields(layer).get("layer")
    return isinstance(inner, dict) and _kind(inner) in LSTMS


def _kind(layer: Mapping[str, Any]) -> str:
    """The name of a layer's class, whatever stands in its place."""
    return str(layer.get("class_name"))


def config_of(path: str, layer: Mapping[str, Any], version: str | None) -> Config:
    """The configuration of an LSTM layer.

    Args:
        path: What errors call the layer.
        layer: Its class and configuration, as Keras stores them.
        version: Keras' version that stored them.

    Raises:
        WeightsError: Naming everything that cannot be honoured.
    """
    issues: list[WeightsIssue] = []
    fields = _fields(layer)
    if _kind(layer) != "Bidirectional":
        config = _one(path, layer, version, issues, backwards=False)
    else:
        for name, value in fields.items():
            if name not in WRAPPER and value not in (None, False):
                issues.append(
                    WeightsIssue(
                        f"{path}: {name}",
                        "only a Bidirectional's fields",
                        shown(value),
                        codes.UNEXPECTED_ENTRY,
                    )
                )
        mode = fields.get("merge_mode", "concat")
        if mode != "concat":
            issues.append(
                WeightsIssue(f"{path}: merge_mode", "'concat'", shown(mode), codes.UNSUPPORTED_HERE)
            )
        config = _one(f"{path}.layer", fields["layer"], version, issues, backwards=False)
        other = fields.get("backward_layer")
        if isinstance(other, dict):
            back = _one(f"{path}.backward_layer", other, version, issues, backwards=True)
            if back != config:
                expected = f"{config}, as the layer forward"
                issues.append(
                    WeightsIssue(
                        f"{path}.backward_layer", expected, str(back), codes.STACK_MISMATCH
                    )
                )
        config = Config(**{**vars(config), "bidirectional": True})
    if issues:
        raise WeightsError(tuple(issues))
    return config


def _fields(layer: Mapping[str, Any]) -> dict[str, Any]:
    found = layer.get("config")
    return found if isinstance(found, dict) else {}


def _one(
    path: str,
    layer: Mapping[str, Any],
    version: str | None,
    issues: list[WeightsIssue],
    *,
    backwards: bool,
) -> Config:
    """One LSTM; what is wrong with it is added to the issues."""
    fields = _fields(layer)
    if _kind(layer) not in LSTMS:
        issues.append(WeightsIssue(path, "an LSTM", shown(_kind(layer)), codes.UNSUPPORTED_HERE))
        return Config()
    for name, value in fields.items():
        if name not in IGNORED | HONOURED and value not in (None, False):
            issues.append(
                WeightsIssue(
                    f"{path}: {name}",
                    "only the fields of an LSTM",
                    shown(value),
                    codes.UNEXPECTED_ENTRY,
                )
            )
    issues += [
        WeightsIssue(f"{path}: {name}", "true or false", shown(fields[name]), codes.WRONG_TYPE)
        for name in FLAGS
        if type(fields.get(name, False)) is not bool
    ]
    if bool(fields.get("go_backwards", backwards)) != backwards:
        expected = f"{str(backwards).lower()} (flip the sequence yourself)"
        issues.append(
            WeightsIssue(
                f"{path}: go_backwards",
                expected,
                str(not backwards).lower(),
                codes.UNSUPPORTED_HERE,
            )
        )
    units = fields.get("units")
    if units is not None and type(units) is not int:
        issues.append(WeightsIssue(f"{path}: units", "an integer", shown(units), codes.WRONG_TYPE))
    functions = [
        function_of(f"{path}: {name}", fields.get(name, default), version, issues)
        for name, default in (("recurrent_activation", "sigmoid"), ("activation", "tanh"))
    ]
    gates, others = functions
    activations = {"input": gates, "forget": gates, "candidate": others, "output": gates}
    activations["hidden"] = others
    is_cudnn = _kind(layer) == "CuDNNLSTM"
    return Config(
        use_bias=bool(fields.get("use_bias", True)),
        units=units if type(units) is int else None,
        batch_first=not fields.get("time_major", False),
        is_cudnn=is_cudnn,
        sequences=bool(fields.get("return_sequences", False)),
        activations=None if is_default(activations) else activations,
    )
