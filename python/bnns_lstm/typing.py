"""Types of what calls take and give, for annotations of programs that use the package.

In: nothing. Out: aliases and a protocol; NumPy is all that they know. Whether an array has the right shape and
type of numbers is found out by the call itself.

Example:
    >>> import bnns_lstm as bl, numpy as np
    >>> from bnns_lstm.typing import Floats
    >>> def last_outputs(lstm: bl.LSTM, x: Floats) -> Floats:
    ...     y, _ = lstm(x)
    ...     return y[-1]
    >>> last_outputs(bl.LSTM(3, 4), np.zeros((5, 2, 3), np.float32)).shape
    (2, 4)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from bnns_lstm.activation import Activation

__all__ = ["Activations", "Floats", "InputLike", "OutLike", "PackedLike", "StateLike"]

Floats: TypeAlias = npt.NDArray[np.float32]
"""What calls give: outputs, states, gradients."""

StateLike: TypeAlias = Sequence[npt.ArrayLike]
"""The two arrays (h, c) of a state, as :class:`LSTMState` or as another pair."""

OutLike: TypeAlias = Floats | tuple[Floats, Floats]
"""Where an output goes; a pair with `merge=None`."""

Activations: TypeAlias = Mapping[str, str | Activation]
"""Functions by the names of `input`, `forget`, `candidate`, `output` and `hidden`."""


class PackedLike(Protocol):
    """A batch of sequences as PyTorch's `PackedSequence` holds it."""

    @property
    def data(self) -> Any:
        """The values of all steps, `[sum of batch_sizes, input]`."""

    @property
    def batch_sizes(self) -> Any:
        """Samples that are active at each step."""


InputLike: TypeAlias = npt.ArrayLike | PackedLike
"""An input: an array, or a packed batch."""
