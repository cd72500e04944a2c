"""Constants of ML programs: numbers and texts in the model's file, and weights in files beside it.

In: messages `Value`. Out: their contents; None for what is of another kind, an error for weights that cannot be
read. Source: MIL.proto, and for files with weights the description of their form in coremltools (StorageFormat:
a record of 64 bytes says where numbers lie). It knows no operator.
"""

from __future__ import annotations

import os
import struct
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.formats.convert import fail, to_float32
from bnns_lstm.formats.stored import Floats

__all__ = ["Values"]

# What a file's name begins with: the folder of the model.
FOLDER = "@model_path/"
# Of DataType in MIL.proto, and of a record in a file with weights: the numbers' type.
FLOAT16, FLOAT32 = 10, 11
TYPES = {FLOAT16: "<f2", FLOAT32: "<f4"}
RECORDS = {FLOAT16: 1, FLOAT32: 2}
RECORD = struct.Struct("<IIQQ")
SENTINEL = 0xDEADBEEF
MOST_AXES = 5
# How often the bytes of a file with weights may be read, all in all.
MOST_TIMES = 8


class Values:
    """The constants of a function.

    Attributes:
        constants: The messages `Value` of operators `const`, by the names of what these make.
    """

    def __init__(self, folder: Path) -> None:
        self.constants: dict[str, Any] = {}
        self._folder, self._read = folder, 0

    def know(self, block: Any) -> None:
        """Add the constants of a block."""
        for operation in block.operations:
            if operation.type == "const" and len(operation.outputs) == 1:
                self.constants[operation.outputs[0].name] = self.attribute(operation, "val")

    @staticmethod
    def attribute(operation: Any, name: str) -> Any:
        """An attribute of an operator; None if it has none of this name."""
        return {entry.key: entry.value for entry in operation.attributes}.get(name)

    def argument(self, operation: Any, name: str) -> Any:
        """The constant that an operator has as an input; None if it has none, or no constant."""
        given = {entry.key: entry.value.arguments for entry in operation.inputs}.get(name, ())
        if len(given) != 1:
            return None
        is_value = given[0].WhichOneof("kind") == "value"
        return given[0].value if is_value else self.constants.get(given[0].name)

    @staticmethod
    def text(value: Any) -> str | None:
        """A text."""
        found = _immediate(value, "strings")
        return str(found[0]) if found is not None and len(found) == 1 else None

    @staticmethod
    def flag(value: Any) -> bool | None:
        """A truth value."""
        found = _immediate(value, "bools")
        return bool(found[0]) if found is not None and len(found) == 1 else None

    @staticmethod
    def integers(value: Any) -> tuple[int, ...] | None:
        """Whole numbers."""
        found = _immediate(value, "ints")
        return None if found is None else tuple(found)

    def array(self, path: str, value: Any) -> Floats:
        """Numbers.

        Args:
            path: What errors call them.
            value: A message `Value`.

        Raises:
            WeightsError: If they are no float16 or float32, or there are more or fewer than the shape says.
        """
        tensor = value.type.tensorType
        sizes = [one.constant.size for one in tensor.dimensions]
        if tensor.dataType not in TYPES:
            found = f"the type {tensor.dataType} of MIL.proto"
            raise fail(path, "FLOAT16 or FLOAT32", found, codes.UNSUPPORTED_DATA_TYPE)
        if len(sizes) != tensor.rank or len(sizes) > MOST_AXES or 0 in sizes:
            expected = f"up to {MOST_AXES} sizes of at least 1"
            raise fail(
                f"{path}: shape", expected, shown(sizes[: MOST_AXES + 1]), codes.DAMAGED_FILE
            )
        kind = np.dtype(TYPES[tensor.dataType])
        if value.WhichOneof("kind") == "blobFileValue":
            raw = self._from_file(path, value.blobFileValue, RECORDS[tensor.dataType])
            if len(raw) != prod(sizes) * kind.itemsize:
                expected = f"{prod(sizes) * kind.itemsize} bytes for the shape {sizes}"
                raise fail(path, expected, str(len(raw)), codes.DAMAGED_FILE)
            numbers = np.frombuffer(raw, kind)
        elif tensor.dataType == FLOAT16:
            numbers = np.frombuffer(_even(_immediate(value, "bytes") or b""), kind)
        else:
            numbers = np.array(_immediate(value, "floats") or (), np.float32)
        if numbers.size != prod(sizes):
            expected = f"{prod(sizes)} numbers for the shape {sizes}"
            raise fail(path, expected, str(numbers.size), codes.DAMAGED_FILE)
        return to_float32(path, numbers.reshape(sizes))

    def _from_file(self, path: str, blob: Any, kind: int) -> bytes:
        """The bytes that a record in a file with weights is about."""
        place = blob.fileName
        root = Path(os.path.realpath(self._folder))
        try:
            file = Path(os.path.realpath(root / place.removeprefix(FOLDER)))
            is_inside = file.is_relative_to(root) and file.is_file()
        except (OSError, ValueError):
            is_inside = False
        if not is_inside:
            expected = f"a file beside the model, after {FOLDER!r} (the whole .mlpackage is needed)"
            raise fail(f"{path}: fileName", expected, shown(place), codes.INVALID_PATH)
        size = file.stat().st_size
        with file.open("rb") as opened:
            opened.seek(min(blob.offset, size))
            record = opened.read(RECORD.size)
            if len(record) < RECORD.size:
                expected = f"a record in a file of {size} bytes"
                raise fail(f"{path}: offset", expected, str(blob.offset), codes.DAMAGED_FILE)
            sentinel, found, count, start = RECORD.unpack(record)
            if (sentinel, found) != (SENTINEL, kind):
                actual = f"{sentinel:#x} and the type {found}"
                expected = f"a record of {SENTINEL:#x} and the type {kind}"
                raise fail(f"{path}: offset", expected, actual, codes.DAMAGED_FILE)
            self._read += count
            if start + count > size or self._read > MOST_TIMES * size:
                expected = f"numbers within a file of {size} bytes"
                actual = f"{count} bytes from {start} on"
                raise fail(f"{path}: offset", expected, actual, codes.DAMAGED_FILE)
            opened.seek(start)
            return opened.read(count)


def _immediate(value: Any, kind: str) -> Any:
    """What stands in the model's file as a tensor of a kind; None if it is something else."""
    if value is None or value.WhichOneof("kind") != "immediateValue":
        return None
    held = value.immediateValue
    if held.WhichOneof("kind") != "tensor" or held.tensor.WhichOneof("kind") != kind:
        return None
    return getattr(held.tensor, kind).values


def _even(raw: bytes) -> bytes:
    """Whole numbers of two bytes each."""
    return raw[: len(raw) // 2 * 2]
