"""The pictures that `--plot` draws; needs the extra `plot` (matplotlib)."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnns_lstm.cli import UserError
from bnns_lstm.demo.model import Forecast
from bnns_lstm.demo.series import Series
from bnns_lstm.demo.train import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "draw_learning", "require"]


def require() -> None:
    """Check that matplotlib is there, before anything is computed.

    Raises:
        UserError: If it is not.
    """
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError:
        raise UserError('--plot needs matplotlib: pip install "bnns-lstm[plot]"') from None


def draw(
    path: Path, series: Series, forecast: Forecast, *, is_embedded: bool, test_from: int | None
) -> None:
    """Draw observed and predicted values over the years to a file; PNG if its name has no ending.

    Args:
        path: The file.
        series: What was observed.
        forecast: What was predicted for it.
        is_embedded: Whether the series are the sunspot numbers.
        test_from: The first year that the model was not trained on; None if that does not apply.

    Raises:
        UserError: If the file's ending names a format that matplotlib does not know.
        OSError: If the file cannot be written.
    """
    figure = _figure(11)
    axes = figure.subplots()
    axes.plot(series.years, series.values, color="0.35", linewidth=1.2, label="observed")
    axes.plot(
        series.years[1:],
        forecast.predicted[:-1],
        color="tab:orange",
        linewidth=1.2,
        label="predicted one year ahead",
    )
    years = np.concatenate([series.years[-1:], forecast.years_beyond])
    values = np.concatenate([series.values[-1:], forecast.beyond])
    axes.plot(years, values, color="tab:red", linestyle="--", marker=".", label="beyond the data")
    if test_from is not None and series.years[0] < test_from <= series.years[-1]:
        axes.axvline(test_from, color="0.6", linestyle=":")
        axes.annotate(
            "training ends",
            (test_from, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-4, -12),
            textcoords="offset points",
            ha="right",
            color="0.4",
        )
    axes.set_xlabel("year")
    axes.set_ylabel("sunspot number" if is_embedded else "value")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.legend(loc="upper left", ncols=3, frameon=False)
    _write(figure, path)


def draw_learning(path: Path, records: Sequence[Record], spans: tuple[str, str]) -> None:
    """Draw both losses over the epochs to a file; PNG if its name has no ending.

    Args:
        path: The file.
        records: One for each epoch.
        spans: The training years and the test years, in words.

    Raises:
        UserError: If the file's ending names a format that matplotlib does not know.
        OSError: If the file cannot be written.
    """
    from matplotlib.ticker import MaxNLocator

    figure = _figure(8)
    axes = figure.subplots()
    epochs = [record.epoch for record in records]
    train = [record.train_loss for record in records]
    test = [record.test_loss for record in records]
    # A line through one epoch would not be seen.
    marker = "." if len(records) <= 20 else ""
    axes.plot(epochs, train, color="0.35", marker=marker, label=f"training, {spans[0]}")
    axes.plot(epochs, test, color="tab:orange", marker=marker, label=f"test, {spans[1]}")
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean squared error, model's scale")
    axes.margins(x=0.01)
    axes.grid(which="both", color="0.92")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper right", frameon=False)
    _write(figure, path)


def _figure(width: float) -> Figure:
    """A figure of its own, so that no state of a user's pyplot is touched."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _write(figure: Figure, path: Path) -> None:
    # Said outright, or matplotlib would add an ending to a name without one and write another file.
    picture_format = path.suffix[1:].lower() or "png"
    try:
        figure.savefig(path, dpi=120, format=picture_format)
    except ValueError as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}") from None
