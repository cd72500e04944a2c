"""The safetensors format: named arrays of float32 to bytes, and bytes to named arrays.

8 bytes, little-endian, say how long the header is; the header is JSON and gives the type, shape and place of
each array; the arrays follow without gaps. Format: https://huggingface.co/docs/safetensors. Files of the
package `safetensors` can be read here and the other way round.

Nothing in a file is believed: no memory is asked for by a number that it contains.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LARGEST_FILE", "RefusedError", "arrays_of", "encode", "parse", "shown"]

Floats = npt.NDArray[np.float32]

LARGEST_FILE = 1 << 24
LARGEST_HEADER = 1 << 16
FIELDS = {"dtype", "shape", "data_offsets"}


class RefusedError(Exception):
    """Why a file was not taken, in one line."""


def encode(arrays: Mapping[str, Floats], metadata: Mapping[str, str]) -> bytes:
    """Named arrays and some words about them as a file's content."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    data = b""
    for name, array in arrays.items():
        raw = array.astype("<f4").tobytes()
        place = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": place}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def parse(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The metadata, the header's entries by name, and the bytes of the arrays.

    Raises:
        RefusedError: If the content does not begin with a header as it should be.
    """
    if len(content) > LARGEST_FILE:
        raise RefusedError(f"expected a file of at most {LARGEST_FILE} bytes, found more")
    length, rest = int.from_bytes(content[:8], "little"), content[8:]
    if not rest.startswith(b"{"):
        raise RefusedError("expected a safetensors file, found another kind")
    if length > LARGEST_HEADER:
        raise RefusedError(f"expected a header of at most {LARGEST_HEADER} bytes, found {length}")
    if length > len(rest):
        raise RefusedError(f"expected a header of {length} bytes, found {len(rest)}")
    try:
        header = json.loads(rest[:length].decode(), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise RefusedError("expected a header in JSON, found something else") from None
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise RefusedError(f"__metadata__: expected an object, found {shown(metadata)}")
    return metadata, header, rest[length:]


def arrays_of(header: Mapping[str, Any], data: bytes) -> dict[str, Floats]:
    """The arrays that a header's entries name; they must fill the data without gaps or overlap.

    Raises:
        RefusedError: With the name of the array and what is wrong with it.
    """
    for name, entry in header.items():
        _check(name, entry)
    arrays: dict[str, Floats] = {}
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start = end
        end += 4 * math.prod(entry["shape"])
        if entry["data_offsets"] != [start, end]:
            raise RefusedError(
                f"{shown(name)}: expected data_offsets from {shown(start)} to {shown(end)}, "
                f"found {shown(entry['data_offsets'])}"
            )
        if end > len(data):
            raise RefusedError(
                f"{shown(name)}: expected {shown(end)} bytes of arrays, found {len(data)}"
            )
        array = np.frombuffer(data[start:end], "<f4").astype(np.float32)
        arrays[name] = array.reshape(entry["shape"])
    if end != len(data):
        raise RefusedError(f"expected {end} bytes of arrays, found {len(data)}")
    return arrays


def shown(found: object) -> str:
    """Something from a file in a few words, whatever it is."""
    if found is None:
        return "none"
    try:
        text = ascii(found)
    except (ValueError, RecursionError):
        return f"a {type(found).__name__} too large to show"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose names must differ."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RefusedError("expected a header with different names, found one twice")
    return table


def _check(name: str, entry: object) -> None:
    """Check an entry by itself."""
    if not isinstance(entry, dict) or set(entry) != FIELDS:
        raise RefusedError(
            f"{shown(name)}: expected dtype, shape and data_offsets, found {shown(entry)}"
        )
    if entry["dtype"] != "F32":
        raise RefusedError(f"{shown(name)}: expected dtype 'F32', found {shown(entry['dtype'])}")
    shape, place = entry["shape"], entry["data_offsets"]
    if not _are_integers(shape, at_least=1) or len(shape) > 8:
        raise RefusedError(f"{shown(name)}: expected up to 8 sizes, found {shown(shape)}")
    if not _are_integers(place, at_least=0) or len(place) != 2:
        raise RefusedError(f"{shown(name)}: expected two data_offsets, found {shown(place)}")


def _are_integers(found: object, at_least: int) -> bool:
    # True and False are integers to Python, not to JSON.
    return isinstance(found, list) and all(type(item) is int and item >= at_least for item in found)
