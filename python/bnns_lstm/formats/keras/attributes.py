"""Attributes of HDF5 objects that are texts, read from the file's bytes.

The HDF5 library itself crashes or hangs on attributes whose texts lie in a damaged heap. This reader follows
the HDF5 File Format Specification 3.0 (object headers IV.A, attribute messages IV.A.2.m, global heaps III.E)
and refuses whatever does not fit into the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["Attributes"]

# Types of header messages.
ATTRIBUTE, CONTINUATION = 0x0C, 0x10
# Classes of datatypes.
FIXED, VARIABLE = 3, 9
# Bytes of one reference to a text in a heap: length, address, number.
REFERENCE = 16
MOST_BLOCKS = 256


class Attributes:
    """A reader of attributes.

    Raises, in all its methods, ValueError for what does not fit into the file.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self._heaps: dict[int, dict[int, bytes]] = {}

    def read(self, address: int) -> dict[str, list[str]]:
        """The texts of an object's attributes by name; attributes that are no texts are left out.

        Args:
            address: Where the object's header is.
        """
        found: dict[str, list[str]] = {}
        for kind, body in self._messages(address):
            if kind == ATTRIBUTE:
                name, texts = self._attribute(body)
                if texts is not None:
                    found[name] = [text.decode("utf-8", "replace") for text in texts]
        return found

    def _bytes(self, address: int, length: int) -> bytes:
        if address + length > self._size:
            raise ValueError(f"{length} bytes at {address} in a file of {self._size} bytes")
        self._file.seek(address)
        return self._file.read(length)

    def _messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Types and contents of a header's messages."""
        begin = self._bytes(address, max(0, min(32, self._size - address)))
        # The shortest header: a prefix of seven bytes and a checksum, or 16 bytes.
        self._require(len(begin) >= 11, f"an object header at {address}")
        if begin[:4] == b"OHDR":
            flags = begin[5]
            start = 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
            width = 1 << (flags & 3)
            length = int.from_bytes(begin[start : start + width], "little")
            waiting = [(address + start + width, length)]
            layout = struct.Struct("<BHBH" if flags & 4 else "<BHB")
        elif begin[:1] == b"\x01":
            waiting = [(address + 16, int.from_bytes(begin[8:12], "little"))]
            layout = struct.Struct("<HHB3x")
        else:
            raise ValueError(f"no object header at {address}")
        seen = 0
        while waiting:
            place, length = waiting.pop(0)
            block = self._bytes(place, length)
            seen += 1
            if seen > MOST_BLOCKS:
                raise ValueError(f"an object header at {address} without end")
            for kind, flags, body in _split(block, layout):
                if kind == CONTINUATION and len(body) >= REFERENCE:
                    place, length = struct.unpack_from("<QQ", body)
                    # In the newer format a signature and a checksum surround the messages.
                    frame = 4 if begin[:4] == b"OHDR" else 0
                    waiting.append((place + frame, max(length - 2 * frame, 0)))
                elif not flags & 2:
                    yield kind, body

    def _attribute(self, body: bytes) -> tuple[str, list[bytes] | None]:
        """An attribute's name, and its texts if it has some."""
        self._require(len(body) >= 8, "an attribute")
        version, flags, name_size, type_size, space_size = struct.unpack_from("<BBHHH", body)
        start = 9 if version == 3 else 8
        step = 8 if version == 1 else 1
        parts: list[bytes] = []
        for size in (name_size, type_size, space_size):
            parts.append(body[start : start + size])
            start += -(-size // step) * step
        name = parts[0].partition(b"\0")[0].decode("utf-8", "replace")
        if version not in {1, 2, 3} or (version > 1 and flags & 3) or len(parts[1]) < 8:
            return name, None
        count, data = _count(parts[2]), body[start:]
        kind, size = parts[1][0] & 15, int.from_bytes(parts[1][4:8], "little")
        if kind == FIXED and size > 0:
            self._require(count * size <= len(data), name)
            return name, [data[i * size : (i + 1) * size].rstrip(b"\0") for i in range(count)]
        if kind == VARIABLE and parts[1][1] & 15 == 1 and size == REFERENCE:
            self._require(count * size <= len(data), name)
            return name, [self._text(data[i * size : (i + 1) * size]) for i in range(count)]
        return name, None

    def _text(self, reference: bytes) -> bytes:
        """A text in a heap."""
        length, address, number = struct.unpack("<IQI", reference)
        if length == 0:
            return b""
        if address not in self._heaps:
            self._heaps[address] = self._heap(address)
        found = self._heaps[address].get(number, b"")
        self._require(length <= len(found), f"a text at {address}")
        return found[:length].rstrip(b"\0")

    def _heap(self, address: int) -> dict[int, bytes]:
        """The objects of a global heap by their numbers."""
        begin = self._bytes(address, 16)
        self._require(begin[:5] == b"GCOL\x01", f"a heap at {address}")
        heap = self._bytes(address, int.from_bytes(begin[8:16], "little"))
        found: dict[int, bytes] = {}
        place = 16
        while place + 16 <= len(heap):
            number, size = struct.unpack_from("<H6xQ", heap, place)
            # Number 0 is the free space at the end.
            if number == 0:
                break
            self._require(size <= len(heap) - place - 16, f"a heap at {address}")
            found[number] = heap[place + 16 : place + 16 + size]
            place += 16 + -(-size // 8) * 8
        return found

    @staticmethod
    def _require(is_right: object, what: str) -> None:
        if not is_right:
            raise ValueError(f"{what}: sizes that do not fit")


def _split(block: bytes, layout: struct.Struct) -> Iterator[tuple[int, int, bytes]]:
    """Types, flags and contents of the messages in a block."""
    place = 0
    while place + layout.size <= len(block):
        kind, size, flags = layout.unpack_from(block, place)[:3]
        place += layout.size
        if place + size > len(block):
            raise ValueError("a header message beyond its block")
        yield kind, flags, block[place : place + size]
        place += size


def _count(space: bytes) -> int:
    """How many elements a dataspace has."""
    if len(space) < 4 or space[0] not in {1, 2}:
        raise ValueError("no dataspace")
    version, rank, start = space[0], space[1], 8 if space[0] == 1 else 4
    if len(space) < start + 8 * rank:
        raise ValueError("a dataspace that is cut off")
    count = 0 if version == 2 and space[3] == 2 else 1
    for size in struct.unpack_from(f"<{rank}Q", space, start):
        count *= size
    return count
