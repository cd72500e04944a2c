"""Every code that the library knows is provoked by a test, and explained."""

from __future__ import annotations

import bnns_lstm as bl
from wrong_caches import CACHE_ROWS
from wrong_pairs import PAIR_ROWS
from wrong_structures import FILTER_ROWS, ROWS

# Codes that need two calls at once; test_threads.py has them.
ELSEWHERE = {"in_use"}


def test_every_code_has_a_row() -> None:
    tested = {code for _, _, code in ROWS + FILTER_ROWS + CACHE_ROWS}
    tested |= {code for code, _, _ in PAIR_ROWS}
    codes = {entry.code for entry in bl.error_codes()}
    assert codes - tested == ELSEWHERE
    assert tested <= codes


def test_every_code_is_explained_and_stands_once() -> None:
    entries = bl.error_codes()
    assert all(entry.explanation.endswith(".") for entry in entries)
    assert len({entry.code for entry in entries}) == len(entries)
    assert len({entry.explanation for entry in entries}) == len(entries)
