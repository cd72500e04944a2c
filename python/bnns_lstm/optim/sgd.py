"""Steps against the gradient, with or without momentum. In: gradients. Out: updates.

Source: the algorithm in the documentation of `torch.optim.SGD`; Nesterov's momentum as in Sutskever et al., "On
the importance of initialization and momentum in deep learning" (2013).
"""

from __future__ import annotations

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import flag
from bnns_lstm._show import shown
from bnns_lstm.errors import Issue
from bnns_lstm.optim.numbers import number
from bnns_lstm.optim.optimizer import Optimizer
from bnns_lstm.optim.weights import GradientsLike
from bnns_lstm.typing import Floats

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent, as `torch.optim.SGD`.

    Args:
        params: What is trained: a module, a mapping of names to arrays, or a list of these.
        lr: The rate.
        momentum: How much of the last update the next one keeps.
        dampening: By how much the gradient counts less, from the second step on.
        weight_decay: This times the array is added to its gradient.
        nesterov: The gradient counts as if the momentum had already acted; it needs `momentum` and no
            `dampening`.

    Raises:
        ArgumentError: With every argument that is wrong.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> weights = {"w": np.ones(2, np.float32)}
        >>> bl.optim.SGD(weights, lr=0.5).step({"w": np.array([1, -1], np.float32)})
        >>> weights["w"].tolist()
        [0.5, 1.5]
    """

    def __init__(
        self,
        params: GradientsLike,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        *,
        nesterov: bool = False,
    ) -> None:
        issues: list[Issue] = []
        self._momentum = number("momentum", momentum, issues)
        self._dampening = number("dampening", dampening, issues)
        is_nesterov = flag(nesterov)
        if is_nesterov is None:
            expected = "True or False"
            issues.append(Issue("nesterov", codes.WRONG_TYPE, expected, shown(nesterov)))
        elif is_nesterov and not (self._momentum > 0 and self._dampening == 0):
            expected = "a momentum greater than 0 and a dampening of 0 with nesterov=True"
            actual = f"momentum={shown(momentum)}, dampening={shown(dampening)}"
            issues.append(Issue("nesterov", codes.UNSUPPORTED_HERE, expected, actual))
        self._is_nesterov = bool(is_nesterov)
        self._last: list[Floats] | None = None
        super().__init__(params, lr, weight_decay, issues)

    def _updates(self, slopes: list[Floats], lr: float) -> list[Floats]:
        if not self._momentum:
            return [lr * slope for slope in slopes]
        if self._last is None:
            self._last = [slope.copy() for slope in slopes]
        else:
            for last, slope in zip(self._last, slopes, strict=True):
                np.multiply(last, self._momentum, out=last)
                np.add(last, (1 - self._dampening) * slope, out=last)
        if not self._is_nesterov:
            return [lr * last for last in self._last]
        ahead: list[Floats] = [self._momentum * last for last in self._last]
        return [lr * (slope + more) for slope, more in zip(slopes, ahead, strict=True)]
