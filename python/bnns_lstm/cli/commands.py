"""What the commands do: arguments in, exit code out. Each step is a module of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing

from bnns_lstm.cli import UserError, plot, report, say
from bnns_lstm.cli.progress import Progress
from bnns_lstm.demo import storage
from bnns_lstm.demo.model import EMBEDDED_TEST_FROM, Model
from bnns_lstm.demo.series import Series, embedded_series, read_series
from bnns_lstm.demo.train import DEFAULT_EPOCHS, Training

__all__ = ["COMMANDS"]

# Without --until, this part of a user's own series is for testing.
TEST_PART = 0.15


def _forecast(arguments: argparse.Namespace) -> int:
    """The command `forecast`."""
    if arguments.plot is not None:
        plot.require()
    is_embedded = arguments.input is None
    series = embedded_series() if is_embedded else read_series(arguments.input)
    model = Model.embedded() if arguments.model is None else storage.load(arguments.model)
    forecast = model.forecast(series, arguments.horizon)
    say(report.render(series, forecast, model.test_from))
    if arguments.plot is not None:
        # The embedded model has seen nothing of another series.
        has_seen = is_embedded or arguments.model is not None
        test_from = model.test_from if has_seen else None
        plot.draw(arguments.plot, series, forecast, is_embedded=is_embedded, test_from=test_from)
        say(f"\nplot written to {arguments.plot}")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    """The command `train`."""
    _check_files(arguments)
    is_embedded = arguments.input is None
    series = embedded_series() if is_embedded else read_series(arguments.input)
    until = EMBEDDED_TEST_FROM if arguments.until is None and is_embedded else arguments.until
    split = _split(series, until)
    epochs = DEFAULT_EPOCHS if arguments.epochs is None else arguments.epochs
    training = Training(series, split, seed=arguments.seed, epochs=epochs)
    is_complete = True
    try:
        with closing(Progress(epochs)) as progress:
            for record in training.run():
                progress.show(record)
    except KeyboardInterrupt:
        is_complete = False
    model = training.model()
    if arguments.save is not None:
        storage.save(arguments.save, model)
    if not is_complete:
        kept = "nothing was saved"
        if arguments.save is not None:
            kept = f"the model so far was saved to {arguments.save}"
        done = len(training.records)
        print(f"bnns-lstm: interrupted after {done} of {epochs} epochs; {kept}", file=sys.stderr)
        return 130
    forecast = model.forecast(series)
    say(f"\n{report.errors(series, forecast, 1, split)}")
    say(f"\n{report.errors(series, forecast, split)}")
    if arguments.save is not None:
        say(f"\nmodel saved to {arguments.save}")
    if arguments.plot is not None:
        years = series.years
        spans = f"{years[0]}-{years[split - 1]}", f"{years[split]}-{years[-1]}"
        plot.draw_learning(arguments.plot, training.records, spans)
        say(f"\nplot written to {arguments.plot}")
    return 0


def _check_files(arguments: argparse.Namespace) -> None:
    """Check what files the arguments name, before anything is computed for them.

    Raises:
        UserError: If one file is named twice, or a picture cannot be drawn here.
        OSError: If the model cannot be written where it should be.
    """
    named: dict[object, str] = {}
    for option in ("input", "save", "plot"):
        path = getattr(arguments, option)
        if path is None:
            continue
        other = named.setdefault(path.resolve(), option)
        if other != option:
            raise UserError(f"{path}: expected different files for --{other} and --{option}")
    if arguments.plot is not None:
        plot.require()
    if arguments.save is not None:
        storage.require_place(arguments.save)


def _split(series: Series, until: int | None) -> int:
    """Index of the first year that is held out.

    Raises:
        UserError: If `until` leaves nothing to train on or nothing to test on.
    """
    years = series.years
    if until is None:
        return years.size - max(1, round(TEST_PART * years.size))
    # Two years make the first pair of an input and a target.
    if not years[2] <= until <= years[-1]:
        raise UserError(f"--until: expected a year from {years[2]} to {years[-1]}, found {until}")
    return int(until - years[0])


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {"forecast": _forecast, "train": _train}
