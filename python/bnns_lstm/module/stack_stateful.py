"""A stack of LSTMs that holds their weights: reading, writing, copying and pickling them.

In: LSTMs. Out: their weights by name, the number of the LSTM before its own name, as PyTorch's `nn.Sequential`
and `nn.ModuleList` call them. It knows no call, and no format of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from bnns_lstm.config import LSTMConfig
from bnns_lstm.module.entries import read_entries
from bnns_lstm.module.lstm import LSTM
from bnns_lstm.module.parameters import Parameters
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StackStateful", "numbered"]


def numbered(parts: Sequence[Mapping[str, Floats]]) -> Iterator[tuple[str, Floats]]:
    """Arrays of each LSTM by name, as arrays of the stack."""
    for number, named in enumerate(parts):
        for name, array in named.items():
            yield f"{number}.{name}", array


class StackStateful:
    """The part of a stack that holds weights.

    Attributes:
        lstms: The LSTMs, the lowest first. They may also be used by themselves.
    """

    lstms: tuple[LSTM, ...]

    @property
    def configs(self) -> tuple[LSTMConfig, ...]:
        """The configurations of the LSTMs; equal for stacks that differ in their weights alone."""
        return tuple(lstm.config for lstm in self.lstms)

    @property
    def initial_state(self) -> tuple[LSTMState | None, ...] | None:
        """What models of other libraries carried with them, to be given to a call; None if none did."""
        states = tuple(lstm.initial_state for lstm in self.lstms)
        return None if all(state is None for state in states) else states

    @property
    def lengths(self) -> tuple[int, ...] | None:
        """The steps of each sample that a model carried with it, those of the lowest LSTM; or None."""
        return self.lstms[0].lengths

    @property
    def parameters(self) -> Parameters:
        """The weights as views that may be written, `0.weight_ih_l0` and so on; see `LSTM.parameters`.

        Raises:
            ArgumentError: Where something is assigned that does not fit.
        """
        self.update()
        return Parameters(self._named(), self.update)

    def update(self) -> None:
        """Use the weights as they are now from the next call on.

        Example:
            >>> import bnns_lstm as bl
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> weight = stack.parameters["1.weight_hh_l0"]
            >>> weight += 1
            >>> stack.update()
        """
        for lstm in self.lstms:
            lstm.update()

    def state_dict(self) -> dict[str, Floats]:
        """Copies of the weights, by PyTorch's names for an `nn.Sequential` or `nn.ModuleList` of the LSTMs.

        Example:
            >>> import bnns_lstm as bl
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> list(stack.state_dict())[3:5]
            ['0.bias_hh_l0', '1.weight_ih_l0']
        """
        return dict(numbered([lstm.state_dict() for lstm in self.lstms]))

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Take the weights of a mapping with exactly these names and shapes.

        Raises:
            ArgumentError: For every missing, surplus or misshapen entry; nothing was changed then.

        Example:
            >>> import bnns_lstm as bl
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> stack.load_state_dict(stack.state_dict())
        """
        named = self._named()
        converting = {
            f"{number}.{name}"
            for number, lstm in enumerate(self.lstms)
            if lstm._engine.convert
            for name in lstm._engine.weights.named
        }
        for name, array in read_entries(named, given, converting).items():
            named[name][...] = array
        self.update()

    def _named(self) -> dict[str, Floats]:
        return dict(numbered([lstm._engine.weights.named for lstm in self.lstms]))

    def __copy__(self) -> Self:
        """Copies have weights of their own, as those of an LSTM."""
        return deepcopy(self)

    def __repr__(self) -> str:
        """As it could be made again, but for the weights."""
        return f"Stack([{', '.join(map(repr, self.lstms))}])"
