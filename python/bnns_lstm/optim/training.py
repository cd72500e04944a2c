"""The training loop. In: a function that computes a batch's loss and gradients, and batches. Out: weights.

It knows no module: the optimiser does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import is_a
from bnns_lstm._show import shown
from bnns_lstm.errors import ArgumentError, ComputeError, Issue
from bnns_lstm.optim.bar import bar
from bnns_lstm.optim.clip import clip_grad_norm_
from bnns_lstm.optim.numbers import count, number
from bnns_lstm.optim.optimizer import Optimizer
from bnns_lstm.optim.weights import GradientsLike
from bnns_lstm.typing import Floats

__all__ = ["Batches", "Epoch", "Objective", "fit", "loop"]

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


def fit(
    objective: Objective,
    optimizer: Optimizer,
    batches: Batches,
    epochs: int,
    *,
    max_norm: float | None = None,
    schedule: Callable[[int], float] | None = None,
    validate: Callable[[], float] | None = None,
    patience: int | None = None,
    progress: bool = True,
) -> list[Epoch]:
    """Train for some epochs; see :func:`loop`. A bar shows the progress of more than a second.

    The bar needs a terminal and the extra `progress` (tqdm).

    Returns:
        How each epoch went.

    Raises:
        ArgumentError: With every argument that is wrong.
        ComputeError: If a loss is infinite or NaN; the step of that batch was not taken.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> x = np.random.default_rng(0).normal(size=(20, 8, 1)).astype(np.float32)
        >>> target = np.cumsum(x, axis=0)
        >>> lstm, head = bl.LSTM(1, 8, seed=0), bl.optim.Linear(8, 1, seed=0)
        >>> def objective(x, target):
        ...     y, _, tape = lstm.forward(x, training=True)
        ...     loss, slope = bl.optim.mse_loss(head(y), target)
        ...     above = head.backward(y, slope)
        ...     return loss, [lstm.backward(tape, above.input), above]
        >>> optimizer = bl.optim.Adam([lstm, head], lr=0.01)
        >>> epochs = bl.optim.fit(objective, optimizer, [(x, target)], 100, max_norm=1.0)
        >>> epochs[-1].loss < epochs[0].loss / 2
        True
    """
    return list(
        loop(
            objective,
            optimizer,
            batches,
            epochs,
            max_norm=max_norm,
            schedule=schedule,
            validate=validate,
            patience=patience,
            progress=progress,
        )
    )


def loop(
    objective: Objective,
    optimizer: Optimizer,
    batches: Batches,
    epochs: int,
    *,
    max_norm: float | None = None,
    schedule: Callable[[int], float] | None = None,
    validate: Callable[[], float] | None = None,
    patience: int | None = None,
    progress: bool = False,
) -> Iterator[Epoch]:
    """Train, and give back each epoch when it is over: between two of them the caller may look, or leave.

    Args:
        objective: Called with the arrays of a batch; returns the loss and the gradients, in the form that the
            optimiser takes.
        optimizer: Takes a step for each batch.
        batches: Sequences of arrays, read again for every epoch: a list, or a function that gives the batches
            of the next epoch.
        epochs: How many there are at most.
        max_norm: Gradients are clipped to this norm.
        schedule: The rate of an epoch from its number, which begins at 0; without it the optimiser's stays.
        validate: Called after each epoch: the loss on data that is not trained on.
        patience: Stop after so many epochs without a smaller loss, that of `validate` where there is one; then,
            and after the last epoch, the weights are those of the best epoch.
        progress: Show a bar.

    Raises:
        ArgumentError: With every argument that is wrong, at once.
        ComputeError: If a loss is infinite or NaN; the step of that batch was not taken.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> weights = {"w": np.ones(1, np.float32)}
        >>> def objective(target):
        ...     loss, slope = bl.optim.mse_loss(weights["w"], target)
        ...     return loss, {"w": slope}
        >>> batches = [(np.float32([3]),)]
        >>> optimizer = bl.optim.SGD(weights, lr=0.25)
        >>> for epoch in bl.optim.loop(objective, optimizer, batches, epochs=3):
        ...     print(epoch.number, epoch.loss)
        1 4.0
        2 1.0
        3 0.25
    """
    issues: list[Issue] = []
    most = count("epochs", epochs, issues)
    if max_norm is not None:
        number("max_norm", max_norm, issues)
    if patience is not None:
        count("patience", patience, issues)
    for name, given, is_optional in (
        ("objective", objective, False),
        ("schedule", schedule, True),
        ("validate", validate, True),
    ):
        if not callable(given) and not (is_optional and given is None):
            issues.append(Issue(name, codes.WRONG_TYPE, "a function", shown(given)))
    if not is_a(optimizer, Optimizer):
        expected, actual = "an optimiser, such as Adam", type(optimizer).__name__
        issues.append(Issue("optimizer", codes.WRONG_TYPE, expected, actual))
    _check_batches(batches, issues)
    if issues:
        raise ArgumentError(tuple(issues))
    run = _Run(objective, optimizer, batches, most, max_norm, progress=progress is True)
    return _epochs(run, schedule, validate, patience)


def _check_batches(batches: Any, issues: list[Issue]) -> None:
    """A list can be read again, an iterator cannot."""
    if not callable(batches) and (not is_a(batches, Iterable) or is_a(batches, Iterator)):
        expected = "batches that can be read again (a list), or a function that gives an epoch's"
        actual = type(batches).__name__
        issues.append(Issue("batches", codes.WRONG_TYPE, expected, actual))


class _Run:
    """What all epochs share: the steps, and the bar."""

    def __init__(
        self,
        objective: Objective,
        optimizer: Optimizer,
        batches: Batches,
        epochs: int,
        max_norm: float | None,
        *,
        progress: bool,
    ) -> None:
        self.optimizer = optimizer
        self.epochs = epochs
        self._objective = objective
        self._batches = batches
        self._max_norm = max_norm
        total = epochs * len(batches) if isinstance(batches, Sequence) else None
        self.bar = bar(total, "batch", DELAY) if progress else None

    def epoch(self, number: int) -> float:
        """Take a step for each batch, and return the mean loss."""
        if self.bar is not None:
            self.bar.set_description(f"epoch {number}/{self.epochs}", refresh=False)
        batches = self._batches() if callable(self._batches) else self._batches
        total, elements = 0.0, 0
        for index, batch in enumerate(batches):
            if not is_a(batch, (tuple, list)) or not batch:
                expected, actual = "a tuple or list of arrays", type(batch).__name__
                issue = Issue(f"batches[{index}]", codes.WRONG_TYPE, expected, actual)
                raise ArgumentError((issue,))
            loss, gradients = self._objective(*batch)
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
            if self.bar is not None:
                self.bar.update()
        if not elements:
            issue = Issue("batches", codes.ZERO_SIZE, "at least one batch", "none")
            raise ArgumentError((issue,))
        return total / elements


def _epochs(
    run: _Run,
    schedule: Callable[[int], float] | None,
    validate: Callable[[], float] | None,
    patience: int | None,
) -> Iterator[Epoch]:
    best, waited = math.inf, 0
    copies: dict[str, Floats] | None = None
    try:
        for number in range(1, run.epochs + 1):
            if schedule is not None:
                run.optimizer.lr = schedule(number - 1)
            lr = run.optimizer.lr
            loss = run.epoch(number)
            validation = None if validate is None else float(validate())
            judged = loss if validation is None else validation
            if patience is not None and judged < best:
                best, waited, copies = judged, 0, run.optimizer.copies()
            else:
                waited += 1
            yield Epoch(number, lr, loss, validation)
            if waited == patience:
                break
        if copies is not None:
            run.optimizer.restore(copies)
    finally:
        if run.bar is not None:
            run.bar.close()
