"""The command `bnns-lstm`.

Parses arguments, calls what they name, and turns every expected failure into one line and an exit code: 2
for what the user can mend, 130 for an interruption.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import bnns_lstm
from bnns_lstm.cli.arguments import parser
from bnns_lstm.demo import UserError

__all__ = ["UserError", "main", "say"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; None takes the process's own.

    Returns:
        The exit code: 0, 2 for wrong arguments or files, 130 when interrupted.
    """
    arguments = parser().parse_args(argv)
    try:
        # Imported here, so that --help and --version stay quick.
        from bnns_lstm.cli import commands

        return commands.COMMANDS[arguments.command](arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0  # The reader has seen enough.
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        print(f"bnns-lstm: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except (bnns_lstm.BNNSLSTMError, UserError) as error:
        print(f"bnns-lstm: {error}", file=sys.stderr)
        return 2


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
