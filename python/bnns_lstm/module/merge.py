"""The two directions of the last layer in the form that the caller wants them in, `LSTMConfig.merge`.

In: the output of the structure, `[steps, rows, layer_size]`, both directions side by side, or gradients of what
was made of it. Out: the parts that the caller knows, one or, with None, a pair; and the gradient of the
structure's output. It knows neither the caller's order of axes nor any weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import attempt, sequence
from bnns_lstm.config import Merge
from bnns_lstm.errors import Issue
from bnns_lstm.module.samples import Floats

__all__ = ["Output", "Parts", "merged", "named_parts", "output", "refuse_overlap", "separated"]

Parts = tuple[Floats, ...]
Output = Floats | tuple[Floats, Floats]


def merged(merge: Merge, y: Floats) -> Parts:
    """What becomes of an output: itself, both directions as one array, or a pair."""
    if merge == "concat":
        return (y,)
    forward, backward = np.split(y, 2, axis=-1)
    if merge is None:
        return forward, backward
    both: Floats
    with np.errstate(all="ignore"):  # as in the layer itself, infinities are results
        both = forward * backward if merge == "mul" else forward + backward
        if merge == "ave":
            both /= 2
    return (both,)


def separated(merge: Merge, dy: Parts, y: Floats) -> Floats:
    """The gradient of an output `y`, from that of each part which `merged` made of it, in its shape."""
    if merge == "concat":
        return dy[0]
    with np.errstate(all="ignore"):
        if merge == "mul":
            forward, backward = np.split(y, 2, axis=-1)
            dy = dy[0] * backward, dy[0] * forward
        elif merge is not None:
            dy = dy[0], dy[0]
        both: Floats = np.concatenate(dy, axis=-1)
        if merge == "ave":
            both /= 2
        return both


def output(parts: Parts) -> Output:
    """Parts as a call returns them."""
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def named_parts(
    merge: Merge, given: Any, name: str, issues: list[Issue]
) -> list[tuple[str, Any]] | None:
    """What a caller gave for an output, or for its gradient: each part with its name; None if it is no pair."""
    if merge is not None:
        return [(name, given)]
    pair = sequence(given)
    if pair is None or len(pair) != 2:
        actual = type(given).__name__ if pair is None else f"{len(pair)} arrays"
        issues.append(Issue(name, codes.WRONG_TYPE, "a pair (forward, backward)", actual))
        return None
    return [(f"{name}[{number}]", part) for number, part in enumerate(pair)]


def refuse_overlap(parts: Parts, name: str, issues: list[Issue]) -> None:
    """A finding if two arrays that are to be written share an element."""
    # Whether strides meet is hard to tell in rare cases; these are refused, too.
    work: Any = 10**6
    if len(parts) == 2 and attempt(lambda: np.shares_memory(*parts, max_work=work)) is not False:
        expected = f"memory that {name}[0] does not use"
        issues.append(Issue(f"{name}[1]", codes.OVERLAP, expected, "memory that both use"))
