"""Files that are refused: for their reason, and before memory is asked for by a number in them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def refused_in_little_memory(
    kind: type[Exception], message: str | None = None
) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """Expect an error of this kind, whose text the pattern finds, and less than a MiB on the way to it."""
    tracemalloc.start()
    try:
        with pytest.raises(kind, match=message) as caught:
            yield caught
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
