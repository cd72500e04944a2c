"""The safetensors format: named arrays to bytes, and bytes to named arrays.

8 bytes, little-endian, say how long the header is; the header is JSON and gives the type, shape and place of
each array; the arrays follow without gaps. Format: https://huggingface.co/docs/safetensors. Files of the
package `safetensors` can be read here and the other way round.

Nothing in a file is believed: no memory is asked for by a number that it contains.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Collection, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.formats.convert import widen_bfloat16
from bnns_lstm.typing import Floats

__all__ = [
    "SIZES",
    "Entry",
    "RefusedError",
    "arrays_of",
    "decode",
    "encode",
    "entries_of",
    "parse",
    "read_header",
]

# The limit of the package `safetensors`.
LARGEST_HEADER = 100_000_000
FIELDS = {"dtype", "shape", "data_offsets"}
# Bytes of one element. Of a type that is not here, the offsets alone say how long an array is.
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U64": 8, "I32": 4, "U32": 4}
SIZES |= {"I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}
NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class RefusedError(Exception):
    """Why a file was not taken, in one line.

    Attributes:
        code: What kind of fault; see :mod:`bnns_lstm.codes`.
    """

    code: str

    def __init__(self, reason: str, code: str = codes.DAMAGED_FILE) -> None:
        """The reason and its kind."""
        super().__init__(reason)
        self.code = code


class Entry(NamedTuple):
    """What a header says about one array; checked against the length of the file's data."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def encode(arrays: Mapping[str, Floats], metadata: Mapping[str, str]) -> bytes:
    """Named arrays and some words about them as a file's content."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    parts: list[bytes] = []
    end = 0
    for name, array in arrays.items():
        raw = array.astype("<f4").tobytes()
        place = [end, end + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": place}
        parts.append(raw)
        end += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def parse(
    content: bytes, largest_header: int = LARGEST_HEADER
) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The metadata, the header's entries by name, and the bytes of the arrays.

    Raises:
        RefusedError: If the content does not begin with a header as it should be.
    """
    file = io.BytesIO(content)
    metadata, header = read_header(file, len(content), largest_header)
    return metadata, header, file.read()


def read_header(
    file: BinaryIO, size: int, largest: int = LARGEST_HEADER
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metadata and the header's entries by name, of a file of `size` bytes; arrays come next in it.

    Raises:
        RefusedError: If the file does not begin with a header as it should be.
    """
    length, first = int.from_bytes(file.read(8), "little"), file.read(1)
    if first != b"{":
        raise RefusedError("expected a safetensors file, found another kind", codes.FOREIGN_FILE)
    if length > largest:
        raise RefusedError(
            f"expected a header of at most {largest} bytes, found {length}", codes.TOO_LARGE
        )
    if length > size - 8:
        raise RefusedError(f"expected a header of {length} bytes, found {size - 8}")
    try:
        text = (first + file.read(length - 1)).decode() if length else ""
        header = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise RefusedError("expected a header in JSON, found something else") from None
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise RefusedError(f"__metadata__: expected an object, found {shown(metadata)}")
    return metadata, header


def entries_of(
    header: Mapping[str, Any], length: int, dtypes: Collection[str] | None = None
) -> dict[str, Entry]:
    """What a header says, if its arrays fill `length` bytes without gaps or overlap.

    Args:
        header: Entries by name, as :func:`read_header` returns them.
        length: Bytes of arrays that the file has.
        dtypes: The types that an array may have; None for any.

    Raises:
        RefusedError: With the name of the array and what is wrong with it.
    """
    for name, entry in header.items():
        _check(name, entry, dtypes)
    entries: dict[str, Entry] = {}
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        place, shape = entry["data_offsets"], entry["shape"]
        start = end
        size = SIZES.get(entry["dtype"])
        end = max(start, place[1]) if size is None else start + size * math.prod(shape)
        if place != [start, end]:
            raise RefusedError(
                f"{shown(name)}: expected data_offsets from {shown(start)} to {shown(end)}, "
                f"found {shown(place)}"
            )
        if end > length:
            raise RefusedError(
                f"{shown(name)}: expected {shown(end)} bytes of arrays, found {length}"
            )
        entries[name] = Entry(entry["dtype"], tuple(shape), start, end)
    if end != length:
        raise RefusedError(f"expected {end} bytes of arrays, found {length}")
    return entries


def arrays_of(header: Mapping[str, Any], data: bytes) -> dict[str, Floats]:
    """The arrays of a file that holds nothing but float32.

    Raises:
        RefusedError: With the name of the array and what is wrong with it.
    """
    entries = entries_of(header, len(data), dtypes=("F32",))
    return {
        name: decode(entry, data[entry.start : entry.end]).astype(np.float32)
        for name, entry in entries.items()
    }


def decode(entry: Entry, raw: bytes) -> npt.NDArray[Any]:
    """The array of an entry whose type is a float, from its bytes; bfloat16 comes as float32."""
    array: npt.NDArray[Any] = np.frombuffer(raw, NUMPY[entry.dtype])
    if entry.dtype == "BF16":
        array = widen_bfloat16(array.astype(np.uint16))
    return array.reshape(entry.shape)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose names must differ."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RefusedError("expected a header with different names, found one twice")
    return table


def _check(name: str, entry: object, dtypes: Collection[str] | None) -> None:
    """Check an entry by itself."""
    if not isinstance(entry, dict) or set(entry) != FIELDS:
        raise RefusedError(
            f"{shown(name)}: expected dtype, shape and data_offsets, found {shown(entry)}"
        )
    dtype, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or (dtypes is not None and dtype not in dtypes):
        wanted = "a string" if dtypes is None else " or ".join(map(repr, dtypes))
        raise RefusedError(f"{shown(name)}: expected dtype {wanted}, found {shown(dtype)}")
    if not _are_sizes(shape) or len(shape) > 8:
        raise RefusedError(f"{shown(name)}: expected up to 8 sizes, found {shown(shape)}")
    if not _are_sizes(place) or len(place) != 2:
        raise RefusedError(f"{shown(name)}: expected two data_offsets, found {shown(place)}")


def _are_sizes(found: object) -> bool:
    # True and False are integers to Python, not to JSON.
    return isinstance(found, list) and all(type(item) is int and item >= 0 for item in found)
