"""Which workers compute the same bits. In: a client of Dask's. Out: what all workers have in common.

Or an error that names each worker that differs, with what to do. It knows no LSTM.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from typing import Any

import numpy as np

from bnns_lstm import _native, codes
from bnns_lstm.errors import ArgumentError, Issue

__all__ = ["LAYER", "TRAINING", "agreed", "current_client", "differences", "fingerprint"]

Fingerprint = Mapping[str, Any]

LAYER = ("version", "level", "products")
"""What the bits of an LSTM depend on."""

TRAINING = (*LAYER, "numpy", "arithmetic")
"""And those of a head and a loss in NumPy."""

# Seconds to wait for a first worker.
PATIENCE = 60


@cache
def fingerprint() -> dict[str, Any]:
    """What bits depend on in this process.

    `arithmetic` stands for NumPy's: its matrix products and functions differ with the processor.
    """
    info = _native.info()
    numbers = np.random.default_rng(0).uniform(-1, 1, (64, 600)).astype(np.float32)
    with np.errstate(all="ignore"):
        found = (numbers @ numbers.T, np.exp(numbers), np.tanh(numbers), numbers.sum(axis=0))
    digest = sha256(b"".join(array.tobytes() for array in found)).hexdigest()[:16]
    return {
        **{name: info[name] for name in (*LAYER, "levels")},
        "numpy": np.__version__,
        "arithmetic": digest,
    }


def current_client() -> Any | None:
    """The client that Dask computes with at this moment, if there is one."""
    if "distributed" not in sys.modules:
        return None
    try:
        return sys.modules["distributed"].Client.current()
    except ValueError:
        return None


def agreed(client: Any, fields: Sequence[str]) -> dict[str, Any]:
    """What all workers have in these fields.

    Raises:
        ArgumentError: For every worker that has no such package, or differs from most of the others.
    """
    client.wait_for_workers(1, timeout=PATIENCE)
    answers = client.run(_question(), on_error="return")
    # Who died meanwhile raised an error of the connection; whoever takes the place is asked by the next call.
    found = {name: answer for name, answer in answers.items() if isinstance(answer, dict)}
    issues = [*_without(found)] or [*_unlike(found, fields)]
    if issues or not found:
        raise ArgumentError(tuple(issues) or (_nobody(),))
    first = next(iter(found.values()))
    return {field: first[field] for field in fields}


def differences(expected: Fingerprint) -> None:
    """Refuse to compute in this process where it is not as the others.

    Raises:
        ArgumentError: For every field in which it differs.
    """
    here = fingerprint()
    issues = tuple(
        Issue(f"worker.{field}", codes.UNSUPPORTED_HERE, f"{value}, as on all workers", str(here[field]))
        for field, value in expected.items()
        if here[field] != value
    )  # fmt: skip
    if issues:
        raise ArgumentError(issues)


def _question() -> Callable[[], dict[str, Any]]:
    """A function that goes to workers by its value, as they may not have the package."""
    place = __name__

    def ask() -> dict[str, Any]:
        try:
            found: dict[str, Any] = import_module(place).fingerprint()  # the worker's own
        except Exception as error:  # noqa: BLE001  # whatever it is, it is said of the worker
            return {"missing": f"{type(error).__name__}: {error}"}
        return found

    return ask


def _nobody() -> Issue:
    return Issue("client", codes.MISSING_ENTRY, "a worker that answers", "none")


def _without(found: Mapping[str, Fingerprint]) -> Iterator[Issue]:
    """Findings for workers that cannot import the package, or not start it."""
    expected = f"bnns-lstm {_native.__version__} on every worker (install it there)"
    for name, answer in found.items():
        if "missing" in answer:
            yield Issue(f"workers[{name!r}]", codes.MISSING_ENTRY, expected, answer["missing"])


def _unlike(found: Mapping[str, Fingerprint], fields: Sequence[str]) -> Iterator[Issue]:
    """Findings for workers that are not as most of them."""
    for field in fields:
        counts = Counter(answer[field] for answer in found.values())
        if len(counts) == 1:
            continue
        [(most, number)] = counts.most_common(1)
        expected = f"{most}, as on {number} of {len(found)} workers ({_way(field, found)})"
        for name, answer in found.items():
            if answer[field] != most:
                path = f"workers[{name!r}].{field}"
                yield Issue(path, codes.UNSUPPORTED_HERE, expected, str(answer[field]))


def _way(field: str, found: Mapping[str, Fingerprint]) -> str:
    """What makes workers equal."""
    if field == "level":
        first, *others = (answer["levels"] for answer in found.values())
        common = [level for level in first if all(level in levels for levels in others)]
        return f"start all workers with BNNSLSTM_LEVEL={common[-1]}"
    return {
        "version": "install one version of bnns-lstm on all workers",
        "products": "start all workers with the same BNNSLSTM_PRODUCTS",
        "numpy": "install one version of NumPy on all workers",
    }.get(field, "use machines with the same processor, so that NumPy computes the same bits")
