"""What all optimisers are: arrays, a rate, and a step. In: gradients. Out: arrays, updated in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.optim.numbers import number
from bnns_lstm.optim.weights import GradientsLike, Trained, gradients_of
from bnns_lstm.typing import Floats

__all__ = ["Optimizer"]


class Optimizer(ABC):
    """The base of :class:`Adam`, :class:`AdamW` and :class:`SGD`.

    What is trained is a module with `parameters` (`LSTM`, `Stack`, `Linear`), a mapping of names to arrays of
    float32, or a list of these. Gradients come in the same form: of modules what their `backward` gives.

    Example:
        >>> import bnns_lstm as bl
        >>> isinstance(bl.optim.SGD(bl.LSTM(3, 4), lr=0.1), bl.optim.Optimizer)
        True
    """

    def __init__(
        self,
        params: GradientsLike,
        lr: float,
        weight_decay: float,
        issues: list[Issue],
        *,
        decouples: bool = False,
    ) -> None:
        """Read what all have; `issues` are those of the others' arguments."""
        self._lr = number("lr", lr, issues)
        self._decay = number("weight_decay", weight_decay, issues)
        self._decouples = decouples
        try:
            self._trained = Trained(params)
        except ArgumentError as error:
            issues = [*error.issues, *issues]
        if issues:
            raise ArgumentError(tuple(issues))

    @property
    def lr(self) -> float:
        """The rate of the next steps; it may be set between them.

        Raises:
            ArgumentError: For what is no finite number of at least 0.
        """
        return self._lr

    @lr.setter
    def lr(self, rate: float) -> None:
        issues: list[Issue] = []
        found = number("lr", rate, issues)
        if issues:
            raise ArgumentError(tuple(issues))
        self._lr = found

    @property
    def arrays(self) -> Mapping[str, Floats]:
        """The arrays that are trained, by name; of a list, names begin with the number of the part.

        Example:
            >>> import bnns_lstm as bl
            >>> list(bl.optim.SGD([bl.LSTM(3, 4, bias=False), bl.optim.Linear(4, 1)]).arrays)
            ['0.weight_ih_l0', '0.weight_hh_l0', '1.weight', '1.bias']
        """
        return dict(self._trained.named)

    def step(self, gradients: GradientsLike) -> None:
        """Update the arrays against the gradients, and tell the modules.

        Raises:
            ArgumentError: For every gradient that is missing, surplus or misshapen, and for every array that
                another one has replaced in its mapping. Nothing was changed then.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> lstm = bl.LSTM(3, 4, seed=0)
            >>> optimizer = bl.optim.Adam(lstm, lr=0.01)
            >>> y, state, tape = lstm.forward(np.ones((5, 2, 3), np.float32), training=True)
            >>> optimizer.step(lstm.backward(tape, y))
        """
        self._trained.require()
        named = self._trained.named
        slopes = list(gradients_of(named, gradients).values())
        arrays = list(named.values())
        decay, lr = self._decay, self._lr
        if decay and not self._decouples:
            slopes = [slope + decay * array for slope, array in zip(slopes, arrays, strict=True)]
        updates = self._updates(slopes, lr)
        if decay and self._decouples:
            pairs = zip(updates, arrays, strict=True)
            updates = [update + (lr * decay) * array for update, array in pairs]
        try:
            # One operation for each array: an interruption finds it before the step or after it.
            for array, update in zip(arrays, updates, strict=True):
                np.subtract(array, update, out=array)
        finally:
            self._trained.updated()

    def copies(self) -> dict[str, Floats]:
        """Copies of the arrays as they are, for `restore`.

        Example:
            >>> import bnns_lstm as bl
            >>> optimizer = bl.optim.SGD(bl.optim.Linear(2, 1))
            >>> optimizer.restore(optimizer.copies())
        """
        return {name: array.copy() for name, array in self._trained.named.items()}

    def restore(self, copies: Mapping[str, Floats]) -> None:
        """Take the arrays of `copies` again, and tell the modules. Moments stay as they are.

        Raises:
            ArgumentError: For every array that is missing, surplus or misshapen.

        Example:
            >>> import bnns_lstm as bl
            >>> linear = bl.optim.Linear(2, 1)
            >>> optimizer = bl.optim.SGD(linear)
            >>> saved = optimizer.copies()
            >>> linear.weight += 1
            >>> optimizer.restore(saved)
            >>> bool((linear.weight == saved["weight"]).all())
            True
        """
        named = self._trained.named
        self._trained.require()
        for name, array in gradients_of(named, copies, "copies").items():
            named[name][...] = array
        self._trained.updated()

    @abstractmethod
    def _updates(self, slopes: list[Floats], lr: float) -> list[Floats]:
        """What is subtracted from each array, from its gradient."""
