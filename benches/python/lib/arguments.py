"""Options that the commands have in common.

In: words of a command line. Out: rows and engines, or an error that names what is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from rows import Row, rows_like


def engines(text: str, known: Iterable[str]) -> list[str]:
    """Names between commas, in the order of the report; ours always takes part."""
    names = list(known)
    chosen = {"ours", *text.split(",")}
    unknown = sorted(chosen.difference(names))
    if unknown:
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(names)}, found {', '.join(unknown)}"
        )
    return [name for name in names if name in chosen]


def rows(text: str, among: Sequence[Row]) -> list[Row]:
    """The rows that a regular expression finds."""
    found = rows_like(text, among)
    if not found:
        names = ", ".join(row.name for row in among)
        raise argparse.ArgumentTypeError(f"{text!r} is in none of the names {names}")
    return found
