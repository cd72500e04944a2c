"""The LSTM layers of Keras' files: their names, configurations and weights.

Four kinds: `.keras` (a zip of `config.json`, `metadata.json` and `model.weights.h5`), `.weights.h5` (weights
alone), `.h5` of a whole model, and the `.h5` of weights alone that Keras 2 wrote. Only JSON and arrays are
read; what could run code (Lambda layers, custom objects) is not looked at.
"""

from __future__ import annotations

import errno
import json
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO

from bnns_lstm import codes
from bnns_lstm._look import reason
from bnns_lstm._show import listed as listed_names
from bnns_lstm._show import named, shown
from bnns_lstm.errors import WeightsError
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.foreign import KERAS, kind_of
from bnns_lstm.formats.keras.h5 import Array, Group, opened
from bnns_lstm.formats.keras.layout import arrays_of, layer_names, listed, lstms_in
from bnns_lstm.formats.keras.model import INPUT, Layer, Model, model_of
from bnns_lstm.formats.keras.wrappers import is_lstm

__all__ = ["KerasFile", "KerasLayer", "layers_in"]

LARGEST_JSON = 1 << 24
# How much larger than the archive its weights may be.
LARGEST_RATIO = 64
CHUNK = 1 << 20
OTHER_WAYS = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "lzma"}
# What `zipfile` raises when an archive is not as it should be.
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class KerasLayer:
    """A layer that may be an LSTM.

    Attributes:
        name: Its name in the model, after the names of the models that it is in.
        weights: Gives its arrays in Keras' order; none if the file has none for it.
        layer: The layer in the graph of the model; None if the file has weights alone.
        version: The version of Keras that stored it; None if the file does not say.
        directions: How often its cells are there, if the file has weights alone and says so.
        cells: How many cells it has, in the same case.
    """

    name: str
    weights: Callable[[], Sequence[Array]]
    layer: Layer | None = None
    version: str | None = None
    directions: int | None = None
    cells: int = 1


@dataclass(frozen=True)
class KerasFile:
    """What a file has: layers that may be LSTMs, and what else there is, for errors."""

    layers: list[KerasLayer]
    others: list[str]


@contextmanager
def layers_in(path: Path) -> Iterator[KerasFile]:
    """The LSTM layers of a file that stays open meanwhile.

    Raises:
        ExtraError: If h5py is not installed.
        WeightsError: If the file is none of Keras', or a damaged one.
        OSError: If it cannot be read.
    """
    kind = kind_of(path, KERAS)
    if kind is not None:
        raise fail(
            str(path), "a .keras, .weights.h5 or .h5 file of Keras", kind, codes.FOREIGN_FILE
        )
    with path.open("rb") as file:
        magic = file.read(8)
        if magic.startswith(b"PK"):
            with _archive(path, file) as found:
                yield found
        elif magic == b"\x89HDF\r\n\x1a\n":
            with opened(str(path), file) as root:
                yield _of_h5(str(path), root)
        else:
            expected = "a .keras, .weights.h5 or .h5 file of Keras"
            raise fail(str(path), expected, f"one that begins with {magic!r}", codes.FOREIGN_FILE)


@contextmanager
def _archive(path: Path, file: BinaryIO) -> Iterator[KerasFile]:
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
            raise _damaged(path, error) from None
        except OSError as error:
            if error.errno != errno.EINVAL:  # which a place before the file's beginning gives
                raise
            raise _damaged(path, error) from None
        version = metadata.get("keras_version")
        model = model_of(str(path), config)
        with opened(f"{path}: model.weights.h5", weights) as root:
            yield _of_model(
                model,
                version if isinstance(version, str) else None,
                lambda layer: arrays_of(root, layer.steps),
            )


def _damaged(path: Path, error: Exception) -> WeightsError:
    found = f"a damaged one ({reason(error)})"
    return fail(str(path), "a whole .keras file", found, codes.DAMAGED_FILE)


