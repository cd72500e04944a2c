"""The command `bnns-lstm train`: what it learns, what it prints, and how it ends."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bnns_lstm.cli import main
from bnns_lstm.cli.progress import Progress
from bnns_lstm.demo import storage
from bnns_lstm.demo.model import Model
from bnns_lstm.demo.scaling import Scaling
from bnns_lstm.demo.series import Series, embedded_series
from bnns_lstm.demo.train import DEFAULT_EPOCHS, Record, Training

SPLIT = 260  # 1960, the first year of the test years


def trained(epochs: int, seed: int = 0) -> Model:
    """A model trained for some epochs, as the command does it."""
    training = Training(embedded_series(), SPLIT, seed=seed, epochs=epochs)
    assert len(list(training.run())) == epochs
    return training.model()


def same_bits(first: Model, second: Model) -> bool:
    """Whether two models are the same to the last bit."""
    assert first.arrays.keys() == second.arrays.keys()
    same = [first.arrays[name].tobytes() == second.arrays[name].tobytes() for name in first.arrays]
    return all(same) and first.scaling == second.scaling and first.test_from == second.test_from


def write(file: Path, values: np.ndarray, first: int = 1900) -> Path:
    """A series as a CSV file."""
    file.write_text("".join(f"{first + i},{value}\n" for i, value in enumerate(values)))
    return file


@pytest.mark.parametrize("seed", range(5))
def test_it_is_clearly_better_than_persistence(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--seed", str(seed)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("RMSE 1960-2008, one year ahead:")
    model, persistence = (float(line.split()[1]) for line in lines[start + 1 : start + 3])
    assert persistence == pytest.approx(30.4, abs=0.1)
    assert model < 20


def test_a_seed_repeats_its_bits_and_another_does_not(tmp_path: Path) -> None:
    files = [tmp_path / name for name in "abc"]
    for file, seed in zip(files, "778", strict=True):
        command = [sys.executable, "-m", "bnns_lstm", "train", "--epochs", "6", "--seed", seed]
        done = subprocess.run([*command, "--save", str(file)], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes()


def test_the_loss_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--epochs", "25"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["epoch", "rate", "training", "loss", "test", "loss"]
    rows = [line.split() for line in lines[1 : lines.index("")]]
    assert [int(row[0]) for row in rows] == [1, 3, 6, 9, 12, 15, 18, 21, 24, 25]
    columns = np.array(rows, float).T
    assert (np.diff(columns[1]) < 0).all()
    assert columns[2][-1] < columns[2][0] / 4
    assert columns[3][-1] < columns[3][0] / 4


def test_a_saved_model_forecasts_as_it_did_in_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model"
    assert main(["train", "--epochs", "10", "--save", str(file)]) == 0
    assert f"model saved to {file}\n" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [file]
    memory, loaded = trained(10), storage.load(file)
    assert same_bits(memory, loaded)
    first, second = (model.forecast(embedded_series(), 30) for model in (memory, loaded))
    assert first.predicted.tobytes() == second.predicted.tobytes()
    assert first.beyond.tobytes() == second.beyond.tobytes()
    assert main(["forecast", "--model", str(file), "--horizon", "2"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[10] == ["2008", "2.9", f"{first.predicted[-2]:.1f}"]
    assert rows[12] == ["2010", "-", f"{first.beyond[1]:.1f}"]
    assert rows[14][1] == "1960-2008,"


def test_a_series_of_ones_own_is_learnt_and_its_end_is_not_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = 3000 + 1000 * np.sin(np.arange(60) * 0.7).astype(np.float32)
    files = [tmp_path / name for name in "ab"]
    for file in files:
        source = write(tmp_path / "series.csv", values)
        assert main(["train", "--input", str(source), "--save", str(file)]) == 0
        out = capsys.readouterr().out
        assert "RMSE 1901-1950, one year ahead:" in out
        assert "RMSE 1951-1959, one year ahead:" in out
        values[51:] = 7  # The years held out, the second time.
    assert files[0].read_bytes() == files[1].read_bytes()
    model = storage.load(files[0])
    assert model.test_from == 1951
    assert model.scaling == Scaling.of(values[:51])
    series = Series(np.arange(1900, 1951), values[:51])
    error = np.abs(model.forecast(series).predicted[:-1] - values[1:51])[10:].mean()
    persistence = np.abs(np.diff(values[:51]))[10:].mean()
    assert error < persistence / 2


@pytest.mark.parametrize(
    "values",
    [[0, 0, 0], [5, 5, 5, 5], [1, 2, 4], [0, 1e6, 0, 1e6], [1e-9] * 9 + [1e6], range(400)],
    ids=["zeros", "constant", "short", "huge", "jump", "long"],
)
def test_every_series_that_can_be_read_can_be_learnt(values: list[float], tmp_path: Path) -> None:
    source, file = write(tmp_path / "series.csv", np.array(values)), tmp_path / "model"
    assert main(["train", "--epochs", "2", "--input", str(source), "--save", str(file)]) == 0
    assert main(["forecast", "--input", str(source), "--model", str(file)]) == 0


def test_until_says_where_testing_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model"
    assert main(["train", "--epochs", "1", "--until", "1930", "--save", str(file)]) == 0
    out = capsys.readouterr().out
    assert "RMSE 1701-1929, one year ahead:" in out
    assert "RMSE 1930-2008, one year ahead:" in out
    assert main(["forecast", "--model", str(file)]) == 0
    assert "RMSE 1930-2008, one year ahead:" in capsys.readouterr().out
    for year in ("1702", "2008"):
        assert main(["train", "--epochs", "1", "--until", year]) == 0
    capsys.readouterr()
    for year in ("1701", "2009"):
        assert main(["train", "--epochs", "1", "--until", year]) == 2
        expected = f"bnns-lstm: --until: expected a year from 1702 to 2008, found {year}\n"
        assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--epochs", "0", "expected 1 to 100000"),
        ("--epochs", "many", "expected 1 to 100000"),
        ("--seed", "-1", "expected 0 to 18446744073709551615"),
        ("--until", "1960.5", "expected -1000000 to 1000000"),
    ],
)
def test_impossible_numbers_are_usage_errors(
    option: str, value: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", option, value])
    assert stopped.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.endswith(f"argument {option}: {expected}, found {value!r}")


def test_the_learning_curve_is_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for epochs in ("1", "30"):
        file = tmp_path / f"{epochs}.png"
        assert main(["train", "--epochs", epochs, "--plot", str(file)]) == 0
        assert file.read_bytes().startswith(b"\x89PNG")
        assert capsys.readouterr().out.endswith(f"\nplot written to {file}\n")


def test_without_matplotlib_nothing_is_trained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["train", "--plot", "plot.png"]) == 2
    expected = 'bnns-lstm: --plot needs matplotlib: pip install "bnns-lstm[plot]"\n'
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize("has_tqdm", [False, True])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_the_bar_needs_tqdm_and_a_terminal_the_rows_neither(
    has_tqdm: bool,
    is_terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    assert main(["train", "--epochs", "5"]) == 0
    printed = capsys.readouterr()
    assert [row.split()[0] for row in printed.out.splitlines()[1:6]] == list("12345")
    assert ("/5 [" in printed.err) == (has_tqdm and is_terminal)
    assert bool(printed.err) == (has_tqdm and is_terminal)


@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_an_interruption_saves_what_there_is(
    epochs: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, count = tmp_path / "model", itertools.count(1)
    show = Progress.show

    def show_some(self: Progress, record: Record) -> None:
        show(self, record)
        if next(count) == epochs:
            raise KeyboardInterrupt

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if epochs == 0:
        monkeypatch.setattr(Training, "_window", interrupt)
    monkeypatch.setattr(Progress, "show", show_some)
    assert main(["train", "--save", str(file)]) == 130
    said = f"interrupted after {epochs} of {DEFAULT_EPOCHS} epochs"
    expected = f"bnns-lstm: {said}; the model so far was saved to {file}\n"
    assert capsys.readouterr().err == expected
    training = Training(embedded_series(), SPLIT, seed=0, epochs=DEFAULT_EPOCHS)
    monkeypatch.undo()
    assert len(list(itertools.islice(training.run(), epochs))) == epochs
    assert same_bits(storage.load(file), training.model())


def test_an_interruption_without_save_says_that_nothing_was_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "show", interrupt)
    assert main(["train"]) == 130
    expected = "bnns-lstm: interrupted after 1 of 80 epochs; nothing was saved\n"
    assert capsys.readouterr().err == expected


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send the signal to one process")
def test_a_signal_from_the_keyboard(tmp_path: Path) -> None:
    file = tmp_path / "model"
    # The signal is set anew: a process in the background may have been started with it ignored.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from bnns_lstm.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "train", "--epochs", "100000", "--save", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            rows = [process.stdout.readline() for _ in range(2)]
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=120)
        finally:
            process.kill()
    assert rows[1].split()[0] == b"1"
    assert process.returncode == 130
    assert b"of 100000 epochs; the model so far was saved to" in error
    assert len(error.splitlines()) == 1
    assert np.isfinite(storage.load(file).forecast(embedded_series()).predicted).all()


def test_a_reader_who_has_gone_does_not_cost_the_model(tmp_path: Path) -> None:
    file = tmp_path / "model"
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "bnns_lstm", "train", "--epochs", "3", "--save", str(file)]
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert same_bits(storage.load(file), trained(3))
