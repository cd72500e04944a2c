"""The text that the command prints about a model's forecasts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bnns_lstm.demo.model import Forecast
from bnns_lstm.demo.series import Series

__all__ = ["errors", "render"]

SHOWN_YEARS = 10


def render(series: Series, forecast: Forecast, test_from: int) -> str:
    """The last years, the years beyond, and how far predictions were off from `test_from` on."""
    lines = [f"{'year':>6} {'observed':>9} {'predicted':>10}"]
    first = max(1, series.years.size - SHOWN_YEARS)
    for index in range(first, series.years.size):
        year, observed = series.years[index], series.values[index]
        lines.append(f"{year:>6} {observed:>9.1f} {forecast.predicted[index - 1]:>10.1f}")
    for year, predicted in zip(forecast.years_beyond, forecast.beyond, strict=True):
        lines.append(f"{year:>6} {'-':>9} {predicted:>10.1f}")
    return "\n".join([*lines, "", errors(series, forecast, _test_start(series, test_from))])


def errors(series: Series, forecast: Forecast, start: int, end: int | None = None) -> str:
    """How far predictions for the years from index `start` to before `end` were off."""
    observed = series.values[start:end]
    model = _rmse(forecast.predicted[start - 1 : -1][: observed.size], observed)
    persistence = _rmse(series.values[start - 1 : -1][: observed.size], observed)
    years = series.years[start:end]
    lines = [
        f"RMSE {years[0]}-{years[-1]}, one year ahead:",
        f"  model       {model:8.2f}",
        f"  persistence {persistence:8.2f}   (next year equals this year)",
    ]
    return "\n".join(lines)


def _test_start(series: Series, test_from: int) -> int:
    """Index of the first year that counts: `test_from`, or the middle of a series on one side of it."""
    is_test = series.years >= test_from
    if is_test[0] or not is_test[-1]:
        return max(1, series.years.size // 2)
    return max(1, int(np.argmax(is_test)))


def _rmse(predicted: npt.NDArray[np.float32], observed: npt.NDArray[np.float32]) -> float:
    """Root of the mean squared error."""
    difference = predicted.astype(np.float64) - observed
    return float(np.sqrt(np.mean(difference**2)))
