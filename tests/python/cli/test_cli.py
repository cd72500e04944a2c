"""The command `bnns-lstm`: its forecasts, its picture, and one line for everything that is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bnns_lstm.cli import main
from bnns_lstm.demo.model import EMBEDDED_SCALING, Model
from bnns_lstm.demo.series import Series, embedded_data, embedded_series, read_series

GOOD = "year,value\n1990,5\n1991,7.5\n1992,9\n1993,4\n"


def test_predictions_are_those_that_come_with_the_model() -> None:
    arrays = embedded_data()
    predicted = Model.embedded().forecast(embedded_series()).predicted
    scale = arrays["activity"].max()
    assert np.abs(predicted[:-1] - arrays["expected_prediction"]).max() <= 1e-4 * scale
    assert predicted.shape == (309,)


def test_the_table_shows_the_last_years_and_both_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["forecast"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["year", "observed", "predicted"]
    assert [line.split()[0] for line in lines[1:12]] == [str(year) for year in range(1999, 2010)]
    assert lines[10].split() == ["2008", "2.9", "22.2"]
    assert lines[11].split()[:2] == ["2009", "-"]
    assert "RMSE 1960-2008" in lines[13]
    model, persistence = (float(line.split()[1]) for line in lines[14:16])
    assert model == pytest.approx(14.5, abs=0.1)
    assert persistence == pytest.approx(30.4, abs=0.1)


def test_a_horizon_is_one_long_call_over_the_data_and_the_predictions() -> None:
    model, series = Model.embedded(), embedded_series()
    forecast = model.forecast(series, 12)
    assert forecast.years_beyond.tolist() == list(range(2009, 2021))
    assert np.isfinite(forecast.beyond).all()
    values = np.concatenate([series.values, forecast.beyond[:-1]])
    years = np.arange(1700, 1700 + values.size)
    longer = model.forecast(Series(years, values))
    np.testing.assert_allclose(longer.predicted[-12:], forecast.beyond, rtol=1e-5, atol=1e-4)


def test_the_scaling_is_undone_by_its_inverse() -> None:
    values = np.linspace(0, 250, 11, dtype=np.float32)
    scaled = EMBEDDED_SCALING.to_model(values)
    np.testing.assert_allclose(EMBEDDED_SCALING.from_model(scaled), values, rtol=1e-5, atol=1e-4)


def test_horizon_adds_its_years_to_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", "--horizon", "3"]) == 0
    years = [line.split()[0] for line in capsys.readouterr().out.splitlines() if " - " in line]
    assert years == ["2009", "2010", "2011"]


def test_a_series_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "series.csv"
    file.write_text("# comment\n\n" + GOOD)
    series = read_series(file)
    assert series.years.tolist() == [1990, 1991, 1992, 1993]
    assert series.values.tolist() == [5, 7.5, 9, 4]
    assert main(["forecast", "--input", str(file)]) == 0
    out = capsys.readouterr().out
    assert "1994" in out
    assert "RMSE 1992-1993" in out


BAD_FILES = {
    "empty": (b"", "expected at least 3 years, found 0"),
    "two years": (b"1990,1\n1991,2\n", "expected at least 3 years, found 2"),
    "not text": (b"1990,\xff\xfe\n", "expected a text file in UTF-8"),
    "one column": (b"1990\n1991\n", ":1: expected year,value, found 1 columns"),
    "three columns": (b"1990,1,2\n", ":1: expected year,value, found 3 columns"),
    "no number": (b"1990,1\n1991,many\n", ":2: expected two numbers, found '1991,many'"),
    "two headings": (b"year,value\nAD,spots\n1990,1\n", ":2: expected two numbers"),
    "no value": (b"1990,\n", ":1: expected two numbers"),
    "nan": (b"1990,nan\n", ":1: expected a value from 0 to 1000000, found 'nan'"),
    "infinite": (b"1990,inf\n", ":1: expected a value from 0"),
    "negative": (b"1990,-1\n", ":1: expected a value from 0"),
    "huge": (b"1990,1e300\n", ":1: expected a value from 0"),
    "underscore": (b"1990,1_0\n", ":1: expected two numbers, found '1990,1_0'"),
    "other digits": ("1990,\u0661\n".encode(), ":1: expected two numbers"),
    # Rows of data, not headings: they must not be passed over.
    "first year missing": (b",1\n1991,1\n1992,1\n1993,3\n", ":1: expected two numbers, found ',1'"),
    "first year nan": (b"nan,1\n1991,1\n1992,1\n1993,3\n", ":1: expected a year, found 'nan'"),
    "semicolons": (b"1990;1\n1991;2\n1992;3\n", ":1: expected year,value, found 1 columns"),
    "half a year": (b"1990.5,1\n", ":1: expected a year, found '1990.5'"),
    "infinite year": (b"year,value\ninf,1\n", ":2: expected a year, found 'inf'"),
    "gap": (b"1990,1\n1992,1\n", ":2: expected year 1991, found 1992"),
    "twice": (b"1990,1\n1990,1\n", ":2: expected year 1991, found 1990"),
    "backwards": (b"1990,1\n1989,1\n", ":2: expected year 1991, found 1989"),
    "open quote": (b'"1990,1\n', ":1: expected"),
    "null bytes": (b"1990,\x001\n", ":1: expected"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_one_line_and_exit_code_2(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    assert main(["forecast", "--input", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith(f"bnns-lstm: {file}")
    assert message in printed.err


def test_files_that_are_not_there_or_no_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        assert main(["forecast", "--input", str(path)]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert str(path) in error


def test_the_plot_is_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plot.png"
    assert main(["forecast", "--horizon", "5", "--plot", str(file)]) == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert f"plot written to {file}" in capsys.readouterr().out


def test_a_plot_goes_into_the_very_file_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plot"
    assert main(["forecast", "--plot", str(file)]) == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert f"plot written to {file}\n" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [file]
    file.unlink()
    file.mkdir()
    assert main(["forecast", "--plot", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"bnns-lstm: {file}: ")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["missing/plot.png", "plot.unknown"])
def test_a_plot_that_cannot_be_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", "--plot", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert name in error


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["forecast", "--plot", str(tmp_path / "plot.png")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == 'bnns-lstm: --plot needs matplotlib: pip install "bnns-lstm[plot]"\n'


@pytest.mark.parametrize("years", ["0", "1001", "-3", "many", "1e2", "9" * 5000])
def test_an_impossible_horizon_is_a_usage_error(
    years: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["forecast", "--horizon", years])
    assert stopped.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.endswith(f"argument --horizon: expected 1 to 1000 years, found {years!r}")


def buffered() -> dict[str, str]:
    """An environment in which the command buffers what it prints, as it does for most users."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def test_a_reader_who_has_gone_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "bnns_lstm", "forecast"]
    try:
        done = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, env=buffered(), text=True, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_is_one_line_and_exit_code_2() -> None:
    command = [sys.executable, "-m", "bnns_lstm", "forecast"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env=buffered(), text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "bnns-lstm: No space left on device\n")


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "bnns_lstm", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("bnns-lstm 0.")


def test_an_interruption_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Model, "forecast", interrupt)
    assert main(["forecast"]) == 130


def test_importing_the_package_loads_no_plotting_and_no_command_line() -> None:
    code = "import sys, bnns_lstm; print({'matplotlib', 'argparse', 'csv'} & set(sys.modules))"
    command = [sys.executable, "-c", "import numpy; " + code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before = subprocess.run(
        [sys.executable, "-c", "import sys, numpy; print({'argparse', 'csv'} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == before.stdout
