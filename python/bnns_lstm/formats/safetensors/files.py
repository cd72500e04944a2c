"""Files of safetensors: reading some arrays of any file, and a whole LSTM with its configuration.

A file that :func:`save_lstm` writes holds the parameters under their names, initial states as `state.h` and
`state.c`, and in its metadata `format`, `version` and the configuration as JSON, with lengths if there are any
(:mod:`bnns_lstm.formats.safetensors.entries`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from os import PathLike
from typing import Any, TypeVar

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.formats.convert import fail, to_float32
from bnns_lstm.formats.files import path_of, replace_with
from bnns_lstm.formats.foreign import SAFETENSORS, kind_of
from bnns_lstm.formats.safetensors.content import (
    NUMPY,
    Entry,
    RefusedError,
    decode,
    encode,
    entries_of,
    read_header,
)
from bnns_lstm.formats.safetensors.entries import described, fields_of, stored_of
from bnns_lstm.formats.stored import Floats, StoredLSTM, refuse_others

__all__ = [
    "FORMAT",
    "STACK",
    "SafetensorsFile",
    "configuration_of",
    "load_lstm",
    "metadata_of",
    "opened",
    "save_lstm",
]

T = TypeVar("T", dict[str, Any], list[Any])

# What a file holds: an LSTM, or several upon each other.
FORMAT, STACK = "bnns-lstm", "bnns-lstm-stack"
READERS = {FORMAT: "bl.LSTM.load", STACK: "bl.Stack.load"}
OTHERS = "weights of PyTorch have no configuration: `read_torch` takes them"
VERSION = "1"


class SafetensorsFile:
    """An open file: its header is checked, its arrays are read one by one.

    Attributes:
        metadata: The header's `__metadata__`.
        entries: Type, shape and place of each array.
    """

    metadata: dict[str, Any]
    entries: dict[str, Entry]

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open a file and check its header.

        Raises:
            WeightsError: If it is no safetensors file.
            OSError: If it cannot be opened.
        """
        self._path = path_of(path)
        self._file = self._path.open("rb")
        try:
            size = self._file.seek(0, 2)
            self._file.seek(0)
            self.metadata, header = read_header(self._file, size)
            self._start = self._file.tell()
            self.entries = entries_of(header, size - self._start)
        except RefusedError as error:
            self._file.close()
            is_foreign = error.code == codes.FOREIGN_FILE
            found = "another kind of file" if is_foreign else f"a damaged one ({error})"
            raise fail(str(path), "a whole safetensors file", found, error.code) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, name: str) -> Floats:
        """One array as float32, by the rule of :mod:`bnns_lstm.formats.convert`.

        Raises:
            WeightsError: If its type is no float, or a value does not fit.
        """
        entry = self.entries[name]
        if entry.dtype not in NUMPY:
            raise fail(
                shown(name), " or ".join(NUMPY), shown(entry.dtype), codes.UNSUPPORTED_DATA_TYPE
            )
        self._file.seek(self._start + entry.start)
        return to_float32(name, decode(entry, self._file.read(entry.end - entry.start)))


def save_lstm(path: str | PathLike[str], stored: StoredLSTM) -> None:
    """Write an LSTM. What was there before stays until the new file is complete.

    Raises:
        WeightsError: If the path is none.
        OSError: If it cannot be written.

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, load_lstm, save_lstm
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     save_lstm(path, stored)
        ...     load_lstm(path).hidden_size
        4
    """
    refuse_others(stored)
    config, arrays = described(stored)
    replace_with(path_of(path), encode(arrays, metadata_of(config, FORMAT)))


def load_lstm(path: str | PathLike[str]) -> StoredLSTM:
    """Read a file that :func:`save_lstm` wrote.

    Raises:
        WeightsError: With the reason, if it is another file or a damaged one.
        OSError: If it cannot be read.

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, load_lstm, save_lstm
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     save_lstm(path, stored)
        ...     load_lstm(path).hidden_size
        4
    """
    with closing(opened(path)) as file:
        config = configuration_of(str(path), file.metadata, FORMAT, dict)
        fields = fields_of(str(path), config, len(file.entries))
        arrays = {name: file.read(name) for name in file.entries}
    return stored_of(str(path), fields, arrays)


def metadata_of(given: Any, form: str) -> dict[str, str]:
    """What files of this package say in their metadata.

    Args:
        given: The configuration, of what JSON has.
        form: Of what the file is: :data:`FORMAT` or :data:`STACK`.
    """
    return {"format": form, "version": VERSION, "config": json.dumps(given)}


def opened(path: str | PathLike[str]) -> SafetensorsFile:
    """A file of this package, by its kind alone.

    Raises:
        WeightsError: If it is of another kind.
        OSError: If it cannot be opened.
    """
    file_path = path_of(path)
    kind = kind_of(file_path, SAFETENSORS)
    if kind is not None:
        raise fail(str(path), "a safetensors file of this package", kind, codes.FOREIGN_FILE)
    return SafetensorsFile(file_path)


def configuration_of(path: str, metadata: Mapping[str, Any], form: str, kind: type[T]) -> T:
    """What the metadata of a file of this package say.

    Args:
        path: What errors call the file.
        metadata: All of the file's.
        form: Of what the file should be: :data:`FORMAT` or :data:`STACK`.
        kind: What the configuration is in JSON: an object (`dict`), or a list.

    Raises:
        WeightsError: If the file is of something else, or of another version.
    """
    found, version = metadata.get("format"), metadata.get("version")
    if found != form:
        way = READERS.get(found) if isinstance(found, str) else None
        hint = f"{way} reads {found!r}" if way else OTHERS
        raise fail(
            f"{path}: metadata format", f"{form!r} ({hint})", shown(found), codes.FOREIGN_FILE
        )
    if version != VERSION:
        raise fail(f"{path}: metadata version", repr(VERSION), shown(version), codes.FOREIGN_FILE)
    text = metadata.get("config")
    try:
        config = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, kind):
        expected = "an object in JSON" if kind is dict else "a list in JSON"
        raise fail(f"{path}: metadata config", expected, shown(text), codes.DAMAGED_FILE)
    return config
