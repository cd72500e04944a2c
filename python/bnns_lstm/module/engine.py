"""From an LSTM's weights to the structure level: prepared layers, training calls.

In: weights and a :class:`Batch`. Out: outputs and states in the order of the structure. Here structures are
made from weights and the structure level is called; `stream` takes the one of a step from here, `bridge` turns
structures that users have into LSTMs and back, and a tape keeps one. Prepared layers are kept for the last few
shapes, so that memory does not grow with the number of shapes; all share one packed copy of the weights.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from bnns_lstm import _native
from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.enums import LayerFlags
from bnns_lstm.errors import ArgumentError, DescriptorError
from bnns_lstm.functions import (
    compute_lstm_training_cache_capacity,
    direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching,
    validate,
)
from bnns_lstm.module.config import FUNCTIONS, LSTMConfig
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.memory import Spare, memory_for
from bnns_lstm.module.parameters import BLOCKS, Weights
from bnns_lstm.module.results import Floats, LSTMState

__all__ = ["Engine", "Room", "check_functions", "structure"]

# Shapes whose prepared layers are kept.
KEPT = 4
# Bytes before the first step in a training cache, and vectors of a step: four gates, cell state, hidden state
# (docs/training.md).
CACHE_HEADER = 64
STEP_VECTORS, CELL = 6, 4


class Room:
    """Arrays of one shape of calls: input, outputs, states."""

    @classmethod
    def made(cls, config: LSTMConfig, steps: int, rows: int) -> Room:
        """For an input `x`.

        Raises:
            ComputeError: If there is no memory for it.
        """
        with memory_for(f"x: {steps} steps of {rows} samples"):
            return cls(config, steps, rows)

    def __init__(self, config: LSTMConfig, steps: int, rows: int) -> None:
        """Zeros."""
        states = (config.num_layers, config.directions, rows, config.hidden_size)
        self.x: Floats = np.zeros((steps, rows, config.input_size), np.float32)
        self.y: Floats = np.zeros((steps, rows, config.output_size), np.float32)
        self.h0: Floats = np.zeros(states, np.float32)
        self.c0: Floats = np.zeros(states, np.float32)
        self.hn: Floats = np.zeros(states, np.float32)
        self.cn: Floats = np.zeros(states, np.float32)

        # An initial state as modules have it, which nobody writes.
        stack = (config.num_layers * config.directions, rows, config.hidden_size)
        self.zeros: Floats = np.zeros(stack, np.float32)

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
    flags = LayerFlags.LSTM_BIDIRECTIONAL if config.bidirectional else LayerFlags(0)
    if not config.activations:
        flags |= LayerFlags.LSTM_DEFAULT_ACTIVATIONS
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
        hidden_activation=config.activation("hidden"),
    )


def check_functions(config: LSTMConfig) -> None:
    """Refuse functions that no gate can have, and parameters that they cannot have.

    Raises:
        ArgumentError: Naming each.
    """
    if not config.activations:
        return
    small = LSTMConfig(1, 1, activations=config.activations)
    room = Room(small, 1, 1)
    try:
        validate(structure(Weights(small), (1, 1), room.inputs(), room.outputs()))
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


class Engine:
    """Computes the calls of one LSTM.

    Attributes:
        lock: Held by whoever uses the arrays of `kept`, or changes what is kept: threads may call at the same
            time.
    """

    def __init__(self, weights: Weights, num_threads: int) -> None:
        """Nothing is prepared yet."""
        self.lock = Lock()
        self.weights = weights
        self.num_threads = num_threads
        # One packed copy of the weights, which all prepared layers share; none before the first of them.
        self.packed: _native.PackedWeights | None = None
        self.kept: OrderedDict[Any, tuple[_native.PreparedLayer, Room]] = OrderedDict()
        self.is_quick = not weights.config.batch_first
        self.spare = Spare()

    def changed(self) -> None:
        """Use the weights as they are now from the next call on."""
        with self.lock:
            self.weights.add_biases()
            if self.packed is not None:
                self.packed.update()

    def prepare(self, params: LayerParametersLSTM) -> _native.PreparedLayer:
        """A prepared layer over the weights, which are packed for the first one only."""
        prepared = _native.prepare(params, FilterParameters(self.num_threads), self.packed)
        self.packed = prepared.weights
        return prepared

    def prepared(self, steps: int, rows: int, active: Any) -> tuple[_native.PreparedLayer, Room]:
        """A prepared layer for calls of this shape, and its arrays."""
        shape = (steps, rows, self.weights.config.input_size)
        key = (shape, None if active is None else active.tobytes())
        found = self.kept.get(key)
        if found is None:
            room = Room.made(self.weights.config, steps, rows)
            params = structure(
                self.weights, (steps, rows), room.inputs(), room.outputs(), active=active
            )
            found = (self.prepare(params), room)
            self.kept[key] = found
            if len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        else:
            self.kept.move_to_end(key)
        return found

    def forward(self, batch: Batch) -> tuple[Floats, Floats, Floats]:
        """Output, final hidden and final cell state; arrays that the next call writes again.

        The lock is held until they have been read.
        """
        prepared, room = self.prepared(batch.steps, batch.rows, batch.active)
        room.fill(batch)
        prepared.forward()
        return room.y, room.hn, room.cn

    def quick(self, x: Floats, state: LSTMState | None) -> tuple[Floats, Floats, Floats] | None:
        """Output and final states of a whole batch, as new arrays; None for anything but the usual.

        The few checks of the most frequent calls are the native module's: here they would take longer than a
        step of a small layer.
        """
        found = self.kept.get((x.shape, None)) if self.is_quick else None
        if found is None:
            return None
        prepared, room = found
        if state is None:
            return prepared.call(x, room.zeros, room.zeros)
        return prepared.call(x, state.h, state.c)

    def chunk(self, x: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
        """Outputs and final states of some steps that follow these states, as new arrays."""
        with self.lock:
            prepared, _ = self.prepared(x.shape[0], x.shape[1], None)
        found = prepared.call(x, h, c)
        if found is not None:
            return found
        # Another call is using one of the arrays at this moment, or floats stand at an odd address.
        with self.lock:
            state = (h[:, np.newaxis], c[:, np.newaxis])
            y, hn, cn = self.forward(Batch(x, state, None, None, True))
            return y.copy(), hn[:, 0].copy(), cn[:, 0].copy()

    def train(
        self, batch: Batch, dropout: float, seed: int
    ) -> tuple[LayerParametersLSTM, FilterParameters, Any, Room]:
        """A forward call that leaves a cache, with arrays of its own."""
        room = Room.made(self.weights.config, batch.steps, batch.rows)
        room.fill(batch)
        params = structure(
            self.weights,
            (batch.steps, batch.rows),
            room.inputs(),
            room.outputs(),
            active=batch.active,
            dropout=dropout,
        )
        filter_params = FilterParameters(self.num_threads, seed)
        size = compute_lstm_training_cache_capacity(params, filter_params)
        cache = self.spare.take(size)
        direct_apply_lstm_batch_training_caching(params, filter_params, cache)
        return params, filter_params, cache, room

    def cells(self, batch: Batch) -> tuple[Floats, Floats, Floats, Floats]:
        """As :meth:`forward`, and the cell states of the last layer at every step."""
        params, _, cache, room = self.train(batch, 0.0, 0)
        config = self.weights.config
        shape = (config.num_layers, config.directions, batch.rows, batch.steps, STEP_VECTORS, -1)
        saved = cache[CACHE_HEADER:].view(np.float32).reshape(shape)[-1, ..., CELL, :]
        cells = saved.transpose(2, 1, 0, 3).reshape(batch.steps, batch.rows, -1).copy()
        if params.sequence_descriptor is not None:
            rows = np.arange(batch.rows)
            cells[rows[np.newaxis] >= np.asarray(batch.active)[:, np.newaxis]] = 0
        return room.y, room.hn, room.cn, cells

    def backward(
        self,
        params: LayerParametersLSTM,
        filter_params: FilterParameters,
        cache: Any,
        incoming: LSTMDataDescriptor,
    ) -> tuple[Room, Weights]:
        """Gradients of input and initial states, in the places of these, and of the weights.

        Raises:
            CacheError: Where the weights are not those that the cache was filled with, among others.
        """
        room = Room.made(self.weights.config, params.seq_len, params.batch_size)
        gradients = Weights(self.weights.config)
        # The weights as they are now, whoever made the tape: the cache knows whether they are the same.
        with self.lock:
            self.weights.add_biases()
        own: Any = params.input_gate.hw_desc
        if getattr(own, "base", None) is not self.weights.hidden:
            gates: Any = {f"{name}_gate": self.weights.gate(name) for name in BLOCKS}
            params = replace(params, **gates)
        delta = structure(gradients, (params.seq_len, params.batch_size), room.inputs(), incoming)
        for name in BLOCKS:
            setattr(delta, f"{name}_gate", gradients.room(name))
        direct_apply_lstm_batch_backward(params, delta, filter_params, cache)
        for name in BLOCKS:
            gradients.take(name, getattr(delta, f"{name}_gate"))
        return room, gradients
