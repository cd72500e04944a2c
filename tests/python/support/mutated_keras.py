"""Files of Keras with small changes: of bytes, of JSON, of the members of an archive, of what HDF5 holds."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import bnns_lstm as bl
import h5py
import keras_tools
import numpy as np
from bnns_lstm.formats import StoredLSTM, read_keras
from formats_tools import random_stored
from mutated_values import mutated_bytes, mutated_tree

TESTS = Path(__file__).parents[2]
LARGEST = 100_000
# Names of layers in the files, and of layers that are in none.
ASKED: tuple[Any, ...] = (
    None, "bi", "middle", "plain", "back", "a", "b", "lower", "upper", "enc_lstm", "encoder/enc_lstm", "words",
    "lstm", "cells", "rnn", "none", "", ["bi", "middle"], ["a", "b"], ["lower", "upper"],
    ["middle", "plain"], [],
)  # fmt: skip

Read = Callable[[Path], StoredLSTM]


class Seed(NamedTuple):
    """A valid file, and what it may be asked for."""

    content: bytes
    layers: list[Any]


def _seeds(contents: Iterable[bytes], suffix: str) -> list[Seed]:
    """Files, but large ones, which take long, with all names that name something that can be read."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        for content in contents:
            if len(content) > LARGEST:
                continue
            path.write_bytes(content)
            layers = [one for one in ASKED if _reads(path, one)]
            found.append(Seed(content, layers or [None]))
    return found


def _reads(path: Path, layer: Any) -> bool:
    try:
        read_keras(path, layer)
    except bl.WeightsError:
        return False
    return True


def _written(pattern: str) -> list[bytes]:
    """What Keras 3 wrote."""
    return [path.read_bytes() for path in sorted(TESTS.rglob(pattern))]


@cache
def archives() -> list[Seed]:
    """Files of Keras 3."""
    return _seeds(_written("*.keras"), ".keras")


@cache
def h5_files() -> list[Seed]:
    """Files of Keras 3 as HDF5, and as Keras 2 wrote them."""
    found = _written("*.h5")
    lower, upper = random_stored(), random_stored(1, input_size=4)
    plain, arrays = keras_tools.lstm(return_sequences=True), keras_tools.arrays_of
    both = random_stored(2, bidirectional=True)
    made: list[dict[str, Any]] = [
        {"a": (plain, arrays(lower)), "b": (keras_tools.lstm(), arrays(upper))},
        {"a": (keras_tools.pair(plain, merge_mode="concat"), arrays(both))},
        {"a": (None, arrays(lower)), "b": (None, keras_tools.cudnn(upper))},
    ]
    with tempfile.TemporaryDirectory() as folder:
        found += [keras_tools.keras2(Path(folder) / "a.h5", one).read_bytes() for one in made]
    return _seeds(found, ".h5")


def _reading(seed: Seed, random: Random) -> Read:
    layer = random.choice(seed.layers if random.randrange(5) else ASKED)
    return lambda path: read_keras(path, layer)


def archive_case(seed: Seed, random: Random) -> tuple[bytes, Read]:
    """A changed archive, and how it is read."""
    read = _reading(seed, random)
    kind = random.randrange(4)
    if kind == 0:
        return mutated_bytes(seed.content, random), read
    members = _members(seed.content)
    if kind == 1:
        members["model.weights.h5"] = mutated_h5(members["model.weights.h5"], random)
    elif kind == 2:
        name = random.choice(("config.json", "config.json", "config.json", "metadata.json"))
        tree = mutated_tree(json.loads(members[name]), random)
        members[name] = json.dumps(tree).encode(errors="replace")
    else:
        _change_members(members, random)
    return _archive(members, random), read


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _archive(members: dict[str, bytes], random: Random) -> bytes:
    written = io.BytesIO()
    way = random.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members.items():
            # Of 1980, so that a case is the same at any time.
            archive.writestr(zipfile.ZipInfo(name), content, way)
    content = written.getvalue()
    return mutated_bytes(content, random) if random.randrange(5) == 0 else content


def _change_members(members: dict[str, bytes], random: Random) -> None:
    """Leave out, exchange, empty or inflate a member."""
    name, other = random.choice(list(members)), random.choice(list(members))
    kind = random.randrange(5)
    if kind == 0:
        del members[name]
    elif kind == 1:
        members[name], members[other] = members[other], members[name]
    elif kind == 2:
        members[name] = b""
    elif kind == 3:
        members[name] = random.choice((bytes(1 << 22), b"[" * 100000, b'{"config":' * 3000))
    else:
        members[name] = mutated_bytes(members[name], random)


