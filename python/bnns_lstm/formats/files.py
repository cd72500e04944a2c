"""Writing a file so that what was there before stays until the new file is complete."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["beside", "is_replaceable", "replace_with"]


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
    finally:
        temporary.unlink(missing_ok=True)


def is_replaceable(path: Path) -> bool:
    """Whether a path is a file or nothing yet, and not a device or a pipe."""
    return path.is_file() or not path.exists()


def beside(path: Path) -> Path:
    """Where a file is written before it takes its name: in the folder of the file itself, if it is a link."""
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}")
