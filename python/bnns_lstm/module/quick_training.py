"""The usual training calls and their gradients, in the shortest way.

In: arrays of a caller: whole batches of a shape that `training` has planned. Out: what the call gives, in
arrays of its own; or None for anything else, which `inputs` reads and names what is wrong with it. The
structure of a call is made when somebody asks its tape for it. How sequences lie is known by the native module.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from bnns_lstm import _native
from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.module.memory import FLOAT32, memory_for
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.recent import Recent
from bnns_lstm.module.results import Gradients, LSTMState, Tape, of_tape
from bnns_lstm.module.samples import Floats, SampleOrder
from bnns_lstm.module.structure import states_of, structure
from bnns_lstm.module.training import Training

__all__ = ["QuickTraining"]

Shape = tuple[int, ...]


class Kind:
    """Calls of one shape of the input.

    Attributes:
        prepared: Computes them.
        gradients: Computes their gradients; None until the first ones.
        nbytes: Of their caches.
        samples: How the caller's arrays lie.
        is_moved: Whether they have other axes than the structure's.
        sizes: Steps and rows.
        what: What asks for memory.
        x: Shape of the input in the structure.
        y: Shape of the output as the caller knows it.
        dx: Shape of the input as the caller knows it.
        states: Shapes of hidden and cell state as the caller knows them.
        zeros: Initial states in the structure, which nobody writes.
    """

    __slots__ = (
        "dx", "gradients", "is_moved", "nbytes", "prepared", "samples", "sizes", "states", "what", "x",
        "y", "zeros",
    )  # fmt: skip

    def __init__(self, training: Training, sizes: tuple[int, int], samples: SampleOrder) -> None:
        """Of a shape that is planned."""
        (steps, rows), widths = sizes, training.widths
        self.prepared, self.nbytes = training.kind(sizes, None, training.weights.config.dropout)
        self.gradients: _native.PreparedGradients | None = None
        self.samples, self.sizes = samples, sizes
        self.what = f"x: {steps} steps of {rows} samples"
        self.x: Shape = (steps, rows, widths.input_size)
        self.y = samples.shape_of(steps, rows, widths.layer_size)
        self.dx = samples.shape_of(steps, rows, widths.input_size)
        self.is_moved = samples.batch_first or not samples.is_batched
        stack = widths.layers * widths.directions
        self.states = (
            samples.state_shape_of(stack, rows, widths.outputs),
            samples.state_shape_of(stack, rows, widths.units),
        )
        self.zeros = states_of(training.weights.config, rows)

    def to_rows(self, sequence: Floats) -> Floats:
        """A sequence of the caller with the structure's axes."""
        return self.samples.to_rows(sequence) if self.is_moved else sequence

    def start(self, state: tuple[Any, ...]) -> tuple[Floats, Floats] | None:
        """Copies of initial states in the structure; None where they are not as usual."""
        if len(state) != 2:
            return None
        for given, shape in zip(state, self.states, strict=True):
            is_array = type(given) is np.ndarray and given.dtype is FLOAT32
            if not is_array or given.shape != shape:
                return None
        h, c = state
        h0, c0 = self.zeros
        with memory_for(self.what):
            return h.copy().reshape(h0.shape), c.copy().reshape(c0.shape)


class Done(NamedTuple):
    """A call that was computed: its kind, over which weights, and its arrays in the structure.

    `h0` and `c0` may be the zeros of the kind.
    """

    kind: Kind
    weights: Weights
    x: Floats
    h0: Floats
    c0: Floats
    y: Floats
    hn: Floats
    cn: Floats

    def structure(self) -> LayerParametersLSTM:
        """With initial states of its own."""
        given = LSTMDataDescriptor(self.x, self.h0.copy(), self.c0.copy())
        results = LSTMDataDescriptor(self.y, self.hn, self.cn)
        dropout = self.weights.config.dropout
        return structure(self.weights, self.kind.sizes, given, results, dropout=dropout)