def h5_case(seed: Seed, random: Random) -> tuple[bytes, Read]:
    """A changed HDF5 file, and how it is read."""
    read = _reading(seed, random)
    return mutated_h5(seed.content, random), read


def mutated_h5(seed: bytes, random: Random) -> bytes:
    """Changed bytes, or changed groups, arrays and attributes."""
    if random.randrange(2):
        return mutated_bytes(seed, random)
    file = io.BytesIO(seed)
    with h5py.File(file, "r+") as root:
        for _ in range(random.choice((1, 1, 2, 4))):
            names: list[str] = []
            root.visit(names.append)
            item = root.get(random.choice(names)) if names else None
            if item is not None:  # links may lead nowhere
                _change_item(root, item, names, random)
    content = file.getvalue()
    return mutated_bytes(content, random) if random.randrange(8) == 0 else content


def _change_item(root: Any, item: Any, names: list[str], random: Random) -> None:
    """Change a group or an array; what HDF5 does not allow changes nothing."""
    change = random.choice(CHANGES)
    try:
        change(root, item, names, random)
    except (ValueError, TypeError, KeyError, OSError, RuntimeError):
        return


def _remove(root: Any, item: Any, _: list[str], __: Random) -> None:
    del root[item.name]


def _move(root: Any, item: Any, names: list[str], random: Random) -> None:
    root.move(item.name, random.choice(names) + random.choice(("x", "/0", "/vars")))


def _link(root: Any, item: Any, names: list[str], random: Random) -> None:
    del root[item.name]
    target = "/" + random.choice(names)
    links = (h5py.SoftLink(target), h5py.ExternalLink("other.h5", target), h5py.SoftLink(item.name))
    root[item.name] = random.choice(links)


def _another_array(root: Any, item: Any, _: list[str], random: Random) -> None:
    is_small = isinstance(item, h5py.Dataset) and (item.size or 0) < 10000
    name, old = item.name, np.atleast_1d(item[()]) if is_small else np.zeros((3, 16), "f4")
    del root[name]
    kind = random.randrange(5)
    if kind == 0:
        root[name] = old.astype(random.choice(("f2", ">f4", "f8", "i4", "?", "S3")))
    elif kind == 1:
        root[name] = random.choice(
            (old.T, old.reshape(-1), old[np.newaxis], old[..., :-1], old[:0])
        )
    elif kind == 2:
        shape = random.choice(((1 << 20, 1 << 20), (16,), (1 << 40,), (3, 1 << 14)))
        chunks = None if len(shape) == 1 and shape[0] > 100 else tuple(min(n, 64) for n in shape)
        root.create_dataset(
            name, shape, "f4", chunks=chunks, compression=None if chunks is None else "gzip"
        )
    elif kind == 3:
        root.create_dataset(
            name, data=old, maxshape=(None,) * old.ndim, fletcher32=True, shuffle=True
        )
    else:
        root[name] = random.choice(("text", [b"a", b"bc"], 1.5, h5py.Empty("f4")))


def _another_attribute(root: Any, item: Any, _: list[str], random: Random) -> None:
    owner = random.choice((item, root, item.parent))
    key = random.choice(
        (*owner.attrs, "weight_names", "layer_names", "model_config", "name", "dtype")
    )
    found = owner.attrs.get(key)
    if key == "model_config" and found is not None and random.randrange(3):
        owner.attrs[key] = json.dumps(mutated_tree(json.loads(found), random))
        return
    values = (
        b"", b"a", "a", [b"a", b"b"], [b"kernel:0"] * 3, 3, 2.5, np.zeros((2, 2)), b"{}", b"[" * 3000,
        "2.2.4", "9", [b"\xff" * 20], "\x1b[31m", [b"../a", b"/"], "bfloat16",
    )  # fmt: skip
    owner.attrs[key] = random.choice(values)


CHANGES: tuple[Callable[[Any, Any, list[str], Random], None], ...] = (
    _remove, _move, _link, _another_array, _another_array, _another_attribute, _another_attribute,
)  # fmt: skip
