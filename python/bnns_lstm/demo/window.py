"""Truncated backpropagation through time, one window at a time: inputs and targets in, gradient out.

This is where the demonstration trains a `bl.LSTM`.
"""

from __future__ import annotations

import numpy as np

import bnns_lstm as bl
from bnns_lstm import optim
from bnns_lstm.demo.weights import parameters, take, views
from bnns_lstm.typing import Floats

__all__ = ["Windows"]


class Windows:
    """Windows of a sequence, one after the other, each beginning with the state that the last one left.

    Gradients end at a window's beginning: the state there counts as given.

    Args:
        vector: All weights, as `weights.views` divides them; read at every call.
        hidden: The number of hidden units.

    Attributes:
        gradient: The last window's gradient, in the vector's order.
    """

    def __init__(self, vector: Floats, hidden: int) -> None:
        self.gradient = np.zeros_like(vector)
        self._weights = views(vector, hidden)
        self._gradients = views(self.gradient, hidden)
        self._lstm = bl.LSTM(1, hidden, peephole="diagonal")
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning of the sequence, where the state is 0."""
        self._state: bl.LSTMState | None = None

    def run(self, inputs: Floats, targets: Floats) -> float:
        """Compute a window's gradient, and carry the state on.

        Args:
            inputs: `[steps]`.
            targets: `[steps]`: what the head should say after each of them.

        Returns:
            The mean squared error, of which `gradient` is the gradient.
        """
        self._lstm.load_state_dict(parameters(self._weights))
        outputs, state, tape = self._lstm.forward(inputs[:, np.newaxis], self._state, training=True)

        weight = self._weights["head_weight"]
        loss, slope = optim.mse_loss(outputs @ weight + self._weights["head_bias"], targets)
        self._gradients["head_weight"][...] = slope @ outputs
        self._gradients["head_bias"][...] = slope.sum()

        gradients = self._lstm.backward(tape, slope[:, np.newaxis] * weight)
        take(gradients.parameters, self._gradients)
        self._state = state
        return loss
