"""Read handwritten digits row by row with a bidirectional LSTM, trained from scratch.

    python examples/digits.py [--epochs N]

Data: scikit-learn's 1797 digits of 8 x 8 pixels. Each row of pixels is a step. The states at both ends go
through a linear layer and a softmax; `bl.optim` trains both. Takes some seconds; prints the share of test
digits that are read rightly (every fifth digit is for testing).
"""

from __future__ import annotations

import argparse

import bnns_lstm as bl
import numpy as np
from sklearn.datasets import load_digits

UNITS, BATCH, CLASSES = 64, 16, 10


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
    head = bl.optim.Linear(2 * UNITS, CLASSES, seed=0)
    random = np.random.default_rng(0)

    def accuracy(samples: np.ndarray) -> float:
        scores = head(ends(lstm(images[:, samples])[1]))
        return float(np.mean(scores.argmax(1) == digits.target[samples]))

    def batches() -> list[tuple[np.ndarray, np.ndarray]]:
        order = random.permutation(train)
        parts = np.split(order, range(BATCH, len(order), BATCH))
        return [(images[:, part], digits.target[part]) for part in parts]

    def objective(rows: np.ndarray, target: np.ndarray) -> tuple[float, list]:
        _, state, tape = lstm.forward(rows, training=True)
        hidden = ends(state)
        loss, slope = bl.optim.cross_entropy(head(hidden), target)
        above = head.backward(hidden, slope)
        d_hidden = np.stack(np.split(above.input, 2, axis=1))
        d_state = bl.LSTMState(d_hidden, np.zeros_like(d_hidden))
        return loss, [lstm.backward(tape, None, d_state), above]

    adam = bl.optim.Adam([lstm, head])
    steps = bl.optim.loop(
        objective,
        adam,
        batches,
        epochs,
        schedule=lambda epoch: 3e-3 * 0.94**epoch,
        progress=True,
    )
    for epoch in steps:
        if epoch.number % 10 == 0 or epoch.number == epochs:
            print(
                f"epoch {epoch.number:3}  loss {epoch.loss:.4f}  "
                f"training {accuracy(train):.3f}  test {accuracy(test):.3f}"
            )
    return accuracy(test)


if __name__ == "__main__":
    main()
