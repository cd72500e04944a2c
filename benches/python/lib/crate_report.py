"""The report beside other crates: one table.

In: as `Report`. Out: the same data, and another Markdown: medians and minima of each engine, and their
ratios to ours.
"""

from __future__ import annotations

from typing import Any

from beside import microseconds
from report import Report

HEAD = """# Beside other crates

Made by `python3 tasks.py bench-crates`. Medians / minima of one run, microseconds per call, one thread; in
brackets how many times as long as ours. Each engine is a program of its own, built for the machine's processor
(`-C target-cpu=native`), and they take turns sample by sample. Before anything is timed, results are compared
with the layer in f64: outputs, in `step` the final states, in `train` all gradients.

- **row**: `T` steps, `B` samples, `H` hidden units and as many inputs, `L` layers. In `step` the final states
  become the next initial ones; `ragged` has samples of different lengths; `train` is a forward and a backward
  call.
- rust-lstm computes in f64, all others in f32.
- `-`: not offered. `wrong`: the engine computes something else, see below."""


class CrateReport(Report):
    """A run of the programs of `benches/crates`."""

    def markdown(self) -> str:
        """Where it was measured, the table, and what went wrong."""
        parts = [HEAD, self.where(), self.table()]
        errors = self.errors()
        if errors:
            parts.append("\n".join(f"- {error}" for error in errors))
        return "\n\n".join(parts) + "\n"

    def table(self) -> str:
        """One line a row, one column an engine."""
        engines = list(self.versions)
        lines = [
            f"| row | {' | '.join(f'{name} {self.versions[name]}' for name in engines)} |",
            "| --- |" + " ---: |" * len(engines),
        ]
        for entry in self.rows:
            found = entry["engines"]
            cells = [cell(found.get(engine, {}), found["ours"]) for engine in engines]
            lines.append(f"| {entry['row']} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def failures(self) -> list[str]:
        """What a run must not have: engines that failed, and wrong results of ours."""
        return [
            f"{entry['row']}, {engine}: {result['text']}"
            for entry in self.rows
            for engine, result in entry["engines"].items()
            if result["status"] == "error" or (engine == "ours" and result["status"] == "wrong")
        ]


def cell(result: dict[str, Any], ours: dict[str, Any]) -> str:
    """Median and minimum, and both by ours; or why there are none."""
    status = result.get("status", "unsupported")
    if status != "ok":
        return "-" if status == "unsupported" else str(status)
    median, minimum = result["median_us"], result["minimum_us"]
    text = f"{microseconds(median)} / {microseconds(minimum)}"
    if result is ours or ours.get("status") != "ok":
        return text
    return f"{text} ({median / ours['median_us']:.1f} / {minimum / ours['minimum_us']:.1f})"
