"""This package at the level that the environment forces; on machines without it, no row."""

from __future__ import annotations

import bnns_lstm as bl
from cases import Arrays, Unsupported, Way
from rows import Row

from engines import ours

DISTRIBUTION = ours.DISTRIBUTION


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`."""
    try:
        bl.info()
    except bl.ConfigurationError as error:
        raise Unsupported(str(error)) from error
    return ours.ways(row, arrays, threads)
