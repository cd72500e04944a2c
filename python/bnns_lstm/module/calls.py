"""An LSTM that computes: calls, training calls, gradients.

In: arrays of a caller. Out: outputs, states, gradients, in the shapes of PyTorch's module. It calls the
structure level through `engine` only.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import is_a
from bnns_lstm.config import truth
from bnns_lstm.descriptors import LSTMDataDescriptor
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.arguments import SEEDS, dropout_seed_of, refuse
from bnns_lstm.module.files import Files
from bnns_lstm.module.inputs import Batch, read_batch, read_state, state_rows
from bnns_lstm.module.merge import Output, Parts
from bnns_lstm.module.outputs import output_gradient, output_of
from bnns_lstm.module.results import Floats, Gradients, LSTMState, Tape, of_tape
from bnns_lstm.typing import InputLike, OutLike, StateLike

__all__ = ["Calls"]


def is_pair(state: Any) -> bool:
    """Whether states are given as usual."""
    return type(state) is LSTMState or (type(state) is tuple and len(state) == 2)


def is_seed(seed: Any) -> bool:
    """Whether a seed of dropout is given as usual, or is to be drawn."""
    return seed is None or (type(seed) is int and 0 <= seed < SEEDS)


class Calls(Files):
    """The part of an LSTM that computes."""

    @overload
    def __call__(
        self,
        x: InputLike,
        state: StateLike | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        out: OutLike | None = None,
        return_cell_states: Literal[False] = False,
    ) -> tuple[Floats, LSTMState]: ...

    @overload
    def __call__(
        self,
        x: InputLike,
        state: StateLike | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        out: OutLike | None = None,
        return_cell_states: Literal[True],
    ) -> tuple[Floats, LSTMState, Floats]: ...

    @overload
    def __call__(
        self,
        x: InputLike,
        state: StateLike | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        out: OutLike | None = None,
        return_cell_states: bool,
    ) -> tuple[Floats, LSTMState] | tuple[Floats, LSTMState, Floats]: ...

    def __call__(
        self,
        x: Any,
        state: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
        out: Any = None,
        return_cell_states: bool = False,
    ) -> Any:
        """Compute the outputs of all steps and the states after them.

        Args:
            x: `[steps, batch, input]`, with `batch_first` `[batch, steps, input]`, or `[steps, input]`; or a
                `PackedSequence` of PyTorch's, whose lengths count, and whose results are those of the padded
                array. Where there is no step or no sample, outputs are empty or 0, and final states the
                initial ones.
            state: Initial states (h, c), each `[layers * directions, batch, hidden]` (without batch for an
                input without one); h has `proj_size` values where there is a projection. None for zeros.
            lengths: Steps of each sample, in any order; outputs beyond a sample's end are 0, and its final
                states are those of its own last step.
            mask: True, or 1, where a step is real; the shape of `x` without its last axis. Padding may stand
                before and after a sample's real steps. Outputs are 0 there, and final states are those of
                the last real step. Not together with `lengths`.
            out: Where to write the output; with `merge=None` a pair.
            return_cell_states: Give the cell states of the last layer at every step as a third value, both
                directions side by side whatever `merge` says.

        Returns:
            The output, `[steps, batch, directions * hidden]` in the order of axes of `x` (with another `merge`
            than "concat" `[steps, batch, hidden]`, with None a pair of these), and the final
            :class:`LSTMState`. With a projection `proj_size` stands for `hidden` here. Annotations have the
            array; with `merge=None` use `typing.cast`.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> lstm = bl.LSTM(3, 4, seed=0)
            >>> y, (h, c) = lstm(np.ones((5, 2, 3), np.float32), lengths=[5, 2])
            >>> y.shape, h.shape, bool((y[2:, 1] == 0).all()), bool((h[0, 1] == y[1, 1]).all())
            ((5, 2, 4), (1, 2, 4), True, True)
        """
        is_usual = mask is None and return_cell_states is False and type(x) is np.ndarray
        if is_usual and (state is None or is_pair(state)):
            engine = self._engine
            if engine.is_quick and lengths is None and out is None:
                found = engine.quick(x, state)
                if found is not None:
                    y, h, c = found
                    return y, LSTMState(h, c)
            else:
                results = engine.quick_in_place(x, state, lengths, out)
                if results is not None:
                    return results
        issues: list[Issue] = []
        with_cells = truth("return_cell_states", return_cell_states, issues)
        batch, target = self._read(x, state, (lengths, mask), out, issues)
        if with_cells:
            return self._engine.cells(batch, target)
        return self._engine.forward(batch, target)

    @overload
    def forward(
        self,
        x: InputLike,
        state: StateLike | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        training: Literal[False] = False,
        dropout_seed: int | None = None,
        out: OutLike | None = None,
    ) -> tuple[Floats, LSTMState]: ...

    @overload
    def forward(
        self,
        x: InputLike,
        state: StateLike | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        training: Literal[True],
        dropout_seed: int | None = None,
        out: OutLike | None = None,
    ) -> tuple[Floats, LSTMState, Tape]: ...

    @overload
    def forward(
        self,
        x: InputLike,
        state: StateLike | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        training: bool,
        dropout_seed: int | None = None,
        out: OutLike | None = None,
    ) -> tuple[Floats, LSTMState] | tuple[Floats, LSTMState, Tape]: ...

    def forward(
        self,
        x: Any,
        state: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
        training: bool = False,
        dropout_seed: int | None = None,
        out: Any = None,
    ) -> Any:
        """As a call; with `training`, dropout acts and a :class:`Tape` for `backward` comes third.

        Args:
            x: See `__call__`, as `state`, `lengths`, `mask` and `out`.
            state: Initial states.
            lengths: Steps of each sample.
            mask: Which steps are real.
            training: Keep what `backward` needs.
            dropout_seed: Which values are dropped; None draws a seed.
            out: Where to write the output.

        Returns:
            Output and final state as a call gives them, and with `training` the tape.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> lstm = bl.LSTM(3, 4, num_layers=2, dropout=0.2, seed=0)
            >>> y, state, tape = lstm.forward(np.ones((5, 2, 3), np.float32), training=True)
            >>> y.shape, tape.params.seq_len
            ((5, 2, 4), 5)
        """
        is_usual = training is True and mask is None and type(x) is np.ndarray
        if is_usual and (state is None or is_pair(state)) and is_seed(dropout_seed):
            engine = self._engine

            def seed_of() -> int:
                nonlocal dropout_seed  # drawn once, whichever way computes the call
                dropout_seed = self._seed_of(dropout_seed)
                return dropout_seed

            others = lengths, out
            quick = engine.quick_training.forward(x, state, others, seed_of, engine.lock)
            if quick is not None:
                return quick
        issues: list[Issue] = []
        is_training = truth("training", training, issues)
        seed = dropout_seed_of(dropout_seed, issues)
        if not is_training and not issues:
            return self(x, state, lengths=lengths, mask=mask, out=out)
        batch, target = self._read(x, state, (lengths, mask), out, issues)
        return self._train(batch, target, seed)

    def backward(
        self,
        tape: Tape,
        dy: npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        d_state: StateLike | None = None,
    ) -> Gradients:
        """The gradients of a loss, from those with respect to the output and the final states.

        That of the input is 0 where a step is not real, whatever `dy` is there; of a `PackedSequence` it is
        that of the padded array.

        Args:
            tape: What a training call gave. Weights that were changed since then are refused.
            dy: Gradient with respect to the output, in its shape, for a pair a pair; None for zeros.
            d_state: Gradients with respect to the final states (h, c); None for zeros.

        Returns:
            :class:`Gradients` of the input, of the initial state and of all parameters, in their shapes.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> lstm = bl.LSTM(3, 4, seed=0)
            >>> y, _, tape = lstm.forward(np.ones((5, 2, 3), np.float32), training=True)
            >>> gradients = lstm.backward(tape, np.ones_like(y))
            >>> gradients.input.shape, gradients.parameters["weight_hh_l0"].shape
            ((5, 2, 3), (16, 4))
        """
        if type(tape) is Tape and (d_state is None or is_pair(d_state)):
            engine = self._engine
            quick = engine.quick_training.backward(tape, dy, d_state, engine.lock)
            if quick is not None:
                return quick
        issues: list[Issue] = []
        config = self.config
        if not is_a(tape, Tape) or (tape.config is not config and tape.config != config):
            actual, code = type(tape).__name__, codes.WRONG_TYPE
            if is_a(tape, Tape):
                actual, code = "the Tape of an LSTM with another configuration", codes.OTHER_LAYER
            raise ArgumentError((Issue("tape", code, "a Tape of this LSTM", actual),))
        samples, convert = tape.samples, self._engine.convert
        incoming = output_gradient(tape, dy, issues, convert=convert)
        states = read_state(
            self.config,
            d_state,
            samples,
            int(tape.params.batch_size),
            issues,
            convert=convert,
            name="d_state",
        )
        if incoming is None and states is None and not issues:
            issues.append(Issue("dy", codes.MISSING_GRADIENT, "dy or d_state", "neither"))
        refuse(issues)
        return self._gradients(tape, incoming, states)

    def _read(
        self, x: Any, state: Any, real: tuple[Any, Any], out: Any, issues: list[Issue]
    ) -> tuple[Batch, Parts | None]:
        """The arguments of a call (`real` is lengths and mask), and where its output goes if it is said."""
        batch = None
        try:
            batch = read_batch(self.config, x, state, *real, convert=self._engine.convert)
        except ArgumentError as error:
            issues.extend(error.issues)
        target = None
        if out is not None:
            target = output_of(self.config, batch, out, issues)
        refuse(issues)
        assert batch is not None  # noqa: S101  # or there was a finding
        return batch, target

    def _train(
        self, batch: Batch, target: Parts | None, seed: int | None
    ) -> tuple[Output, LSTMState, Tape]:
        """Output, final states and tape of a training call; a seed of dropout is drawn if there is none."""
        config = self.config
        found = self._engine.train(batch, config.dropout, self._seed_of(seed), target)
        params, filter_params, cache, arrays = found
        samples = batch.samples
        rows, is_batched = samples.rows, samples.is_batched
        tape = Tape(params, filter_params, cache, rows, is_batched, config, samples.starts)
        return *arrays.results(samples, target), tape

    def _seed_of(self, given: int | None) -> int:
        """The seed of a training call, drawn where none is given; 0 where it says nothing."""
        config = self.config
        if given is None and config.dropout and config.num_layers > 1:
            self._random = self._random or np.random.default_rng()
            return int(self._random.integers(2**63))
        return given or 0

    def _gradients(
        self, tape: Tape, incoming: Floats | None, states: tuple[Floats, Floats] | None
    ) -> Gradients:
        """The gradients, from that of the structure's output and, as the caller has them, of final states.

        Raises:
            ArgumentError: If the tape is of other weights.
        """
        samples = tape.samples.inverted()
        d_hidden, d_cell = state_rows(self.config, states, samples) or (None, None)
        given = LSTMDataDescriptor(incoming, d_hidden, d_cell)
        with of_tape():
            arrays, weights = self._engine.backward(tape, given)
        return Gradients(*arrays.results(samples), weights)
