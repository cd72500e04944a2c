"""Trainings on data that packages ship: losses beside `torch.nn.LSTM`, step by step."""

from __future__ import annotations

import copy
from typing import Any

import bnns_lstm.torch
import numpy as np
import pytest
import torch
from bnns_lstm.demo.series import embedded_series
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

STEPS, BATCH, WINDOW = 200, 32, 24


class Forecast(nn.Module):
    """The next value of a series, from each of its values so far."""

    def __init__(self, lstm: nn.Module) -> None:
        super().__init__()
        self.lstm, self.head = lstm, nn.Linear(24, 1)

    def forward(self, x: Any) -> torch.Tensor:
        y, _ = self.lstm(x)
        found: torch.Tensor = self.head(y.data)[..., 0]
        return found


def windows(lengths: np.ndarray) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Windows of the yearly sunspot numbers, and the values that follow each."""
    values = torch.tensor(embedded_series().values, dtype=torch.float32) / 100
    random = np.random.default_rng(0)
    starts = random.integers(0, len(values) - WINDOW - 1, len(lengths))
    x = [values[first : first + n, None] for first, n in zip(starts, lengths, strict=True)]
    wanted = [values[first + 1 : first + n + 1] for first, n in zip(starts, lengths, strict=True)]
    return x, wanted


def losses(model: nn.Module, batches: list[tuple[Any, torch.Tensor]], make: Any) -> list[float]:
    optimizer = make(model.parameters())
    found = []
    for step in range(STEPS):
        x, wanted = batches[step % len(batches)]
        optimizer.zero_grad()
        loss = (model(x) - wanted).pow(2).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        found.append(loss.item())
    return found


def packed(lengths: np.ndarray) -> tuple[PackedSequence, torch.Tensor]:
    x, wanted = windows(lengths)
    return pack_sequence(x, enforce_sorted=False), pack_sequence(wanted, enforce_sorted=False).data


def dense(lengths: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    x, wanted = windows(lengths)
    return torch.stack(x, 1), torch.stack(wanted, 1)


@pytest.mark.parametrize(
    ("ragged", "make"),
    [
        (False, lambda weights: torch.optim.SGD(weights, lr=0.3, momentum=0.5)),
        (True, lambda weights: torch.optim.Adam(weights, lr=3e-3)),
    ],
    ids=["dense, SGD", "ragged, Adam"],
)
def test_sunspots(ragged: bool, make: Any) -> None:
    random = np.random.default_rng(1)
    batches = [
        packed(random.integers(3, WINDOW + 1, BATCH)) if ragged else dense(np.full(BATCH, WINDOW))
        for _ in range(4)
    ]
    theirs = Forecast(nn.LSTM(1, 24, 2, dropout=0.0))
    ours = copy.deepcopy(theirs)
    assert bnns_lstm.torch.replace_lstms(ours).replaced == ("lstm",)
    expected, found = losses(theirs, batches, make), losses(ours, batches, make)
    assert expected[-1] < 0.5 * expected[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_digits() -> None:
    """Scikit-learn's images of digits, row by row from top to bottom."""
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    x = torch.tensor(images, dtype=torch.float32).reshape(-1, 8, 8) / 16
    wanted = torch.tensor(labels)

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 24, batch_first=True, bidirectional=True)
            self.head = nn.Linear(48, 10)

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.head(self.lstm(given)[0][:, -1])
            return y

    theirs = Classifier()
    ours = copy.deepcopy(theirs)
    bnns_lstm.torch.replace_lstms(ours)
    found: list[list[float]] = []
    for model in (theirs, ours):
        optimizer, own = torch.optim.Adam(model.parameters(), lr=5e-3), []
        for step in range(STEPS):
            part = slice(step * 64 % 1600, step * 64 % 1600 + 64)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[part]), wanted[part])
            loss.backward()
            optimizer.step()
            own.append(loss.item())
        found.append(own)
    assert found[0][-1] < 0.4 * found[0][0]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)
    with torch.no_grad():
        assert (ours(x[1600:]).argmax(1) == wanted[1600:]).float().mean() > 0.7
