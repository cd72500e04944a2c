"""Packages that only some formats need, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from bnns_lstm.errors import ExtraError

__all__ = ["need"]


def need(module: str, extra: str) -> Any:
    """Import a module of a package that an extra installs.

    Raises:
        ExtraError: If it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != package:
            raise
        raise ExtraError(
            f"this needs the package {package!r}: pip install bnns-lstm[{extra}]", name=package
        ) from None
