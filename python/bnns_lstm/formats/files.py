"""Writing a file so that what was there before stays until the new file is complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import attempt, is_a
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsError, WeightsIssue

__all__ = ["beside", "is_path", "is_replaceable", "path_of", "replace_with"]


def is_path(given: object) -> bool:
    """Whether something is meant as a path."""
    return is_a(given, (str, os.PathLike))


def path_of(given: Any, name: str = "path") -> Path:
    """A path that a caller gave.

    Args:
        given: What should be a path.
        name: The argument's name, for errors.

    Raises:
        WeightsError: If it is none.
    """
    text = attempt(lambda: os.fspath(given)) if is_path(given) else None
    if not isinstance(text, str):
        raise WeightsError((WeightsIssue(name, "a path", type(given).__name__, codes.WRONG_TYPE),))
    if "\0" in text:
        raise WeightsError(
            (WeightsIssue(name, "a path without null characters", shown(text), codes.INVALID_PATH),)
        )
    return Path(text)


def replace_with(path: Path, content: bytes) -> None:
    """Write a file, by way of a second one next to it that takes its name at the end.

    Raises:
        OSError: If it cannot be written.
    """
    if not is_replaceable(path):
        path.write_bytes(content)
        return
    temporary = beside(path)
    try:
        temporary.write_bytes(content)
        temporary.replace(path.resolve())
    except OSError as error:  # which names the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def is_replaceable(path: Path) -> bool:
    """Whether a path is a file or nothing yet, and not a device or a pipe."""
    return path.is_file() or not path.exists()


def beside(path: Path) -> Path:
    """Where a file is written before it takes its name: in the folder of the file itself, if it is a link."""
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}")
