"""The picture that `bnns-lstm forecast --plot` draws; needs the extra `plot` (matplotlib)."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from bnns_lstm.cli import UserError
from bnns_lstm.cli.model import Forecast
from bnns_lstm.cli.report import TEST_FROM
from bnns_lstm.cli.series import Series

__all__ = ["draw", "require"]


def require() -> None:
    """Check that matplotlib is there, before anything is computed.

    Raises:
        UserError: If it is not.
    """
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError:
        raise UserError('--plot needs matplotlib: pip install "bnns-lstm[plot]"') from None


def draw(path: Path, series: Series, forecast: Forecast, *, is_embedded: bool) -> None:
    """Draw observed and predicted values over the years to a PNG file.

    Raises:
        UserError: If the file's ending names a format that matplotlib does not know.
        OSError: If the file cannot be written.
    """
    # A figure of its own, so that no state of a user's pyplot is touched.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
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
    if is_embedded:
        axes.axvline(TEST_FROM, color="0.6", linestyle=":")
        axes.annotate(
            "training ends",
            (TEST_FROM, 1),
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
    try:
        figure.savefig(path, dpi=120)
    except ValueError as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}") from None
