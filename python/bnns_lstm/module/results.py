"""What an LSTM gives back: states, a tape of a training call, gradients; and how a tape is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm.config import LSTMConfig
from bnns_lstm.errors import ArgumentError, CacheError, Issue
from bnns_lstm.module.samples import Floats, SampleOrder, is_idle

__all__ = ["Floats", "Gradients", "LSTMState", "Tape", "of_tape"]


class LSTMState(NamedTuple):
    """Hidden state `[layers * directions, batch, outputs]` and cell state `[..., units]`.

    For an input without a batch axis they have none either.

    Layers follow each other; the forward direction of a layer comes before its backward direction, as in
    PyTorch, also with `batch_first`.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> zeros = np.zeros((1, 2, 4), np.float32)
        >>> y, (h, c) = bl.LSTM(3, 4)(np.zeros((5, 2, 3), np.float32), bl.LSTMState(zeros, zeros))
        >>> h.shape, c.shape
        ((1, 2, 4), (1, 2, 4))
    """

    h: Floats
    c: Floats


class Computed(Protocol):
    """A call whose structure can be made."""

    def structure(self) -> Any:
        """Over its own arrays."""


@dataclass(frozen=True, repr=False)
class Tape:
    """What a training call leaves for `LSTM.backward`. It can be used once or many times.

    It belongs to the weights of that call: `LSTM.backward` refuses it where they were changed since, and takes
    it again where they were restored.

    Attributes:
        params: The structure of the call, with an input and states of its own; its output is the array that
            the call gave, unless that had to be put together for the caller.
        filter_params: Its threads and the seed of its dropout.
        cache: What the forward pass saved, and a fingerprint of the weights.
        order: Which sample of the caller is in each row, or None if they are in the caller's order.
        is_batched: Whether the caller's input had a batch axis.
        config: The configuration of the LSTM.
        starts: The first real step of each row's sample, or None if all begin with their first one.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> lstm = bl.LSTM(3, 4, seed=0)
        >>> y, state, tape = lstm.forward(np.ones((5, 2, 3), np.float32), training=True)
        >>> gradients = lstm.backward(tape, y)
    """

    params: Any
    filter_params: Any
    cache: npt.NDArray[np.uint8]
    order: npt.NDArray[np.intp] | None
    is_batched: bool
    config: LSTMConfig
    starts: npt.NDArray[np.intp] | None = None

    @classmethod
    def _of_call(
        cls,
        call: Computed,
        filter_params: Any,
        cache: npt.NDArray[np.uint8],
        config: LSTMConfig,
        samples: SampleOrder,
    ) -> Tape:
        """A tape of a call whose samples begin at step 0; its structure is made when it is read.

        The order is a copy: that of `samples` may be the one of other calls too.
        """
        made, rows = cls.__new__(cls), samples.rows
        made.__dict__.update(
            _call=call, filter_params=filter_params, cache=cache,
            order=None if rows is None else rows.copy(), is_batched=samples.is_batched, config=config,
            starts=None,
        )  # fmt: skip
        return made

    @property
    def _given(self) -> Any:
        """The call of `_of_call`, until somebody has read `params`; None then, and without one."""
        own = self.__dict__
        return None if "params" in own else own["_call"]

    def __getattr__(self, name: str) -> Any:
        """What a tape has not yet: its structure."""
        own = self.__dict__
        if name != "params" or "_call" not in own:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return own.setdefault("params", own["_call"].structure())

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles have: the fields."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def samples(self) -> SampleOrder:
        """How the caller's arrays lie."""
        return SampleOrder(self.config.batch_first, self.is_batched, self.order, self.starts)

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to do: no step, no sample, or no sample with a step."""
        params = self.params
        return is_idle(params.seq_len, params.batch_size, params.sequence_descriptor)

    def __repr__(self) -> str:
        """Sizes, without contents."""
        params = self.params
        return f"<Tape: {params.seq_len} steps, {params.batch_size} samples, {self.cache.nbytes} bytes>"


def _of_tape(issue: Issue) -> Issue:
    if issue.code == codes.CHANGED_WEIGHTS:
        expected = "a tape of the weights as they are (call forward again, or put the weights back)"
        return Issue("tape", issue.code, expected, "one from before they were changed")
    return replace(issue, path="tape")


class of_tape:  # noqa: N801  # a function, but for its speed
    """Where the cache of a tape is read: what is wrong with it is said of the tape.

    Raises:
        ArgumentError: For a :class:`CacheError`.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Say it of the tape."""
        if isinstance(error, CacheError):
            raise ArgumentError(tuple(_of_tape(issue) for issue in error.issues)) from None


@dataclass(frozen=True)
class Gradients:
    """Gradients of a loss, in the shapes of what they belong to.

    Attributes:
        input: With respect to the input.
        state: With respect to the initial state.
        parameters: With respect to the weights, by the names of `LSTM.parameters`.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> lstm = bl.LSTM(3, 4, seed=0)
        >>> y, state, tape = lstm.forward(np.ones((5, 2, 3), np.float32), training=True)
        >>> gradients = lstm.backward(tape, y)
        >>> gradients.input.shape, gradients.state.h.shape, list(gradients.parameters)[:2]
        ((5, 2, 3), (1, 2, 4), ['weight_ih_l0', 'weight_hh_l0'])
    """

    input: Floats
    state: LSTMState
    parameters: Mapping[str, Floats] = field(repr=False)
