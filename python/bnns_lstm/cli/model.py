"""A model: an LSTM with diagonal peepholes and a linear head, and its forecasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import bnns_lstm as bl
from bnns_lstm.cli.scaling import Scaling
from bnns_lstm.cli.series import Series, embedded_data
from bnns_lstm.cli.weights import layer, shapes

__all__ = ["Forecast", "Model"]

Floats = npt.NDArray[np.float32]

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

    def start(self) -> tuple[Floats, Floats]:
        """The state before a series: zeros, hidden and cell, `[1, H]` each."""
        shape = (1, self.arrays["head_weight"].size)
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def forecast(self, series: Series, horizon: int = 0) -> Forecast:
        """Predict each next year of a series, and `horizon` years beyond it (at least one)."""
        scaling, state = self.scaling, self.start()
        predicted = self.run(scaling.to_model(series.values), state)
        beyond = [predicted[-1]]
        # From here on one step at a time; the state is carried on in place.
        while len(beyond) < horizon:
            last = scaling.from_model(beyond[-1].reshape(1))
            beyond.append(self.run(scaling.to_model(last), state)[0])
        first = int(series.years[-1]) + 1
        return Forecast(
            predicted=scaling.from_model(predicted),
            years_beyond=np.arange(first, first + len(beyond)),
            beyond=scaling.from_model(np.array(beyond, np.float32)),
        )

    def run(self, inputs: Floats, state: tuple[Floats, Floats]) -> Floats:
        """The head's outputs for some inputs, `[steps]` to `[steps]`; the state is updated in place."""
        steps = inputs.size
        outputs = np.empty((steps, 1, self.arrays["head_weight"].size), np.float32)
        params = layer(
            self.arrays,
            steps,
            inputs=bl.LSTMDataDescriptor(inputs.reshape(steps, 1, 1), *state),
            outputs=bl.LSTMDataDescriptor(outputs, *state),
        )
        bl.direct_apply_lstm_batch_training_caching(params)
        result: Floats = outputs[:, 0] @ self.arrays["head_weight"] + self.arrays["head_bias"]
        return result
