"""Files and folders of Core ML: which are read, and what is said of all others."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import read_coreml, read_coreml_stack, read_onnx, write_onnx
from bnns_lstm.formats.coreml.kinds import KINDS, LSTMS
from bnns_lstm.formats.coreml.schema import model_class
from coreml_tools import DATA, message, written
from formats_tools import random_stored

ONE = (DATA / "one.mlmodel").read_bytes()


def test_a_file_that_ends_early_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.mlmodel"
    for length in range(len(ONE)):
        path.write_bytes(ONE[:length])
        with pytest.raises(bl.WeightsError) as caught:
            read_coreml(path)
        assert caught.value.issues[0].code == codes.FOREIGN_FILE
        assert "a .mlmodel file or a .mlpackage folder of Core ML" in str(caught.value)


def test_an_onnx_model_is_none(tmp_path: Path) -> None:
    write_onnx(tmp_path / "a.onnx", random_stored())
    with pytest.raises(
        bl.WeightsError, match="found something else; `read_onnx` takes models of ONNX"
    ):
        read_coreml(tmp_path / "a.onnx")
    (tmp_path / "a.mlmodel").write_bytes(ONE)
    with pytest.raises(
        bl.WeightsError, match="found something else; `read_coreml` takes models of Core ML"
    ):
        read_onnx(tmp_path / "a.mlmodel")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("glmClassifier", "found glmClassifier"),
        ("mlProgram", "found an ML program without functions"),
        ("pipeline", "found an empty pipeline"),
    ],
)  # fmt: skip
def test_models_without_a_neural_network(kind: str, text: str, tmp_path: Path) -> None:
    model = model_class()(specificationVersion=4)
    own = getattr(model, kind)
    if isinstance(own, bytes):
        setattr(model, kind, b"")
    else:
        own.SetInParent()
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(written(tmp_path, model))
    assert text in str(caught.value)
    assert caught.value.issues[0].code == codes.UNSUPPORTED_HERE


def test_a_network_without_lstm_layers_is_refused_with_what_it_has(tmp_path: Path) -> None:
    model = message("one")
    layer = model.neuralNetwork.layers[0]
    layer.gru = b""
    with pytest.raises(bl.WeightsError, match="a network with an LSTM layer, found none, but gru"):
        read_coreml(written(tmp_path, model))
    layer.softmax = b""
    with pytest.raises(
        bl.WeightsError, match="a network with an LSTM layer, found none "
    ) as caught:
        read_coreml_stack(written(tmp_path, model))
    assert caught.value.issues[0].code == codes.MISSING_ENTRY


@pytest.mark.parametrize("given", [None, 1, b"a", [], message])
def test_what_is_no_path(given: Any) -> None:
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(given)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("path", codes.WRONG_TYPE)
    ]


def test_no_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_coreml(tmp_path / "none.mlmodel")


def with_path(path: object) -> Callable[[dict[str, Any]], object]:
    def change(manifest: dict[str, Any]) -> None:
        manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = path

    return change


# How the manifest of a folder is changed, what is said of it, and its code.
MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "no root": (lambda m: m.pop("rootModelIdentifier"), "found none", codes.DAMAGED_FILE),
    "an odd root": (lambda m: m.update(rootModelIdentifier=[1]), "found none", codes.DAMAGED_FILE),
    "no entries": (lambda m: m.pop("itemInfoEntries"), "found none", codes.DAMAGED_FILE),
    "odd entries": (lambda m: m.update(itemInfoEntries=[]), "found none", codes.DAMAGED_FILE),
    "no path": (with_path(7), "the entry that rootModelIdentifier names, found 7", codes.DAMAGED_FILE),
    "outside": (with_path("../../outside.mlmodel"), "found '../../outside.mlmodel'", codes.INVALID_PATH),
    "beside": (with_path("../Manifest.json"), "found '../Manifest.json'", codes.INVALID_PATH),
    "absolute": (with_path("/etc/hostname"), "found '/etc/hostname'", codes.INVALID_PATH),
    "no file": (with_path("com.apple.CoreML"), "found 'com.apple.CoreML'", codes.INVALID_PATH),
    "null": (with_path("a\0b"), "found 'a\\\\x00b'", codes.INVALID_PATH),
}  # fmt: skip


@pytest.mark.parametrize("kind", MANIFESTS)
def test_manifests_that_name_no_file_in_the_folder(kind: str, tmp_path: Path) -> None:
    change, text, code = MANIFESTS[kind]
    folder = tmp_path / "a.mlpackage"
    shutil.copytree(DATA / "package.mlpackage", folder)
    (tmp_path / "outside.mlmodel").write_bytes(ONE)
    manifest = json.loads((folder / "Manifest.json").read_text())
    change(manifest)
    (folder / "Manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(folder)
    assert [issue.code for issue in caught.value.issues] == [code]
    assert text.replace("\\\\", "\\") in str(caught.value)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a.mlpackage"
    shutil.copytree(DATA / "package.mlpackage", folder)
    (tmp_path / "outside.mlmodel").write_bytes(ONE)
    file = folder / "Data/com.apple.CoreML/model.mlmodel"
    file.unlink()
    try:
        file.symlink_to(tmp_path / "outside.mlmodel")
    except OSError:
        pytest.skip("links are not allowed here")
    with pytest.raises(bl.WeightsError, match="a file in the folder Data beside it"):
        read_coreml(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_a_manifest_that_is_no_json(content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "a.mlpackage"
    folder.mkdir()
    (folder / "Manifest.json").write_bytes(content)
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(folder)
    assert caught.value.issues[0].code == codes.DAMAGED_FILE


def test_other_folders(tmp_path: Path) -> None:
    with pytest.raises(bl.WeightsError, match=r"found a folder without Manifest\.json"):
        read_coreml(tmp_path)
    (tmp_path / "coremldata.bin").write_bytes(b"")
    with pytest.raises(
        bl.WeightsError, match="found a compiled model: give the model that it was made of"
    ):
        read_coreml(tmp_path)


def test_without_protobuf_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.protobuf.message_factory", None)
    with pytest.raises(bl.ExtraError, match=r"'protobuf': pip install bnns-lstm\[coreml\]"):
        read_coreml(DATA / "one.mlmodel")


def test_kinds_of_layers_have_names_and_numbers_of_their_own() -> None:
    names, numbers, _ = zip(*KINDS, strict=True)
    assert len(set(names)) == len(set(numbers)) == len(KINDS) == 158
    assert set(LSTMS) <= set(names)
