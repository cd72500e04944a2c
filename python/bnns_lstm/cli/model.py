"""The embedded model: an LSTM with diagonal peepholes and a linear head, and its forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import bnns_lstm as bl
from bnns_lstm.cli.series import Series, embedded_data

__all__ = ["Forecast", "Model"]

Floats = npt.NDArray[np.float32]


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


def to_model(values: Floats) -> Floats:
    """Sunspot numbers to the model's scale: sqrt(value) / 10 - 0.6, as in training."""
    scaled: Floats = np.sqrt(values) / np.float32(10) - np.float32(0.6)
    return scaled


def from_model(scaled: Floats) -> Floats:
    """The model's scale to sunspot numbers; below the scale's end the number is 0."""
    values: Floats = (np.float32(10) * np.maximum(scaled + np.float32(0.6), np.float32(0))) ** 2
    return values


@dataclass(frozen=True)
class Model:
    """Weights of an LSTM with one input and one layer, and of its linear head.

    Attributes:
        gates: For each gate its arrays by field: `iw` [1, 1, H, 1], `hw` [1, 1, H, H], `cw` [1, 1, H] or
            None, `b` [1, 1, H].
        head_weight: `[H]`.
        head_bias: `[1]`.
    """

    gates: dict[str, bl.LSTMGateDescriptor]
    head_weight: Floats
    head_bias: Floats

    @classmethod
    def embedded(cls) -> Model:
        """The model that comes with the package."""
        return cls.from_arrays(embedded_data())

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> Model:
        """A model from arrays named `input.iw0`, `forget.hw`, ..., `head_weight`, `head_bias`."""
        gates = {
            gate: bl.LSTMGateDescriptor(
                iw_desc=arrays[f"{gate}.iw0"],
                hw_desc=arrays[f"{gate}.hw"],
                cw_desc=arrays.get(f"{gate}.cw"),
                b_desc=arrays[f"{gate}.b"],
            )
            for gate in ("input", "forget", "candidate", "output")
        }
        return cls(gates, arrays["head_weight"], arrays["head_bias"])

    def forecast(self, series: Series, horizon: int = 0) -> Forecast:
        """Predict each next year of a series, and `horizon` years beyond it (at least one)."""
        hidden = self.head_weight.size
        state = (np.zeros((1, hidden), np.float32), np.zeros((1, hidden), np.float32))
        predicted = self.run(to_model(series.values), state)
        beyond = [predicted[-1]]
        # From here on one step at a time; the state is carried on in place.
        while len(beyond) < horizon:
            last = from_model(beyond[-1].reshape(1))
            beyond.append(self.run(to_model(last), state)[0])
        first = int(series.years[-1]) + 1
        return Forecast(
            predicted=from_model(predicted),
            years_beyond=np.arange(first, first + len(beyond)),
            beyond=from_model(np.array(beyond, np.float32)),
        )

    def run(self, inputs: Floats, state: tuple[Floats, Floats]) -> Floats:
        """The head's outputs for some inputs, `[steps]` to `[steps]`; the state is updated in place."""
        steps, hidden = inputs.size, self.head_weight.size
        outputs = np.empty((steps, 1, hidden), np.float32)
        params = bl.LayerParametersLSTM(
            input_size=1,
            hidden_size=hidden,
            batch_size=1,
            num_layers=1,
            seq_len=steps,
            lstm_flags=bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS,
            input_descriptor=bl.LSTMDataDescriptor(inputs.reshape(steps, 1, 1), *state),
            output_descriptor=bl.LSTMDataDescriptor(outputs, *state),
            input_gate=self.gates["input"],
            forget_gate=self.gates["forget"],
            candidate_gate=self.gates["candidate"],
            output_gate=self.gates["output"],
        )
        bl.direct_apply_lstm_batch_training_caching(params)
        result: Floats = outputs[:, 0] @ self.head_weight + self.head_bias
        return result
