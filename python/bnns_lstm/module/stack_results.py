"""What a stack of LSTMs gives back: a tape of a training call, gradients; and whose errors are meant.

In: what each of its LSTMs gives. Out: the same together. It computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bnns_lstm.errors import ArgumentError
from bnns_lstm.module.results import Floats, LSTMState, Tape

__all__ = ["StackGradients", "StackTape", "named_as"]


@dataclass(frozen=True, repr=False)
class StackTape:
    """What a training call leaves for `Stack.backward`.

    Attributes:
        tapes: Those of the LSTMs, the lowest first.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> stack = bl.Stack([bl.LSTM(3, 8), bl.LSTM(8, 4)])
        >>> y, states, tape = stack.forward(np.ones((5, 2, 3), np.float32), training=True)
        >>> len(tape.tapes)
        2
    """

    tapes: tuple[Tape, ...]

    def __repr__(self) -> str:
        """Those of the LSTMs, without contents."""
        return f"<StackTape: {', '.join(map(repr, self.tapes))}>"


@dataclass(frozen=True)
class StackGradients:
    """Gradients of a loss, in the shapes of what they belong to.

    Attributes:
        input: With respect to the input.
        state: With respect to the initial states, one for each LSTM.
        parameters: With respect to the weights, by the names of `Stack.parameters`.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> stack = bl.Stack([bl.LSTM(3, 8), bl.LSTM(8, 4)])
        >>> y, states, tape = stack.forward(np.ones((5, 2, 3), np.float32), training=True)
        >>> gradients = stack.backward(tape, y)
        >>> gradients.input.shape, gradients.parameters["1.weight_ih_l0"].shape
        ((5, 2, 3), (16, 8))
    """

    input: Floats
    state: tuple[LSTMState, ...]
    parameters: Mapping[str, Floats] = field(repr=False)


@contextmanager
def named_as(path: str) -> Iterator[None]:
    """Where an LSTM of a stack is used: what is wrong is said of that one.

    Raises:
        ArgumentError: The same, with this path in place of the first name.
    """
    try:
        yield
    except ArgumentError as error:
        raise ArgumentError(tuple(replace(issue, path=path) for issue in error.issues)) from None
