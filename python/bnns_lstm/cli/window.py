"""Truncated backpropagation through time, one window at a time: inputs and targets in, gradient out.

This is where the command calls the package's forward and backward pass for training.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import bnns_lstm as bl
from bnns_lstm.cli.weights import layer, views

__all__ = ["Windows"]

Floats = npt.NDArray[np.float32]


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
        self._hidden = hidden
        # The training cache is used again by every window; it grows to what the longest one needs.
        self._cache = np.empty(0, np.uint8)
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning of the sequence, where the state is 0."""
        self._state = (self._zeros(), self._zeros())

    def run(self, inputs: Floats, targets: Floats) -> float:
        """Compute a window's gradient, and carry the state on.

        Args:
            inputs: `[steps]`.
            targets: `[steps]`: what the head should say after each of them.

        Returns:
            The mean squared error, of which `gradient` is the gradient.
        """
        steps = inputs.size
        outputs = np.empty((steps, 1, self._hidden), np.float32)
        # The backward pass reads the states from before: they must not be overwritten.
        state = (self._zeros(), self._zeros())
        params = layer(
            self._weights,
            steps,
            inputs=bl.LSTMDataDescriptor(inputs.reshape(steps, 1, 1), *self._state),
            outputs=bl.LSTMDataDescriptor(outputs, *state),
        )
        capacity = bl.compute_lstm_training_cache_capacity(params)
        if self._cache.size < capacity:
            self._cache = np.empty(capacity, np.uint8)
        bl.direct_apply_lstm_batch_training_caching(params, cache=self._cache)

        weight = self._weights["head_weight"]
        error = outputs[:, 0] @ weight + self._weights["head_bias"] - targets
        slope = error * np.float32(2 / steps)
        self._gradients["head_weight"][...] = slope @ outputs[:, 0]
        self._gradients["head_bias"][...] = slope.sum()

        slopes = bl.LSTMDataDescriptor((slope[:, np.newaxis] * weight).reshape(outputs.shape))
        delta_params = layer(self._gradients, steps, outputs=slopes)
        bl.direct_apply_lstm_batch_backward(params, delta_params, cache=self._cache)
        self._state = state
        return float(np.mean(error * error))

    def _zeros(self) -> Floats:
        return np.zeros((1, self._hidden), np.float32)
