"""The training loop: `fit`, and `loop`, the same as a generator. In: what a caller gives. Out: weights.

It checks everything at once, before anything is computed; `epochs` does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import flag, is_a
from bnns_lstm._show import shown
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.optim.epochs import Batches, Epoch, Objective, Run, epochs_of
from bnns_lstm.optim.numbers import count, number
from bnns_lstm.optim.optimizer import Optimizer

__all__ = ["fit", "loop"]


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
    shows = flag(progress)
    if shows is None:
        issues.append(Issue("progress", codes.WRONG_TYPE, "True or False", shown(progress)))
    if issues:
        raise ArgumentError(tuple(issues))
    run = Run(objective, optimizer, batches, most, max_norm)
    return epochs_of(run, schedule, validate, patience, shows=bool(shows))


def _check_batches(batches: Any, issues: list[Issue]) -> None:
    """A list can be read again, an iterator cannot."""
    if not callable(batches) and (not is_a(batches, Iterable) or is_a(batches, Iterator)):
        expected = "batches that can be read again (a list), or a function that gives an epoch's"
        actual = type(batches).__name__
        issues.append(Issue("batches", codes.WRONG_TYPE, expected, actual))
