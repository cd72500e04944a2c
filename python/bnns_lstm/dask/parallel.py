"""Training on many machines. In: batches. Out: losses and gradients for an optimiser, which steps here.

A batch is cut into shards, workers compute their gradients, and these are added here in the shards' order. Who
computes which shard, and what happens when a worker dies, is Dask's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal
from uuid import uuid4

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import is_a, sequence, whole
from bnns_lstm._show import shown
from bnns_lstm.dask.machines import TRAINING, agreed, current_client
from bnns_lstm.dask.replica import Plan, Setup, flat, of_shard, same
from bnns_lstm.dask.shards import cut
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.formats.extras import need
from bnns_lstm.optim.numbers import count
from bnns_lstm.optim.weights import GradientsLike, Trained
from bnns_lstm.typing import Floats

__all__ = ["DataParallel"]

# Weights and shards are meant to be sent.
QUIET = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}


# Gradients that are brought here together: this bounds memory, and each time takes a way there and back.
FETCHED = 16


class DataParallel:
    """The gradients of a batch, computed by all workers of a cluster: an objective for `bl.optim.fit`.

    A batch is cut into `shards` shards, whatever the number of workers, and their gradients are added in the
    shards' order: any number of workers gives the same bits. A worker that dies costs its work: its shards are
    computed again. Workers that join take part from the next step on.

    Args:
        lstm: What is trained: an LSTM, a stack, or a list of these and of `bl.optim.Linear`. The weights stay
            here; workers get them for each step.
        objective: `objective(lstm, *shard)`, of a list `objective(*modules, *shard)`: the loss of a shard and
            its gradients, in the form of `lstm`. It runs on the workers.
        shards: How many; their number changes the last bits.
        axes: The axis of samples, of all arrays of a batch or of each. None for that of `lstm`: 1, with
            `batch_first` 0. Arrays with one axis have it there.
        reduction: "mean" where the objective takes the mean over samples: shards count by their samples. "sum"
            where it takes the sum.
        seed: What dropout depends on, besides the step and the shard.
        client: A client of Dask's; None for the one that is there.

    Raises:
        ArgumentError: With every argument that is wrong, and each worker that has not this package, or another
            version, SIMD level or arithmetic than the others.
        ExtraError: If Dask's `distributed` is not installed.

    Example:
        >>> import bnns_lstm as bl, bnns_lstm.dask, numpy as np
        >>> from distributed import Client
        >>> def objective(lstm, x, target):
        ...     y, _, tape = lstm.forward(x, training=True)
        ...     loss, slope = bl.optim.mse_loss(y, target)
        ...     return loss, lstm.backward(tape, slope)
        >>> x, target = np.ones((5, 8, 3), np.float32), np.zeros((5, 8, 4), np.float32)
        >>> lstm = bl.LSTM(3, 4, seed=0)
        >>> with Client(n_workers=1, processes=False, dashboard_address=":0") as client:
        ...     parallel = bnns_lstm.dask.DataParallel(lstm, objective, shards=4, client=client)
        ...     epochs = bl.optim.fit(parallel, bl.optim.Adam(lstm), [(x, target)], epochs=3)
        >>> epochs[2].loss < epochs[0].loss
        True
    """

    def __init__(
        self,
        lstm: GradientsLike,
        objective: Callable[..., tuple[float, GradientsLike]],
        *,
        shards: int = 8,
        axes: int | Sequence[int] | None = None,
        reduction: Literal["mean", "sum"] = "mean",
        seed: int = 0,
        client: Any = None,
    ) -> None:
        distributed = need("distributed", "dask")
        issues: list[Issue] = []
        self._shards = count("shards", shards, issues)
        several = sequence(lstm)
        modules = [lstm] if several is None else several
        self._axes = _axes(axes, modules[0] if modules else None, issues)
        self._seed = _seed(seed, issues)
        if not callable(objective):
            issues.append(Issue("objective", codes.WRONG_TYPE, "a function", shown(objective)))
        if not is_a(reduction, str) or reduction not in ("mean", "sum"):
            expected = "'mean' or 'sum'"
            issues.append(Issue("reduction", codes.UNKNOWN_CHOICE, expected, shown(reduction)))
        self._is_mean = reduction == "mean"
        self._client: Any = current_client() if client is None else client
        if not isinstance(self._client, distributed.Client):
            expected = "a distributed.Client, made before or given as client="
            actual = type(client).__name__ if client is not None else "none"
            issues.append(Issue("client", codes.WRONG_TYPE, expected, actual))
        try:
            self._trained = Trained(lstm, "lstm")
        except ArgumentError as error:
            issues += error.issues
        if issues:
            raise ArgumentError(tuple(issues))
        self._is_list = several is not None
        self._steps = 0
        content = need("cloudpickle", "dask").dumps(Setup(lstm, modules, objective))
        self._plan = Plan(uuid4().hex, content, agreed(self._client, TRAINING))
        self._workers: set[str] = set()
        self._sent: Any = None

    def __call__(self, *batch: Any) -> tuple[float, Any]:
        """The loss of a batch, and its gradients in the form of what is trained.

        Args:
            batch: Arrays, all of which are cut along their axes of samples.

        Raises:
            ArgumentError: For arrays that do not fit, and for a new worker that is not as the others.

        Example:
            >>> import bnns_lstm as bl, bnns_lstm.dask, numpy as np
            >>> from distributed import Client
            >>> def objective(lstm, x):
            ...     y, _, tape = lstm.forward(x, training=True)
            ...     return float(y.sum()), lstm.backward(tape, np.ones_like(y))
            >>> with Client(n_workers=1, processes=False, dashboard_address=":0") as client:
            ...     parallel = bnns_lstm.dask.DataParallel(bl.LSTM(3, 4, seed=0), objective, shards=2)
            ...     loss, gradients = parallel(np.ones((5, 8, 3), np.float32))
            >>> gradients["weight_ih_l0"].shape
            (16, 3)
        """
        shards = cut(batch, self._axes, self._shards)
        self._look()
        seed, self._steps = (self._seed, self._steps), self._steps + 1
        client, weights = self._client, flat(self._trained.named)
        with need("dask.config", "dask").set(QUIET):
            if self._sent is None:
                self._sent = client.submit(same, self._plan, pure=False)
            sent = client.submit(same, weights, pure=False)
            futures = [
                client.submit(of_shard, self._sent, sent, (*seed, number), *shard, pure=False)
                for number, shard in enumerate(shards)
            ]
        sizes = [shard[0].shape[_place(shard[0], self._axes)] for shard in shards]
        shares = [size / sum(sizes) if self._is_mean else 1.0 for size in sizes]
        loss, total = 0.0, np.zeros_like(weights)
        for start in range(0, len(shares), FETCHED):
            parts = client.gather(futures[start : start + FETCHED])
            for (part, gradient), share in zip(parts, shares[start:], strict=False):
                loss += part * share
                total += gradient * np.float32(share)
        return loss, self._shaped(total)

    def _look(self) -> None:
        """Ask the workers again where others have come."""
        workers = set(self._client.scheduler_info(n_workers=-1)["workers"])
        if not workers or not workers <= self._workers:
            found = agreed(self._client, TRAINING)
            if found != self._plan.expected:
                issues = [
                    Issue(f"workers.{field}", codes.UNSUPPORTED_HERE, f"{value}, as before", str(found[field]))
                    for field, value in self._plan.expected.items()
                    if found[field] != value
                ]  # fmt: skip
                raise ArgumentError(tuple(issues))
            self._workers = workers

    def _shaped(self, vector: Floats) -> Any:
        """A vector as gradients in the form of what is trained."""
        parts: list[dict[str, Floats]] = []
        start = 0
        for names in self._trained.parts:
            parts.append({})
            for name, array in names.items():
                parts[-1][name] = vector[start : start + array.size].reshape(array.shape)
                start += array.size
        return parts if self._is_list else parts[0]

    def __repr__(self) -> str:
        """Sizes, without contents."""
        numbers = sum(array.size for array in self._trained.named.values())
        return f"<DataParallel: {numbers} weights, {self._shards} shards>"


def _place(array: Any, axes: int | Sequence[int]) -> int:
    """The axis of samples of the first array."""
    return 0 if array.ndim == 1 else axes if isinstance(axes, int) else axes[0]


def _seed(given: Any, issues: list[Issue]) -> int:
    """What the seeds of dropout begin with."""
    found = whole(given)
    if found is not None and 0 <= found < 2**64:
        return found
    code = codes.WRONG_TYPE if found is None else codes.OUT_OF_RANGE
    issues.append(Issue("seed", code, "a whole number from 0 to 2**64 - 1", shown(given)))
    return 0


def _axes(given: Any, module: Any, issues: list[Issue]) -> int | list[int]:
    """The axes of samples."""
    if given is None:
        config = getattr(module, "config", None) or next(iter(getattr(module, "configs", [None])))
        return 0 if getattr(config, "batch_first", False) else 1
    one, several = whole(given), sequence(given)
    if one is not None:
        return one
    numbers = [whole(axis) for axis in several or []]
    if not numbers or None in numbers:
        expected = "a whole number, or one for each array of a batch"
        issues.append(Issue("axes", codes.WRONG_TYPE, expected, shown(given)))
    return [number or 0 for number in numbers]
