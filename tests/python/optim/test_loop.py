"""The training loop: losses, rates, clipping, early stopping, the bar; and what is refused."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest


class Scalar:
    """One weight that is drawn towards targets: loss (w - t)²."""

    def __init__(self, value: float = 0.0) -> None:
        self.weights = {"w": np.float32([value])}
        self.optimizer = bl.optim.SGD(self.weights, lr=0.25)

    def __call__(self, target: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        at = np.broadcast_to(self.weights["w"], target.shape)
        loss, slope = bl.optim.mse_loss(at, target)
        return loss, {"w": slope.sum(keepdims=True)}

    @property
    def value(self) -> float:
        return float(self.weights["w"][0])


def test_every_batch_is_a_step_and_counts_by_its_elements() -> None:
    scalar = Scalar()
    batches = [(np.float32([4, 4, 4]),), (np.float32([0]),)]
    epochs = bl.optim.fit(scalar, scalar.optimizer, batches, 2, progress=False)
    # w: 0 -> 2 (loss 16) -> 1 (loss 4) -> 2.5 (loss 9) -> 1.25 (loss 6.25)
    assert scalar.value == 1.25
    assert epochs == [
        bl.optim.Epoch(1, 0.25, (3 * 16 + 4) / 4),
        bl.optim.Epoch(2, 0.25, (3 * 9 + 6.25) / 4),
    ]


def test_a_schedule_sets_the_rate_and_a_function_gives_each_epochs_batches() -> None:
    scalar, asked = Scalar(), []

    def batches() -> Iterator[tuple[np.ndarray]]:
        asked.append(scalar.value)
        yield (np.float32([4 * len(asked)]),)

    epochs = bl.optim.loop(
        scalar, scalar.optimizer, batches, 2, schedule=lambda epoch: 0.5 / (1 + epoch)
    )
    assert [(epoch.lr, epoch.loss) for epoch in epochs] == [(0.5, 16), (0.25, 16)]
    assert asked == [0, 4]
    assert scalar.value == 6


def test_gradients_are_clipped() -> None:
    scalar = Scalar()
    bl.optim.fit(scalar, scalar.optimizer, [(np.float32([4]),)], 1, max_norm=1.0)
    assert scalar.value == 0.25


def test_early_stopping_keeps_the_best_weights() -> None:
    scalar, losses, seen = Scalar(), iter([3.0, 1.0, 2.0, 1.0, 0.5]), []

    def validate() -> float:
        seen.append(scalar.value)
        return next(losses)

    epochs = bl.optim.fit(
        scalar, scalar.optimizer, [(np.float32([4]),)], 5, validate=validate, patience=2
    )
    assert [epoch.validation for epoch in epochs] == [3, 1, 2, 1]
    assert scalar.value == seen[1] != seen[3]


def test_without_validation_the_training_loss_decides_and_nothing_stops_too_early() -> None:
    scalar = Scalar()
    batches = [(np.float32([4]),)]
    assert len(bl.optim.fit(scalar, scalar.optimizer, batches, 6, patience=1)) == 6
    still = Scalar(4.0)
    assert len(bl.optim.fit(still, still.optimizer, batches, 6, patience=3)) == 4


def test_a_loss_that_is_no_number_ends_the_training_before_its_step() -> None:
    scalar = Scalar()
    batches = [(np.float32([4]),), (np.float32([np.nan]),)]
    with pytest.raises(bl.ComputeError, match="loss of batch 1 in epoch 1 is nan"):
        bl.optim.fit(scalar, scalar.optimizer, batches, 2)
    assert scalar.value == 2


def test_an_lstm_and_its_head_learn_and_the_seed_repeats_the_bits() -> None:
    x = np.random.default_rng(0).normal(size=(20, 8, 1)).astype(np.float32)
    target = np.tanh(np.cumsum(x, axis=0))

    def trained() -> tuple[list[float], dict[str, np.ndarray]]:
        lstm, head = bl.LSTM(1, 8, seed=0), bl.optim.Linear(8, 1, seed=0)

        def objective(x: np.ndarray, target: np.ndarray) -> tuple[float, list]:
            y, _, tape = lstm.forward(x, training=True)
            loss, slope = bl.optim.mse_loss(head(y), target)
            above = head.backward(y, slope)
            return loss, [lstm.backward(tape, above.input), above]

        adam = bl.optim.Adam([lstm, head], lr=0.02)
        epochs = bl.optim.fit(objective, adam, [(x, target)], 80, max_norm=1.0)
        return [epoch.loss for epoch in epochs], adam.copies()

    losses, weights = trained()
    again, others = trained()
    assert losses[-1] < losses[0] / 10
    assert losses == again
    assert all((weights[name] == others[name]).all() for name in weights)


@pytest.mark.parametrize("has_tqdm", [False, True])
@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("is_wanted", [False, True])
def test_the_bar_needs_tqdm_a_terminal_and_long_work(
    has_tqdm: bool,
    is_terminal: bool,
    is_wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if has_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    for delay, may_show in ((1000.0, False), (0.0, True)):
        monkeypatch.setattr("bnns_lstm.optim.epochs.DELAY", delay)
        scalar = Scalar()
        bl.optim.fit(scalar, scalar.optimizer, [(np.float32([4]),)] * 3, 2, progress=is_wanted)
        printed = capsys.readouterr()
        shows = has_tqdm and is_terminal and is_wanted and may_show
        assert ("/6 [" in printed.err) == shows
        assert bool(printed.err) == shows
        assert not printed.out
        assert scalar.value == 4 - 4 * 0.5**6


def refused(call: object) -> dict[str, str]:
    with pytest.raises(bl.ArgumentError) as found:
        call()  # type: ignore[operator]
    return {issue.path: issue.code for issue in found.value.issues}


def test_wrong_arguments_are_refused_at_once_before_anything_is_computed() -> None:
    scalar = Scalar()
    found = refused(
        lambda: bl.optim.loop(
            3, None, iter([]), 0, max_norm=-1, schedule=0.1, validate=2, patience=1.5, progress=1
        )
    )
    assert found == {
        "objective": "wrong_type",
        "optimizer": "wrong_type",
        "batches": "wrong_type",
        "epochs": "invalid_number",
        "max_norm": "invalid_number",
        "schedule": "wrong_type",
        "validate": "wrong_type",
        "patience": "wrong_type",
        "progress": "wrong_type",
    }
    fit = bl.optim.fit
    assert refused(lambda: fit(scalar, scalar.optimizer, [], 1)) == {"batches": "zero_size"}
    wrong = [np.zeros((1, 2), np.float32)]
    assert refused(lambda: fit(scalar, scalar.optimizer, wrong, 1)) == {"batches[0]": "wrong_type"}
    assert scalar.value == 0


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (None, "one that returns NoneType"),
        (1.0, "one that returns float"),
        ((1.0, {}, {}), "one that returns tuple"),
        (("1", {}), "one whose loss is str"),
        ((np.ones(2), {}), "one whose loss is ndarray"),
    ],
)
def test_what_an_objective_returns_is_checked_before_its_step(returned: Any, found: str) -> None:
    scalar = Scalar()
    with pytest.raises(bl.ArgumentError, match=f"objective: .*, found {found}"):
        bl.optim.fit(lambda _: returned, scalar.optimizer, [(np.float32([4]),)], 1)
    assert scalar.value == 0


def test_losses_are_numbers_of_any_kind_and_those_of_validation_too() -> None:
    scalar, batches = Scalar(), [(np.float32([4]),)]
    slope = {"w": np.float32([1])}
    for loss in (2, np.float32(2), np.array(2.0)):
        (epoch,) = bl.optim.fit(lambda _, loss=loss: (loss, slope), scalar.optimizer, batches, 1)
        assert epoch.loss == 2
    with pytest.raises(bl.ArgumentError, match=r"validate: .*, found one whose loss is tuple"):
        bl.optim.fit(scalar, scalar.optimizer, batches, 1, validate=lambda: (1.0, slope))
    with pytest.raises(bl.ArgumentError, match=r"lr: .*, found -1"):
        bl.optim.fit(scalar, scalar.optimizer, batches, 1, schedule=lambda _: -1.0)


def test_the_bar_is_gone_while_the_caller_has_an_epoch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("bnns_lstm.optim.epochs.DELAY", 0.0)
    scalar = Scalar()
    batches = [(np.float32([4]),)] * 3
    for epoch in bl.optim.loop(scalar, scalar.optimizer, batches, 2, progress=True):
        seen = capsys.readouterr().err
        # The second epoch is over before the bar moves again.
        assert ("/6 [" in seen) == (epoch.number == 1)
        assert seen.endswith("\r")
        assert not seen.split("\r")[-2].strip()


def test_the_bar_knows_its_end_from_the_first_epoch_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("bnns_lstm.optim.epochs.DELAY", 0.0)
    scalar = Scalar()

    def slow(target: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        time.sleep(0.11)  # tqdm writes every tenth of a second
        return scalar(target)

    batches = [(np.float32([4]),)] * 2
    bl.optim.fit(slow, scalar.optimizer, lambda: iter(batches), 3)
    rows = capsys.readouterr().err.split("\r")
    assert any("1batch" in row for row in rows)
    assert any("epoch 3/3" in row and "6/6 [" in row for row in rows)


def test_optim_comes_when_it_is_asked_for() -> None:
    program = (
        "import sys, bnns_lstm as bl; assert 'bnns_lstm.optim' not in sys.modules; "
        "bl.optim.Adam; assert 'tqdm' not in sys.modules; print('optim' in dir(bl))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
