"""Training calls of one LSTM, and their gradients: planned once for the last few shapes.

In: a :class:`Batch`, or a tape and gradients of its outputs. Out: the arrays of the call, which are memory of
earlier ones where nobody holds that, or None for what the structure level has to look at: an array that lies
otherwise, or somebody else is using. Weights are taken as they are in each call. It reports nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import _native
from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.memory import Spares
from bnns_lstm.module.merge import Parts
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.patterns import Patterns
from bnns_lstm.module.recent import Recent
from bnns_lstm.module.results import Tape
from bnns_lstm.module.structure import structure
from bnns_lstm.module.training_arrays import Slopes, TrainingArrays, Widths
from bnns_lstm.module.weight_gradients import WeightGradients, WeightGradientsMaker

__all__ = ["Training"]


# Calls of one kind, and the bytes of their caches.
Kind = tuple[_native.PreparedTraining, int]


class Training:
    """Computes training calls and gradients.

    Attributes:
        spares: Memory of arrays that are gone.
        sums: Makes arrays for the gradients of all weights.
        widths: What the arrays of all calls have in common.
    """

    def __init__(self, weights: Weights, num_threads: int) -> None:
        """Nothing is prepared yet."""
        self.weights = weights
        self.num_threads = num_threads
        self.spares = Spares()
        self.sums = WeightGradientsMaker(weights)
        self.widths = Widths.of(weights.config)
        self._patterns = Patterns(weights)
        self._calls: Recent[Kind] = Recent()
        self._gradients: Recent[_native.PreparedGradients] = Recent()

    def forward(
        self, batch: Batch, dropout: float, seed: int, target: Parts | None
    ) -> tuple[LayerParametersLSTM, FilterParameters, Any, TrainingArrays] | None:
        """A call that fills a cache: its structure, how it was run, the cache and the arrays.

        The one bias of the structure must be up to date.
        """
        weights, sizes, active = self.weights, (batch.steps, batch.rows), batch.active
        prepared, nbytes = self.kind(sizes, active, dropout)
        arrays = TrainingArrays(self.widths, batch, self.spares, target)
        cache = self.spares.cache(nbytes)
        given = (arrays.x, arrays.h0, arrays.c0), (arrays.y, arrays.hn, arrays.cn)
        if not prepared.forward(*given, cache, seed):
            return None
        params = structure(
            weights, sizes, arrays.inputs(), arrays.outputs(), active=active, dropout=dropout
        )
        return params, FilterParameters(self.num_threads, seed), cache, arrays

    def kind(self, sizes: tuple[int, int], active: Any, dropout: float) -> Kind:
        """Calls of this kind, planned if they are not."""
        key = (sizes, dropout, None if active is None else active.tobytes())
        return self._calls.of(key, lambda: self._kind(sizes, active, dropout))

    def _kind(self, sizes: tuple[int, int], active: Any, dropout: float) -> Kind:
        params = self._patterns.call(sizes, active, dropout)
        prepared = _native.prepare_training(params, FilterParameters(self.num_threads))
        return prepared, prepared.nbytes

    def gradients(
        self,
        sizes: tuple[int, int],
        active: Any,
        dropout: float,
        *,
        has_dy: bool,
        has_states: bool,
    ) -> _native.PreparedGradients:
        """Gradients of this kind, planned if they are not."""
        key = (sizes, dropout, None if active is None else active.tobytes(), has_dy, has_states)

        def prepare() -> _native.PreparedGradients:
            call = self._patterns.call(sizes, active, dropout)
            delta = self._patterns.gradients(sizes, dropout, has_dy=has_dy, has_states=has_states)
            return _native.prepare_gradients(call, delta, FilterParameters(self.num_threads))

        return self._gradients.of(key, prepare)

    def backward(
        self, tape: Tape, incoming: LSTMDataDescriptor
    ) -> tuple[Slopes, WeightGradients] | None:
        """Gradients of input and initial states, and of the weights.

        The one bias of the structure must be up to date.

        Raises:
            CacheError: Where the weights are not those that the cache was filled with, among others.
        """
        params, filter_params = tape.params, tape.filter_params
        active, sizes = params.sequence_descriptor, (params.seq_len, params.batch_size)
        is_usual = active is None or (type(active) is np.ndarray and active.dtype == np.uint32)
        if not is_usual or filter_params.checkpoint_steps != 0:
            return None
        dy = incoming.data_desc
        d_hidden, d_cell = incoming.hidden_desc, incoming.cell_state_desc
        has_dy, has_states = dy is not None, d_hidden is not None
        dropout, samples = params.dropout, tape.samples
        prepared = self.gradients(sizes, active, dropout, has_dy=has_dy, has_states=has_states)
        slopes = Slopes(self.widths, sizes, samples, self.spares)
        sums = self.sums.make(self.spares.floats)
        read = params.input_descriptor
        is_done = prepared.backward(
            (read.data_desc, read.hidden_desc, read.cell_state_desc),
            (dy, d_hidden, d_cell),
            (slopes.x, slopes.h, slopes.c),
            sums.blocks_of_gates,
            tape.cache,
            filter_params.seed,
        )
        return (slopes, sums) if is_done else None
