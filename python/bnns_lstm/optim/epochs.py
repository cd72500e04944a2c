"""The epochs of a training. In: an objective, batches, an optimiser. Out: weights, and how each epoch went.

What comes in was checked, but for what the caller's functions return. It knows no module: the optimiser does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import is_a, real
from bnns_lstm.errors import ArgumentError, ComputeError, Issue
from bnns_lstm.optim.bar import bar, hide
from bnns_lstm.optim.clip import clip_grad_norm_
from bnns_lstm.optim.optimizer import Optimizer
from bnns_lstm.optim.weights import GradientsLike
from bnns_lstm.typing import Floats

__all__ = ["Batches", "Epoch", "Objective", "Run", "epochs_of"]

Objective: TypeAlias = Callable[..., tuple[float, GradientsLike]]
"""The arrays of a batch to its loss, and the gradients for the optimiser."""

Batches: TypeAlias = Iterable[Sequence[Any]] | Callable[[], Iterable[Sequence[Any]]]
"""Batches that can be read again for every epoch, or a function that gives those of the next epoch."""

# Seconds: training that is over by then shows no bar.
DELAY = 1.0


@dataclass(frozen=True)
class Epoch:
    """How an epoch went.

    Attributes:
        number: Its number, from 1.
        lr: The rate of its steps.
        loss: The mean loss of its batches, while the weights were changing. A batch counts by the elements of
            its last array.
        validation: What `validate` gave after it, or None.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.optim.Epoch(1, 0.001, 0.25).validation is None
        True
    """

    number: int
    lr: float
    loss: float
    validation: float | None = None


class Run:
    """What all epochs share: the steps, and the bar.

    Args:
        objective: The loss and the gradients of a batch.
        optimizer: Takes a step for each.
        batches: Those of every epoch.
        epochs: How many there are at most.
        max_norm: Gradients are clipped to this norm.
    """

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer,
        batches: Batches,
        epochs: int,
        max_norm: float | None,
    ) -> None:
        self.optimizer = optimizer
        self.epochs = epochs
        self._objective = objective
        self._batches = batches
        self._max_norm = max_norm
        self._bar: Any | None = None

    def show(self) -> None:
        """Show a bar where there can be one."""
        total = self.epochs * len(self._batches) if isinstance(self._batches, Sequence) else None
        self._bar = bar(total, "batch", DELAY)

    def hide(self) -> None:
        """Take the bar away until the next step, so that the caller may print."""
        if self._bar is not None:
            hide(self._bar)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def epoch(self, number: int) -> float:
        """Take a step for each batch, and return the mean loss."""
        if self._bar is not None:
            self._bar.set_description(f"epoch {number}/{self.epochs}", refresh=False)
        batches = self._batches() if callable(self._batches) else self._batches
        total, elements = 0.0, 0
        for index, batch in enumerate(batches):
            if not is_a(batch, (tuple, list)) or not batch:
                expected, actual = "a tuple or list of arrays", type(batch).__name__
                issue = Issue(f"batches[{index}]", codes.WRONG_TYPE, expected, actual)
                raise ArgumentError((issue,))
            loss, gradients = _both(self._objective(*batch))
            if not math.isfinite(loss):
                raise ComputeError(
                    f"the loss of batch {index} in epoch {number} is {loss}; the weights are those before it. "
                    "A smaller lr, or max_norm, may help"
                )
            if self._max_norm is not None:
                clip_grad_norm_(gradients, self._max_norm)
            self.optimizer.step(gradients)
            size = int(np.size(batch[-1]))
            total, elements = total + loss * size, elements + size
            if self._bar is not None:
                self._bar.update()
        if not elements:
            issue = Issue("batches", codes.ZERO_SIZE, "at least one batch", "none")
            raise ArgumentError((issue,))
        if self._bar is not None and self._bar.total is None:
            self._bar.total = self.epochs * self._bar.n  # if the other epochs are as long
        return total / elements


def _both(given: Any) -> tuple[float, GradientsLike]:
    """The loss and the gradients that a caller's function returned."""
    if not is_a(given, (tuple, list)) or len(given) != 2:
        expected, actual = "a function that returns a loss and gradients", type(given).__name__
        issue = Issue("objective", codes.WRONG_TYPE, expected, f"one that returns {actual}")
        raise ArgumentError((issue,))
    return _loss("objective", given[0]), given[1]


def _loss(name: str, given: Any) -> float:
    """The loss that a caller's function returned: a number, or an array of one."""
    found = real(given[()] if is_a(given, np.ndarray) and not given.ndim else given)
    if found is None:
        expected, actual = "a function whose loss is a number", type(given).__name__
        issue = Issue(name, codes.WRONG_TYPE, expected, f"one whose loss is {actual}")
        raise ArgumentError((issue,))
    return found


def epochs_of(
    run: Run,
    schedule: Callable[[int], float] | None,
    validate: Callable[[], float] | None,
    patience: int | None,
    *,
    shows: bool,
) -> Iterator[Epoch]:
    """Train, epoch by epoch; `loop` says what the arguments are."""
    best, waited = math.inf, 0
    copies: dict[str, Floats] | None = None
    if shows:
        run.show()
    try:
        for number in range(1, run.epochs + 1):
            if schedule is not None:
                run.optimizer.lr = schedule(number - 1)
            lr = run.optimizer.lr
            loss = run.epoch(number)
            validation = None if validate is None else _loss("validate", validate())
            judged = loss if validation is None else validation
            if patience is not None and judged < best:
                best, waited, copies = judged, 0, run.optimizer.copies()
            else:
                waited += 1
            run.hide()
            yield Epoch(number, lr, loss, validation)
            if waited == patience:
                break
        if copies is not None:
            run.optimizer.restore(copies)
    finally:
        run.close()
