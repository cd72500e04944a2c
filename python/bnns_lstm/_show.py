"""How things look in a repr and in errors: in one line, without the contents of arrays, whatever they are."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

import numpy as np

from bnns_lstm._look import attempt

__all__ = ["listed", "named", "show", "shown"]

# How many names an error lists: those of two layers.
MOST = 8


def show(value: object) -> str:
    """A value for a repr: arrays by type, shape and strides, never by their contents."""
    if isinstance(value, np.ndarray):
        shape = ", ".join(map(str, value.shape))
        strides = "" if value.flags.c_contiguous else f" strides {value.strides} bytes"
        return f"<{value.dtype}[{shape}]{strides}>"
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(show, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def listed(names: Collection[object]) -> str:
    """Names with commas between, the first of many."""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(shown(name) for name in islice(names, MOST)) + more


def named(name: object) -> str:
    """A name from a file as the path of an issue: as it is, but in one line of text, and never empty."""
    return shown(name).strip("'") or "''"


def shown(found: object) -> str:
    """Something from a file in a few words, whatever it is."""
    if found is None:
        return "none"
    text = attempt(lambda: ascii(found))
    if isinstance(text, Exception):
        return f"a {type(found).__name__} that cannot be shown"
    if not text.strip():  # an empty message of protobuf's
        return f"an empty {type(found).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
