"""The parts of training: gradient, carried state, optimiser, scale, and the loss that is shown."""

from __future__ import annotations

import numpy as np
import pytest
from bnns_lstm.demo.adam import Adam
from bnns_lstm.demo.scaling import Scaling
from bnns_lstm.demo.series import embedded_series
from bnns_lstm.demo.train import Training
from bnns_lstm.demo.weights import initial, views
from bnns_lstm.demo.window import Windows

SPLIT = 260  # 1960, the first year of the test years


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    random = np.random.default_rng(3)
    vector = initial(5, random)
    vector += random.normal(0, 0.3, vector.size).astype(np.float32)
    inputs = random.normal(size=24).astype(np.float32)
    targets = random.normal(size=24).astype(np.float32)

    def second_window(change: np.ndarray) -> tuple[float, np.ndarray]:
        # The first window carries a state into it, through which no gradient flows.
        windows = Windows(vector, 5)
        windows.run(inputs[:9], targets[:9])
        vector[:] += change
        loss = windows.run(inputs[9:], targets[9:])
        vector[:] -= change
        return loss, windows.gradient

    _, gradient = second_window(np.zeros_like(vector))
    for name, part in views(np.arange(vector.size, dtype=np.float32), 5).items():
        direction = np.zeros_like(vector)
        direction[part.astype(int).ravel()] = random.normal(size=part.size)
        step = np.float32(0.01) * direction
        slope = (second_window(step)[0] - second_window(-step)[0]) / 0.02
        assert slope == pytest.approx(float(gradient @ direction), rel=0.02, abs=2e-4), name


def test_windows_carry_the_state_of_one_long_pass() -> None:
    vector = initial(5, np.random.default_rng(4)) + np.float32(0.1)
    series = np.sin(np.arange(31, dtype=np.float32))
    inputs, targets = series[:-1], series[1:]
    whole = Windows(vector, 5).run(inputs, targets)
    windows = Windows(vector, 5)
    for _ in range(2):  # The second time from the beginning again.
        windows.reset()
        losses = [windows.run(inputs[s], targets[s]) for s in (slice(0, 7), slice(7, 30))]
        assert (7 * losses[0] + 23 * losses[1]) / 30 == pytest.approx(whole, rel=1e-5)


def test_adam_is_the_algorithm_of_the_paper() -> None:
    random = np.random.default_rng(5)
    parameters = random.normal(size=50).astype(np.float32)
    expected = parameters.astype(np.float64)
    adam, clip = Adam(parameters, 2.0), 2.0
    mean, square = np.zeros(50), np.zeros(50)
    for t in range(1, 21):
        # Norms on both sides of the limit.
        gradient = random.normal(size=50).astype(np.float32) * np.float32(0.05 * t)
        adam.step(gradient, 0.01)
        clipped = gradient * min(1, clip / np.linalg.norm(gradient.astype(np.float64)))
        mean = 0.9 * mean + 0.1 * clipped
        square = 0.999 * square + 0.001 * clipped**2
        expected -= 0.01 * (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(parameters, expected, rtol=1e-4, atol=1e-5)
    assert np.linalg.norm(gradient) > clip


def test_the_test_loss_is_the_error_of_the_model_at_that_time() -> None:
    training = Training(embedded_series(), SPLIT, seed=0, epochs=3)
    for record in training.run():
        series, model = embedded_series(), training.model()
        scaled = model.scaling.to_model(series.values)
        predicted = model.scaling.to_model(model.forecast(series).predicted)
        # Where predictions are not below 0, the way back from values loses nothing.
        assert (predicted > model.scaling.to_model(np.zeros(1, np.float32))).all()
        expected = np.mean((predicted[SPLIT - 1 : -1] - scaled[SPLIT:]) ** 2)
        assert record.test_loss == pytest.approx(float(expected), rel=1e-4)
    assert [record.epoch for record in training.records] == [1, 2, 3]


def test_scaling_brings_values_to_mean_0_and_back() -> None:
    values = embedded_series().values
    scaling = Scaling.of(values)
    scaled = scaling.to_model(values)
    assert float(scaled.mean()) == pytest.approx(0, abs=1e-5)
    assert float(scaled.std()) == pytest.approx(1 / 3, rel=1e-4)
    np.testing.assert_allclose(scaling.from_model(scaled), values, rtol=1e-5, atol=1e-4)
    # Every kind of series is scaled alike.
    np.testing.assert_allclose(Scaling.of(values * 100).to_model(values * 100), scaled, atol=1e-5)
