"""This package, as its callers would use it: a prepared layer, and the structure's functions to train.

A version without `prepare` is timed at the level of the structure. Where the environment forces a SIMD
level that the machine has not, no row is supported.
"""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
from cases import Arrays, Unsupported, Way
from layer import Layer
from rows import Row

from engines import structure

DISTRIBUTION = "bnns-lstm"


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`."""
    try:
        bl.info()
    except bl.ConfigurationError as error:
        raise Unsupported(str(error)) from error
    if row.kind == "train":
        return [structure.train(row, arrays, threads)]
    prepare: Any = getattr(bl, "prepare", None)
    if prepare is None:
        return [structure.forward(row, arrays, threads)]
    layer = Layer(row, arrays)
    prepared = prepare(layer.params, bl.FilterParameters(n_threads=threads))
    return [Way(prepared.forward, layer.results, "prepared", keep=[prepared])]
