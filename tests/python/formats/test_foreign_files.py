"""A file of another kind is called by what it is, with the reader that takes it, by every reader."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import keras_models
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import (
    load_lstm,
    read_coreml,
    read_keras,
    read_onnx,
    read_torch,
    save_lstm,
    write_onnx,
)
from formats_tools import random_stored

READERS = {
    "load": load_lstm, "torch": read_torch, "keras": read_keras, "onnx": read_onnx, "coreml": read_coreml,
}  # fmt: skip
LOAD = '`torch.load(path, weights_only=True, map_location="cpu")`'


def archive(*names: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as made:
            for name in names:
                made.writestr(name, b"")

    return write


# How a file is written, what it is, and which readers take it.
KINDS: dict[str, tuple[Callable[[Path], object], str, set[str]]] = {
    "checkpoint": (archive("a/data.pkl", "a/version"), f"a PyTorch checkpoint, {LOAD}", set()),
    "script": (
        archive("a/data.pkl", "a/constants.pkl"),
        'a TorchScript archive, `torch.jit.load(path, map_location="cpu").state_dict()`',
        set(),
    ),
    "numpy archive": (archive("a.npy"), "arrays of NumPy: `read_torch` takes the mapping", set()),
    "numpy": (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00" + bytes(20)), "an array of NumPy", set()),
    "pickle": (lambda path: path.write_bytes(pickle.dumps([1])), f"a pickle, {LOAD}", set()),
    "keras": (
        lambda path: path.write_bytes((keras_models.FOLDER / "model.keras").read_bytes()),
        "a model of Keras: `read_keras` takes it",
        {"keras"},
    ),
    "hdf5": (
        lambda path: path.write_bytes((keras_models.FOLDER / "model.h5").read_bytes()),
        "an HDF5 file: `read_keras` takes those of Keras",
        {"keras"},
    ),
    "safetensors": (
        lambda path: save_lstm(path, random_stored()),
        "a safetensors file: `load_lstm` takes one of this package, `read_torch` any other",
        {"load", "torch"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("write", "kind", "own"), KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("name", READERS)
def test_every_reader_says_what_a_file_is(
    name: str, write: Any, kind: str, own: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "file.bin"
    write(path)
    if name in own:
        if name == "torch":  # of which entries alone are read
            assert read_torch(path).hidden_size == 4
        elif name == "keras":
            assert read_keras(path, "bi").bidirectional
        else:
            assert load_lstm(path).hidden_size == 4
        return
    with pytest.raises(bl.WeightsError) as raised:
        READERS[name](path)
    (issue,) = raised.value.issues
    assert (issue.path, issue.code) == (str(path), codes.FOREIGN_FILE)
    for part in kind.split(", `"):
        assert part.strip("`") in issue.actual


@pytest.mark.parametrize("name", READERS)
def test_endings_tell_where_beginnings_do_not(name: str, tmp_path: Path) -> None:
    kinds = {
        ".pth": ("", LOAD),
        ".onnx": ("onnx", "`read_onnx` takes models of ONNX"),
        ".mlmodel": ("coreml", "`read_coreml` takes models of Core ML"),
    }
    for ending, (own, part) in kinds.items():
        if name == own:
            continue
        path = tmp_path / f"file{ending}"
        path.write_bytes(b"\x01\x02 nothing that is known")
        with pytest.raises(bl.WeightsError) as raised:
            READERS[name](path)
        assert part in str(raised.value)


def test_a_model_of_onnx_is_called_so_by_the_other_readers(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    write_onnx(path, random_stored())
    for name in READERS.keys() - {"onnx"}:
        with pytest.raises(bl.WeightsError, match="found something else; `read_onnx` takes models"):
            READERS[name](path)


def test_a_safetensors_file_may_begin_with_any_bytes(tmp_path: Path) -> None:
    """The first eight are a length, here one that looks like an archive's, and the header follows."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"PK\x03\x04\0\0\0\0{" + np.zeros(9).tobytes())
    with pytest.raises(
        bl.WeightsError, match=r"found a damaged one \(expected a header of 67324752 bytes"
    ):
        load_lstm(path)
