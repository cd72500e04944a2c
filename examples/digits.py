"""Read handwritten digits row by row with a bidirectional LSTM, trained from scratch.

    python examples/digits.py [--epochs N]

Data: scikit-learn's 1797 digits of 8 x 8 pixels. Each row of pixels is a step. The states at both ends go
through a linear layer and a softmax; Adam in a few lines of NumPy. Takes some seconds; prints the share of
test digits that are read rightly (every fifth digit is for testing).
"""

from __future__ import annotations

import argparse

import bnns_lstm as bl
import numpy as np
from sklearn.datasets import load_digits

UNITS, BATCH, CLASSES = 64, 16, 10


class Adam:
    """Kingma and Ba, https://arxiv.org/abs/1412.6980."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        self.weights = weights
        self.moments = [(np.zeros_like(array), np.zeros_like(array)) for array in weights]
        self.count = 0

    def step(self, gradients: list[np.ndarray], rate: float) -> None:
        self.count += 1
        scale = rate * (1 - 0.999**self.count) ** 0.5 / (1 - 0.9**self.count)
        parts = zip(self.weights, gradients, self.moments, strict=True)
        for array, slope, (first, second) in parts:
            np.add(first, 0.1 * (slope - first), out=first)
            np.add(second, 0.001 * (slope * slope - second), out=second)
            np.subtract(array, scale * first / (np.sqrt(second) + 1e-8), out=array)


def ends(state: bl.LSTMState) -> np.ndarray:
    """The final hidden states of both directions, `[batch, 2 * units]`."""
    return np.concatenate(list(state.h), axis=1)


def main(arguments: list[str] | None = None) -> float:
    """Train, test, print; returns the share of test digits that are read rightly."""
    parser = argparse.ArgumentParser(description="Read digits with a bidirectional LSTM.")
    parser.add_argument("--epochs", type=int, default=40)
    epochs = parser.parse_args(arguments).epochs
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32).transpose(1, 0, 2)  # [steps, samples, pixels]
    is_test = np.arange(len(digits.target)) % 5 == 0
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)

    lstm = bl.LSTM(8, UNITS, bidirectional=True, seed=0, forget_bias=1.0)
    random = np.random.default_rng(0)
    readout = random.normal(0, 0.1, (2 * UNITS, CLASSES)).astype(np.float32)
    offset = np.zeros(CLASSES, np.float32)
    names = list(lstm.parameters)

    def accuracy(samples: np.ndarray) -> float:
        scores = ends(lstm(images[:, samples])[1]) @ readout + offset
        return float(np.mean(scores.argmax(1) == digits.target[samples]))

    adam = Adam([*lstm.parameters.values(), readout, offset])
    for epoch in range(epochs):
        order = random.permutation(train)
        for samples in np.split(order, range(BATCH, len(order), BATCH)):
            _, state, tape = lstm.forward(images[:, samples], training=True)
            hidden = ends(state)
            scores = hidden @ readout + offset
            chances = np.exp(scores - scores.max(1, keepdims=True))
            chances /= chances.sum(1, keepdims=True)
            chances[np.arange(len(samples)), digits.target[samples]] -= 1
            slopes = chances / len(samples)
            d_hidden = np.stack(np.split(slopes @ readout.T, 2, axis=1))
            d_state = bl.LSTMState(d_hidden, np.zeros_like(d_hidden))
            found = lstm.backward(tape, None, d_state).parameters
            gradients = [found[name] for name in names]
            adam.step([*gradients, hidden.T @ slopes, slopes.sum(0)], 3e-3 * 0.94**epoch)
            lstm.update()
        if epoch % 10 == 9 or epoch + 1 == epochs:
            print(f"epoch {epoch + 1:3}  training {accuracy(train):.3f}  test {accuracy(test):.3f}")
    return accuracy(test)


if __name__ == "__main__":
    main()
