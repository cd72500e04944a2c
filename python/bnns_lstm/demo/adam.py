"""The optimiser Adam on one vector of parameters, with clipping of the gradient's norm.

In: a vector, and for each step its gradient and a rate. Out: the vector, updated in place.
Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.
"""

from __future__ import annotations

import numpy as np

from bnns_lstm.typing import Floats

__all__ = ["Adam"]

# The values that the paper recommends: how slowly the mean of gradients and the mean of their squares
# change, and what keeps the division finite.
BETA1 = 0.9
BETA2 = 0.999
EPSILON = 1e-8


class Adam:
    """Adam's moments for a vector of parameters.

    Args:
        parameters: `[p]`, updated in place by `step`.
        clip: The largest norm of a gradient; a longer one is shortened to it.
    """

    def __init__(self, parameters: Floats, clip: float) -> None:
        self._parameters = parameters
        self._clip = clip
        self._mean = np.zeros_like(parameters)
        self._square = np.zeros_like(parameters)
        self._steps = 0

    def step(self, gradient: Floats, rate: float) -> None:
        """Take one step of about `rate` in each parameter, against the gradient."""
        norm = float(np.sqrt(np.sum(gradient * gradient)))
        if norm > self._clip:
            gradient = gradient * np.float32(self._clip / norm)
        self._steps += 1
        self._mean += (1 - BETA1) * (gradient - self._mean)
        self._square += (1 - BETA2) * (gradient * gradient - self._square)
        # Both means start at 0 and are too small at first; the divisors make up for it.
        mean = self._mean / (1 - BETA1**self._steps)
        square = self._square / (1 - BETA2**self._steps)
        # In one operation: an interruption finds the parameters before a step or after it.
        self._parameters -= rate * mean / (np.sqrt(square) + EPSILON)
