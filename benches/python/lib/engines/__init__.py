"""The engines: one module each, with a function `ways` and the name of its distribution.

In: a row, its arrays, a number of threads. Out: the ways in which the engine computes the row, or
`Unsupported`. To add an engine, write such a module and name it here.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from typing import Protocol, cast

from cases import Arrays, Way
from rows import Row

# Our own engine at another level than the machine's best: the name of each is that of its level.
LEVELS = ("avx2", "fallback")

# Name in the report, and module.
ENGINES: dict[str, str] = {
    "ours": "engines.ours",
    "structure": "engines.structure",
    "module": "engines.module",
    **dict.fromkeys(LEVELS, "engines.ours"),
    "onnxruntime": "engines.onnxruntime",
    "torch": "engines.torch",
    "openvino": "engines.openvino",
    "numpy": "engines.numpy",
}

# Without this package's module, and without other levels than the machine's best.
USUAL = [name for name in ENGINES if name not in {"module", *LEVELS}]

# These are this package; all others are peers.
OURS = ("ours", "structure", "module", *LEVELS)


class Engine(Protocol):
    """What the module of an engine offers."""

    DISTRIBUTION: str

    @staticmethod
    def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
        """Set up a row with this many threads at most."""


def load(name: str) -> Engine:
    """Import an engine, and with it the library that it stands for.

    At most one level of ours in a process, since the library reads the variable once.
    """
    if name in LEVELS:
        os.environ["BNNSLSTM_LEVEL"] = name
    return cast("Engine", importlib.import_module(ENGINES[name]))


def version(engine: Engine) -> str:
    """The version of the engine's library."""
    return importlib.metadata.version(engine.DISTRIBUTION)
