"""Models in files: the format of the package `safetensors`, and where a file is written."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from bnns_lstm.cli import main
from bnns_lstm.demo import storage
from bnns_lstm.demo.model import Model
from bnns_lstm.demo.weights import shapes


def test_the_package_reads_what_is_written_here(model_file: Path) -> None:
    arrays = safetensors.numpy.load_file(model_file)
    model = Model.embedded()
    assert arrays.pop("scaling").tolist() == [10, np.float32(0.6)]
    assert arrays.keys() == model.arrays.keys()
    for name, array in arrays.items():
        assert array.tobytes() == model.arrays[name].tobytes()
        assert array.shape == model.arrays[name].shape
    with safetensors.safe_open(model_file, "numpy") as opened:
        assert opened.metadata() == {"format": storage.FORMAT, "test_from": "1960"}
    assert (8 + int.from_bytes(model_file.read_bytes()[:8], "little")) % 8 == 0


def test_what_the_package_writes_is_read_here(model_file: Path) -> None:
    arrays = safetensors.numpy.load_file(model_file)
    metadata = {"format": storage.FORMAT, "test_from": "-44"}
    shuffled = dict(random.Random(1).sample(sorted(arrays.items()), len(arrays)))
    safetensors.numpy.save_file(shuffled, model_file, metadata)
    model, expected = storage.load(model_file), Model.embedded()
    assert model.test_from == -44
    assert list(model.arrays) == list(expected.arrays)
    assert all((model.arrays[name] == expected.arrays[name]).all() for name in shapes(16))


def test_a_file_that_is_not_there_is_not_a_refused_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "missing", tmp_path):
        assert main(["forecast", "--model", str(path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"bnns-lstm: {path}: ")
        assert len(error.splitlines()) == 1


def test_where_nothing_can_be_saved_nothing_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "missing" / "model", tmp_path):
        assert main(["train", "--save", str(path)]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(f"bnns-lstm: {path}: ")
        assert len(printed.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_named_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series = tmp_path / "series.csv"
    series.write_text("1,1\n2,2\n3,3\n")
    assert main(["train", "--input", str(series), "--save", str(series)]) == 2
    expected = f"bnns-lstm: {series}: expected different files for --input and --save\n"
    assert capsys.readouterr() == ("", expected)
    assert series.read_text() == "1,1\n2,2\n3,3\n"


def test_an_old_file_stays_until_the_new_one_is_complete(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = model_file.read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            storage.save(model_file, Model.embedded())
    assert model_file.read_bytes() == before
    assert list(model_file.parent.iterdir()) == [model_file]


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows, devices differ")
def test_links_are_followed_and_devices_stay_devices(model_file: Path) -> None:
    link = model_file.with_name("link")
    link.symlink_to(model_file)
    model_file.write_bytes(b"old")
    assert main(["train", "--epochs", "1", "--save", str(link)]) == 0
    assert link.is_symlink()
    assert storage.load(model_file).test_from == 1960
    assert main(["train", "--epochs", "1", "--save", os.devnull]) == 0
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
