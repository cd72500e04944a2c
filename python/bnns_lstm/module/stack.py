"""LSTMs that differ, upon each other.

In: LSTMs, then arrays of a caller. Out: outputs, states, gradients, in the shapes of an LSTM's. Each LSTM
computes as it does by itself, from the output of the one below; all are given the same real steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import attempt, is_a
from bnns_lstm.config import truth
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.arguments import SEEDS, dropout_seed_of, refuse
from bnns_lstm.module.lstm import LSTM
from bnns_lstm.module.outputs import output_gradient
from bnns_lstm.module.results import Floats, Gradients, LSTMState, Tape
from bnns_lstm.module.stack_arguments import read_call, read_lstms, read_states
from bnns_lstm.module.stack_files import StackFiles
from bnns_lstm.module.stack_results import StackGradients, StackTape, named_as
from bnns_lstm.module.stack_stateful import numbered
from bnns_lstm.module.stack_stream import StackStream
from bnns_lstm.typing import InputLike, OutLike, StateLike

__all__ = ["Stack"]


class Stack(StackFiles):
    """LSTMs upon each other that may differ in everything but `batch_first`.

    A call gives, to the bit, what calling one after the other gives. The LSTMs stay what they are: their
    weights are the stack's, and each keeps its `num_threads` and `convert`. Dropout acts within an LSTM,
    between its layers; there is none between the LSTMs.

    Args:
        lstms: The LSTMs, the lowest first. Each reads what the `merge` of the one below makes; None, a pair, is
            for the last one. Each may stand here once: `copy.deepcopy(lstm)` has weights of its own.

    Raises:
        ArgumentError: With everything that is no LSTM, or does not fit on the one below.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> stack = bl.Stack([bl.LSTM(3, 8, bidirectional=True), bl.LSTM(16, 4)])
        >>> y, state = stack(np.zeros((5, 2, 3), np.float32))
        >>> y.shape, [h.shape for h, _ in state]
        ((5, 2, 4), [(2, 2, 8), (1, 2, 4)])
    """

    def __init__(self, lstms: Sequence[LSTM]) -> None:
        """Check that they fit."""
        self.lstms = read_lstms(lstms)

    @overload
    def __call__(
        self,
        x: InputLike,
        state: Sequence[StateLike | None] | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        out: OutLike | None = None,
        return_cell_states: Literal[False] = False,
    ) -> tuple[Floats, tuple[LSTMState, ...]]: ...

    @overload
    def __call__(
        self,
        x: InputLike,
        state: Sequence[StateLike | None] | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        out: OutLike | None = None,
        return_cell_states: Literal[True],
    ) -> tuple[Floats, tuple[LSTMState, ...], Floats]: ...

    @overload
    def __call__(
        self,
        x: InputLike,
        state: Sequence[StateLike | None] | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        out: OutLike | None = None,
        return_cell_states: bool,
    ) -> tuple[Floats, tuple[LSTMState, ...]] | tuple[Floats, tuple[LSTMState, ...], Floats]: ...

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
            x: As for a call of the lowest LSTM.
            state: Initial states, for each LSTM a pair (h, c) or None for zeros; None for zeros of all.
            lengths: Steps of each sample, for all LSTMs; see `LSTM.__call__`.
            mask: Which steps are real, for all LSTMs; see `LSTM.__call__`.
            out: Where to write the output; if the `merge` of the last LSTM is None a pair.
            return_cell_states: Give the cell states of the last LSTM's last layer at every step as a third
                value.

        Returns:
            The output of the last LSTM, and a tuple of the final :class:`LSTMState` of each.

        Raises:
            ArgumentError: With every argument that is wrong; states by the number of their LSTM.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> y, states = stack(np.zeros((5, 2, 3), np.float32), lengths=[5, 3])
            >>> y.shape, [state.h.shape for state in states]
            ((5, 2, 4), [(1, 2, 8), (1, 2, 4)])
        """
        is_plain = lengths is None and mask is None and out is None and return_cell_states is False
        if is_plain and type(x) is np.ndarray:
            quick = self._quick(x, state)
            if quick is not None:
                return quick
        issues: list[Issue] = []
        with_cells = truth("return_cell_states", return_cell_states, issues)
        call = read_call(self.lstms, x, state, (lengths, mask), out=out, issues=issues)
        y: Any = None
        cells: list[Floats] = []
        states, last = list[LSTMState](), len(self.lstms) - 1
        for number, lstm in enumerate(self.lstms):
            batch, target = call.of(lstm, number, y), call.target if number == last else None
            if with_cells and number == last:
                y, final, *cells = lstm._engine.cells(batch, target)
            else:
                y, final = lstm._engine.forward(batch, target)
            states.append(final)
        return y, tuple(states), *cells

    def _quick(self, x: Any, state: Any) -> tuple[Any, tuple[LSTMState, ...]] | None:
        """Output and final states of the most frequent calls; None for anything but the usual."""
        if state is None:
            state = (None,) * len(self.lstms)
        if type(state) is not tuple or len(state) != len(self.lstms):
            return None
        if not all(lstm._engine.is_quick for lstm in self.lstms):
            return None
        states = []
        for lstm, given in zip(self.lstms, state, strict=True):
            if given is not None and type(given) is not LSTMState:
                return None
            found = lstm._engine.quick(x, given)
            if found is None:
                return None
            x, h, c = found
            states.append(LSTMState(h, c))
        return x, tuple(states)

    @overload
    def forward(
        self,
        x: InputLike,
        state: Sequence[StateLike | None] | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        training: Literal[False] = False,
        dropout_seed: int | None = None,
        out: OutLike | None = None,
    ) -> tuple[Floats, tuple[LSTMState, ...]]: ...

    @overload
    def forward(
        self,
        x: InputLike,
        state: Sequence[StateLike | None] | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        training: Literal[True],
        dropout_seed: int | None = None,
        out: OutLike | None = None,
    ) -> tuple[Floats, tuple[LSTMState, ...], StackTape]: ...

    @overload
    def forward(
        self,
        x: InputLike,
        state: Sequence[StateLike | None] | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        training: bool,
        dropout_seed: int | None = None,
        out: OutLike | None = None,
    ) -> tuple[Floats, tuple[LSTMState, ...]] | tuple[Floats, tuple[LSTMState, ...], StackTape]: ...

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
        """As a call; with `training`, dropout acts and a :class:`StackTape` for `backward` comes third.

        Args:
            x: See `__call__`, as `state`, `lengths`, `mask` and `out`.
            state: Initial states.
            lengths: Steps of each sample.
            mask: Which steps are real.
            training: Keep what `backward` needs.
            dropout_seed: Which values are dropped: LSTM number i takes `dropout_seed + i` (modulo 2**64). None:
                each LSTM draws a seed.
            out: Where to write the output.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> y, states, tape = stack.forward(np.zeros((5, 2, 3), np.float32), training=True)
        """
        issues: list[Issue] = []
        is_training = truth("training", training, issues)
        seed = dropout_seed_of(dropout_seed, issues)
        if not is_training and not issues:
            return self(x, state, lengths=lengths, mask=mask, out=out)
        call = read_call(self.lstms, x, state, (lengths, mask), out=out, issues=issues)
        y: Any = None
        states, tapes, last = list[LSTMState](), list[Tape](), len(self.lstms) - 1
        for number, lstm in enumerate(self.lstms):
            target = call.target if number == last else None
            own = None if seed is None else (seed + number) % SEEDS
            y, final, tape = lstm._train(call.of(lstm, number, y), target, own)
            states.append(final)
            tapes.append(tape)
        return y, tuple(states), StackTape(tuple(tapes))

    def backward(
        self,
        tape: StackTape,
        dy: npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        d_state: Sequence[StateLike | None] | None = None,
    ) -> StackGradients:
        """The gradients of a loss, from those with respect to the output and the final states.

        Args:
            tape: What a training call gave. Weights that were changed since then are refused.
            dy: Gradient with respect to the output, in its shape, for a pair a pair; None for zeros.
            d_state: Gradients with respect to the final states, for each LSTM a pair (h, c) or None for zeros;
                None for zeros of all.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> y, states, tape = stack.forward(np.zeros((5, 2, 3), np.float32), training=True)
            >>> stack.backward(tape, np.ones_like(y)).input.shape
            (5, 2, 3)
        """
        issues: list[Issue] = []
        tapes = self._tapes(tape)
        last = tapes[-1]
        incoming = output_gradient(last, dy, issues, convert=self.lstms[-1]._engine.convert)
        rows = int(last.params.batch_size)
        states = read_states(self.lstms, d_state, last.samples, rows, issues, name="d_state")
        if incoming is None and not any(states) and not issues:
            issues.append(Issue("dy", codes.MISSING_GRADIENT, "dy or d_state", "neither"))
        refuse(issues)
        if incoming is None:
            incoming = np.zeros_like(last.params.output_descriptor.data_desc)
        found: list[Gradients] = []
        for number in reversed(range(len(tapes))):
            lstm, own = self.lstms[number], tapes[number]
            if found:
                incoming = output_gradient(own, found[-1].input, issues, convert=False)
            with named_as(f"tape.tapes[{number}]"):
                found.append(lstm._gradients(own, incoming, states[number]))
        found.reverse()
        parameters = dict(numbered([gradients.parameters for gradients in found]))
        return StackGradients(found[0].input, tuple(one.state for one in found), parameters)

    def _tapes(self, tape: Any) -> tuple[Tape, ...]:
        """The tapes of the LSTMs.

        Raises:
            ArgumentError: If it is no tape of this stack.
        """
        tapes = attempt(lambda: tuple(tape.tapes)) if is_a(tape, StackTape) else ()
        if isinstance(tapes, tuple) and tapes and all(is_a(one, Tape) for one in tapes):
            sizes = {(one.params.seq_len, one.params.batch_size, one.is_batched) for one in tapes}
            is_own = tuple(one.config for one in tapes) == self.configs
            if is_own and len(sizes) == 1:
                return tapes
            actual, code = "the tape of a stack of other configurations", codes.OTHER_LAYER
            if is_own:
                actual, code = "tapes of calls of different sizes", codes.SIZE_MISMATCH
        else:
            actual, code = type(tape).__name__, codes.WRONG_TYPE
        raise ArgumentError((Issue("tape", code, "a StackTape of this stack", actual),))

    def stream(
        self, batch_size: int = 1, state: Sequence[StateLike | None] | None = None
    ) -> StackStream:
        """A stream: samples come step by step, states are carried in place.

        Raises:
            ArgumentError: Naming each LSTM that is bidirectional or has `direction="reverse"`, which needs the
                end of the sequence first.
            ComputeError: If there is no memory for so many streams.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> stack.stream().step(np.zeros(3, np.float32)).shape
            (4,)
        """
        return StackStream(self, batch_size, state)
