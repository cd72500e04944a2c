"""This crate against others, in one run, taking turns.

    python benches/python/commands/crates.py [--rows PATTERN] [--rounds N] [--engines rten,candle]

The programs are in `benches/crates`; cargo builds them first, one after another (`--no-build` takes those
that are there): some hundred packages, about a quarter of an hour on two free cores, more than a third of
it for tract. Writes `target/crates.json` and `target/crates.md` after each row, or what `--json` and
`--markdown` name; ends with code 1 if an engine failed, or if ours computed something other than the layer in
f64. Wrong results of others are named in the report. Whatever else runs on the machine takes part in the
times: nothing should.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

# The modules that the commands share.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from arguments import parser
from cases import arrays_of
from compare import Named
from crate_programs import ENGINES, WORKSPACE, build, program, start
from crate_report import CrateReport
from machine import commit, describe
from row_files import write_files
from rows import CRATE_ROWS, Row
from run import run
from truth import results


def options() -> argparse.ArgumentParser:
    """The options."""
    made = parser(__doc__, CRATE_ROWS, ENGINES, ENGINES, rounds=21, name="crates")
    made.add_argument("--no-build", action="store_true", help="the programs are there")
    return made


def measure_all(arguments: argparse.Namespace, folder: Path) -> CrateReport:
    """Start the programs and measure; files for them go to a folder."""
    import bnns_lstm

    def prepare(row: Row) -> Named:
        arrays = arrays_of(row)
        write_files(folder, row, arrays)
        return results(row, arrays)

    commands = {engine: program(engine) for engine in arguments.engines}
    clients, versions = start(arguments.engines, folder, commands)
    try:
        report = CrateReport(
            machine=describe(),
            rates=None,
            commit=commit(),
            command=shlex.join(["python", "benches/python/commands/crates.py", *sys.argv[1:]]),
            rounds=arguments.rounds,
            versions=versions,
            info=bnns_lstm.info(),
        )
        run(arguments, clients, report, prepare)
    finally:
        for client in clients:
            client.close()
    return report


def main() -> None:
    """Build, measure, write, and say what went wrong."""
    arguments = options().parse_args()
    if arguments.list:
        print(*(row.name for row in arguments.rows), sep="\n")
        return
    if not WORKSPACE.exists():
        sys.exit(
            "the programs, benches/crates, are in the repository, not in the source distribution"
        )
    if not arguments.no_build:
        build(arguments.engines)
    with tempfile.TemporaryDirectory() as folder:
        report = measure_all(arguments, Path(folder))
    print(report.markdown())
    failures = report.failures()
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
