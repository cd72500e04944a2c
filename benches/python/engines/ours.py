"""This package, as its callers would use it: a prepared layer, and the structure's functions to train.

A version without `prepare` is timed at the level of the structure.
"""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
from cases import Arrays, Way
from rows import Row

from engines import structure
from engines.layer import Layer

DISTRIBUTION = "bnns-lstm"


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`."""
    if row.kind == "train":
        return [structure.train(row, arrays, threads)]
    prepare: Any = getattr(bl, "prepare", None)
    if prepare is None:
        return [structure.forward(row, arrays, threads)]
    layer = Layer(row, arrays)
    prepared = prepare(layer.params, bl.FilterParameters(n_threads=threads))
    return [Way(prepared.forward, layer.results, "prepared", keep=[prepared])]
