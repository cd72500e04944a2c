"""Steps of about the same size in each number, whatever its gradient's. In: gradients. Out: updates.

Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1; the decay of AdamW:
Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2, as PyTorch has it: the decay
is `lr * weight_decay`.
"""

from __future__ import annotations

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import sequence
from bnns_lstm._show import shown
from bnns_lstm.errors import Issue
from bnns_lstm.optim.numbers import number
from bnns_lstm.optim.optimizer import Optimizer
from bnns_lstm.optim.weights import GradientsLike
from bnns_lstm.typing import Floats

__all__ = ["Adam", "AdamW"]

# The values that the paper recommends: how slowly the mean of gradients and the mean of their squares change,
# and what keeps the division finite.
BETAS = (0.9, 0.999)
EPSILON = 1e-8


class _Moments(Optimizer):
    """Adam with either decay."""

    def __init__(
        self,
        params: GradientsLike,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        *,
        decouples: bool,
    ) -> None:
        issues: list[Issue] = []
        pair = sequence(betas)
        if pair is None or len(pair) != 2:
            expected = "two numbers of at least 0 and below 1"
            issues.append(Issue("betas", codes.WRONG_TYPE, expected, shown(betas)))
            pair = list(BETAS)
        self._beta1, self._beta2 = (
            number(f"betas[{index}]", beta, issues, below=1) for index, beta in enumerate(pair)
        )
        self._eps = number("eps", eps, issues)
        super().__init__(params, lr, weight_decay, issues, decouples=decouples)
        self._means = [np.zeros_like(array) for array in self._trained.named.values()]
        self._squares = [np.zeros_like(mean) for mean in self._means]
        self._steps = 0

    def _updates(self, slopes: list[Floats], lr: float) -> list[Floats]:
        self._steps += 1
        return list(map(self._update, slopes, self._means, self._squares, [lr] * len(slopes)))

    def _update(self, slope: Floats, mean: Floats, square: Floats, lr: float) -> Floats:
        mean += (1 - self._beta1) * (slope - mean)
        square += (1 - self._beta2) * (slope * slope - square)
        # Both means start at 0 and are too small at first; the divisors make up for it.
        first = mean / (1 - self._beta1**self._steps)
        second = square / (1 - self._beta2**self._steps)
        update: Floats = lr * first / (np.sqrt(second) + self._eps)
        return update


class Adam(_Moments):
    """Adam, as `torch.optim.Adam`.

    Args:
        params: What is trained: a module, a mapping of names to arrays, or a list of these.
        lr: The rate: about the size of a step in each number.
        betas: What the means of gradients and of their squares keep in each step.
        eps: Added to the divisor.
        weight_decay: This times the array is added to its gradient.

    Raises:
        ArgumentError: With every argument that is wrong.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> weights = {"w": np.ones(2, np.float32)}
        >>> bl.optim.Adam(weights, lr=0.5).step({"w": np.array([10, -1], np.float32)})
        >>> weights["w"].tolist()
        [0.5, 1.5]
    """

    def __init__(
        self,
        params: GradientsLike,
        lr: float = 1e-3,
        betas: tuple[float, float] = BETAS,
        eps: float = EPSILON,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, decouples=False)


class AdamW(_Moments):
    """Adam with a decay that does not pass through the means, as `torch.optim.AdamW`.

    Args:
        params: What is trained: a module, a mapping of names to arrays, or a list of these.
        lr: The rate: about the size of a step in each number.
        betas: What the means of gradients and of their squares keep in each step.
        eps: Added to the divisor.
        weight_decay: In each step an array loses `lr * weight_decay` of itself.

    Raises:
        ArgumentError: With every argument that is wrong.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> weights = {"w": np.ones(2, np.float32)}
        >>> bl.optim.AdamW(weights, lr=0.5, weight_decay=0.5).step({"w": np.array([10, -1], np.float32)})
        >>> weights["w"].tolist()
        [0.25, 1.25]
    """

    def __init__(
        self,
        params: GradientsLike,
        lr: float = 1e-3,
        betas: tuple[float, float] = BETAS,
        eps: float = EPSILON,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, decouples=True)
