"""Where PyTorch's weights are found: checkpoints, files of other kinds, quantised modules."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_torch
from formats_tools import assert_same, random_stored

STORED = random_stored()
GOOD = STORED.parameters
OTHER = {"linear.weight": np.zeros((2, 2), np.float32)}


def under(prefix: str) -> dict[str, Any]:
    return {prefix + name: array for name, array in GOOD.items()}


CHECKPOINTS: dict[str, tuple[dict[str, Any], str]] = {
    "of a trainer": ({"epoch": 3, "model_state_dict": GOOD, "optimizer_state_dict": {"state": {}}}, ""),
    "of Lightning": (
        {"epoch": 1, "state_dict": under("net.lstm."), "optimizer_states": [{"state": {0: {}}}],
         "loops": {"fit_loop": {"state_dict": {}}}},
        "net.lstm.",
    ),
    "two deep": ({"checkpoint": {"model": GOOD, "config": {"hidden": 4}}, "best": 0.5}, ""),
    "beside a model without": ({"generator": GOOD, "discriminator": OTHER}, ""),
    "chosen by the prefix": ({"a": under("encoder."), "b": under("decoder.")}, "decoder."),
    "beside names that are no strings": ({"model": GOOD, "optimizer": {0: GOOD}}, ""),
    "of itself": ({"model": under("lstm.") | {"lstm": GOOD}}, "lstm."),
}  # fmt: skip


@pytest.mark.parametrize(("source", "prefix"), CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
def test_the_state_dict_in_a_checkpoint_is_found(source: dict[str, Any], prefix: str) -> None:
    if "lstm" in source.get("model", {}):
        del source["model"]["lstm"]
    source["itself"] = source
    assert_same(read_torch(source, prefix), STORED)


BAD: dict[str, tuple[Any, str, str]] = {
    "several": (
        {"model": GOOD, "epoch": 2, "ema": {"shadow": dict(GOOD)}}, "",
        (r"^source: expected one mapping .* LSTM: give one of them, found several in a checkpoint, "
        r"\['model'\] or \['ema'\]\['shadow'\] \[ambiguous_choice\]$"),
    ),
    "many": ({f"m{i}": dict(GOOD) for i in range(30)}, "", r"\['m7'\] and 22 more \[ambiguous_choice\]"),
    "modules": (
        {"epoch": 2, "model": SimpleNamespace(state_dict=lambda: GOOD)}, "",
        (r"^source: expected a module, or names of tensors: give the module itself, found a checkpoint with "
        r"modules inside, \['model'\] \[wrong_type\]$"),
    ),
    "none": (
        {"epoch": 2, "optimizer": {"state": {}}}, "",
        r"^source: expected entries 'weight_ih_l0' and so on, found only 'epoch', 'optimizer' \[missing",
    ),
    "elsewhere in it": (
        {"model": under("module.lstm.")}, "lstm.",
        (r"^source: expected entries 'lstm\.weight_ih_l0' and so on, found LSTMs under the prefixes "
        r"'module\.lstm\.' alone"),
    ),
    "too deep": ({"a": {"b": {"c": {"d": GOOD}}}}, "", r"found only 'a' \[missing_entry\]"),
    "numbers": ({"model": GOOD, 3: 1}, "x", r"expected entries 'xweight_ih_l0'"),
    "a damaged one": (
        {"model": {**GOOD, "bias_ih_l0": GOOD["bias_ih_l0"][:3]}}, "",
        r"^bias_ih_l0: expected \[16\], found \[3\] \[size_mismatch\]$",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "prefix", "message"), BAD.values(), ids=BAD.keys())
def test_a_checkpoint_without_one_state_dict_is_refused(
    source: Any, prefix: str, message: str
) -> None:
    with pytest.raises(bl.WeightsError, match=message):
        read_torch(source, prefix)


class Packed:
    """What PyTorch's packed weights look like: they have no values."""


@pytest.mark.parametrize(
    "names",
    [
        ("_all_weight_values.0.param", "_all_weight_values.1.param"),
        ("_packed_weight_ih", "bias_ih"),
    ],
)
def test_quantised_modules_are_refused_as_such(names: tuple[str, ...]) -> None:
    entries = {name: Packed() for name in names}
    module = SimpleNamespace(state_dict=lambda: entries, mode="LSTM")
    message = (
        rf"^{names[0]}: expected weights of float numbers: give the model before `quantize_dynamic`, found "
        r"a dynamically quantised LSTM, whose weights are packed \[unsupported_here\]$"
    )
    for source in (entries, module, {"model": entries}):
        with pytest.raises(bl.WeightsError, match=message):
            read_torch(source)
    with pytest.raises(
        bl.WeightsError,
        match=r"found dynamically quantised LSTMs alone, under the prefixes 'a\.' \[",
    ):
        read_torch({f"a.{name}": Packed() for name in names} | OTHER)


LOAD = r'takes the state dict that `torch\.load\(path, weights_only=True, map_location="cpu"\)` returns'
ARCHIVES: dict[str, tuple[tuple[str, ...], str]] = {
    "checkpoint": (("model/data.pkl", "model/version"), f"a PyTorch checkpoint, .*{LOAD}"),
    "script": (
        ("model/data.pkl", "model/constants.pkl", "model/code/a.py"),
        r'a TorchScript archive, .*: `read_torch` takes what `torch\.jit\.load\(path, map_location="cpu"\)',
    ),
    "keras": (("config.json", "model.weights.h5"), "a model of Keras: `read_keras` takes it"),
    "numpy": (
        ("a.npy", "b.npy"),
        r"arrays of NumPy: `read_torch` takes the mapping `dict\(numpy\.load\(path\)\)`",
    ),
}


@pytest.mark.parametrize(("names", "message"), ARCHIVES.values(), ids=ARCHIVES.keys())
def test_archives_are_called_by_what_they_are(
    names: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    with pytest.raises(bl.WeightsError, match=f"expected a safetensors file, found {message}"):
        read_torch(path)
    path.write_bytes(path.read_bytes()[:-5])  # the directory of names is at the end
    with pytest.raises(bl.WeightsError, match=f"found a PyTorch checkpoint, .*{LOAD}"):
        read_torch(path)


@pytest.mark.parametrize("ending", [".pt", ".pth", ".ckpt", ".PT", ".pkl"])
@pytest.mark.parametrize("content", [b"", b"ustar", b"\x80\x02}q\x00."])
def test_files_with_the_endings_of_checkpoints_get_the_whole_hint(
    ending: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / f"model{ending}"
    path.write_bytes(content)
    with pytest.raises(bl.WeightsError, match=LOAD):
        read_torch(path)
