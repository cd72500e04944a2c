"""Names of a package that are imported when they are asked for.

In: a package, and where its names stand. Out: one of them. It does not know what any of them is.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

__all__ = ["attribute"]


def attribute(package: str, places: Mapping[str, str], name: str) -> Any:
    """A name of a package, from the module below it that `places` says.

    Raises:
        AttributeError: For a name that is none.
    """
    if name not in places:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(import_module(f"{package}.{places[name]}"), name)
