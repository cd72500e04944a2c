"""The arguments of an LSTM's constructor and methods that are neither sizes nor arrays.

In: what a caller gave. Out: the value, with a finding where it cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import attempt, flag, is_a, mapping, real, whole
from bnns_lstm._show import shown
from bnns_lstm.config import derived_function
from bnns_lstm.errors import ArgumentError, Issue

__all__ = [
    "bias_of",
    "dropout_seed_of",
    "gathered",
    "generator",
    "refuse",
    "refuse_derived",
    "threads",
]

# Of the core, and of the structure's field.
MOST_THREADS, SEEDS = 1024, 2**64


@contextmanager
def gathered(issues: list[Issue]) -> Iterator[None]:
    """Add what is raised within to other findings."""
    try:
        yield
    except ArgumentError as error:
        issues.extend(error.issues)


def refuse(issues: list[Issue]) -> None:
    """Raise what was found, if anything was.

    Raises:
        ArgumentError: With all of it.
    """
    if issues:
        raise ArgumentError(tuple(issues))


def threads(given: object, issues: list[Issue]) -> int | None:
    """A number of threads, or None where the library chooses."""
    number = whole(given)
    if given is None or (number is not None and 1 <= number <= MOST_THREADS):
        return number
    expected = f"a whole number from 1 to {MOST_THREADS}, or None"
    most = codes.TOO_MANY_THREADS if number and number > 0 else codes.INVALID_NUMBER
    code = codes.WRONG_TYPE if number is None else most
    issues.append(Issue("num_threads", code, expected, shown(given)))
    return None


def generator(seed: Any, issues: list[Issue]) -> np.random.Generator:
    """A generator of random numbers from anything that NumPy takes as a seed."""
    made = attempt(lambda: np.random.default_rng(seed))
    if isinstance(made, np.random.Generator) and not is_a(seed, (bool, np.bool_)):
        return made
    expected = "a whole number of at least 0, or None"
    code = codes.WRONG_TYPE if whole(seed) is None else codes.OUT_OF_RANGE
    issues.append(Issue("seed", code, expected, shown(seed)))
    return np.random.default_rng(0)


def bias_of(forget_bias: object, issues: list[Issue], *, has_bias: object) -> float:
    """A number that is added to biases, or 0 where there are none."""
    number = real(forget_bias)
    if number is not None and isfinite(number):
        if number and flag(has_bias) is False:
            expected = "0 with bias=False: there is no bias to add it to"
            issues.append(
                Issue("forget_bias", codes.UNSUPPORTED_HERE, expected, shown(forget_bias))
            )
        return number
    code = codes.WRONG_TYPE if number is None else codes.INVALID_NUMBER
    issues.append(Issue("forget_bias", code, "a finite number", shown(forget_bias)))
    return 0.0


def refuse_derived(
    coupled: str | None, activations: Any, forget_bias: float, issues: list[Issue]
) -> None:
    """Refuse what the gate that another one gives cannot have."""
    if coupled is None:
        return
    given = mapping(activations) or {}
    path = f"activations[{coupled!r}]"
    if coupled in given and path not in [issue.path for issue in issues]:
        issues.append(derived_function(coupled, shown(given[coupled])))
    if forget_bias and coupled == "forget":
        expected = '0 with coupled="forget": the forget gate has no bias to add it to'
        issues.append(Issue("forget_bias", codes.DERIVED_GATE, expected, shown(forget_bias)))


def dropout_seed_of(given: object, issues: list[Issue]) -> int | None:
    """The key of a dropout mask, or None where one is drawn."""
    number = whole(given)
    if given is None or (number is not None and 0 <= number < SEEDS):
        return number
    expected = "a whole number from 0 to 2**64 - 1, or None"
    code = codes.WRONG_TYPE if number is None else codes.OUT_OF_RANGE
    issues.append(Issue("dropout_seed", code, expected, shown(given)))
    return None
