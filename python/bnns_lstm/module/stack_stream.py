"""Sequences that come step by step, through a stack of LSTMs.

In: LSTMs, then samples. Out: the outputs of the last one, as one long call would give them, to the bit. Each
LSTM has a stream, which carries its states in place and reads what the one below gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import attempt
from bnns_lstm.config import count
from bnns_lstm.errors import Issue
from bnns_lstm.module.arguments import gathered, refuse
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats, SampleOrder
from bnns_lstm.module.stack_arguments import read_states
from bnns_lstm.module.stack_results import named_as
from bnns_lstm.module.stack_stateful import StackStateful
from bnns_lstm.module.stream import Stream

__all__ = ["StackStream"]


class StackStream:
    """A stream through a stack of LSTMs; made by `Stack.stream`.

    Args:
        stack: Whose weights are used, also after they have changed.
        batch_size: Streams that run side by side; with 0, outputs and states are empty.
        state: Where they begin, as for a call; None for zeros.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> stream = bl.Stack([bl.LSTM(3, 8), bl.LSTM(8, 4)]).stream(batch_size=2)
        >>> stream.step(np.zeros((2, 3), np.float32)).shape
        (2, 4)
    """

    def __init__(self, stack: StackStateful, batch_size: int = 1, state: Any = None) -> None:
        """Prepare one step of each LSTM."""
        issues: list[Issue] = []
        rows = count("batch_size", batch_size, issues, least=0)
        refuse(issues)
        streams: list[Stream] = []
        for number, lstm in enumerate(stack.lstms):
            with gathered(issues), named_as(f"lstms[{number}].stream"):
                streams.append(lstm.stream(rows))
        refuse(issues)
        # The stack itself is for copies, pickles and the repr.
        self._stack, self._rows, self._streams = stack, rows, tuple(streams)
        if state is not None:
            self.state = state

    def step(self, x_t: Any) -> Floats:
        """One step: `[batch, input]` (or `[input]` for one stream) to `[batch, outputs]` (or `[outputs]`).

        The output is the stream's own array, which the next step writes again.

        Raises:
            ArgumentError: For an input of another shape or type.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stream = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)]).stream()
            >>> stream.step(np.zeros(3, np.float32)).shape
            (4,)
        """
        found = x_t
        for stream in self._streams:
            found = stream.step(found)
        y: Floats = found
        return y

    def process(self, chunk: Any) -> Floats:
        """Some steps: `[steps, batch, input]` (or `[steps, input]`) to outputs in the same form.

        Raises:
            ArgumentError: For an input of another shape or type.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stream = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)]).stream()
            >>> stream.process(np.zeros((5, 3), np.float32)).shape
            (5, 4)
        """
        found = chunk
        for stream in self._streams:
            found = stream.process(found)
        y: Floats = found
        return y

    def reset(self, samples: Any = None) -> None:
        """Begin again from zeros: all streams, or those of these indices.

        Raises:
            ArgumentError: For an index that no stream has.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stream = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)]).stream(batch_size=3)
            >>> y = stream.step(np.ones((3, 3), np.float32))
            >>> stream.reset([0, 2])
            >>> stream.state[0].h[0].any(axis=1).tolist()
            [False, True, False]
        """
        # Read once for all: what it is made of might be another one when it is asked again.
        chosen, found = samples, attempt(lambda: np.asarray(samples))
        if isinstance(found, np.ndarray) and found.dtype != object:
            chosen = found.tolist()
        for stream in self._streams:
            stream.reset(chosen)

    @property
    def state(self) -> tuple[LSTMState, ...]:
        """The states of each LSTM, `[layers, batch, outputs]` and `[layers, batch, units]`.

        Reading gives copies, and what is set is copied.
        """
        return tuple(stream.state for stream in self._streams)

    @state.setter
    def state(self, state: Any) -> None:
        issues: list[Issue] = []
        samples = SampleOrder(batch_first=False, is_batched=True)
        pairs = read_states(self._stack.lstms, state, samples, self._rows, issues)
        for number, pair in enumerate(pairs):
            if pair is None and not issues:
                path, expected = f"state[{number}]", "a pair (h, c)"
                issues.append(Issue(path, codes.WRONG_TYPE, expected, "None"))
        refuse(issues)
        for stream, pair in zip(self._streams, pairs, strict=True):
            stream.state = pair

    def __reduce__(self) -> tuple[type[StackStream], tuple[Any, int, tuple[LSTMState, ...]]]:
        """Copies and pickles begin where this stream is."""
        return type(self), (self._stack, self._rows, self.state)

    def __repr__(self) -> str:
        """Of what, and how many."""
        return f"<StackStream of {self._stack!r}, batch size {self._rows}>"
