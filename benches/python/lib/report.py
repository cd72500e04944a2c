"""The report: JSON for programs, Markdown for people.

In: what was measured and where. Out: `Report`, plain data, and the text of its Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from textwrap import fill
from typing import Any

from beside import LINE, crowded, microseconds, routes
from compare import TOLERANCE
from engines import OURS, ROUTES
from limits import Limits
from measure import Result
from rows import Row

# Below it, a difference between two engines is noise on a shared machine.
TIE = 0.05


@dataclass
class Report:
    """A whole run.

    Attributes:
        machine: Processor, cores, system, interpreter.
        rates: What `benches/rust/machine.rs` measured, or None.
        commit: The checkout's commit; a plus sign means that files differed from it.
        command: How it was run.
        rounds: Samples of each engine and row.
        versions: Of each engine's library, or why it is missing.
        info: What our library says about itself.
        rows: For each row and number of threads: engines' results, limit, and ratio.
        more_threads: More threads than cores, with which ours is timed beside as many as there are; 0: none.
    """

    machine: dict[str, Any]
    rates: dict[str, Any] | None
    commit: str
    command: str
    rounds: int
    versions: dict[str, str]
    info: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    more_threads: int = 0

    def add(self, row: Row, results: dict[tuple[str, int], Result]) -> None:
        """Add a row's results, one entry for each number of threads."""
        for threads in sorted({threads for _, threads in results}):
            engines = {
                engine: result.summary()
                for (engine, count), result in results.items()
                if count == threads
            }
            limits = Limits.from_machine(self.rates, threads) if self.rates else None
            limit = None if limits is None else limits.seconds(row) * 1e6
            entry = {"row": row.name, "threads": threads, "limit_us": limit, "engines": engines}
            self.rows.append({**entry, **ratio(engines)})

    def errors(self) -> list[str]:
        """Engines that failed or computed something else."""
        return [
            f"{entry['row']}, {entry['threads']} threads, {engine}: {result['text']}"
            for entry in self.rows
            for engine, result in entry["engines"].items()
            if result["status"] in {"error", "wrong"}
        ]

    def data(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return {**asdict(self), "tolerance": TOLERANCE, "errors": self.errors()}

    def markdown(self) -> str:
        """The text of `BENCHMARKS.md`."""
        parts = [HEAD, self.where()]
        for threads in sorted({entry["threads"] for entry in self.rows} - {self.more_threads}):
            entries = [entry for entry in self.rows if entry["threads"] == threads]
            title = f"## {threads} thread{'s' if threads > 1 else ''}"
            shown = [engine for engine in self.versions if engine not in ROUTES]
            parts += [title, summary(entries), table(entries, shown)]
            parts += routes(entries, threads)
        parts += crowded(self.rows, self.more_threads)
        errors = self.errors()
        if errors:
            parts += ["## Errors", "\n".join(f"- {error}" for error in errors)]
        return "\n\n".join(part for part in parts if part) + "\n"

    def where(self) -> str:
        """Machine, versions, command and commit."""
        versions = ", ".join(f"{engine} {version}" for engine, version in self.versions.items())
        lines = [
            f"- Machine: {', '.join(str(value) for value in self.machine.values())}",
            f"- SIMD level of ours: {self.info.get('level', 'unknown')}",
            fill(f"- Versions: {versions}", LINE, subsequent_indent="  "),
            f"- Command: `{self.command}` ({self.rounds} rounds)",
            f"- Commit: `{self.commit}`",
        ]
        lines += [
            f"- Rates, {measured['threads']} thread(s): {rates_text(measured)}"
            for measured in (self.rates or {}).get("measured", [])
        ]
        return "\n".join(lines)


HEAD = """# Benchmarks

Made by `python benches/python/commands/peers.py`; the file is not edited by hand. Medians of one run,
microseconds per call. Each engine lives in a process of its own, and they take turns sample by sample.
Outputs, and in `train` rows all gradients, are compared with ours before anything is timed.

- **row**: `T` steps, `B` samples, `I` inputs (as many as hidden units unless said), `H` hidden units,
  `L` layers. `step` replaces the states in place; `ragged` has samples of different lengths; `peephole` has
  diagonal peepholes.
- **module** is `bl.LSTM`, which gives new arrays for each result; `out` gives it an array for the output,
  `batch_first` has its batch first, where others compute the same as without. **ours** is a layer that was
  prepared once, as ONNX Runtime's and OpenVINO's are when their models are loaded; **structure** is the same
  with structures checked and weights packed on each call, and so is **ours** in `train` rows; **avx2** and
  **fallback** are this package with its SIMD level forced.
- **ratio** is the fastest peer's median divided by the module's (by ours where the module takes no part), in
  brackets the ratio of their minima: above 1 we are faster.
- **share** is the row's limit divided by the same median: the part of our time in which the machine at its best
  rates would do the arithmetic and read the weights (formula in `benches/python/lib/limits.py`).
- `-`: the engine does not compute the row."""


def ratio(engines: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The fastest peer, and its time divided by ours: of medians, and of the minima of the same pair."""
    peers = {
        engine: result
        for engine, result in engines.items()
        if engine not in OURS and result["status"] == "ok"
    }
    ours = first(engines)
    if not peers or ours is None:
        return {"best_peer": None, "ratio": None, "ratio_of_minima": None}
    best = min(peers, key=lambda engine: float(peers[engine]["median_us"]))
    return {
        "best_peer": best,
        "ratio": peers[best]["median_us"] / ours["median_us"],
        "ratio_of_minima": peers[best]["minimum_us"] / ours["minimum_us"],
    }


def first(engines: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What peers are compared with: the module, or a prepared layer; None if neither has computed the row."""
    found = (engines.get(name, {}) for name in ("module", "ours"))
    return next((result for result in found if result.get("status") == "ok"), None)


def summary(entries: Sequence[dict[str, Any]]) -> str:
    """How many rows are faster, equal, slower."""
    ratios = [entry["ratio"] for entry in entries if entry["ratio"] is not None]
    faster = sum(value > 1 + TIE for value in ratios)
    slower = sum(value < 1 - TIE for value in ratios)
    return (
        f"Of {len(ratios)} rows with a peer, we are faster in {faster}, slower in {slower}, "
        f"and within {TIE:.0%} in {len(ratios) - faster - slower}."
    )


def table(entries: Sequence[dict[str, Any]], engines: Sequence[str]) -> str:
    """One line a row; engines that compute no row have no column."""
    shown = [
        engine
        for engine in engines
        if any(
            entry["engines"].get(engine, {}).get("status") in {"ok", "error", "wrong"}
            for entry in entries
        )
    ]
    lines = [
        f"| row | {' | '.join(shown)} | best peer | ratio | limit | share |",
        "| --- |" + " ---: |" * len(shown) + " --- | ---: | ---: | ---: |",
    ]
    for entry in entries:
        cells = [cell(entry["engines"].get(engine)) for engine in shown]
        ours, limit = first(entry["engines"]), entry["limit_us"]
        share = None if limit is None or ours is None else limit / ours["median_us"]
        ratios = "-"
        if entry["ratio"] is not None:
            ratios = f"**{entry['ratio']:.2f}** ({entry['ratio_of_minima']:.2f})"
        cells += [
            entry["best_peer"] or "-",
            ratios,
            "-" if limit is None else microseconds(limit),
            "-" if share is None else f"{share:.0%}",
        ]
        lines.append(f"| {entry['row']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(result: dict[str, Any] | None) -> str:
    """An engine's median, or why there is none."""
    if result is None or result["status"] == "unsupported":
        return "-"
    return microseconds(result["median_us"]) if result["status"] == "ok" else result["status"]


def rates_text(measured: dict[str, Any]) -> str:
    """Peak, and the best read bandwidth of each level."""
    best: dict[str, float] = {}
    for read in measured["reads"]:
        best[read["fits"]] = max(best.get(read["fits"], 0.0), read["gb_per_s"])
    reads = ", ".join(f"{level} {rate:.0f}" for level, rate in best.items())
    return f"{measured['fma_gflop_per_s']:.0f} GFLOP/s; reads in GB/s: {reads}"
