"""LSTMs upon each other that stay apart, each with a configuration of its own.

In: networks, the lowest first. Out: the same, if each can stand upon the one below; or what does not fit. How
one network is made of several is known in `formats.stack`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from bnns_lstm import codes
from bnns_lstm._fit import misfits
from bnns_lstm._look import is_a, sequence
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.stored import Floats, StoredLSTM

__all__ = [
    "batch_issues",
    "folded_apart",
    "gathered",
    "networks_of",
    "numbered",
    "refuse_misfits",
    "separated",
]

T = TypeVar("T")
Named = Sequence[tuple[str, StoredLSTM]]


def separated(layers: Named, apart: Collection[int] = frozenset()) -> list[StoredLSTM]:
    """Networks that can be called one after the other.

    Args:
        layers: Names, for errors, and networks, the lowest first.
        apart: The numbers of those each of whose directions is read by the same direction of the one above
            alone: the weights of the others become zeros there.

    Raises:
        WeightsError: Naming each that does not fit on the one below.
    """
    found: list[tuple[str, StoredLSTM]] = []
    for number, (name, layer) in enumerate(layers):
        one = replace(layer, merge="concat") if number in apart else layer
        if number - 1 in apart:
            parameters = {
                key: folded_apart(array, is_reverse=key.endswith("_reverse"))
                if key.startswith("weight_ih")
                else array
                for key, array in one.parameters.items()
            }
            one = replace(one, input_size=2 * one.input_size, parameters=parameters)
        found.append((name, one))
    refuse_misfits(found)
    issues = list(batch_issues(found))
    if issues:
        raise WeightsError(tuple(issues))
    return [layer for _, layer in found]


def folded_apart(weights: Floats, *, is_reverse: bool) -> Floats:
    """Weights of what one direction of the layer below gives as weights of both."""
    blocks = [weights, np.zeros_like(weights)]
    return np.hstack(blocks[::-1] if is_reverse else blocks)


def refuse_misfits(layers: Named) -> None:
    """Nothing, where each network can stand upon the one below.

    Raises:
        WeightsError: With everything that does not fit.
    """
    issues = tuple(
        WeightsIssue(f"{layers[number][0]}: {field}", expected, actual, codes.STACK_MISMATCH)
        for number, field, expected, actual in misfits([layer.config for _, layer in layers])
    )
    if issues:
        raise WeightsError(issues)


def networks_of(given: Any) -> list[StoredLSTM]:
    """A caller's networks, the lowest first.

    Raises:
        WeightsError: If they are none, or one does not fit on the one below.
    """
    stack = sequence(given)
    if stack is None or not stack or not all(is_a(one, StoredLSTM) for one in stack):
        expected = "at least one StoredLSTM, in a list with the lowest first"
        actual = (
            type(given).__name__ if stack is None else shown([type(one).__name__ for one in stack])
        )
        raise WeightsError((WeightsIssue("stack", expected, actual, codes.WRONG_TYPE),))
    refuse_misfits([(f"lstms[{number}]", stored) for number, stored in enumerate(stack)])
    return stack


def batch_issues(layers: Named) -> Iterator[WeightsIssue]:
    """Initial states of different batches."""
    batches = {name: layer.state[0].shape[1] for name, layer in layers if layer.state is not None}
    if len(set(batches.values())) > 1:
        yield WeightsIssue("initial states", "one batch size", repr(batches), codes.STACK_MISMATCH)


def gathered(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """What a task for each LSTM of a stack gives.

    Raises:
        WeightsError: With the findings of all of them.
    """
    found: list[T] = []
    issues: list[WeightsIssue] = []
    for task in tasks:
        try:
            found.append(task())
        except WeightsError as error:  # noqa: PERF203 - the issues of all are wanted
            issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    return found


def numbered(act: Callable[[StoredLSTM], T], stack: Sequence[StoredLSTM]) -> list[T]:
    """What an act gives for each LSTM of a stack.

    Raises:
        WeightsError: With the findings of all of them, each by the number of its LSTM.
    """

    def one(number: int) -> T:
        try:
            return act(stack[number])
        except WeightsError as error:
            path = f"lstms[{number}]"
            issues = tuple(replace(issue, path=f"{path}.{issue.path}") for issue in error.issues)
            raise WeightsError(issues) from None

    return gathered(partial(one, number) for number in range(len(stack)))
