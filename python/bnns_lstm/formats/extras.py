"""Packages that only some formats need, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from bnns_lstm.errors import ExtraError

__all__ = ["need"]


def need(module: str, extra: str, installed: str = "") -> Any:
    """Import a module of a package that an extra installs.

    Args:
        module: Its name.
        extra: The extra.
        installed: What the package is called where packages are installed from, if not as its modules.

    Raises:
        ExtraError: If it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != package:
            raise
        name = installed or package
        raise ExtraError(
            f"this needs the package {name!r}: pip install bnns-lstm[{extra}]", name=name
        ) from None
