"""What a worker does in training: the loss and the gradients of a shard.

In: a plan of the modules, their weights and a shard. Out: numbers. Modules are made once for each thread of a
worker; weights come anew with each step. It knows nothing of the cluster.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bnns_lstm.dask.machines import differences
from bnns_lstm.module import LSTM, Stack
from bnns_lstm.optim.weights import Trained, gradients_of
from bnns_lstm.typing import Floats

__all__ = ["Plan", "Setup", "flat", "of_shard", "same"]

_here = threading.local()


class Plan(NamedTuple):
    """What is the same in all steps: a name, modules and the objective as bytes, and what workers must be."""

    name: str
    content: bytes
    expected: Mapping[str, Any]


class Setup(NamedTuple):
    """What the bytes of a plan hold."""

    given: Any
    modules: Sequence[Any]
    objective: Callable[..., Any]


def same(value: Any) -> Any:
    """What goes to workers as the result of a task, so that the scheduler can bring it again."""
    return value


def flat(arrays: Mapping[str, Floats]) -> Floats:
    """All arrays as one vector."""
    return np.concatenate([array.ravel() for array in arrays.values()])


def of_shard(
    plan: Plan, weights: Floats, seed: tuple[int, ...], *shard: Any
) -> tuple[float, Floats]:
    """The loss and the gradients of a shard, as one vector in the order of the weights.

    Raises:
        ArgumentError: If this worker is not as the others.
    """
    differences(plan.expected)
    setup, trained = _replica(plan)
    start = 0
    for array in trained.named.values():
        array[...] = weights[start : start + array.size].reshape(array.shape)
        start += array.size
    trained.updated()
    # What is dropped depends on the step and the shard, not on what this worker has done before.
    for number, lstm in enumerate(_lstms(setup.modules)):
        lstm._random = np.random.default_rng([*seed, number])  # noqa: SLF001  # of this package
    loss, gradients = setup.objective(*setup.modules, *shard)
    return float(loss), flat(gradients_of(trained.named, gradients))


def _replica(plan: Plan) -> tuple[Setup, Trained]:
    """This thread's own modules."""
    found: tuple[str, Setup, Trained] | None = getattr(_here, "found", None)
    if found is None or found[0] != plan.name:
        setup: Setup = pickle.loads(plan.content)  # noqa: S301  # our own, of this program
        found = _here.found = (plan.name, setup, Trained(setup.given))
    return found[1], found[2]


def _lstms(modules: Sequence[Any]) -> Iterator[LSTM]:
    for module in modules:
        if isinstance(module, LSTM):
            yield module
        elif isinstance(module, Stack):
            yield from module.lstms
