"""Structures of the level below over the weights of an LSTM, and the arrays that their calls read and write.

In: weights and sizes. Out: a :class:`LayerParametersLSTM`; :class:`CallArrays`; :class:`GradientArrays`. It
calls nothing but the check of a structure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bnns_lstm.config import FUNCTIONS, LSTMConfig
from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor, LSTMExtensions
from bnns_lstm.enums import LayerFlags
from bnns_lstm.errors import ArgumentError, DescriptorError
from bnns_lstm.functions import validate
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.merge import Output, Parts, merged, output
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats, SampleOrder

__all__ = [
    "CallArrays",
    "GradientArrays",
    "check_functions",
    "extensions_of",
    "states_of",
    "structure",
    "structure_of",
]


# By whether a layer has two directions, and the default functions.
FLAGS = {
    (False, False): LayerFlags(0),
    (False, True): LayerFlags.LSTM_DEFAULT_ACTIVATIONS,
    (True, False): LayerFlags.LSTM_BIDIRECTIONAL,
    (True, True): LayerFlags.LSTM_BIDIRECTIONAL | LayerFlags.LSTM_DEFAULT_ACTIVATIONS,
}


def states_of(
    config: LSTMConfig, rows: int, make: Callable[..., Floats] = np.zeros
) -> tuple[Floats, Floats]:
    """Hidden and cell states, `[layers, directions, rows, outputs]` and `[..., units]`."""
    stack = (config.num_layers, config.directions, rows)
    h, c = (make((*stack, width), np.float32) for width in (config.outputs, config.units))
    return h, c


class CallArrays:
    """What calls of one shape read and write: input, output, states before and after."""

    def __init__(self, config: LSTMConfig, steps: int, rows: int) -> None:
        """Zeros.

        Raises:
            ComputeError: If there is no memory for them.
        """
        self.merge = config.merge
        with memory_for(f"x: {steps} steps of {rows} samples"):
            self.x: Floats = np.zeros((steps, rows, config.input_size), np.float32)
            self.y: Floats = np.zeros((steps, rows, config.layer_size), np.float32)
            self.h0, self.c0 = states_of(config, rows)
            self.hn, self.cn = states_of(config, rows)

    def inputs(self) -> LSTMDataDescriptor:
        """What a call reads."""
        return LSTMDataDescriptor(self.x, self.h0, self.c0)

    def outputs(self) -> LSTMDataDescriptor:
        """What a call writes."""
        return LSTMDataDescriptor(self.y, self.hn, self.cn)

    def fill(self, batch: Batch) -> None:
        """Take the arrays of a call over."""
        np.copyto(self.x, batch.x)
        if batch.state is None:
            self.h0.fill(0)
            self.c0.fill(0)
        else:
            np.copyto(self.h0, batch.state[0])
            np.copyto(self.c0, batch.state[1])

    def results(
        self, samples: SampleOrder, target: Parts | None = None
    ) -> tuple[Output, LSTMState]:
        """Output and final states as the caller knows them: copies, or the output in the target."""
        state = LSTMState(samples.state_to_caller(self.hn), samples.state_to_caller(self.cn))
        with memory_for(f"the output of {self.y.shape[0]} steps"):
            parts = merged(self.merge, self.y)
        targets = target or (None,) * len(parts)
        found = (samples.to_caller(*pair) for pair in zip(parts, targets, strict=True))
        return output(tuple(found)), state


class GradientArrays:
    """Gradients of the input and of the initial states, which a backward call writes."""

    def __init__(self, config: LSTMConfig, steps: int, rows: int) -> None:
        """Zeros.

        Raises:
            ComputeError: If there is no memory for them.
        """
        with memory_for(f"gradients of x: {steps} steps of {rows} samples"):
            self.x: Floats = np.zeros((steps, rows, config.input_size), np.float32)
            self.h, self.c = states_of(config, rows)

    def inputs(self) -> LSTMDataDescriptor:
        """Each in the place of what it belongs to."""
        return LSTMDataDescriptor(self.x, self.h, self.c)

    def results(self, samples: SampleOrder) -> tuple[Floats, LSTMState]:
        """Copies as the caller knows them."""
        state = LSTMState(samples.state_to_caller(self.h), samples.state_to_caller(self.c))
        return samples.to_caller(self.x), state


def structure(
    weights: Weights,
    sizes: tuple[int, int],
    inputs: LSTMDataDescriptor,
    outputs: LSTMDataDescriptor,
    *,
    active: Any = None,
    dropout: float = 0.0,
) -> LayerParametersLSTM:
    """The structure of some steps and rows over these weights."""
    config = weights.config
    flags = FLAGS[config.bidirectional, not config.activations]
    return LayerParametersLSTM(
        input_size=config.input_size,
        hidden_size=config.hidden_size,
        batch_size=sizes[1],
        num_layers=config.num_layers,
        seq_len=sizes[0],
        dropout=dropout,
        lstm_flags=flags,
        sequence_descriptor=active,
        input_descriptor=inputs,
        output_descriptor=outputs,
        input_gate=weights.gate("input"),
        forget_gate=weights.gate("forget"),
        candidate_gate=weights.gate("candidate"),
        output_gate=weights.gate("output"),
        hidden_activation=weights.activation("hidden"),
        extensions=extensions_of(weights),
    )


def extensions_of(weights: Weights) -> LSTMExtensions | None:
    """What an LSTM has beyond BNNS, its projection over these weights; None if that is nothing."""
    if weights.is_plain:
        return None
    config = weights.config
    return LSTMExtensions(
        cell_clip=config.cell_clip,
        gate_clip=config.gate_clip,
        gate_clip_hidden=config.gate_clip_hidden,
        coupled=config.coupled,
        reverse=config.direction == "reverse",
        projection_size=config.proj_size or None,
        projection_desc=weights.projection,
    )


def structure_of(
    weights: Weights, batch: Batch, dropout: float
) -> tuple[LayerParametersLSTM, CallArrays]:
    """The structure of a call over these weights as they are now, and its arrays, which are new."""
    weights.add_biases()
    arrays = CallArrays(weights.config, batch.steps, batch.rows)
    arrays.fill(batch)
    sizes, active = (batch.steps, batch.rows), batch.active
    inputs, outputs = arrays.inputs(), arrays.outputs()
    return structure(weights, sizes, inputs, outputs, active=active, dropout=dropout), arrays


def check_functions(config: LSTMConfig) -> None:
    """Refuse functions that no gate can have, and parameters that they cannot have.

    Raises:
        ArgumentError: Naming each.
    """
    if not config.activations:
        return
    small = LSTMConfig(1, 1, activations=config.activations)
    arrays = CallArrays(small, 1, 1)
    try:
        validate(structure(Weights.made(small), (1, 1), arrays.inputs(), arrays.outputs()))
    except DescriptorError as error:
        issues = (replace(issue, path=_argument(issue.path)) for issue in error.issues)
        raise ArgumentError(tuple(issues)) from None


def _argument(path: str) -> str:
    """Of the constructor, for a field of the structure such as `input_gate.activation.alpha`."""
    for name in FUNCTIONS:
        for field in (f"{name}_gate.activation", f"{name}_activation"):
            if path.startswith(field):
                return f"activations[{name!r}]{path.removeprefix(field)}"
    return path
