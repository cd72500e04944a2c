"""How fields look in a repr: whatever they hold, in one line and without the contents of arrays."""

from __future__ import annotations

import numpy as np

from bnns_lstm._look import attempt

__all__ = ["show", "shown"]


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


def shown(found: object) -> str:
    """Something from a file in a few words, whatever it is."""
    if found is None:
        return "none"
    text = attempt(lambda: ascii(found))
    if isinstance(text, Exception):
        return f"a {type(found).__name__} that cannot be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."
