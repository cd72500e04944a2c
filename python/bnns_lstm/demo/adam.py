"""The optimiser Adam on one vector of parameters, with clipping of the gradient's norm, as one object.

In: a vector, and for each step its gradient and a rate. Out: the vector, updated in place by `bnns_lstm.optim`.
"""

from __future__ import annotations

from bnns_lstm import optim
from bnns_lstm.typing import Floats

__all__ = ["Adam"]


class Adam:
    """Adam's moments for a vector of parameters.

    Args:
        parameters: `[p]`, updated in place by `step`.
        clip: The largest norm of a gradient; a longer one is shortened to it.
    """

    def __init__(self, parameters: Floats, clip: float) -> None:
        self._adam = optim.Adam({"weights": parameters})
        self._clip = clip

    def step(self, gradient: Floats, rate: float) -> None:
        """Take one step of about `rate` in each parameter, against the gradient."""
        gradients = {"weights": gradient.copy()}
        optim.clip_grad_norm_(gradients, self._clip)
        self._adam.lr = rate
        self._adam.step(gradients)
