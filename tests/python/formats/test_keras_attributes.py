"""Texts of HDF5 attributes, read from the bytes: those that h5py reads, and damaged ones."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import h5py
import keras_models
import numpy as np
import pytest
from bnns_lstm.formats import read_keras
from bnns_lstm.formats.keras.attributes import Attributes
from bnns_lstm.formats.keras.h5 import opened

FOLDER = keras_models.FOLDER
VALUES: dict[str, Any] = {
    "text": "a text",
    "accents": "\u00e9\u6f22",
    "bytes": np.bytes_(b"fixed"),
    "texts": ["one", "", "three"],
    "list": np.array([b"ab", b"abcd"]),
    "table": np.array([[b"a", b"b"], [b"c", b"d"]]),
    "empty": "",
    "long": "x" * 9000,
}


@pytest.mark.parametrize("version", ["earliest", "latest"])
@pytest.mark.parametrize("track_order", [False, True])
@pytest.mark.parametrize("more", [0, 40])
def test_texts_are_those_of_h5py(
    version: str, track_order: bool, more: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=version) as file:
        group = file.create_group("g", track_order=track_order)
        for name in list(VALUES)[: 7 if version == "latest" or track_order else None]:
            group.attrs[name] = VALUES[name]
        # Groups between the attributes, so that the header goes on elsewhere.
        for i in range(more):
            group.create_group(f"inner {i}")
        if version == "earliest" and not track_order:
            group.attrs["number"] = 7
            group.attrs["numbers"] = np.arange(3.0)
            group.attrs["last"] = "the end"
        wanted = {
            name: [
                item.decode() if isinstance(item, bytes) else str(item) for item in np.ravel(value)
            ]
            for name, value in group.attrs.items()
            if name not in {"number", "numbers"}
        }
    with path.open("rb") as raw, h5py.File(path) as file:
        found = Attributes(raw, path.stat().st_size).read(h5py.h5o.get_info(file["g"].id).addr)
    assert found == wanted
    assert len(found) >= 7


def test_long_lists_of_names_are_cut_and_put_together(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["names0"], file.attrs["names1"] = [b"a", b"b"], [b"c"]
    with path.open("rb") as raw, opened("a", raw) as root:
        assert root.texts("names") == ["a", "b", "c"]
        assert root.texts("others") is None
        assert root.text("names0") is None


CONTENT = (FOLDER / "model.h5").read_bytes()
HEAP = CONTENT.index(b"GCOL\x01")


def a_reference() -> int:
    """Where a reference to a text in the heap stands: length, address, number."""
    name = CONTENT.index(b"layer_names")
    place = CONTENT.index(b"\x02\x00\x00\x00" + struct.pack("<Q", HEAP), name)
    assert place < name + 100
    return place


# Each of these makes the HDF5 library itself unusable, or what it returns.
DAMAGES: dict[str, tuple[int, str, int]] = {
    "an object that is too long": (HEAP + 24, "<Q", 2**40),
    "a heap that is too long": (HEAP + 8, "<Q", 2**40),
    "no heap": (HEAP, "<I", 0),
    "a text that is too long": (a_reference(), "<I", 2**31),
    "a text elsewhere": (a_reference() + 4, "<Q", 2**40),
    "a text in the middle": (a_reference() + 4, "<Q", HEAP + 8),
    "no such object": (a_reference() + 12, "<I", 10**6),
}


@pytest.mark.parametrize(("place", "layout", "value"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_heaps_are_refused(place: int, layout: str, value: int, tmp_path: Path) -> None:
    content = bytearray(CONTENT)
    struct.pack_into(layout, content, place, value)
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    with pytest.raises(bl.WeightsError, match="expected a whole HDF5 file, found a damaged one"):
        read_keras(path, "bi")


def test_damaged_bytes_are_refused_or_read_never_worse(tmp_path: Path) -> None:
    draw, refused, read = random.Random(3), 0, 0
    for _ in range(150):
        file = draw.choice(keras_models.FILES)
        content = bytearray((FOLDER / file).read_bytes())
        for _ in range(draw.choice([1, 5, 40])):
            content[draw.randrange(len(content))] = draw.choice([0, 255, draw.randrange(256)])
        (tmp_path / file).write_bytes(content)
        try:
            stored = read_keras(tmp_path / file, "bi")
        except bl.WeightsError:
            refused += 1
        else:
            assert stored.bidirectional
            read += 1
    assert refused > 40
    assert read > 20


WANTED = {"fixed": ["abcd"], "many": ["one", "three"], "free": ["a text"], "none": [""]}


def small_file(path: Path, version: str) -> tuple[bytes, int, list[range]]:
    """A file with a few attributes; where their object's header is, and what lies where."""
    with h5py.File(path, "w", libver=version) as file:
        group = file.create_group("g")
        group.attrs["fixed"] = np.bytes_(b"abcd")
        group.attrs["many"] = np.array([b"one", b"three"])
        group.attrs["free"] = "a text"
        group.attrs["none"] = ""
        address = h5py.h5o.get_info(group.id).addr
    content = path.read_bytes()
    heap = content.index(b"GCOL\x01")
    # The message of each attribute, in whichever block of the header it is.
    names = [content.index(name.encode()) for name in WANTED]
    messages = [range(name - 24, min(name + 72, len(content))) for name in names]
    return content, address, [range(address, address + 24), *messages, range(heap, heap + 64)]


def texts_of(content: bytes, address: int) -> dict[str, list[str]] | None:
    """The texts; None where they are refused. Whatever else is raised goes through."""
    try:
        return Attributes(io.BytesIO(content), len(content)).read(address)
    except ValueError:
        return None


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_any_changed_byte_of_an_attribute_is_refused_or_changes_texts_alone(
    version: str, tmp_path: Path
) -> None:
    content, address, places = small_file(tmp_path / "a.h5", version)
    assert texts_of(content, address) == WANTED
    found = {"refused": 0, "same": 0, "others": 0}
    for place in {place for part in places for place in part}:
        # The last one makes it 0.
        for mask in (0x01, 0x02, 0x08, 0x80, 0xFF, content[place]):
            changed = bytearray(content)
            changed[place] ^= mask
            texts = texts_of(bytes(changed), address)
            kind = "refused" if texts is None else "same" if texts == WANTED else "others"
            found[kind] += 1
            # What a name or a text is changed to cannot be known; that there is no more of it can.
            for name, values in ({} if texts is None else texts).items():
                assert type(name) is str
                assert all(type(text) is str and len(text) <= 64 for text in values), place
    assert min(found.values()) > 100, found


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_a_file_that_ends_anywhere_sooner_is_refused(version: str, tmp_path: Path) -> None:
    content, address, _ = small_file(tmp_path / "a.h5", version)
    assert texts_of(content, address) == WANTED
    for end in range(len(content)):
        assert texts_of(content[:end], address) is None, end
