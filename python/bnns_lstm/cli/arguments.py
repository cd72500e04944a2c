"""The arguments of `bnns-lstm`: what may be said, and what each of it means."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import bnns_lstm

__all__ = ["parser"]

MAX_HORIZON = 1000
MAX_EPOCHS = 100_000
MAX_SEED = 2**64 - 1

FORECAST_HELP = """\
Run an LSTM (16 units, diagonal peepholes) over a yearly series and print the last years, observed and
predicted one year ahead.

Without --model it is the embedded one, trained on the yearly sunspot numbers before 1960, and --input
applies its scaling as it is: another series should have values of the same kind, between 0 and a few
hundred. `bnns-lstm train --input FILE.csv --save FILE` makes a model for another series.
"""

TRAIN_HELP = """\
Train an LSTM (16 units, diagonal peepholes) from scratch to forecast a yearly series one year ahead, and
compare it with persistence on years that it was not trained on.

Ctrl-C ends training early; with --save, the model so far is saved.
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    top = argparse.ArgumentParser(
        prog="bnns-lstm", description="Apple's BNNS LSTM layer on any CPU."
    )
    top.add_argument("--version", action="version", version=f"bnns-lstm {bnns_lstm.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    _add_forecast(commands)
    _add_train(commands)
    return top


def _add_forecast(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    forecast = commands.add_parser(
        "forecast",
        help="forecast the sunspot numbers, or a yearly series of your own",
        description=FORECAST_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    forecast.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the series")
    forecast.add_argument(
        "--horizon",
        type=_whole(1, MAX_HORIZON, " years"),
        default=0,
        metavar="K",
        help="go on K years beyond the data, each prediction being the next year's input",
    )
    forecast.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="a model that `bnns-lstm train --save` wrote, in place of the embedded one",
    )
    _add_input(forecast)


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    train = commands.add_parser(
        "train",
        help="train a model on the sunspot numbers, or on a yearly series of your own",
        description=TRAIN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument(
        "--save", type=Path, metavar="FILE", help="write the model, for `forecast --model`"
    )
    train.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the learning curve")
    train.add_argument(
        "--until",
        type=_whole(-(10**6), 10**6),
        metavar="YEAR",
        help="train on the years before YEAR and test on the rest (1960 for the sunspot numbers; "
        "else the last 15%% of the years are for testing)",
    )
    train.add_argument(
        "--seed",
        type=_whole(0, MAX_SEED),
        default=0,
        metavar="N",
        help="what the random numbers depend on; the same seed gives the same model (default: 0)",
    )
    train.add_argument(
        "--epochs",
        type=_whole(1, MAX_EPOCHS),
        metavar="N",
        help="how often the training years are read (default: 80)",
    )
    _add_input(train)


def _add_input(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--input",
        type=Path,
        metavar="FILE.csv",
        help="a series of your own: a line `year,value` for each year, without gaps",
    )


def _whole(least: int, most: int, unit: str = "") -> Callable[[str], int]:
    """A type of argument: whole numbers from `least` to `most`."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"expected {least} to {most}{unit}, found {text!r}")
        return number

    return convert
