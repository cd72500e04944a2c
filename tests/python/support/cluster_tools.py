"""What workers of the tests do: objectives, and faults. Workers import this file by its name."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import bnns_lstm as bl
import numpy as np

# Modules of this package that a worker has not got any more.
GONE: dict[str, object] = {}
COUNTS = {"made": 0, "packed": 0}


def objective(
    lstm: bl.LSTM, head: bl.optim.Linear, x: np.ndarray, target: np.ndarray, lengths: np.ndarray
) -> tuple[float, list]:
    y, _, tape = lstm.forward(x, lengths=lengths, training=True)
    loss, slope = bl.optim.mse_loss(head(y), target)
    above = head.backward(y, slope)
    return loss, [lstm.backward(tape, above.input), above]


def dying(marker: Path, *arguments: object) -> tuple[float, list]:
    """As `objective`; the process that comes first dies in the middle of it."""
    result = objective(*arguments)  # type: ignore[arg-type]
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return result
    os.kill(os.getpid(), signal.SIGKILL)
    return result


def summed(lstm: bl.LSTM, x: np.ndarray) -> tuple[float, bl.Gradients]:
    """The sum of all outputs."""
    y, _, tape = lstm.forward(x, training=True)
    return float(y.sum()), lstm.backward(tape, np.ones_like(y))


def lose_package() -> None:
    """From now on the package cannot be imported here."""
    for name in list(sys.modules):
        if name == "bnns_lstm" or name.startswith("bnns_lstm."):
            GONE[name] = sys.modules[name]
            sys.modules[name] = None  # type: ignore[assignment]


def find_package() -> None:
    sys.modules.update(GONE)  # type: ignore[arg-type]
    GONE.clear()


def be_version(version: str) -> None:
    """From now on this process says that it has this version."""
    from bnns_lstm.dask.machines import fingerprint  # noqa: PLC0415

    fingerprint()["version"] = version


def count() -> None:
    """Count how often an LSTM is made of a pickle, and packed."""
    from bnns_lstm.module.engine import Engine  # noqa: PLC0415

    COUNTS.update(made=0, packed=0)
    make, prepare = bl.LSTM.__setstate__, Engine._prepare

    def made(self: bl.LSTM, state: dict) -> None:
        COUNTS["made"] += 1
        make(self, state)

    def prepared(self: Engine, params: object) -> object:
        COUNTS["packed"] += self.packed is None
        return prepare(self, params)

    bl.LSTM.__setstate__, Engine._prepare = made, prepared


def counts() -> dict[str, int]:
    return COUNTS


def peak() -> int:
    """Bytes that this process has held at most."""
    import resource  # noqa: PLC0415  # not on Windows

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