def _of_model(
    model: Model, version: str | None, weights: Callable[[Layer], Sequence[Array]]
) -> KerasFile:
    """The layers of a model whose graph is known, and the arrays that a file has for each."""
    layers = list(model.all())
    return KerasFile(
        [
            KerasLayer(one.path, partial(weights, one), one, version)
            for one in layers
            if is_lstm(one.config)
        ],
        [one.label for one in layers if not is_lstm(one.config) and one.kind != INPUT],
    )


def _member(path: str, archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A member of the archive, if it is stored or deflated: others would ask for memory by a size in it."""
    way = archive.getinfo(name).compress_type
    if way not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        found = f"the compression {OTHER_WAYS.get(way, way)}"
        raise fail(f"{path}: {name}", "a stored or deflated member", found, codes.UNSUPPORTED_HERE)
    return archive.open(name)


def _json(path: str, archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    with _member(path, archive, name) as member:
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
        raise fail(
            path, "an object in JSON", f"something else: {shown(text[:60])}", codes.DAMAGED_FILE
        )
    return found


def _extract(path: str, archive: zipfile.ZipFile, target: BinaryIO, most: int) -> None:
    """The weights to a file of their own, as HDF5 needs one."""
    with _member(path, archive, "model.weights.h5") as member:
        while chunk := member.read(CHUNK):
            target.write(chunk)
            if target.tell() > most:
                raise fail(
                    f"{path}: model.weights.h5", f"at most {most} bytes", "more", codes.TOO_LARGE
                )


def _of_h5(path: str, root: Group) -> KerasFile:
    """The layers of an HDF5 file, with their configurations if there are any."""
    text, version = root.text("model_config"), root.text("keras_version")
    group = root.group("model_weights") if text is not None else root
    names = None if group is None else group.texts("layer_names")
    if group is None or names is None:
        return _of_groups(root)
    version = version or group.text("keras_version")
    if text is not None:
        arrays = {name: _legacy(group, name) for name in names}
        model = model_of(f"{path}: model_config", _object(f"{path}: model_config", text))
        counts = Counter((one.steps[0][0], one.name) for one in model.all())

        def weights(layer: Layer) -> list[Array]:
            outer = layer.steps[0][0]
            is_alone = counts[outer, layer.name] == 1
            way = f"{group.path}/{named(outer)}"
            return listed(arrays.get(outer, ()), way, layer.steps, is_alone=is_alone)

        return _of_model(model, version, weights)
    return _of_lists(group, names, version)


def _of_groups(root: Group) -> KerasFile:
    """The layers of Keras 3's weights alone."""
    found = [
        KerasLayer(one.path, one.weights, None, None, one.directions, one.cells)
        for one in lstms_in(root)
    ]
    return KerasFile(found, [shown(name) for name in layer_names(root)])


def _of_lists(group: Group, names: Sequence[str], version: str | None) -> KerasFile:
    """The layers of Keras 2's weights alone."""
    arrays = {name: _legacy(group, name) for name in names}
    found = [
        KerasLayer(name, partial(list, weights), None, version)
        for name, weights in arrays.items()
        if any("recurrent_kernel" in one.path.rpartition("/")[2] for one in weights)
    ]
    own = {one.name for one in found}
    return KerasFile(found, [shown(name) for name in names if name not in own])


def _legacy(root: Group, name: str) -> list[Array]:
    """The arrays of a layer in the older format, which lists their names."""
    group = root.group(name)
    if group is None:
        raise fail(
            f"{root.path}/{named(name)}",
            "a group for each of the layer names",
            f"none, only {listed_names(root.names())}",
            codes.MISSING_ENTRY,
        )
    found: list[Array] = []
    for weight in group.texts("weight_names") or ():
        array = group.inner(weight)
        if array is None:
            raise fail(
                f"{group.path}/{named(weight)}",
                "an array, as weight_names says",
                "none",
                codes.MISSING_ENTRY,
            )
        found.append(array)
    return found
