"""Tables of this package beside itself.

In: entries of a report. Out: titles and tables of both routes of products, and of more threads than cores;
none where nothing was timed for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from engines import ROUTES

LINE = 112
"""Characters of a line of text."""


def routes(entries: Sequence[dict[str, Any]], threads: int) -> list[str]:
    """Title and table of the rows that were computed with both routes of products, if there are any."""
    lines: list[str] = []
    for entry in entries:
        panels, gemm = (entry["engines"].get(route, {}) for route in ROUTES)
        lines += line([entry["row"]], panels, gemm, of_first=True)
    if not lines:
        return []
    title = f"### Both routes of matrix products, {threads} thread{'s' if threads > 1 else ''}"
    text = fill(
        "The module with each route forced (docs/products.md); the ratio is the time by panels divided by that "
        "by the library: above 1 the library is faster.",
        LINE,
    )
    head = [f"| row | {' | '.join(ROUTES)} | ratio |", "| --- | ---: | ---: | ---: |"]
    return [title, text, "\n".join(head + lines)]


def crowded(rows: Sequence[dict[str, Any]], more_threads: int) -> list[str]:
    """Title and table of ours with more threads than cores, beside the most threads of the other tables."""
    lines: list[str] = []
    fewer = [entry for entry in rows if entry["threads"] != more_threads]
    for entry in rows:
        beside = [other for other in fewer if other["row"] == entry["row"]]
        if entry["threads"] != more_threads or not beside:
            continue
        most = max(beside, key=lambda other: int(other["threads"]))
        few, many = (which["engines"].get("ours", {}) for which in (most, entry))
        lines += line([entry["row"], str(most["threads"])], few, many, of_first=False)
    if not lines:
        return []
    text = fill(
        "**ours** with as many threads as above, and with more than there are cores. A call uses no more "
        "threads than run at the same time; the ratio is the second time divided by the first.",
        LINE,
    )
    head = [
        f"| row | threads | ours | ours, {more_threads} threads | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    return [f"## {more_threads} threads", text, "\n".join(head + lines)]


def line(
    names: list[str], first: dict[str, Any], second: dict[str, Any], *, of_first: bool
) -> list[str]:
    """The line of two results and the ratio of one to the other; none unless both were timed."""
    both = [first, second]
    if any(result.get("status") != "ok" for result in both):
        return []
    cells = names + [microseconds(result["median_us"]) for result in both]
    one, other = both if of_first else reversed(both)
    ratio, least = (one[which] / other[which] for which in ("median_us", "minimum_us"))
    return [f"| {' | '.join(cells)} | **{ratio:.2f}** ({least:.2f}) |"]


def microseconds(value: float) -> str:
    """Three digits or more."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
