"""An LSTM in a safetensors file: written, read, and what is no such file refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
import safetensors
import safetensors.numpy
from bnns_lstm.formats import load_lstm, save_lstm
from bnns_lstm.formats.safetensors import SafetensorsFile
from build import ELEMENTWISE
from formats_tools import assert_same, random_stored
from hypothesis import given, settings
from hypothesis import strategies as st
from refused import refused_in_little_memory

MIXED = dict(
    zip(("input", "forget", "candidate", "output", "hidden"), ELEMENTWISE[2:7], strict=True)
)
KINDS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True, "dropout": 0.25, "batch_first": True},
    {"bias": False, "peephole": "diagonal", "state": True},
    {"peephole": "full", "activations": MIXED, "input_size": 1, "hidden_size": 1},
    {"bidirectional": True, "merge": "ave"},
    {"bidirectional": True, "merge": None},
    {"bidirectional": True, "num_layers": 2, "proj_size": 2, "state": True},
    {"proj_size": 4, "coupled": "input", "peephole": "full"},
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_comes_back(kind: dict[str, Any], tmp_path: Path) -> None:
    stored, path = random_stored(**kind), tmp_path / "a.safetensors"
    save_lstm(path, stored)
    assert_same(load_lstm(path), stored)
    assert [item.name for item in tmp_path.iterdir()] == ["a.safetensors"]


def test_the_package_safetensors_reads_what_is_saved(tmp_path: Path) -> None:
    stored, path = random_stored(state=True), tmp_path / "a.safetensors"
    save_lstm(path, stored)
    arrays = safetensors.numpy.load_file(path)
    assert arrays.pop("state.h").shape == arrays.pop("state.c").shape == (1, 3, 4)
    for name, array in stored.parameters.items():
        np.testing.assert_array_equal(arrays.pop(name), array)
    assert not arrays
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    assert (metadata["format"], metadata["version"]) == ("bnns-lstm", "1")


def test_merge_stands_in_the_file_where_it_is_not_the_usual_one(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_lstm(path, random_stored(bidirectional=True))
    with safetensors.safe_open(path, "numpy") as file:
        assert "merge" not in json.loads(file.metadata()["config"])
    edited(path, lambda _, config: config.update(merge="mul"))
    assert load_lstm(path).merge == "mul"
    edited(path, lambda _, config: config.update(merge="concat"))
    assert load_lstm(path).merge == "concat"
    for wrong in ("max", [], 1, True):
        edited(path, lambda _, config, wrong=wrong: config.update(merge=wrong))
        with pytest.raises(bl.WeightsError, match=r"a\.safetensors: merge: expected"):
            load_lstm(path)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.safetensors"
    save_lstm(path, random_stored(activations=MIXED))
    return path


def edited(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Rewrite a file's header; `change` gets the header and the configuration."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    config = json.loads(header["__metadata__"]["config"])
    change(header, config)
    if "config" in header.get("__metadata__", ()) and config:
        header["__metadata__"]["config"] = json.dumps(config)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])


BAD: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "pytorch's": (lambda h, _: h.update(__metadata__={"format": "pt"}), "found 'pt'"),
    "no metadata": (lambda h, _: h.pop("__metadata__"), "metadata format: expected 'bnns-lstm'"),
    "version": (lambda h, _: h["__metadata__"].update(version="2"), "version: expected '1', found '2'"),
    "no config": (
        lambda h, _: h["__metadata__"].pop("config"),
        "metadata config: expected an object in JSON, found none",
    ),
    "field missing": (lambda _, c: c.pop("bias"), "config: expected a field 'bias', found no such field"),
    "field surplus": (
        lambda _, c: c.update(size=1),
        "proj_size, activations, lengths, found 'size' [unexpected_entry]",
    ),
    "clip": (lambda _, c: c.update(cell_clip=-1), "cell_clip: expected a finite number of float32 above 0"),
    "clip as text": (lambda _, c: c.update(gate_clip="1"), "gate_clip: expected a finite number of float32"),
    "huge clip": (lambda _, c: c.update(gate_clip=10**400), "gate_clip: expected a finite number of float32"),
    "direction": (lambda _, c: c.update(direction=["reverse"]), 'direction: expected "forward" or "reverse"'),
    "coupled": (lambda _, c: c.update(coupled={}), 'coupled: expected None, "forget" or "input"'),
    "projection": (lambda _, c: c.update(proj_size=2), "weight_hh_l0: expected float32 [16, 2]"),
    "wide projection": (lambda _, c: c.update(proj_size=5), "proj_size: expected a whole number from 1 to 4"),
    "projection as text": (lambda _, c: c.update(proj_size="2"), "proj_size: expected a whole number"),
    "coupled with all blocks": (lambda _, c: c.update(coupled="forget"), "weight_ih_l0: expected float32 ["),
    "layers as text": (lambda _, c: c.update(num_layers="1"), "num_layers: expected an integer"),
    "layers claimed": (lambda _, c: c.update(num_layers=10**12), "at most one layer for each array"),
    "hidden claimed": (
        lambda _, c: c.update(hidden_size=10**12),
        "weight_hh_l0: expected float32 [4000000000000, 1000000000000], found float32 [16, 4]",
    ),
    "hidden": (
        lambda _, c: c.update(hidden_size=2**30),
        "weight_hh_l0: expected float32 [4294967296, 1073741824], found float32 [16, 4]",
    ),
    "size is true": (lambda _, c: c.update(input_size=True), "input_size: expected a whole number"),
    "size is a list": (lambda _, c: c.update(input_size=[]), "input_size: expected a whole number"),
    "peephole": (lambda _, c: c.update(peephole={}), "peephole: expected none, 'diagonal' or"),
    "dropout": (lambda _, c: c.update(dropout="0"), "dropout: expected a ratio in [0, 1)"),
    "activations": (lambda _, c: c.update(activations=[]), "activations: expected an object in JSON"),
    "function": (
        lambda _, c: c["activations"].update(input=["EVIL", 1, 1]),
        "activations.input: expected a function's name, alpha and beta, found ['EVIL', 1, 1]",
    ),
    "softmax": (
        lambda _, c: c["activations"].update(input=["SOFTMAX", 1, 1]),
        "activations['input']: expected an Activation of one number, found Activation(SOFTMAX",
    ),
    "nan": (
        lambda _, c: c["activations"].update(input=["ELU", float("nan"), 1]),
        "activations['input']: expected an Activation of one number, found Activation(ELU, alpha=nan",
    ),
    "endless": (
        lambda _, c: c["activations"].update(input=["ELU", 10**400, 1]),
        "activations['input']: expected an Activation of one number, found Activation(ELU, alpha=1000",
    ),
    "alpha": (lambda _, c: c["activations"].update(input=["TANH", "1", 1]), "found ['TANH', '1', 1]"),
    "entry missing": (lambda h, _: h.update(x=h.pop("bias_hh_l0")), "bias_hh_l0: expected float32 [16]"),
    "half a state": (lambda h, _: h.update({"state.h": h.pop("bias_hh_l0")}), "expected both initial"),
    "integers": (lambda h, _: h["bias_hh_l0"].update(dtype="I32"), "or BF16, found 'I32'"),
    "unknown type": (lambda h, _: h["bias_hh_l0"].update(dtype="F99"), "or BF16, found 'F99'"),
    "overlap": (
        lambda h, _: h["bias_hh_l0"].update(data_offsets=[0, 64]),
        "expected data_offsets from",
    ),
    "huge": (
        lambda h, _: h["bias_hh_l0"].update(shape=[2**40], data_offsets=[512, 2**42 + 512]),
        "'bias_hh_l0': expected 4398046511616 bytes of arrays, found 576",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD.keys())
def test_a_foreign_or_changed_file_is_refused_with_the_reason(
    change: Callable[[dict[str, Any], dict[str, Any]], object], message: str, good: Path
) -> None:
    edited(good, change)
    with refused_in_little_memory(bl.WeightsError) as raised:
        load_lstm(good)
    assert message in str(raised.value)
    assert "good.safetensors" in str(raised.value) or "bias_hh_l0" in str(raised.value)


def test_damaged_files_are_refused_or_read_never_worse(good: Path) -> None:
    outcomes = {"accepted": 0, "refused": 0}

    @settings(max_examples=200)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        save_lstm(good, random_stored())
        content = bytearray(good.read_bytes())
        end = data.draw(st.integers(0, len(content)))
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.sampled_from(b'\0 "{}[]:,019-xF\xff'))
        good.write_bytes(content[: end if data.draw(st.booleans()) else None])
        try:
            stored = load_lstm(good)
        except bl.WeightsError as error:
            assert error.issues
            outcomes["refused"] += 1
        else:
            assert stored.num_layers == 1
            outcomes["accepted"] += 1

    check()
    assert min(outcomes.values()) > 5, outcomes


def test_every_cut_file_is_refused(good: Path) -> None:
    content = good.read_bytes()
    for end in range(0, len(content), 7):
        good.write_bytes(content[:end])
        wanted = "found another kind of file" if end < 9 else r"found a damaged one \("
        with pytest.raises(bl.WeightsError, match=f"a whole safetensors file, {wanted}"):
            load_lstm(good)


def test_dtypes_float16_and_float64_are_read_and_integers_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    wanted = np.array([[0.5, -2.0, 3.0]], np.float32)
    arrays = {"half": wanted.astype(np.float16), "double": wanted.astype(np.float64)}
    counts = np.arange(3)
    safetensors.numpy.save_file({**arrays, "counts": counts, "empty": counts[:0]}, path)
    file = SafetensorsFile(path)
    for name in arrays:
        np.testing.assert_array_equal(file.read(name), wanted)
    with pytest.raises(
        bl.WeightsError, match="'counts': expected F64 or F32 or F16 or BF16, found"
    ):
        file.read("counts")
    file.close()