class QuickTraining:
    """Computes such calls."""

    def __init__(self, training: Training) -> None:
        """Over the weights and the plans of all training calls."""
        self._training = training
        self._kinds: Recent[Kind] = Recent()
        config = training.weights.config
        is_dropping = config.dropout != 0 and config.num_layers > 1  # a seed is to be drawn
        self._is_usual = config.merge == "concat" and not is_dropping

    def forward(
        self, x: Floats, state: tuple[Any, ...] | None, lock: Lock
    ) -> tuple[Floats, LSTMState, Tape] | None:
        """Output, final states and tape of a training call; `lock` is held while biases are added up."""
        kind = self._kinds.known(x.shape) or self._found(x.shape)
        if kind is None or x.dtype is not FLOAT32:
            return None
        start = kind.zeros if state is None else kind.start(state)
        if start is None:
            return None
        training = self._training
        weights, spares = training.weights, training.spares
        with lock:
            weights.add_biases()
        h_shape, c_shape = kind.states
        with memory_for(kind.what):
            own = spares.floats("x", kind.x)
            np.copyto(own, kind.to_rows(x))
            y = spares.floats("y", kind.y)
            h, c = np.empty(h_shape, FLOAT32), np.empty(c_shape, FLOAT32)
        cache = spares.cache(kind.nbytes)
        h0, c0 = start
        hn, cn, to = h.reshape(h0.shape), c.reshape(c0.shape), kind.to_rows(y)
        if not kind.prepared.forward((own, h0, c0), (to, hn, cn), cache, 0):
            return None
        filter_params = FilterParameters(training.num_threads)
        done = Done(kind, weights, own, h0, c0, to, hn, cn)
        tape = Tape._of_call(
            done, filter_params, cache, weights.config, is_batched=kind.samples.is_batched
        )
        return y, LSTMState(h, c), tape

    def _found(self, shape: Shape) -> Kind | None:
        """What is kept for inputs of this shape, made now; None where `training` has not planned it."""
        if not self._is_usual or len(shape) not in (2, 3):
            return None
        training = self._training
        samples = SampleOrder(training.weights.config.batch_first, is_batched=len(shape) == 3)
        sizes = samples.sizes_of(shape)
        is_fit = shape[-1] == training.widths.input_size
        if not is_fit or not training.is_planned(sizes):
            return None
        return self._kinds.of(shape, lambda: Kind(training, sizes, samples))

    def backward(self, tape: Tape, dy: Any, lock: Lock) -> Gradients | None:
        """Gradients from that of the output, of a tape that `forward` gave.

        Raises:
            ArgumentError: If the tape is of other weights.
        """
        done = tape._given
        if done is None or type(dy) is not np.ndarray or dy.dtype is not FLOAT32:
            return None
        kind, weights, x, h0, c0, *_ = done
        training = self._training
        if weights is not training.weights or dy.shape != kind.y:
            return None
        filter_params = tape.filter_params
        if filter_params.checkpoint_steps != 0:
            return None
        prepared = kind.gradients
        if prepared is None:
            dropout = weights.config.dropout
            prepared = training.gradients(kind.sizes, None, dropout, has_dy=True, has_states=False)
            kind.gradients = prepared
        with lock:
            weights.add_biases()
        spares = training.spares
        h_shape, c_shape = kind.states
        with memory_for(kind.what):
            dx = spares.floats("dx", kind.dx)
            h, c = np.empty(h_shape, FLOAT32), np.empty(c_shape, FLOAT32)
        sums = training.sums.make(spares.floats)
        with of_tape():
            is_done = prepared.backward(
                (x, h0, c0),
                (kind.to_rows(dy), None, None),
                (kind.to_rows(dx), h.reshape(h0.shape), c.reshape(c0.shape)),
                sums.blocks_of_gates,
                tape.cache,
                filter_params.seed,
            )
        return Gradients(dx, LSTMState(h, c), sums.named) if is_done else None
