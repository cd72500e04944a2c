"""A yearly series: the embedded one, or a user's CSV file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm.demo import UserError

__all__ = ["Series", "embedded_data", "embedded_series", "read_series"]

LEAST_YEARS = 3
LARGEST_VALUE = 1e6


@dataclass(frozen=True)
class Series:
    """Consecutive years and a value for each.

    Attributes:
        years: `[n]`, increasing by 1.
        values: `[n]`, not negative.
    """

    years: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]


def embedded_data() -> dict[str, npt.NDArray[Any]]:
    """The arrays of the demonstration: the sunspot numbers and the model."""
    source = resources.files("bnns_lstm.demo").joinpath("sunspots.npz")
    with source.open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


def embedded_series() -> Series:
    """The yearly sunspot numbers, 1700 to 2008 (public domain; NOAA)."""
    arrays = embedded_data()
    return Series(arrays["year"], arrays["activity"])


def read_series(path: Path) -> Series:
    """Read a CSV file with a line `year,value` for each year.

    A first line without any number is a heading. Empty lines and lines that start with `#` are passed
    over.

    Raises:
        UserError: With file and line, if something is not as it should be.
        OSError: If the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected a text file in UTF-8 ({error.reason})") from None
    years: list[int] = []
    values: list[float] = []
    may_be_heading = True
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        is_heading = may_be_heading and _is_heading(line)
        may_be_heading = False
        if is_heading:
            continue
        year, value = _parse(line, f"{path}:{number}")
        if years and year != years[-1] + 1:
            raise UserError(f"{path}:{number}: expected year {years[-1] + 1}, found {year}")
        years.append(year)
        values.append(value)
    if len(years) < LEAST_YEARS:
        raise UserError(f"{path}: expected at least {LEAST_YEARS} years, found {len(years)}")
    return Series(np.array(years, np.int64), np.array(values, np.float32))


def _is_heading(line: str) -> bool:
    first = line.strip().lstrip("\"'")[:1]
    if first.isdigit() or first in "+-":
        return False
    # A row of data whose year is missing is no heading: it must not be passed over.
    return not any(_is_number(cell.strip(" \t\"'")) for cell in line.split(","))


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> float:
    """A number as tables have it: not 1_000 or other digits, which Python takes as well.

    Raises:
        ValueError: If it is none.
    """
    if "_" in cell or not cell.isascii():
        raise ValueError(cell)
    return float(cell)


def _parse(line: str, where: str) -> tuple[int, float]:
    """Year and value of a line."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise UserError(f"{where}: expected comma-separated values ({error})") from None
    if len(cells) != 2:
        raise UserError(f"{where}: expected year,value, found {len(cells)} columns")
    try:
        # 1700.0 is a year, too: tables are often saved that way.
        year = _number(cells[0])
        value = _number(cells[1])
    except ValueError:
        raise UserError(f"{where}: expected two numbers, found {line.strip()[:60]!r}") from None
    if not (year.is_integer() and abs(year) <= LARGEST_VALUE):
        raise UserError(f"{where}: expected a year, found {cells[0]!r}")
    if not 0 <= value <= LARGEST_VALUE:
        raise UserError(
            f"{where}: expected a value from 0 to {LARGEST_VALUE:.0f}, found {cells[1]!r}"
        )
    return int(year), value
