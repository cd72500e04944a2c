"""Looking at what a caller gave, whatever it is: objects may raise when they are looked at.

In: any object. Out: an answer, or None; never an exception of the object's own. What is no `Exception`, such as
`KeyboardInterrupt`, goes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import index
from typing import Any, TypeVar

import numpy as np

__all__ = ["attempt", "flag", "is_a", "mapping", "real", "reason", "sequence", "whole"]

T = TypeVar("T")
# Characters of an exception's text; PyTorch's have some hundred.
LONGEST = 400


def is_a(value: object, kinds: type | tuple[type, ...]) -> bool:
    """Whether a value is an instance of one of these classes, by its type alone.

    `isinstance` would also ask the value for its `__class__`.
    """
    return issubclass(type(value), kinds)


def attempt(ask: Callable[[], T]) -> T | Exception:
    """What a question gives, or the exception that it raised.

    Without its traceback: that would hold the frames of all callers, and with them their arrays.
    """
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - the caller's objects may raise anything
        return error.with_traceback(None)


def mapping(value: object) -> dict[Any, Any] | None:
    """The entries of a mapping; None for anything else, and for one that cannot be read."""
    given: Any = value
    found = attempt(lambda: dict(given)) if is_a(value, Mapping) else None
    return found if isinstance(found, dict) else None


def sequence(value: object) -> list[Any] | None:
    """The items of a sequence that is no text; None for anything else, and for one that cannot be read."""
    given: Any = value
    is_one = is_a(value, Sequence) and not is_a(value, (str, bytes, bytearray))
    found = attempt(lambda: list(given)) if is_one else None
    return found if isinstance(found, list) else None


def reason(error: Exception) -> str:
    """What an exception says in a line of text, or its name."""
    text = attempt(lambda: " ".join(str(error).split()))
    if isinstance(text, Exception) or not text:
        return type(error).__name__
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def whole(value: object) -> int | None:
    """A whole number of any class that has `__index__`; None for anything else, True and False included."""
    if is_a(value, (bool, np.bool_)):
        return None
    given: Any = value
    found = attempt(lambda: index(given))
    return None if isinstance(found, Exception) else int(found)


def real(value: object) -> float | None:
    """A number of Python's or NumPy's as a float; None for anything else, True and False included."""
    if is_a(value, (bool, np.bool_)) or not is_a(value, (int, float, np.number)):
        return None
    given: Any = value
    found = attempt(lambda: float(given))
    return None if isinstance(found, Exception) else found


def flag(value: object) -> bool | None:
    """True or False, also NumPy's; None for anything else."""
    return bool(value) if is_a(value, (bool, np.bool_)) else None
