"""The model in a file of Core ML: `.mlmodel`, or the folder `.mlpackage` around one.

In: a path. Out: a message `Model`. A folder's manifest says which of its files is the model; nothing outside
of the folder is read. What is in the model is not known here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import is_a, mapping, reason
from bnns_lstm._show import shown
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.coreml.schema import model_class
from bnns_lstm.formats.extras import need
from bnns_lstm.formats.files import is_path, path_of
from bnns_lstm.formats.foreign import COREML, kind_of

__all__ = ["open_model"]

MANIFEST = "Manifest.json"
# Of a compiled model, which is made for one kind of machine.
COMPILED = "coremldata.bin"
MODEL = "a .mlmodel file or a .mlpackage folder of Core ML"


def open_model(given: Any) -> tuple[Path, Path, Any]:
    """The path of a model, the folder that its file lies in, and its message.

    Raises:
        ExtraError: If the package `protobuf` is not installed.
        WeightsError: If it is no path, or there is no model.
        OSError: If the file cannot be read.
    """
    if not is_path(given):
        raise fail("path", "a path", type(given).__name__, codes.WRONG_TYPE)
    path = path_of(given)
    model = model_class()()
    file = _in_package(path) if path.is_dir() else path
    content = file.read_bytes()
    error = need("google.protobuf.message", "coreml", "protobuf").DecodeError
    try:
        model.ParseFromString(content)
    except error as found:
        kind = kind_of(file, COREML) or f"something else ({reason(found)})"
        raise fail(str(path), MODEL, kind, codes.FOREIGN_FILE) from None
    if model.WhichOneof("kind") is None:
        kind = kind_of(file, COREML) or "none (there is no model of a known kind in it)"
        raise fail(str(path), MODEL, kind, codes.FOREIGN_FILE)
    return path, file.parent, model


def _in_package(folder: Path) -> Path:
    """The file of the model in a folder."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        is_compiled = (folder / COMPILED).is_file()
        kind = "a compiled model: give the model that it was made of" if is_compiled else ""
        raise fail(str(folder), MODEL, kind or f"a folder without {MANIFEST}", codes.FOREIGN_FILE)
    try:
        words = json.loads(manifest.read_bytes())
    except (ValueError, RecursionError) as error:
        raise fail(str(manifest), "JSON", reason(error), codes.DAMAGED_FILE) from None
    place = _root_of(words)
    if not isinstance(place, str):
        expected = "the path of the entry that rootModelIdentifier names"
        raise fail(str(manifest), expected, shown(place), codes.DAMAGED_FILE)
    try:
        data = Path(os.path.realpath(folder / "Data"))
        file = Path(os.path.realpath(data / place))
        is_inside = file.is_relative_to(data) and file.is_file()
    except (OSError, ValueError):
        is_inside = False
    if not is_inside:
        raise fail(
            str(manifest), "a file in the folder Data beside it", shown(place), codes.INVALID_PATH
        )
    return file


def _root_of(manifest: Any) -> Any:
    """The path of the model in a manifest, if it has one."""
    words = mapping(manifest) or {}
    items, root = mapping(words.get("itemInfoEntries")) or {}, words.get("rootModelIdentifier")
    item = items.get(root) if is_a(root, str) else None
    return (mapping(item) or {}).get("path")
