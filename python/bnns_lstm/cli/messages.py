"""What the command says.

In: texts. Out: standard output, at once. It knows no command.
"""

from __future__ import annotations

import os
import sys

__all__ = ["say"]


def say(text: str) -> None:
    """Print at once, so that a full disk or a reader who has gone is met here and not at exit.

    Raises:
        OSError: If it cannot be written.
    """
    try:
        print(text, flush=True)
    except OSError:
        # What is still buffered goes nowhere, or it would fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
