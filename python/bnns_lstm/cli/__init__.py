"""The command `bnns-lstm`.

Parses arguments, calls what they name, and turns every expected failure into one line and an exit code: 2
for what the user can mend, 130 for an interruption.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import bnns_lstm

__all__ = ["main"]

MAX_HORIZON = 1000

FORECAST_HELP = """\
Run the embedded LSTM (16 units, diagonal peepholes) over a yearly series and print the last years,
observed and predicted one year ahead.

The model was trained on the yearly sunspot numbers before 1960, and --input applies its scaling as it is:
another series should have values of the same kind, between 0 and a few hundred.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments without the program's name; None takes the process's own.

    Returns:
        The exit code: 0, 2 for wrong arguments or files, 130 when interrupted.
    """
    arguments = _parser().parse_args(argv)
    try:
        return _forecast(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        print(f"bnns-lstm: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except (bnns_lstm.BNNSLSTMError, UserError) as error:
        print(f"bnns-lstm: {error}", file=sys.stderr)
        return 2


class UserError(Exception):
    """Something that the user can mend, said in one line."""


def _horizon(text: str) -> int:
    years = int(text)
    if not 1 <= years <= MAX_HORIZON:
        raise argparse.ArgumentTypeError(f"expected 1 to {MAX_HORIZON} years, found {years}")
    return years


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bnns-lstm", description="Apple's BNNS LSTM layer on any CPU."
    )
    parser.add_argument("--version", action="version", version=f"bnns-lstm {bnns_lstm.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    forecast = commands.add_parser(
        "forecast",
        help="forecast the sunspot numbers, or a yearly series of your own",
        description=FORECAST_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    forecast.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the series")
    forecast.add_argument(
        "--horizon",
        type=_horizon,
        default=0,
        metavar="K",
        help="go on K years beyond the data, each prediction being the next year's input",
    )
    forecast.add_argument(
        "--input",
        type=Path,
        metavar="FILE.csv",
        help="a series of your own: a line `year,value` for each year, without gaps",
    )
    return parser


def _forecast(arguments: argparse.Namespace) -> int:
    """The command `forecast`."""
    # Imported here, so that --help and --version stay quick.
    from bnns_lstm.cli import plot, report
    from bnns_lstm.cli.model import Model
    from bnns_lstm.cli.series import embedded_series, read_series

    if arguments.plot is not None:
        plot.require()
    series = embedded_series() if arguments.input is None else read_series(arguments.input)
    forecast = Model.embedded().forecast(series, arguments.horizon)
    print(report.render(series, forecast))
    if arguments.plot is not None:
        plot.draw(arguments.plot, series, forecast, is_embedded=arguments.input is None)
        print(f"\nplot written to {arguments.plot}")
    return 0
