"""From an LSTM's weights to the structure level: prepared layers, training calls.

In: weights and a :class:`Batch`. Out: outputs and states, as the caller knows them. The engine owns what calls
of an LSTM and of its streams share: the weights and whether they have changed, one packed copy of them, the
prepared layers of the last few shapes, so that memory does not grow with the number of shapes, and the lock of
all these, which is never held while a call computes. It reports nothing about a caller's arguments: what is not
as usual goes through `inputs` first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np

from bnns_lstm import _native
from bnns_lstm.config import GATES, LSTMConfig
from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.functions import (
    compute_lstm_training_cache_capacity,
    direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching,
)
from bnns_lstm.module.forks import new_lock
from bnns_lstm.module.idle import idle_arrays, idle_cells, idle_gradients, stand_still
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.memory import memory_for
from bnns_lstm.module.merge import Output, Parts
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.quick import Quick
from bnns_lstm.module.quick_training import QuickTraining
from bnns_lstm.module.recent import KEPT
from bnns_lstm.module.results import Floats, LSTMState, Tape
from bnns_lstm.module.samples import SampleOrder
from bnns_lstm.module.structure import (
    CallArrays,
    GradientArrays,
    extensions_of,
    structure,
    structure_of,
)
from bnns_lstm.module.training import Training

__all__ = ["Engine", "HasEngine"]


class Kept(NamedTuple):
    """What is kept for one shape of calls: a prepared layer, and the arrays that it reads and writes.

    `zeros_h` and `zeros_c` are initial states as modules have them, which nobody writes.
    """

    prepared: _native.PreparedLayer
    arrays: CallArrays
    zeros_h: Floats
    zeros_c: Floats


class Engine:
    """Computes the calls of one LSTM.

    Attributes:
        weights: Those that calls use.
        num_threads: Threads to use at most; 0 leaves the choice to the library.
        convert: Whether arguments of other types of numbers are converted.
        version: Another object after each change of the weights.
        packed_version: The version that calls use, the packed one; they differ where weights may have changed.
        packed: One packed copy of the weights, which all prepared layers share; none before the first of them.
        kept: Prepared layers by shape, the one that was used last at the end. A call that uses its arrays takes
            it out until they were read.
        lock: Held by whoever changes what is kept or packed: threads may call at the same time. A forked child
            has a new one.
    """

    lock: Lock

    def __init__(self, weights: Weights, num_threads: int, *, convert: bool) -> None:
        """Nothing is prepared yet."""
        self.weights = weights
        self.num_threads = num_threads
        self.convert = convert
        self.version, self.packed_version = object(), object()
        self.packed: _native.PackedWeights | None = None
        self.kept: OrderedDict[Any, Kept] = OrderedDict()
        self.latest: Kept | None = None
        new_lock(self)
        config = weights.config
        self.is_quick = not config.batch_first and config.merge == "concat"
        self.training = Training(weights, num_threads)
        self.quick_training = QuickTraining(self.training)
        self._other_calls = Quick(weights, self._prepare_locked)

    @property
    def config(self) -> LSTMConfig:
        """That of the weights."""
        return self.weights.config

    def changed(self) -> None:
        """Use the weights as they are now from the next call on."""
        self.version = object()

    def refresh(self) -> None:
        """Pack the weights anew if they may have changed; a call that uses the packed ones begins with it."""
        if self.version is self.packed_version:
            return
        with self.lock:
            # Before the weights are read: what another thread changes meanwhile is for the next call.
            version = self.version
            if self.packed is not None and version is not self.packed_version:
                self.weights.add_biases()
                self.packed.update()
                # Not earlier: until then other threads wait here, and a failure leaves the change to the next.
                self.packed_version = version

    def step(
        self, rows: int, inputs: LSTMDataDescriptor, outputs: LSTMDataDescriptor
    ) -> _native.PreparedLayer:
        """A prepared layer of one step, over arrays of the caller's. Before each step comes `refresh`."""
        self.refresh()
        with self.lock:
            return self._prepare(structure(self.weights, (1, rows), inputs, outputs))

    def _prepare(self, params: LayerParametersLSTM) -> _native.PreparedLayer:
        """A prepared layer over the weights, which are packed for the first one only."""
        version = self.version
        if self.packed is None:
            self.weights.add_biases()
        prepared = _native.prepare(params, FilterParameters(self.num_threads), self.packed)
        if self.packed is None:
            self.packed, self.packed_version = prepared.weights, version
        return prepared

    def _found(self, steps: int, rows: int, active: Any) -> tuple[Any, Kept]:
        """The key of this shape of calls and what is kept for it, made if it is not there. The lock is held."""
        key = ((steps, rows, self.config.input_size), None if active is None else active.tobytes())
        found = self.kept.get(key)
        if found is None:
            arrays = CallArrays(self.config, steps, rows)
            params = structure(
                self.weights, (steps, rows), arrays.inputs(), arrays.outputs(), active=active
            )
            with memory_for(f"state: {rows} samples"):
                h, c = (np.zeros_like(state) for state in (arrays.h0, arrays.c0))
            zeros = (h.reshape(-1, *h.shape[2:]), c.reshape(-1, *c.shape[2:]))
            found = Kept(self._prepare(params), arrays, *zeros)
        return key, found

    def _keep(self, key: Any, found: Kept) -> None:
        """Keep something as what was used last. The lock is held."""
        self.kept[key] = self.latest = found
        self.kept.move_to_end(key)
        if len(self.kept) > KEPT:
            self.kept.popitem(last=False)

    def _used(self, key: Any, found: Kept) -> None:
        """Note that another shape than the last one was used, so that it stays."""
        try:
            self.kept.move_to_end(key)
        except KeyError:  # another thread has just thrown it out
            return
        self.latest = found

    def forward(self, batch: Batch, target: Parts | None) -> tuple[Output, LSTMState]:
        """Output and final states as the caller knows them."""
        if batch.is_idle:
            return idle_arrays(self.config, batch).results(batch.samples, target)
        self.refresh()
        with self.lock:
            key, kept = self._found(batch.steps, batch.rows, batch.active)
            self.kept.pop(key, None)
        kept.arrays.fill(batch)
        kept.prepared.forward()
        results = kept.arrays.results(batch.samples, target)
        with self.lock:
            self._keep(key, kept)
        return results

    def quick(self, x: Floats, state: LSTMState | None) -> tuple[Floats, Floats, Floats] | None:
        """Output and final states of a whole batch, as new arrays; None for anything but the usual.

        The few checks of the most frequent calls are the native module's: here they would take longer than a
        step of a small layer.
        """
        if self.version is not self.packed_version:
            self.refresh()
        key = (x.shape, None)
        found = self.kept.get(key) if self.is_quick else None
        if found is None:
            return None
        if found is not self.latest:
            self._used(key, found)
        prepared, _, h, c = found  # unpacked: names of a tuple take longer
        if state is not None:
            h, c = state
        return prepared.call(x, h, c)

    def quick_in_place(
        self, x: Floats, state: LSTMState | None, lengths: Any, out: Any
    ) -> tuple[Floats, LSTMState] | None:
        """As :meth:`quick`, with lengths, or where arrays of the caller lie otherwise."""
        if self.version is not self.packed_version:
            self.refresh()
        try:
            return self._other_calls.call(x, state, lengths, out)
        except (MemoryError, ValueError):  # arrays that no memory has: the other way says which
            return None

    def _prepare_locked(self, params: LayerParametersLSTM) -> _native.PreparedLayer:
        with self.lock:
            return self._prepare(params)

    def chunk(self, x: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
        """Outputs and final states of some steps that follow these states, as new arrays."""
        self.refresh()
        with self.lock:
            key, kept = self._found(x.shape[0], x.shape[1], None)
            self._keep(key, kept)
        found = kept.prepared.call(x, h, c)
        if found is not None:
            return found
        # Another call is using one of the arrays at this moment, or floats stand at an odd address.
        samples = SampleOrder(batch_first=False, is_batched=True)
        batch = Batch(x, (h[:, np.newaxis], c[:, np.newaxis]), None, samples)
        y, state = self.forward(batch, None)
        assert isinstance(y, np.ndarray)  # noqa: S101  # streams have one direction
        return y, state.h, state.c

    def train(
        self, batch: Batch, dropout: float, seed: int, target: Parts | None = None
    ) -> tuple[LayerParametersLSTM, FilterParameters, Any, CallArrays]:
        """A forward call that leaves a cache, with arrays of its own. It packs the weights as they are."""
        with self.lock:
            self.weights.add_biases()
        if not batch.is_idle:
            found = self.training.forward(batch, dropout, seed, target)
            if found is not None:
                return found
        params, arrays = structure_of(self.weights, batch, dropout)
        filter_params = FilterParameters(self.num_threads, seed)
        if batch.is_idle:
            stand_still(arrays)
            return params, filter_params, np.empty(0, np.uint8), arrays
        cache = self.training.spares.cache(
            compute_lstm_training_cache_capacity(params, filter_params)
        )
        direct_apply_lstm_batch_training_caching(params, filter_params, cache)
        return params, filter_params, cache, arrays

    def cells(self, batch: Batch, target: Parts | None) -> tuple[Output, LSTMState, Floats]:
        """As :meth:`forward`, and the cell states of the last layer at every step."""
        if batch.is_idle:
            cells = idle_cells(self.config, batch)
            return *self.forward(batch, target), batch.samples.to_caller(cells)
        params, filter_params, cache, arrays = self.train(batch, 0.0, 0)
        places = _native._cached_cell_states(params, filter_params)
        assert places is not None  # noqa: S101  # there are no checkpoints
        offset, shape, strides = places
        saved: Floats = np.ndarray(shape, np.float32, cache, offset, strides)
        cells = saved.reshape(batch.steps, batch.rows, -1).copy()
        if batch.active is not None:
            cells[np.arange(batch.rows) >= batch.active[:, np.newaxis]] = 0
        return *arrays.results(batch.samples, target), batch.samples.to_caller(cells)

    def backward(
        self, tape: Tape, incoming: LSTMDataDescriptor
    ) -> tuple[GradientArrays, dict[str, Floats]]:
        """Gradients of input and initial states, and of the weights by name.

        Raises:
            CacheError: Where the weights are not those that the cache was filled with, among others.
        """
        if not tape.is_idle:
            with self.lock:
                self.weights.add_biases()
            found = self.training.backward(tape, incoming)
            if found is not None:
                return found[0], found[1].named
        sizes = (tape.params.seq_len, tape.params.batch_size)
        arrays = GradientArrays(self.config, *sizes)
        gradients = Weights.made(self.config)
        if tape.is_idle:  # nothing was read, so that any weights will do
            idle_gradients(arrays, incoming)
            return arrays, gradients.named
        params = self.with_own_weights(tape.params)
        delta = structure(gradients, sizes, arrays.inputs(), incoming)
        for name in self.config.gates:
            setattr(delta, f"{name}_gate", gradients.room(name))
        direct_apply_lstm_batch_backward(params, delta, tape.filter_params, tape.cache)
        for name in self.config.gates:
            gradients.take(name, getattr(delta, f"{name}_gate"))
        return arrays, gradients.named

    def with_own_weights(self, params: LayerParametersLSTM) -> LayerParametersLSTM:
        """A structure over the weights as they are now: the cache knows whether they are those of its call."""
        own: Any = params.output_gate.hw_desc
        if getattr(own, "base", None) is self.weights.hidden:
            return params
        gates: Any = {f"{name}_gate": self.weights.gate(name) for name in GATES}
        return replace(params, extensions=extensions_of(self.weights), **gates)


class HasEngine(Protocol):
    """What has an engine: an LSTM."""

    _engine: Engine
