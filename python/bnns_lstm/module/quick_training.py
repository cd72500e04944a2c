"""The usual training calls and their gradients, in the shortest way.

In: arrays of a caller: whole or ragged batches with lengths. Out: what the call gives, in arrays of its own; or
None for anything else, which `inputs` reads and names what is wrong with it. The structure of a call is made
when somebody asks its tape for it; a tape keeps nothing that is planned. How arrays move is known by
`training_kinds`, how sequences lie by the native module.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

from bnns_lstm import _native
from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.errors import ComputeError
from bnns_lstm.module.lengths import usual_counts
from bnns_lstm.module.memory import FLOAT32, memory_for
from bnns_lstm.module.outputs import is_usual_output
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.recent import Recent
from bnns_lstm.module.results import Gradients, LSTMState, Tape, of_tape
from bnns_lstm.module.samples import Floats, is_lendable
from bnns_lstm.module.structure import structure
from bnns_lstm.module.training import Training
from bnns_lstm.module.training_kinds import Kind

__all__ = ["QuickTraining"]


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
        """With initial states and numbers of rows of its own."""
        given = LSTMDataDescriptor(self.x, self.h0.copy(), self.c0.copy())
        results = LSTMDataDescriptor(self.y, self.hn, self.cn)
        active = self.kind.active
        return structure(
            self.weights,
            self.kind.sizes,
            given,
            results,
            active=None if active is None else active.copy(),
            dropout=self.weights.config.dropout,
        )


class Planned(NamedTuple):
    """A kind of calls, what computes them, and the bytes of their caches."""

    kind: Kind
    prepared: _native.PreparedTraining
    nbytes: int


class QuickTraining:
    """Computes such calls."""

    def __init__(self, training: Training) -> None:
        """Over the weights and the plans of all training calls."""
        self._training = training
        self._planned: Recent[Planned] = Recent()
        self._is_usual = training.weights.config.merge == "concat"

    def forward(
        self,
        x: Floats,
        state: tuple[Any, ...] | None,
        others: tuple[Any, Any],
        seed_of: Callable[[], int],
        lock: Lock,
    ) -> tuple[Floats, LSTMState, Tape] | None:
        """Output, final states and tape of a training call.

        Args:
            x: The input.
            state: Initial states.
            others: Lengths, and where the output goes.
            seed_of: Gives the seed of the call, once all of it but how arrays lie is known to be usual. The
                longer way must take the same one if it is asked after that.
            lock: Held while biases are added up.
        """
        lengths, out = others
        planned = self._plan(x, lengths)
        if planned is None:
            return None
        kind, prepared, nbytes = planned
        if out is not None and not (is_usual_output(out, kind.y) and is_lendable(out)):
            return None
        start = kind.zeros if state is None else kind.own_states(state)
        if start is None:
            return None
        training = self._training
        weights, spares = training.weights, training.spares
        with lock:
            weights.add_biases()
        h0, c0 = start
        with memory_for(kind.what):
            own = spares.floats("x", kind.x)
            kind.fill(own, x)
            room = kind.output_room(spares.floats, out)
        cache = spares.cache(nbytes)
        filter_params = FilterParameters(training.num_threads, seed_of())
        written = room.rows, room.h, room.c
        if not prepared.forward((own, h0, c0), written, cache, filter_params.seed):
            return None
        done = Done(kind, weights, own, h0, c0, *written)
        tape = Tape._of_call(done, filter_params, cache, weights.config, kind.samples)
        return *kind.results(room), tape

    def _plan(self, x: Floats, lengths: Any) -> Planned | None:
        """Calls with such an input and lengths, planned if they are not; None where they are not as usual."""
        if not self._is_usual or x.dtype is not FLOAT32:
            return None
        counts = None if lengths is None else usual_counts(lengths)
        if counts is None and lengths is not None:
            return None
        key = (x.shape, None if counts is None else counts.tobytes())
        found = self._planned.known(key)
        if found is None:
            training = self._training
            config = training.weights.config
            try:
                kind = Kind.of(config, training.widths, x.shape, counts)
                if kind is None:
                    return None
                found = Planned(kind, *training.kind(kind.sizes, kind.active, config.dropout))
            except ComputeError:  # no memory for such calls: the other way says what else is wrong
                return None
            self._planned.keep(key, found)
        return found

    def backward(self, tape: Tape, dy: Any, d_state: Any, lock: Lock) -> Gradients | None:
        """Gradients from those of the output and of final states, of a tape that `forward` gave.

        Raises:
            ArgumentError: If the tape is of other weights.
        """
        done = tape._given
        if done is None:
            return None
        kind, weights, x, h0, c0, *_ = done
        training, filter_params = self._training, tape.filter_params
        if weights is not training.weights or filter_params.checkpoint_steps != 0:
            return None
        incoming = kind.slopes_to_rows(dy, d_state)
        if incoming is None:
            return None
        has_dy, has_states = incoming[0] is not None, d_state is not None
        dropout = weights.config.dropout
        prepared = training.gradients(
            kind.sizes, kind.active, dropout, has_dy=has_dy, has_states=has_states
        )
        with lock:
            weights.add_biases()
        spares = training.spares
        with memory_for(kind.what):
            room = kind.slopes_room(spares.floats)
        sums = training.sums.make(spares.floats)
        with of_tape():
            is_done = prepared.backward(
                (x, h0, c0),
                incoming,
                (room.rows, room.h, room.c),
                sums.blocks_of_gates,
                tape.cache,
                filter_params.seed,
            )
        if not is_done:
            return None
        dx, d_start = kind.results(room)
        return Gradients(dx, d_start, sums.named)
