"""Sequences that come step by step.

In: an LSTM, then samples. Out: the outputs of the last layer, as one long call would give them, to the bit.
States are carried in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import attempt
from bnns_lstm._show import shown
from bnns_lstm.config import count
from bnns_lstm.descriptors import LSTMDataDescriptor
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.engine import HasEngine
from bnns_lstm.module.floats import as_floats
from bnns_lstm.module.inputs import read_state
from bnns_lstm.module.memory import FLOAT32, memory_for
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats, SampleOrder
from bnns_lstm.typing import StateLike

__all__ = ["Stream"]


class _NoSamples:
    """The step of a stream without samples: the structure level takes 0 for "from the parameters"."""

    def forward(self) -> None:
        """Nothing is to be done."""


class Stream:
    """A stream through an LSTM; made by `LSTM.stream`.

    Args:
        lstm: Whose weights are used, also after they have changed.
        batch_size: Streams that run side by side; with 0, outputs and states are empty.
        state: Where they begin, as for a call; None for zeros.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> stream = bl.LSTM(3, 4, seed=0).stream(batch_size=2)
        >>> for sample in np.zeros((5, 2, 3), np.float32):
        ...     y = stream.step(sample)
        >>> y.shape, stream.state.c.shape
        ((2, 4), (1, 2, 4))
    """

    def __init__(
        self, lstm: HasEngine, batch_size: int = 1, state: StateLike | None = None
    ) -> None:
        """Prepare one step."""
        engine = lstm._engine
        config = engine.config
        issues: list[Issue] = []
        batch_size = count("batch_size", batch_size, issues, least=0)
        if config.bidirectional:
            expected = "an LSTM of one direction: the backward direction needs the end of the sequence first"
            issues.append(Issue("stream", codes.UNSUPPORTED_HERE, expected, "a bidirectional one"))
        if config.direction == "reverse":
            expected = (
                "an LSTM that reads forward: a backward one needs the end of the sequence first"
            )
            actual = 'one with direction="reverse"'
            issues.append(Issue("stream", codes.UNSUPPORTED_HERE, expected, actual))
        if issues:
            raise ArgumentError(tuple(issues))
        # The LSTM itself is for copies, pickles and the repr.
        self._lstm, self._engine, self._rows = lstm, engine, batch_size
        stack = (config.num_layers, 1, batch_size)
        with memory_for(f"batch_size={batch_size}"):
            self._x: Floats = np.zeros((1, batch_size, config.input_size), np.float32)
            self._y: Floats = np.zeros((1, batch_size, config.layer_size), np.float32)
            self._h: Floats = np.zeros((*stack, config.outputs), np.float32)
            self._c: Floats = np.zeros((*stack, config.units), np.float32)
        inputs = LSTMDataDescriptor(self._x, self._h, self._c)
        outputs = LSTMDataDescriptor(self._y, self._h, self._c)
        self._step = engine.step(batch_size, inputs, outputs) if batch_size else _NoSamples()
        self._row: Floats = self._x[0]
        # What `step` gives for an input of each shape.
        self._outputs: dict[tuple[int, ...], Floats] = {self._row.shape: self._y[0]}
        if batch_size == 1:
            self._outputs[self._row[0].shape] = self._y[0, 0]
        if state is not None:
            self.state = state

    def _read(self, given: Any, name: str, dimensions: int) -> tuple[Floats, bool]:
        """An input, and whether it has no axis for the batch."""
        issues: list[Issue] = []
        engine = self._engine
        floats = as_floats(given, name, issues, convert=engine.convert)
        axes = [self._rows, engine.config.input_size]
        is_alone = False
        if floats is not None:
            actual = str(list(floats.shape))
            is_alone = floats.ndim == dimensions - 1 and self._rows == 1
            if is_alone:
                floats = floats[..., np.newaxis, :]
            if floats.ndim != dimensions or list(floats.shape[-2:]) != axes:
                expected = str(["steps", *axes] if dimensions == 3 else axes).replace("'", "")
                if self._rows == 1:
                    expected += ", or without the batch axis"
                issues.append(Issue(name, codes.SIZE_MISMATCH, expected, actual))
        if floats is None or issues:
            raise ArgumentError(tuple(issues))
        return floats, is_alone

    def step(self, x_t: npt.ArrayLike) -> Floats:
        """One step: `[batch, input]` (or `[input]` for one stream) to `[batch, outputs]` (or `[outputs]`).

        The output is the stream's own array, which the next step writes again.

        Raises:
            ArgumentError: For an input of another shape or type.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stream = bl.LSTM(3, 4, seed=0).stream()
            >>> stream.step(np.zeros(3, np.float32)).shape
            (4,)
        """
        # The usual arrays by their shape: the checks of the others would take longer than a small step.
        found = None
        if type(x_t) is np.ndarray and x_t.dtype is FLOAT32:
            found = self._outputs.get(x_t.shape)
        if found is None:
            self._row[...], is_alone = self._read(x_t, "x_t", 2)
            found = self._y[0, 0] if is_alone else self._y[0]
        else:
            self._row[...] = x_t
        self._engine.refresh()  # the step shares its packed weights
        self._step.forward()
        return found

    def process(self, chunk: npt.ArrayLike) -> Floats:
        """Some steps: `[steps, batch, input]` (or `[steps, input]`) to outputs in the same form.

        Raises:
            ArgumentError: For an input of another shape or type.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stream = bl.LSTM(3, 4, seed=0).stream()
            >>> stream.process(np.zeros((5, 3), np.float32)).shape
            (5, 4)
        """
        floats, is_alone = self._read(chunk, "chunk", 3)
        if 0 in floats.shape[:2]:
            y: Floats = np.empty((len(floats), *self._y.shape[1:]), np.float32)
        else:
            x = np.ascontiguousarray(floats)
            h, c = self._h[:, 0], self._c[:, 0]
            y, h[...], c[...] = self._engine.chunk(x, h, c)
        return y[:, 0] if is_alone else y

    def reset(self, samples: npt.ArrayLike | None = None) -> None:
        """Begin again from zeros: all streams, or those of these indices.

        Raises:
            ArgumentError: For an index that no stream has.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stream = bl.LSTM(3, 4, seed=0).stream(batch_size=3)
            >>> y = stream.step(np.ones((3, 3), np.float32))
            >>> stream.reset([0, 2])
            >>> stream.state.h[0].any(axis=1).tolist()
            [False, True, False]
        """
        chosen = slice(None) if samples is None else attempt(lambda: self._chosen(samples))
        if isinstance(chosen, Exception):
            expected = f"indices of {self._rows} streams"
            raise ArgumentError((Issue("samples", codes.INVALID_NUMBER, expected, shown(samples)),))
        self._h[:, :, chosen] = 0
        self._c[:, :, chosen] = 0

    def _chosen(self, samples: Any) -> Any:
        """Indices of streams, or a mask of them, which exist."""
        chosen = np.asarray(samples)
        if chosen.size == 0 and chosen.dtype.kind == "f":  # an empty list
            return chosen.astype(np.intp)
        np.empty(self._rows, np.bool_)[chosen]
        return chosen

    @property
    def state(self) -> LSTMState:
        """The states, `[layers, batch, outputs]` and `[layers, batch, units]`.

        Reading gives copies, and what is set is copied.
        """
        return LSTMState(self._h[:, 0].copy(), self._c[:, 0].copy())

    @state.setter
    def state(self, state: Any) -> None:
        issues: list[Issue] = []
        engine, samples = self._engine, SampleOrder(batch_first=False, is_batched=True)
        found = read_state(
            engine.config, state, samples, self._rows, issues, convert=engine.convert
        )
        if issues or found is None:
            found_issue = Issue("state", codes.WRONG_TYPE, "a pair (h, c)", type(state).__name__)
            raise ArgumentError(tuple(issues) or (found_issue,))
        self._h[:, 0], self._c[:, 0] = found

    def _save(self) -> tuple[Floats, Floats]:
        """The states for `_restore`."""
        return self._h.copy(), self._c.copy()

    def _restore(self, states: tuple[Floats, Floats]) -> None:
        """Take the states back to what they were."""
        self._h[...], self._c[...] = states

    def __reduce__(self) -> tuple[type[Stream], tuple[HasEngine, int, LSTMState]]:
        """Copies and pickles begin where this stream is."""
        return type(self), (self._lstm, self._rows, self.state)

    def __repr__(self) -> str:
        """Of what, and how many."""
        return f"<Stream of {self._lstm!r}, batch size {self._rows}>"
