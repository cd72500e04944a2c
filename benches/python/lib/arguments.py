"""Options that the commands have in common.

In: words of a command line. Out: rows and engines, or an error that names what is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from machine import ROOT
from rows import Row, rows_like


def parser(
    description: str | None,
    among: Sequence[Row],
    known: Iterable[str],
    usual: Iterable[str],
    *,
    rounds: int,
    name: str,
) -> argparse.ArgumentParser:
    """A command's parser with the options of all: rows, rounds, engines, and where the report goes."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names, add = list(known), made.add_argument
    add(
        "--rows",
        type=lambda text: rows(text, among),
        default=among,
        metavar="PATTERN",
        help="regular expression, in names",
    )
    add("--rounds", type=int, default=rounds, metavar="N", help="samples of each engine and row")
    add(
        "--engines",
        type=lambda text: engines(text, names),
        default=list(usual),
        help=f"some of {','.join(names)}",
    )
    for kind, ending in (("json", "json"), ("markdown", "md")):
        default = ROOT / "target" / f"{name}.{ending}"
        add(f"--{kind}", type=Path, default=default, metavar="FILE")
    add("--list", action="store_true", help="print the names of the rows and end")
    return made


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
