"""The LSTM layers of Keras' files: their names, configurations and weights.

Four kinds: `.keras` (a zip of `config.json`, `metadata.json` and `model.weights.h5`), `.weights.h5` (weights
alone), `.h5` of a whole model, and the `.h5` of weights alone that Keras 2 wrote. Only JSON and arrays are
read; what could run code (Lambda layers, custom objects) is not looked at.
"""

from __future__ import annotations

import json
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from bnns_lstm import codes
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.h5 import Array, Group, opened
from bnns_lstm.formats.keras.layout import cells_of, lstms_of, matching

__all__ = ["KerasLayer", "layers_in"]

LARGEST_JSON = 1 << 24
# How much larger than the archive its weights may be.
LARGEST_RATIO = 64
CHUNK = 1 << 20
# What `zipfile` raises when an archive is not as it should be.
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class KerasLayer:
    """A layer that may be an LSTM.

    Attributes:
        name: Its name in the model.
        weights: Its arrays in Keras' order; empty if the file has none for it.
        config: Class and configuration; None if the file has none.
        version: The version of Keras that stored it; None if the file does not say.
    """

    name: str
    weights: Sequence[Array]
    config: Mapping[str, Any] | None = None
    version: str | None = None


@contextmanager
def layers_in(path: Path) -> Iterator[list[KerasLayer]]:
    """The LSTM layers of a file that stays open meanwhile.

    Raises:
        ExtraError: If h5py is not installed.
        WeightsError: If the file is none of Keras', or a damaged one.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        magic = file.read(8)
        if magic.startswith(b"PK"):
            with _archive(path, file) as found:
                yield found
        elif magic == b"\x89HDF\r\n\x1a\n":
            with opened(str(path), file) as root:
                yield _of_h5(str(path), root)
        else:
            kind = "a pickle, which could run code" if magic[:1] == b"\x80" else "another kind"
            raise fail(
                str(path), "a .keras, .weights.h5 or .h5 file of Keras", kind, codes.FOREIGN_FILE
            )


@contextmanager
def _archive(path: Path, file: BinaryIO) -> Iterator[list[KerasLayer]]:
    """The layers of a `.keras` file."""
    size = file.seek(0, 2)
    with tempfile.TemporaryFile() as weights:
        try:
            with zipfile.ZipFile(file) as archive:
                config, metadata = (
                    _json(str(path), archive, name) for name in ("config.json", "metadata.json")
                )
                _extract(str(path), archive, weights, LARGEST_RATIO * size)
        except DAMAGED as error:
            raise fail(
                str(path), "a whole .keras file", f"a damaged one ({error})", codes.DAMAGED_FILE
            ) from None
        version = metadata.get("keras_version")
        configs = lstms_of(str(path), config)
        with opened(f"{path}: model.weights.h5", weights) as root:
            cells = cells_of(root)
            yield [
                KerasLayer(
                    name,
                    matching(cells, name, key),
                    layer,
                    version if isinstance(version, str) else None,
                )
                for name, key, layer in configs
            ]


def _json(path: str, archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    with archive.open(name) as member:
        text = member.read(LARGEST_JSON + 1)
    if len(text) > LARGEST_JSON:
        raise fail(f"{path}: {name}", f"at most {LARGEST_JSON} bytes", "more", codes.TOO_LARGE)
    return _object(f"{path}: {name}", text)


def _object(path: str, text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise fail(path, "an object in JSON", "something else", codes.DAMAGED_FILE)
    return found


def _extract(path: str, archive: zipfile.ZipFile, target: BinaryIO, most: int) -> None:
    """The weights to a file of their own, as HDF5 needs one."""
    with archive.open("model.weights.h5") as member:
        while chunk := member.read(CHUNK):
            target.write(chunk)
            if target.tell() > most:
                raise fail(
                    f"{path}: model.weights.h5", f"at most {most} bytes", "more", codes.TOO_LARGE
                )


def _of_h5(path: str, root: Group) -> list[KerasLayer]:
    """The layers of an HDF5 file, with their configurations if there are any."""
    text, version = root.text("model_config"), root.text("keras_version")
    group = root.group("model_weights") if text is not None else root
    names = None if group is None else group.texts("layer_names")
    if group is None or names is None:
        return [KerasLayer(name or key, weights) for key, name, weights in cells_of(root)]
    arrays = {name: _legacy(group, name) for name in names}
    if text is None:
        return [
            KerasLayer(name, weights, None, group.text("keras_version"))
            for name, weights in arrays.items()
            if any("recurrent_kernel" in one.path.rpartition("/")[2] for one in weights)
        ]
    version = version or group.text("keras_version")
    configs = lstms_of(f"{path}: model_config", _object(f"{path}: model_config", text))
    return [KerasLayer(name, arrays.get(name, ()), layer, version) for name, _, layer in configs]


def _legacy(root: Group, name: str) -> list[Array]:
    """The arrays of a layer in the older format, which lists their names."""
    group = root.group(name)
    if group is None:
        raise fail(
            f"{root.path}/{name}",
            "a group for each of the layer names",
            "none",
            codes.MISSING_ENTRY,
        )
    found: list[Array] = []
    for weight in group.texts("weight_names") or ():
        array = group.inner(weight)
        if array is None:
            raise fail(
                f"{group.path}/{weight}",
                "an array, as weight_names says",
                "none",
                codes.MISSING_ENTRY,
            )
        found.append(array)
    return found
