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

# Our module with a route of matrix products forced: the name of each is that of its route.
ROUTES = ("panels", "gemm")

# Name in the report, and module. The first is what most people call.
ENGINES: dict[str, str] = {
    "module": "engines.module",
    "ours": "engines.ours",
    "structure": "engines.structure",
    **dict.fromkeys(LEVELS, "engines.ours"),
    **dict.fromkeys(ROUTES, "engines.module"),
    "onnxruntime": "engines.onnxruntime",
    "torch": "engines.torch",
    "openvino": "engines.openvino",
    "numpy": "engines.numpy",
}

# Without other levels than the machine's best.
USUAL = [name for name in ENGINES if name not in LEVELS]

# These are this package; all others are peers.
OURS = ("module", "ours", "structure", *LEVELS, *ROUTES)


class Engine(Protocol):
    """What the module of an engine offers."""

    DISTRIBUTION: str

    @staticmethod
    def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
        """Set up a row with this many threads at most."""


def load(name: str) -> Engine:
    """Import an engine, and with it the library that it stands for.

    At most one level and one route of ours in a process, since the library reads the variables once.
    """
    if name in LEVELS:
        os.environ["BNNSLSTM_LEVEL"] = name
    if name in ROUTES:
        os.environ["BNNSLSTM_PRODUCTS"] = name
    return cast("Engine", importlib.import_module(ENGINES[name]))


def version(engine: Engine) -> str:
    """The version of the engine's library."""
    return importlib.metadata.version(engine.DISTRIBUTION)
