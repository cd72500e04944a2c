"""A model: an LSTM with diagonal peepholes and a linear head, and its forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

import bnns_lstm as bl
from bnns_lstm.demo.scaling import Scaling
from bnns_lstm.demo.series import Series, embedded_data
from bnns_lstm.demo.weights import parameters, shapes
from bnns_lstm.typing import Floats

__all__ = ["Forecast", "Model"]

# As the embedded model was trained.
EMBEDDED_SCALING = Scaling(divisor=10.0, offset=0.6)
EMBEDDED_TEST_FROM = 1960


@dataclass(frozen=True)
class Forecast:
    """What a model predicts for a series of n years.

    Attributes:
        predicted: `[n]`: the prediction for the year after each year, made from the years up to it.
        years_beyond: `[k]`: the years of the horizon, the first of which is the year after the data.
        beyond: `[k]`: predictions for them; all but the first are made from predictions.
    """

    predicted: Floats
    years_beyond: npt.NDArray[np.int64]
    beyond: Floats


@dataclass(frozen=True)
class Model:
    """An LSTM with one input and one layer, its linear head, and the scale on which they compute.

    Attributes:
        arrays: The weights by name, as `weights.shapes` lists them.
        scaling: Between the series' values and the model's scale.
        test_from: The first year that the model was not trained on.
    """

    arrays: dict[str, Floats]
    scaling: Scaling
    test_from: int

    @classmethod
    def embedded(cls) -> Model:
        """The model that comes with the package."""
        data = embedded_data()
        arrays = {name: data[name] for name in shapes(data["head_weight"].size)}
        return cls(arrays, EMBEDDED_SCALING, EMBEDDED_TEST_FROM)

    def forecast(self, series: Series, horizon: int = 0) -> Forecast:
        """Predict each next year of a series, and `horizon` years beyond it (at least one)."""
        scaling = self.scaling
        predicted, state = self.run(scaling.to_model(series.values))
        beyond = [predicted[-1]]
        while len(beyond) < horizon:  # one step at a time
            last = scaling.from_model(beyond[-1].reshape(1))
            following, state = self.run(scaling.to_model(last), state)
            beyond.append(following[0])
        first = int(series.years[-1]) + 1
        return Forecast(
            predicted=scaling.from_model(predicted),
            years_beyond=np.arange(first, first + len(beyond)),
            beyond=scaling.from_model(np.array(beyond, np.float32)),
        )

    def run(self, inputs: Floats, state: bl.LSTMState | None = None) -> tuple[Floats, bl.LSTMState]:
        """The head's outputs for some inputs, `[steps]` to `[steps]`, and the state after them."""
        outputs, state = self._lstm(inputs[:, np.newaxis], state)
        return outputs @ self.arrays["head_weight"] + self.arrays["head_bias"], state

    @cached_property
    def _lstm(self) -> bl.LSTM:
        made = bl.LSTM(1, self.arrays["head_weight"].size, peephole="diagonal")
        made.load_state_dict(parameters(self.arrays))
        return made
