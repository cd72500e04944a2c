"""The training loop: a series in, a model out.

The series is read from its beginning again and again, in windows of years, with the state carried from
one to the next and one Adam step for each. The recipe was chosen on years before 1960 only: trained on the
years before 1870, 1900 and 1930, it should forecast the thirty years that follow. With 16 units and 260
years, what matters is to stop before the years are known by heart: about 80 epochs, with a rate that falls
to nearly 0, so that the last weights are as good as an average. Each epoch divides the years elsewhere,
so that no year is always at the beginning of a window, where gradients end. Decay of weights, noise on the
inputs and averaged weights were tried and did not help.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bnns_lstm import optim
from bnns_lstm.demo.model import Model
from bnns_lstm.demo.scaling import Scaling
from bnns_lstm.demo.series import Series
from bnns_lstm.demo.weights import initial, views
from bnns_lstm.demo.window import Windows
from bnns_lstm.typing import Floats

__all__ = ["DEFAULT_EPOCHS", "Record", "Training"]

DEFAULT_EPOCHS = 80
HIDDEN = 16
WINDOW = 30
CLIP = 1.0
FIRST_RATE = 3e-3
LAST_RATE = 1e-5


@dataclass(frozen=True)
class Record:
    """How an epoch went; losses are mean squared errors on the model's scale.

    Attributes:
        epoch: Its number, from 1.
        rate: The rate of its steps.
        train_loss: Over the training years, while the weights were changing.
        test_loss: Over the years held out, after the epoch. It is only shown: nothing depends on it.
    """

    epoch: int
    rate: float
    train_loss: float
    test_loss: float


class Training:
    """A model while it learns.

    The same arguments give the same bits on the same machine.

    Args:
        series: What to learn from and to test on.
        split: Index of the first year that is held out, 2 or more, and less than the number of years.
        seed: What the random numbers depend on: the first weights, and where windows begin.
        epochs: How often the training years are read; the rate falls over all of them.

    Attributes:
        epochs: As given.
        records: One for each epoch so far.
    """

    def __init__(self, series: Series, split: int, *, seed: int, epochs: int) -> None:
        self.epochs = epochs
        self.records: list[Record] = []
        self._split = split
        self._test_from = int(series.years[split])
        self._scaling = Scaling.of(series.values[:split])
        self._scaled = self._scaling.to_model(series.values)
        self._random = np.random.default_rng(seed)
        self._vector = initial(HIDDEN, self._random)
        self._windows = Windows(self._vector, HIDDEN)
        self._adam = optim.Adam({"weights": self._vector})

    def run(self) -> Iterator[Record]:
        """Train, epoch by epoch."""
        for epoch in optim.loop(
            self._window,
            self._adam,
            self._epoch,
            self.epochs,
            max_norm=CLIP,
            schedule=lambda number: _rate(number / self.epochs),
            validate=self._test_loss,
        ):
            assert epoch.validation is not None  # noqa: S101  # the test loss
            self.records.append(Record(epoch.number, epoch.lr, epoch.loss, epoch.validation))
            yield self.records[-1]

    def model(self) -> Model:
        """The model as it is now; training on does not change it."""
        arrays = views(self._vector.copy(), HIDDEN)
        return Model(arrays, self._scaling, self._test_from)

    def _epoch(self) -> list[tuple[Floats, Floats]]:
        """The windows of the next epoch: inputs, and what should be said after each of them."""
        inputs, targets = self._scaled[: self._split - 1], self._scaled[1 : self._split]
        first = int(self._random.integers(1, WINDOW + 1))
        edges = [0, *range(first, inputs.size, WINDOW), inputs.size]
        self._windows.reset()
        return [(inputs[start:end], targets[start:end]) for start, end in pairwise(edges)]

    def _window(self, inputs: Floats, targets: Floats) -> tuple[float, dict[str, Floats]]:
        """The loss of a window, and its gradient."""
        loss = self._windows.run(inputs, targets)
        return loss, {"weights": self._windows.gradient}

    def _test_loss(self) -> float:
        model = self.model()
        predicted, _ = model.run(self._scaled[:-1])
        error = predicted[self._split - 1 :] - self._scaled[self._split :]
        return float(np.mean(error * error))


def _rate(progress: float) -> float:
    """The rate at a part of the training, 0 to 1: half a wave of a cosine."""
    return LAST_RATE + (FIRST_RATE - LAST_RATE) * (1 + math.cos(math.pi * progress)) / 2
