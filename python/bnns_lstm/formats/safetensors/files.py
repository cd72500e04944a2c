"""Files of safetensors: reading some arrays of any file, and a whole LSTM with its configuration.

A file that :func:`save_lstm` writes holds the parameters under their names, initial states as `state.h` and
`state.c`, and in its metadata `format`, `version` and the configuration as JSON, with lengths if there are any.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from os import PathLike
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.enums import ActivationFunction
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import ACTIVATIONS, fault_of_names
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
from bnns_lstm.formats.stored import FIELDS as CONFIGURATION
from bnns_lstm.formats.stored import Floats, StoredLSTM, refuse_others

__all__ = ["SafetensorsFile", "load_lstm", "save_lstm"]

FORMAT = "bnns-lstm"
VERSION = "1"
FIELDS = (*CONFIGURATION, "activations")
# Only in the configuration of what carries lengths.
LENGTHS = "lengths"
# Files of before the field was there have not got it; it is written where it says something.
LATER = {"merge": "concat"}
STATES = ("state.h", "state.c")


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
    """
    refuse_others(stored)
    config = {name: getattr(stored, name) for name in FIELDS}
    for name, default in LATER.items():
        if config[name] == default:
            del config[name]
    if stored.activations is not None:
        config["activations"] = {
            name: [ActivationFunction(item.function).name, float(item.alpha), float(item.beta)]
            for name, item in stored.activations.items()
        }
    if stored.lengths is not None:
        config[LENGTHS] = list(stored.lengths)
    arrays = dict(stored.parameters)
    if stored.state is not None:
        arrays |= dict(zip(STATES, stored.state, strict=True))
    metadata = {"format": FORMAT, "version": VERSION, "config": json.dumps(config)}
    replace_with(path_of(path), encode(arrays, metadata))


def load_lstm(path: str | PathLike[str]) -> StoredLSTM:
    """Read a file that :func:`save_lstm` wrote.

    Raises:
        WeightsError: With the reason, if it is another file or a damaged one.
        OSError: If it cannot be read.
    """
    file_path = path_of(path)
    kind = kind_of(file_path, SAFETENSORS)
    if kind is not None:
        raise fail(str(path), "a safetensors file of this package", kind, codes.FOREIGN_FILE)
    with closing(SafetensorsFile(file_path)) as file:
        config = _config(str(path), file.metadata)
        # Entries of the header: their number bounds everything that the configuration claims.
        if config["num_layers"] > max(len(file.entries), 1):
            actual = f"{config['num_layers']} with {len(file.entries)} arrays"
            raise fail(
                f"{path}: num_layers",
                "at most one layer for each array",
                actual,
                codes.MISSING_ENTRY,
            )
        arrays = {name: file.read(name) for name in file.entries}
    found = [name for name in STATES if name in arrays]
    if len(found) == 1:
        raise fail(
            f"{path}: {found[0]}",
            "both initial states, state.h and state.c",
            "only one of them",
            codes.MISSING_ENTRY,
        )
    state = (arrays.pop(STATES[0]), arrays.pop(STATES[1])) if found else None
    try:
        return StoredLSTM(**config, parameters=arrays, state=state)
    except WeightsError as error:
        issues = (
            WeightsIssue(f"{path}: {i.path}", i.expected, i.actual, i.code) for i in error.issues
        )
        raise WeightsError(tuple(issues)) from None


def _config(path: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in a file's metadata, activations made of it."""
    kind, version = metadata.get("format"), metadata.get("version")
    if kind != FORMAT:
        expected = f"{FORMAT!r} (weights of PyTorch have no configuration: `read_torch` takes them)"
        raise fail(f"{path}: metadata format", expected, shown(kind), codes.FOREIGN_FILE)
    if version != VERSION:
        raise fail(f"{path}: metadata version", repr(VERSION), shown(version), codes.FOREIGN_FILE)
    text = metadata.get("config")
    try:
        config = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise fail(f"{path}: metadata config", "an object in JSON", shown(text), codes.DAMAGED_FILE)
    issues = [
        WeightsIssue(f"{path}: config", f"a field {name!r}", "no such field", codes.MISSING_ENTRY)
        for name in FIELDS
        if name not in config and name not in LATER
    ]
    known = f"only the fields {', '.join((*FIELDS, LENGTHS))}"
    issues += [
        WeightsIssue(f"{path}: config", known, shown(name), codes.UNEXPECTED_ENTRY)
        for name in config
        if name not in (*FIELDS, LENGTHS)
    ]
    if not issues and type(config["num_layers"]) is not int:
        found = shown(config["num_layers"])
        issues.append(
            WeightsIssue(f"{path}: num_layers", "an integer of at least 1", found, codes.WRONG_TYPE)
        )
    if not issues and not isinstance(config["peephole"], str | None):
        found = shown(config["peephole"])
        issues.append(
            WeightsIssue(
                f"{path}: peephole", "none, 'diagonal' or 'full'", found, codes.UNKNOWN_CHOICE
            )
        )
    if not issues and config["activations"] is not None:
        config["activations"] = _activations(path, config["activations"], issues)
    if issues:
        raise WeightsError(tuple(issues))
    return config


def _activations(path: str, found: object, issues: list[WeightsIssue]) -> dict[str, Activation]:
    """Activations of [function, alpha, beta] each; what is wrong is added to the issues."""
    path = f"{path}: activations"
    if not isinstance(found, dict):
        issues.append(WeightsIssue(path, "an object in JSON", shown(found), codes.WRONG_TYPE))
        return {}
    code = fault_of_names(found)
    if code is not None:
        issues.append(WeightsIssue(path, ", ".join(ACTIVATIONS), shown(found), code))
        return {}
    made: dict[str, Activation] = {}
    for name, entry in found.items():
        if _is_activation(entry):
            made[name] = Activation(ActivationFunction[entry[0]], *entry[1:])
        else:
            expected = "a function's name, alpha and beta"
            issues.append(WeightsIssue(f"{path}.{name}", expected, shown(entry), codes.WRONG_TYPE))
    return made


def _is_activation(entry: object) -> bool:
    if not isinstance(entry, list) or len(entry) != 3:
        return False
    names: Iterable[str] = (member.name for member in ActivationFunction)
    numbers = all(type(number) in {int, float} for number in entry[1:])
    return numbers and isinstance(entry[0], str) and entry[0] in set(names)
