"""A bar on the error output. In: how much there is to do. Out: a bar of tqdm's, or None where none can be.

It needs the extra `progress` (tqdm) and a terminal; without them whoever asks does without.
"""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["bar", "hide"]


def bar(total: int | None, unit: str, delay: float = 0.0) -> Any | None:
    """A bar that shows itself after `delay` seconds; None without tqdm, or without a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm  # noqa: PLC0415  # it may be missing
    except ImportError:
        return None
    return tqdm(total=total, unit=unit, leave=False, file=sys.stderr, delay=delay)


def hide(shown: Any) -> None:
    """Take a bar away until it moves on, so that others may print; one that is not there yet stays so."""
    if time.time() - shown.start_t >= shown.delay:
        shown.clear()
